// The meter tests itself, on a simulated clock with known distributions: how often it sees a
// difference where there is none, and whether it finds a delay that was put in.
#include <gtest/gtest.h>

#include <iostream>

#include "simulation.hpp"
#include "stats/bootstrap.hpp"

namespace assay::stats {
namespace {

using simulation::Sampler;
using simulation::Shape;
using simulation::SimulatedClock;

constexpr std::size_t kPairs = 30;
constexpr std::size_t kMeterRuns = 1000;
constexpr double kConfidence = 0.99;

// How the machine disturbs an A/A run: standard deviations of the logarithm of a block's factor.
struct Disturbance {
  double shared;  // hits both blocks of a pair (drift of the machine)
  double own;     // hits each block for itself
};
constexpr Disturbance kQuiet{0.0, 0.0};
constexpr Disturbance kDrifting{0.1, 0.0};
constexpr Disturbance kNoisy{0.05, 0.05};
constexpr int kOperations = 60;  // a block

struct Pairing {
  std::vector<Histogram> a = std::vector<Histogram>(kPairs);
  std::vector<Histogram> b = std::vector<Histogram>(kPairs);
  std::vector<BlockRate> rate_a, rate_b;
};

// One block: the same operations for both sides, timed by the simulated clock.
BlockRate measure(const Sampler& sampler, double factor, int operations, SimulatedClock& clock,
                  SplitMix64& random, Histogram& into) {
  into.reset();
  const std::uint64_t started = clock.now_ns();
  for (int i = 0; i < operations; ++i) {
    simulation::time_operation(clock, into, [&] {
      clock.pass(static_cast<std::uint64_t>(factor * sampler.draw(random)));
    });
  }
  return {static_cast<double>(operations), static_cast<double>(clock.now_ns() - started)};
}

void measure_pairs(const Sampler& sampler, const Disturbance& disturbance, SplitMix64& random,
                   Pairing& run) {
  SimulatedClock clock;
  run.rate_a.clear();
  run.rate_b.clear();
  for (std::size_t pair = 0; pair < kPairs; ++pair) {
    const double shared = disturbance.shared * simulation::normal(random);
    const double for_a = std::exp(shared + disturbance.own * simulation::normal(random));
    const double for_b = std::exp(shared + disturbance.own * simulation::normal(random));
    run.rate_a.push_back(measure(sampler, for_a, kOperations, clock, random, run.a[pair]));
    run.rate_b.push_back(measure(sampler, for_b, kOperations, clock, random, run.b[pair]));
  }
}

class SameAgainstSame : public testing::TestWithParam<Shape> {};

// 1,000 A/A runs for each distribution, on machines that are quiet, drift, or are noisy: fewer than
// 1 % may differ, in the median, in the tail and in the rate. (A meter that never alarms would
// pass, too: see FindsASmallDifference.)
TEST_P(SameAgainstSame, AlarmsInFewerThanOnePercent) {
  constexpr std::array kMachines{kQuiet, kDrifting, kNoisy};
  const Sampler sampler(GetParam());
  SplitMix64 random(600 + static_cast<std::uint64_t>(GetParam()));
  Pairing run;
  int median = 0;
  int tail = 0;
  int rate = 0;
  for (std::size_t i = 0; i < kMeterRuns; ++i) {
    measure_pairs(sampler, kMachines[i % kMachines.size()], random, run);
    const auto p50 = quantile_ratio(run.a, run.b, 0.5, kConfidence, i);
    const auto p99 = quantile_ratio(run.a, run.b, 0.99, kConfidence, i);
    const auto speed = rate_ratio(run.rate_a, run.rate_b, kConfidence, i);
    ASSERT_TRUE(p50 && p99 && speed);
    median += p50->differs() ? 1 : 0;
    tail += p99->differs() ? 1 : 0;
    rate += speed->differs() ? 1 : 0;
  }
  RecordProperty("alarms_p50", median);
  RecordProperty("alarms_p99", tail);
  RecordProperty("alarms_rate", rate);
  std::cout << "alarms in " << kMeterRuns << " runs: p50 " << median << ", p99 " << tail
            << ", rate " << rate << "\n";
  EXPECT_LE(median, kMeterRuns / 100);
  EXPECT_LE(tail, kMeterRuns / 100);
  EXPECT_LE(rate, kMeterRuns / 100);
}

INSTANTIATE_TEST_SUITE_P(Meter, SameAgainstSame, testing::ValuesIn(simulation::kShapes),
                         [](const auto& instance) { return simulation::name(instance.param); });

TEST(Meter, FindsASmallDifference) {
  const Sampler sampler(Shape::lognormal);
  SplitMix64 random(700);
  Pairing run;
  int found = 0;
  int covered = 0;
  constexpr int kTries = 200;
  for (int i = 0; i < kTries; ++i) {
    measure_pairs(sampler, kDrifting, random, run);
    SimulatedClock clock;
    for (std::size_t pair = 0; pair < kPairs; ++pair) {  // 10 % faster
      measure(sampler, 0.9, 60, clock, random, run.a[pair]);
      measure(sampler, 1.0, 60, clock, random, run.b[pair]);
    }
    const auto ratio = quantile_ratio(run.a, run.b, 0.5, kConfidence);
    ASSERT_TRUE(ratio);
    found += ratio->high < 1 ? 1 : 0;
    covered += ratio->low <= 0.9 && ratio->high >= 0.9 ? 1 : 0;
  }
  EXPECT_GE(found, 0.95 * kTries);
  EXPECT_GE(covered, 0.97 * kTries);
}

// A delay in a pseudo-random 0.2 % of operations, from interleaved clean and injected blocks. With
// a clock that errs by nothing the answer has to be exact.
TEST(Meter, InjectedDelayIsFoundExactly) {
  constexpr std::uint64_t kOperation = 10;
  constexpr std::uint64_t kDelay = 200;  // 20 times as long; 210 ns is recorded exactly
  constexpr int kEach = 2000;
  SplitMix64 random(800);
  SimulatedClock clock;
  std::vector<Histogram> clean(kPairs);
  std::vector<Histogram> injected(kPairs);
  std::uint64_t delayed = 0;
  for (std::size_t pair = 0; pair < kPairs; ++pair) {
    for (int i = 0; i < kEach; ++i) {
      simulation::time_operation(clock, clean[pair], [&] { clock.pass(kOperation); });
      const bool delay = random.below(500) == 0;
      simulation::time_operation(clock, injected[pair],
                                 [&] { clock.pass(kOperation + (delay ? kDelay : 0)); });
      delayed += delay ? 1 : 0;
    }
  }
  Histogram all;
  for (const Histogram& block : injected) all.merge(block);
  EXPECT_EQ(all.count_above(kOperation), delayed);
  EXPECT_EQ(all.max_ns() - all.min_ns(), kDelay);

  const auto p99_9 = paired_quantile_difference(injected, clean, 0.999, kConfidence);
  ASSERT_TRUE(p99_9);
  EXPECT_EQ(p99_9->difference_ns, static_cast<double>(kDelay));
  EXPECT_EQ(p99_9->low_ns, static_cast<double>(kDelay));
  EXPECT_EQ(p99_9->high_ns, static_cast<double>(kDelay));
  const auto p99 = paired_quantile_difference(injected, clean, 0.99, kConfidence);
  ASSERT_TRUE(p99);
  EXPECT_TRUE(p99->contains_zero());
  EXPECT_EQ(p99->difference_ns, 0.0);
}

// The same on top of a noisy operation: within 10 %, and the interval knows.
TEST(Meter, InjectedDelayIsFoundInNoise) {
  const Sampler sampler(Shape::lognormal);
  const double delay = 20 * sampler.at(0.99);
  SplitMix64 random(900);
  int within = 0;
  constexpr int kTries = 50;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    SimulatedClock clock;
    std::vector<Histogram> clean(kPairs);
    std::vector<Histogram> injected(kPairs);
    for (std::size_t pair = 0; pair < kPairs; ++pair) {
      for (int i = 0; i < 500; ++i) {
        const double first = sampler.draw(random);
        const double second = sampler.draw(random) + (random.below(500) == 0 ? delay : 0.0);
        simulation::time_operation(clock, clean[pair],
                                   [&] { clock.pass(static_cast<std::uint64_t>(first)); });
        simulation::time_operation(clock, injected[pair],
                                   [&] { clock.pass(static_cast<std::uint64_t>(second)); });
      }
    }
    const auto found = paired_quantile_difference(injected, clean, 0.999, kConfidence);
    ASSERT_TRUE(found);
    within += std::abs(found->difference_ns - delay) <= 0.1 * delay ? 1 : 0;
  }
  EXPECT_GE(within, kTries - 1);
}

}  // namespace
}  // namespace assay::stats
