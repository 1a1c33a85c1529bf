// The controller in simulation: devices with known curves, in virtual time.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "engine/adaptive_depth.hpp"
#include "stats/histogram.hpp"

namespace assay::engine {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A device in virtual time: `units` work side by side, each operation takes what `service` says,
// in ns, and waits for a free unit.
struct Device {
  std::string name;
  unsigned units;
  std::function<double(std::mt19937_64&, double now_s)> service_ns;
  double late_share_max = 0.0105;  // of one in a hundred, what may be over by chance
};

double exponential(std::mt19937_64& random, double mean) {
  return std::exponential_distribution<double>(1 / mean)(random);
}

// The devices, all with about 5,000 to 100,000 operations a second.
std::vector<Device> devices() {
  return {
      // Flat up to 32 in flight, then latency grows with the queue: a drive with 32 channels.
      {"knee", 32, [](auto&, double) { return 320e3; }},
      {"noisy knee", 32,
       [](auto& random, double) {
         return 320e3 * std::lognormal_distribution<double>(0, 0.3)(random);
       }},
      // One server, exponential times: M/M/1 closed by the depth.
      // In one queue, late ones follow each other.
      {"M/M/1", 1, [](auto& random, double) { return exponential(random, 80e3); }, 0.015},
      {"M/M/8", 8, [](auto& random, double) { return exponential(random, 240e3); }},
      // Half a per cent of the operations takes 12 ms whatever the depth: below what a p99 sees.
      // But each keeps its unit busy, so that late ones come in bursts.
      {"multi-modal", 16,
       [](auto& random, double) {
         const double p = std::uniform_real_distribution<double>(0, 1)(random);
         return p < 0.005 ? 12000e3 : p < 0.3 ? 600e3 : 280e3;
       },
       0.02},
      // Slow: few operations a second to judge by.
      {"slow", 2, [](auto& random, double) { return 400e3 + exponential(random, 80e3); }},
  };
}

// Keeps as many operations in flight as it is told, from `begin` to `end`.
class Simulation {
 public:
  Simulation(Device device, std::uint64_t seed)
      : device_(std::move(device)), random_(seed), free_at_(device_.units, 0.0) {}

  struct Result {
    double operations_per_s = 0;
    double late_share = 0;  // over the target
    std::uint64_t p99_ns = 0;
  };

  template <typename Depth, typename Completed>
  Result run(double length_s, Nanoseconds target, Depth&& depth, Completed&& completed) {
    stats::Histogram latencies;
    const double end = now_ns_ + length_s * 1e9;
    std::uint64_t late = 0;
    while (now_ns_ < end) {
      while (in_flight_.size() < depth()) submit();
      const Flight done = in_flight_.top();
      in_flight_.pop();
      now_ns_ = done.ends_ns;
      const Nanoseconds latency(static_cast<std::int64_t>(done.ends_ns - done.began_ns));
      latencies.record(static_cast<std::uint64_t>(latency.count()));
      if (latency > target) ++late;
      completed(Nanoseconds(static_cast<std::int64_t>(now_ns_)), latency);
    }
    const auto count = static_cast<double>(latencies.count());
    return {count / length_s, static_cast<double>(late) / count, latencies.quantile_ns(0.99)};
  }

  void replace(const std::function<double(std::mt19937_64&, double)>& service) {
    device_.service_ns = service;
  }

 private:
  struct Flight {
    double ends_ns, began_ns;
    bool operator>(const Flight& other) const { return ends_ns > other.ends_ns; }
  };

  void submit() {
    const auto unit = std::ranges::min_element(free_at_);
    const double begins = std::max(*unit, now_ns_);
    *unit = begins + device_.service_ns(random_, now_ns_ / 1e9);
    in_flight_.push({*unit, now_ns_});
  }

