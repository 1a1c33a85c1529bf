// The runner, on techniques whose blocks record from known distributions: order, pinning, counts,
// reasons that void, Ctrl-C, and the statistics over a thousand runs.
#include <gtest/gtest.h>

#include <cerrno>
#include <cmath>
#include <map>
#include <random>

#include "core/memory_host.hpp"
#include "core/real_host.hpp"
#include "engine/runner.hpp"
#include "engine/scheduling.hpp"
#include "stats/bootstrap.hpp"

namespace assay::engine {
namespace {

// What the fake blocks do, and what they saw. The rows below are plain functions, so it is global;
// each test starts from a fresh one.
struct World {
  std::vector<std::string> order;  // "A0", "B0": variant and round
  std::uint64_t seed = 1;
  unsigned samples = 200;
  double delay_ns = 0;            // added to an operation of "delayed" ...
  unsigned delayed_one_in = 500;  // ... one in this many
  std::map<std::string, unsigned> made;
  bool engaged = true;
  bool verified = true;
  unsigned fail_at = ~0U;  // the round in which make() fails
  std::atomic<bool>* stop = nullptr;
  unsigned stop_at = ~0U;  // the round in which Ctrl-C comes
  CpuSet affinity;         // as a block saw it
  double lag_ns = 0;       // > 0: an open loop with this lag
  double drift_per_round = 0;
};
World world;

class FakeBlock final : public Block {
 public:
  explicit FakeBlock(const BlockContext& context)
      : variant_(context.parameters->variant), index_(context.index) {}
  Expected<void> warm_up() override { return {}; }

