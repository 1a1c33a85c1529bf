#include "engine/selftest.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace assay::engine {
namespace {

constexpr unsigned kInjectOneIn = 500;   // 0.2 %
constexpr unsigned kFloorMultiple = 20;  // the delay stands at least this far above the floor
constexpr double kConfidence = 0.99;
constexpr unsigned kWorkSteps = 64;  // dependent multiplications: some 100 ns

// xorshift64*: cheap, seeded by the block's index, so that a run can be repeated.
std::uint64_t next_random(std::uint64_t& state) {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 0x2545F4914F6CDD1DULL;
}

// Computes and nothing else: no system call, no shared memory. What it sees beyond its own time was
// done to it by the host.
class SpinBlock final : public Block {
 public:
  explicit SpinBlock(const BlockContext& context)
      : clock_(*context.clock),
        delay_ticks_(
            clock_.ns_to_ticks(static_cast<std::uint64_t>(context.parameters->interval.count()))),
        random_(0x9E3779B97F4A7C15ULL * (context.index + 1)) {}

  Expected<void> warm_up() override {
    for (unsigned i = 0; i < 1000; ++i) work();
    return {};
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    with_ticks(clock_, [&](auto ticks) { spin(ticks, duration, recorder); });
    return {};
  }

  Engagement engagement() override {
    const bool wanted = delay_ticks_ > 0;
    return {.engaged = sink_ != 0 && (injected_ > 0) == wanted,
            .evidence = std::to_string(injected_) + " delays injected"};
  }

 private:
  void work() {
    for (unsigned i = 0; i < kWorkSteps; ++i)
      sink_ = sink_ * 6364136223846793005ULL + 1442695040888963407ULL;
  }

  template <typename Ticks>
  void spin(Ticks, Nanoseconds duration, Recorder& recorder) {
    const TickScale scale = clock_.scale();
    const std::uint64_t begin = Ticks::now();
    const std::uint64_t end =
        begin + clock_.ns_to_ticks(static_cast<std::uint64_t>(duration.count()));
    for (std::uint64_t start = begin; start < end;) {
      const bool inject = delay_ticks_ > 0 && next_random(random_) % kInjectOneIn == 0;
      start = Ticks::now();
      work();
      std::uint64_t stop = Ticks::now();
      if (inject) {
        ++injected_;
        const std::uint64_t until = stop + delay_ticks_;
        while (stop < until) stop = Ticks::now();
      }
      recorder.record_service(scale.to_ns(stop), scale.to_ns(stop - start));
      ++recorder.operations;
    }
  }

  const Clock& clock_;
  std::uint64_t delay_ticks_;
  std::uint64_t random_;
  volatile std::uint64_t sink_ = 1;
  std::uint64_t injected_ = 0;
};

Expected<std::unique_ptr<Block>> make_spin(const BlockContext& context) {
  return std::make_unique<SpinBlock>(context);
}

constexpr Technique kSpin{
    .id = "selftest.spin",
    .summary = "Computes and nothing else; with a delay, in a pseudo-random 0.2 % of operations",
    .baseline = {},
    .claim = {},
    .proof = "delays counted as they were injected",
    .parameters = "interval",
    .make = make_spin,
};

Series spin_series(const SelfTestOptions& options, Nanoseconds delay) {
  Series series;
  series.technique = &kSpin;
  series.parameters.interval = delay;
  series.cpus = options.cpus;
  return series;
}

std::vector<stats::Histogram> blocks_of(const Measurement& measurement) {
  std::vector<stats::Histogram> blocks;
  for (const BlockResult& block : measurement.blocks) blocks.push_back(block.service);
  return blocks;
}

std::vector<stats::BlockRate> rates_of(const Measurement& measurement) {
  std::vector<stats::BlockRate> rates;
  for (const BlockResult& block : measurement.blocks) {
    rates.push_back({static_cast<double>(block.operations),
                     std::chrono::duration<double>(block.duration).count()});
  }
  return rates;
}

// The floor, and with it how large a delay must be to stand out.
void read_floor(const Measurement& clean, const SelfTestOptions& options, SelfTestReport& report) {
  report.floor_operations = clean.operations;
  report.floor_p50_ns = clean.service.quantile_ns(0.5);
  report.floor_p99_ns = clean.service.quantile_ns(0.99);
  report.floor_p99_9_ns = clean.service.quantile_ns(0.999);
  report.floor_max_ns = clean.service.max_ns();
  const Nanoseconds above_floor(static_cast<std::int64_t>(report.floor_p99_ns * kFloorMultiple));
  report.injected = std::max(options.delay_min, above_floor);
}

Expected<void> judge_same(const Measurement& a, const Measurement& b, SelfTestReport& report) {
  const auto first = blocks_of(a);
  const auto second = blocks_of(b);
  const auto p50 = stats::quantile_ratio(second, first, 0.5, kConfidence);
  if (!p50) return Failure(p50.error());
  const auto p99 = stats::quantile_ratio(second, first, 0.99, kConfidence);
  if (!p99) return Failure(p99.error());
  const auto rate = stats::rate_ratio(rates_of(b), rates_of(a), kConfidence);
  if (!rate) return Failure(rate.error());
  report.same_rate = *rate;
  report.same_p50 = *p50;
  report.same_p99 = *p99;
  return {};
}

Expected<void> judge_injected(const Measurement& clean, const Measurement& injected,
                              SelfTestReport& report) {
  const auto difference =
      stats::paired_quantile_difference(blocks_of(injected), blocks_of(clean), 0.999, kConfidence);
  if (!difference) return Failure(difference.error());
  report.found_ns = difference->difference_ns;
  report.found_low_ns = difference->low_ns;
  report.found_high_ns = difference->high_ns;
  // A delay that the host itself made as long counts too: what was seen, not what was meant.
  const auto injected_ns = static_cast<std::uint64_t>(report.injected.count());
  report.injected_operations = injected.service.count_above(injected_ns * 9 / 10);
  return {};
}

}  // namespace

double SelfTestReport::error_fraction() const {
  if (injected.count() == 0) return 1.0;
  return std::abs(found_ns - static_cast<double>(injected.count())) /
         static_cast<double>(injected.count());
}

const Technique& spin_technique() { return kSpin; }

Expected<SelfTestReport> self_test(const Host& host, const probes::Inventory& inventory,
                                   const SelfTestOptions& options, const RunControl& control) {
  const auto clock = Clock::calibrate(host);
  if (!clock) return Failure(clock.error());
  SelfTestReport report;
  RunPlan plan;
  plan.rounds = options.rounds;
  plan.block = options.block;
  plan.check_steadiness = false;  // a noisy host is an answer here, not a reason to stop

  const Nanoseconds none{0};
  const std::array same{spin_series(options, none), spin_series(options, none)};
  auto result = run(host, inventory, *clock, same, plan, control);
  if (!result) return Failure(result.error());
  report.interrupted = result->interrupted;
  if (report.interrupted) return report;
  read_floor(result->measurements[0], options, report);
  if (auto judged = judge_same(result->measurements[0], result->measurements[1], report); !judged) {
    return Failure(judged.error());
  }

  const std::array delayed{spin_series(options, none), spin_series(options, report.injected)};
  result = run(host, inventory, *clock, delayed, plan, control);
  if (!result) return Failure(result.error());
  report.interrupted = result->interrupted;
  report.clock = result->clock;
  if (report.interrupted) return report;
  if (auto judged = judge_injected(result->measurements[0], result->measurements[1], report);
      !judged) {
    return Failure(judged.error());
  }
  return report;
}

}  // namespace assay::engine