  Device device_;
  std::mt19937_64 random_;
  std::vector<double> free_at_;
  double now_ns_ = 0;
  std::priority_queue<Flight, std::vector<Flight>, std::greater<>> in_flight_;
};

// The most operations a second that any fixed depth gives with its p99 under the target.
double best_static(const Device& device, Nanoseconds target, unsigned* best_depth = nullptr) {
  double best = 0;
  unsigned worse = 0;
  for (unsigned depth = 1; depth <= 256 && worse < 6; depth += std::max(1U, depth / 16)) {
    Simulation simulation(device, 7);
    const auto got = simulation.run(0.4, target, [&] { return depth; }, [](auto, auto) {});
    const bool fits = got.p99_ns <= static_cast<std::uint64_t>(target.count());
    worse = fits ? 0 : worse + 1;
    if (!fits || got.operations_per_s <= best) continue;
    best = got.operations_per_s;
    if (best_depth != nullptr) *best_depth = depth;
  }
  return best;
}

struct Adaptive {
  explicit Adaptive(Nanoseconds target) : controller({.target_p99 = target}) {}
  auto depth() {
    return [this] { return controller.depth(); };
  }
  auto completed() {
    return [this](Nanoseconds now, Nanoseconds latency) { controller.completed(now, latency); };
  }
  AdaptiveDepth controller;
};

constexpr Nanoseconds kTarget = milliseconds(2);

TEST(AdaptiveDepth, FindsAndHoldsTheBestStaticDepth) {
  for (const Device& device : devices()) {
    unsigned best_depth = 0;
    const double best = best_static(device, kTarget, &best_depth);
    for (const std::uint64_t seed : {1U, 2U}) {
      SCOPED_TRACE(testing::Message() << device.name << ", seed " << seed);
      Simulation simulation(device, seed);
      Adaptive adaptive(kTarget);
      simulation.run(2.0, kTarget, adaptive.depth(), adaptive.completed());
      EXPECT_GT(adaptive.controller.settled_after().count(), 0) << "within two seconds";
      const auto held = simulation.run(3.0, kTarget, adaptive.depth(), adaptive.completed());
      EXPECT_GE(held.operations_per_s, 0.9 * best)
          << "depth " << adaptive.controller.depth() << ", best " << best_depth;
      EXPECT_LE(held.late_share, device.late_share_max) << "p99 " << held.p99_ns << " ns";
    }
  }
}

TEST(AdaptiveDepth, RecoversWhenTheDeviceSlowsAndWhenItIsFastAgain) {
  const auto at = [](double service_ns) {
    return [service_ns](std::mt19937_64& random, double) {
      return service_ns * std::lognormal_distribution<double>(0, 0.2)(random);
    };
  };
  Simulation simulation({"step", 16, at(240e3)}, 5);
  Adaptive adaptive(kTarget);
  const auto run = [&](double length_s) {
    return simulation.run(length_s, kTarget, adaptive.depth(), adaptive.completed());
  };
  run(2);
  const double best_fast = best_static({"fast", 16, at(240e3)}, kTarget);
  const double best_slow = best_static({"slow", 16, at(800e3)}, kTarget);
  EXPECT_GE(run(1).operations_per_s, 0.9 * best_fast);
  simulation.replace(at(800e3));
  run(2);
  const auto slow = run(2);
  EXPECT_GE(slow.operations_per_s, 0.9 * best_slow) << adaptive.controller.depth();
  EXPECT_LE(slow.late_share, 0.0105);
  simulation.replace(at(240e3));
  run(2);
  const auto fast = run(2);
  EXPECT_GE(fast.operations_per_s, 0.9 * best_fast) << adaptive.controller.depth();
  EXPECT_LE(fast.late_share, 0.0105);
}

TEST(AdaptiveDepth, SaysWhenNoDepthMeetsTheTarget) {
  Simulation simulation({"far too slow", 4, [](auto&, double) { return 3600e3; }}, 1);
  Adaptive adaptive(kTarget);
  simulation.run(2, kTarget, adaptive.depth(), adaptive.completed());
  EXPECT_EQ(adaptive.controller.depth(), 1U);
  EXPECT_TRUE(adaptive.controller.target_missed());
  simulation.replace([](auto&, double) { return 400e3; });
  simulation.run(3, kTarget, adaptive.depth(), adaptive.completed());
  EXPECT_FALSE(adaptive.controller.target_missed());
  EXPECT_GE(adaptive.controller.depth(), 10U);
}

TEST(AdaptiveDepth, StopsAtTheLargestDepth) {
  Simulation simulation({"endless", 4096, [](auto&, double) { return 200e3; }}, 1);
  Adaptive adaptive(kTarget);
  simulation.run(0.5, kTarget, adaptive.depth(), adaptive.completed());
  EXPECT_EQ(adaptive.controller.depth(), 256U);
  EXPECT_TRUE(adaptive.controller.settled());
}

TEST(AdaptiveDepth, BringsOptionsIntoRange) {
  AdaptiveDepth controller(
      {.target_p99 = kTarget, .depth_min = 0, .depth_max = 0, .depth_start = 9, .window_ops = 1});
  EXPECT_EQ(controller.depth(), 1U);
  for (int i = 0; i < 99; ++i) controller.completed(microseconds(i), microseconds(1));
  EXPECT_EQ(controller.windows(), 0U) << "a p99 takes a hundred";
  controller.completed(microseconds(100), microseconds(1));
  EXPECT_EQ(controller.windows(), 1U);
}

// A controller that ignores latency must be found out by the same measure: the test can fail.
TEST(AdaptiveDepth, AFixedDepthDoesNotPass) {
  const Device device = devices().front();
  Simulation simulation(device, 1);
  const auto deep = simulation.run(1.0, kTarget, [] { return 256U; }, [](auto, auto) {});
  EXPECT_GT(deep.late_share, 0.9);
  Simulation other(device, 1);
  const auto shallow = other.run(1.0, kTarget, [] { return 4U; }, [](auto, auto) {});
  EXPECT_LT(shallow.operations_per_s, 0.5 * best_static(device, kTarget));
}

}  // namespace
}  // namespace assay::engine