  Expected<void> run(Nanoseconds, Recorder& recorder) override {
    world.order.push_back(variant_ + std::to_string(index_));
    if (const auto cpus = current_affinity()) world.affinity = *cpus;
    if (world.stop != nullptr && index_ == world.stop_at) world.stop->store(true);
    std::seed_seq seed{world.seed, std::uint64_t{index_},
                       std::uint64_t{std::hash<std::string>{}(variant_)}};
    std::mt19937_64 random(seed);
    std::lognormal_distribution<double> latency(std::log(10'000.0), 0.3);
    const double drift = 1.0 + world.drift_per_round * index_;
    for (unsigned i = 0; i < world.samples; ++i) {
      double ns = latency(random) * drift;
      if (variant_ == "delayed" && random() % world.delayed_one_in == 0) ns += world.delay_ns;
      recorder.record_service(i, static_cast<std::uint64_t>(ns));
      if (world.lag_ns > 0) {
        recorder.record_response(static_cast<std::uint64_t>(ns + world.lag_ns),
                                 static_cast<std::uint64_t>(world.lag_ns));
      }
    }
    recorder.operations = world.samples;
    recorder.bytes = world.samples * 4096ULL;
    recorder.enters = world.samples / 2;
    if (variant_ == "broken") recorder.count_error(EIO);
    return {};
  }
  Engagement engagement() override { return {world.engaged, "as the test wants it"}; }
  Verification verification() override {
    return {.verified = world.verified, .applies = true, .checked = 1, .detail = "as told"};
  }

 private:
  std::string variant_;
  unsigned index_;
};

Expected<std::unique_ptr<Block>> make_fake(const BlockContext& context) {
  if (context.index == world.fail_at) return fail_errno(EIO, "make", "fake");
  ++world.made[context.parameters->variant];
  return std::make_unique<FakeBlock>(context);
}

const Technique kFake{
    .id = "fake", .summary = "a fake", .parameters = "variant", .make = make_fake};
const Technique kUnavailable{.id = "unavailable",
                             .summary = "a fake",
                             .available =
                                 [](const Host&, const probes::Inventory&, const Parameters&) {
                                   return Availability{false, "no such drive", "plug one in"};
                                 },
                             .make = make_fake};

class Runner : public testing::Test {
 protected:
  Runner() {
    world = World{};
    const CpuSet allowed = current_affinity().value();
    inventory_.topology.online = inventory_.topology.allowed = allowed;
    plan_.rounds = 8;
    plan_.warm_up_rounds = 0;
    plan_.block = std::chrono::milliseconds(1);
  }
  static Series series(const std::string& variant, const Technique& technique = kFake) {
    Series made;
    made.technique = &technique;
    made.parameters.variant = variant;
    return made;
  }
  RunResult run(const std::vector<Series>& all) {
    auto result = engine::run(host_, inventory_, clock(), all, plan_, control_);
    if (!result) {
      ADD_FAILURE() << result.error().message();
      return {};
    }
    return std::move(*result);
  }
  static const Clock& clock() {
    static const Clock calibrated =
        Clock::calibrate(*make_real_host(), std::chrono::milliseconds(50)).value();
    return calibrated;
  }
  static bool says(const Measurement& measurement, std::string_view words) {
    for (const std::string& reason : measurement.invalid) {
      if (reason.find(words) != std::string::npos) return true;
    }
    return false;
  }

  MemoryHost host_;
  probes::Inventory inventory_;
  RunPlan plan_;
  RunControl control_;
};

TEST_F(Runner, InterleavesForwardsAndBackwards) {
  plan_.rounds = 4;
  run({series("a"), series("b"), series("c")});
  const std::vector<std::string> wanted{"a0", "b0", "c0", "c1", "b1", "a1",
                                        "a2", "b2", "c2", "c3", "b3", "a3"};
  EXPECT_EQ(world.order, wanted);
}

TEST_F(Runner, BuildsEveryBlockAnewAndThrowsWarmUpAway) {
  plan_.warm_up_rounds = 2;
  const RunResult result = run({series("a")});
  EXPECT_EQ(world.made["a"], 10U);
  const Measurement& a = result.measurements[0];
  EXPECT_EQ(a.blocks.size(), 8U);
  EXPECT_EQ(a.operations, 8 * 200U);
  EXPECT_EQ(a.service.count(), 8 * 200U);
  EXPECT_EQ(a.bytes, 8 * 200 * 4096ULL);
  EXPECT_EQ(a.enters, 8 * 100U);
  EXPECT_TRUE(a.engaged);
  EXPECT_EQ(a.verification.checked, 8U);
  EXPECT_EQ(a.slowest.size(), SlowEvents::kKept);
  EXPECT_EQ(a.slowest.front().latency_ns, a.service.max_ns());
  for (unsigned round = 0; round < 8; ++round) EXPECT_EQ(a.blocks[round].round, round);
}

TEST_F(Runner, PinsAndPutsBack) {
  const CpuSet before = current_affinity().value();
  for (const unsigned cpu : before.to_vector()) {
    Series one = series("a");
    one.cpus = CpuSet{cpu};
    const RunResult result = run({one});
    EXPECT_EQ(world.affinity, CpuSet{cpu});
    EXPECT_EQ(result.measurements[0].placement.asked, CpuSet{cpu});
    EXPECT_EQ(result.measurements[0].placement.got, CpuSet{cpu});
    EXPECT_EQ(result.measurements[0].placement.migrations, 0U);
    EXPECT_EQ(current_affinity().value(), before);
  }
}

TEST_F(Runner, CpuThatIsNotThereSkipsTheSeries) {
  Series one = series("a");
  one.cpus = CpuSet{4000};
  const RunResult result = run({one, series("b")});
  EXPECT_NE(result.measurements[0].skipped.find("4000"), std::string::npos)
      << result.measurements[0].skipped;
  EXPECT_TRUE(result.measurements[1].skipped.empty());
}

TEST_F(Runner, UnavailableIsSkippedWithItsRemedy) {
  const RunResult result = run({series("a", kUnavailable), series("b")});
  EXPECT_EQ(result.measurements[0].skipped, "no such drive");
  EXPECT_EQ(result.measurements[0].remedy, "plug one in");
  EXPECT_FALSE(result.measurements[0].engaged);
  EXPECT_TRUE(result.measurements[0].invalid.empty()) << "skipped is not void";
  EXPECT_EQ(result.measurements[1].blocks.size(), 8U);
}

TEST_F(Runner, ErrorLaterEndsAndVoidsTheSeries) {
  world.fail_at = 3;
  const RunResult result = run({series("a")});
  const Measurement& a = result.measurements[0];
  EXPECT_EQ(a.blocks.size(), 3U);
  EXPECT_TRUE(a.skipped.empty());
  EXPECT_TRUE(says(a, "block 4 failed: make fake: Input/output error"));
}

TEST_F(Runner, SaysWhatVoids) {
  world.engaged = world.verified = false;
  const RunResult result = run({series("broken")});
  const Measurement& broken = result.measurements[0];
  EXPECT_FALSE(broken.engaged);
  EXPECT_TRUE(says(broken, "not engaged: as the test wants it"));
  EXPECT_TRUE(says(broken, "wrong data: as told"));
  EXPECT_TRUE(says(broken, "8 of 1600 operations failed: Input/output error"));
}

TEST_F(Runner, LaggingGeneratorVoids) {
  world.lag_ns = 50'000;
  EXPECT_TRUE(says(run({series("a")}).measurements[0], "the generator lagged"));
  world.lag_ns = 1'000;
  const RunResult fine = run({series("a")});
  EXPECT_FALSE(says(fine.measurements[0], "the generator lagged"));
  EXPECT_GT(fine.measurements[0].response.mean_ns(), fine.measurements[0].service.mean_ns());
}

TEST_F(Runner, DriftIsUnsteadyUnlessNobodyAsks) {
  plan_.rounds = 30;
  world.drift_per_round = 0.05;
  EXPECT_TRUE(says(run({series("a")}).measurements[0], "unsteady"));
  plan_.check_steadiness = false;
  EXPECT_FALSE(says(run({series("a")}).measurements[0], "unsteady"));
}

TEST_F(Runner, DriftOfTheClockVoids) {
  ClockReport clock_report;
  clock_report.valid = false;
  clock_report.error_ppm = 120;
  Measurement measurement;
  measurement.engaged = true;
  measurement.operations = 1;
  measurement.invalid = reasons_against(measurement, clock_report, true);
  EXPECT_TRUE(says(measurement, "120 ppm"));
}

TEST_F(Runner, LostAffinityVoids) {
  Measurement measurement;
  measurement.engaged = true;
  measurement.operations = 1;
  measurement.placement.asked = CpuSet{1};
  measurement.placement.migrations = 2;
  measurement.invalid = reasons_against(measurement, ClockReport{}, true);
  EXPECT_TRUE(says(measurement, "moved off CPU 1 in 2 blocks"));
}

TEST_F(Runner, StopEndsBetweenBlocksAndKeepsWhatIsThere) {
  std::atomic<bool> stop{false};
  world.stop = &stop;
  world.stop_at = 2;
  control_.stop = &stop;
  const RunResult result = run({series("a"), series("b")});
  EXPECT_TRUE(result.interrupted);
  EXPECT_EQ(result.measurements[0].blocks.size(), 3U);
  EXPECT_EQ(result.measurements[1].blocks.size(), 2U);
}

TEST_F(Runner, ReportsProgress) {
  std::vector<unsigned> rounds;
  control_.on_progress = [&rounds](const Progress& progress) {
    EXPECT_EQ(progress.rounds, 8U);
    EXPECT_EQ(progress.technique, "fake");
    rounds.push_back(progress.round);
  };
  run({series("a")});
  EXPECT_EQ(rounds.size(), 8U);
  EXPECT_EQ(rounds.back(), 7U);
}

TEST_F(Runner, ExtendGoesOnWhereTheRunEnded) {
  const std::vector<Series> all{series("a"), series("b")};
  RunResult result = run(all);
  const auto more = extend(result, host_, inventory_, clock(), all, plan_, control_);
  ASSERT_TRUE(more);
  const Measurement& a = result.measurements[0];
  ASSERT_EQ(a.blocks.size(), 16U);
  EXPECT_EQ(a.blocks.back().round, 15U);
  EXPECT_GT(a.blocks.back().started, a.blocks[7].started);
  EXPECT_EQ(a.operations, 16 * 200U);
  EXPECT_EQ(a.service.count(), 16 * 200U);
}

TEST_F(Runner, LongBlocksAreCutSoThatStopIsSoon) {
  plan_.rounds = 2;
  plan_.block = std::chrono::milliseconds(2500);
  const RunResult result = run({series("a")});
  EXPECT_EQ(result.measurements[0].blocks.size(), 6U);
}

TEST_F(Runner, WritesNoMoreThanTheLimit) {
  plan_.write_limit = Bytes{200 * 4096 * 3 + 1};
  Series writing = series("a");
  writing.parameters.operation = Operation::write;
  const Measurement a = run({writing}).measurements[0];
  EXPECT_EQ(a.blocks.size(), 3U);
  EXPECT_LE(a.bytes, plan_.write_limit.count);
  EXPECT_TRUE(says(a, "the limit of"));
}

TEST_F(Runner, OneLongBlockIsWarmedUpLikeAnyOther) {
  plan_.rounds = 1;
  EXPECT_EQ(run({series("a")}).measurements[0].blocks.size(), 1U);
}

std::vector<stats::Histogram> blocks_of(const Measurement& measurement) {
  std::vector<stats::Histogram> blocks;
  for (const BlockResult& block : measurement.blocks) blocks.push_back(block.service);
  return blocks;
}

// Two series of one distribution, a thousand times through the whole runner: at most 1 % may be
// told apart at 99 % confidence.
TEST_F(Runner, SeldomTellsEqualSeriesApart) {
  plan_.rounds = 24;
  plan_.check_steadiness = false;
  world.samples = 60;
  unsigned alarms = 0;
  for (unsigned i = 0; i < 1000; ++i) {
    world.seed = 1000 + i;
    world.order.clear();
    const RunResult result = run({series("a"), series("b")});
    const auto ratio = stats::quantile_ratio(blocks_of(result.measurements[1]),
                                             blocks_of(result.measurements[0]), 0.5, 0.99);
    ASSERT_TRUE(ratio) << ratio.error().message();
    alarms += ratio->differs() ? 1 : 0;
  }
  EXPECT_LE(alarms, 10U) << "of 1000";
}

// A delay of known size in 0.2 % of operations comes out of the p99.9 with its size.
TEST_F(Runner, FindsAnInjectedDelayWithItsSize) {
  plan_.rounds = 40;
  world.samples = 5000;
  world.delay_ns = 1'000'000;
  const RunResult result = run({series("clean"), series("delayed")});
  const auto difference = stats::quantile_difference(
      blocks_of(result.measurements[0]), blocks_of(result.measurements[1]), 0.999, 0.99);
  ASSERT_TRUE(difference) << difference.error().message();
  EXPECT_NEAR(difference->difference_ns, world.delay_ns, world.delay_ns * 0.02);
  EXPECT_FALSE(difference->contains_zero());
}

TEST_F(Runner, SlowEventsComeFromAllBlocksWithAnExplanation) {
  const Measurement a = run({series("A")}).measurements.front();
  ASSERT_EQ(a.slowest.size(), SlowEvents::kKept);
  EXPECT_TRUE(std::ranges::is_sorted(a.slowest, std::ranges::greater{}, &SlowEvent::latency_ns));
  EXPECT_EQ(a.slowest.front().latency_ns, a.service.max_ns());
  for (const ExplainedEvent& event : a.slowest) EXPECT_FALSE(event.why.because.empty());
  EXPECT_GT(a.counters.over, Nanoseconds(0));
}

TEST_F(Runner, KeepsTheRecordsAroundABreach) {
  world.delay_ns = 1e9;
  world.delayed_one_in = 100;
  control_.breach.emplace();
  control_.breach->threshold_ns = 500'000'000;
  const Measurement delayed = run({series("delayed")}).measurements.front();
  EXPECT_GT(delayed.breaches_seen, 0U);
  ASSERT_FALSE(delayed.breaches.empty());
  for (const Breach& breach : delayed.breaches) {
    EXPECT_GT(breach.records[breach.breach].service_ns, control_.breach->threshold_ns);
  }
  // With a limit on a percentile that every block meets, single operations are no breach of it.
  world = World{};
  world.delay_ns = 1e9;
  world.delayed_one_in = 100;
  control_.breach_quantile = 0.5;
  const Measurement within = run({series("delayed")}).measurements.front();
  EXPECT_TRUE(within.breaches.empty());
  EXPECT_GT(within.breaches_seen, 0U);
}

TEST_F(Runner, AnOpenLoopsBlocksCarryItsResponses) {
  world.lag_ns = 100;
  const Measurement open = run({series("A")}).measurements.front();
  std::uint64_t responses = 0;
  for (const BlockResult& block : open.blocks) {
    ASSERT_TRUE(block.response.has_value());
    responses += block.response->count();
  }
  EXPECT_EQ(responses, open.response.count());
  world = World{};
  EXPECT_FALSE(run({series("A")}).measurements.front().blocks.front().response.has_value());
}

}  // namespace
}  // namespace assay::engine
