// os.timer: what a clock costs, and how far apart the CPUs' clocks are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/os_blocks.hpp"
#include "tests/unit/engine/technique_fixture.hpp"

namespace assay::engine {
namespace {

using testing::HasSubstr;

class TimerTest : public TechniqueTest {
 protected:
  static const Technique& row() { return *find_technique("os.timer"); }
};

TEST_F(TimerTest, EveryClockGoesOnAndNeverBack) {
  for (const std::string& variant : row().variants(inventory_)) {
    if (variant == kSyncVariant) continue;
    if (variant == "tsc" && clock().source() != ClockSource::tsc) continue;
    SCOPED_TRACE(variant);
    parameters_.variant = variant;
    ASSERT_TRUE(row().available(host(), inventory_, parameters_).available);
    const Outcome outcome = run_block(row().make(context_));
    expect_clean(outcome, operations_per_sample(row(), parameters_));
    EXPECT_THAT(outcome.engagement.evidence, HasSubstr("it went back 0 times"));
  }
}

TEST_F(TimerTest, AClockThatStandsStillIsNotEngaged) {
  parameters_.variant = "monotonic";
  const Outcome outcome = run_block(make_clock_cost_block(context_, TimerFault::frozen));
  EXPECT_FALSE(outcome.engagement.engaged) << outcome.engagement.evidence;
}

TEST_F(TimerTest, ThePairsOfCpusAreBounded) {
  if (allowed_.count() < 2) GTEST_SKIP() << "one CPU";
  parameters_.variant = kSyncVariant;
  auto block = row().make(context_);
  ASSERT_TRUE(block);
  Recorder recorder;
  ASSERT_TRUE((*block)->warm_up());
  ASSERT_TRUE((*block)->run(kShortBlock, recorder));
  const Engagement proof = (*block)->engagement();
  EXPECT_TRUE(proof.engaged) << proof.evidence;
  const auto offsets = (*block)->clock_offsets();
  ASSERT_EQ(offsets.size(), 1U);
  EXPECT_EQ(offsets.front().exchanges, recorder.operations);
  // Of one machine: within what an exchange can tell, the same clock. (Bounds are as wide as the
  // quickest exchange.)
  EXPECT_LE(offsets.front().low_ns, offsets.front().high_ns);
  EXPECT_EQ(current_affinity().value(), allowed_);
}

TEST_F(TimerTest, AnAnswerFromNoCpuInParticularIsNotEngaged) {
  if (allowed_.count() < 2) GTEST_SKIP() << "one CPU";
  const Outcome outcome = run_block(make_clock_sync_block(context_, TimerFault::misplaced));
  EXPECT_FALSE(outcome.engagement.engaged) << outcome.engagement.evidence;
}

TEST_F(TimerTest, ClocksAreComparedWhereAskedElseEverywhere) {
  parameters_.variant = kSyncVariant;
  EXPECT_EQ(row().place(inventory_, parameters_, {}, allowed_), allowed_);
  EXPECT_EQ(row().place(inventory_, parameters_, CpuSet{7}, allowed_), CpuSet{7});
  parameters_.variant = "monotonic";
  EXPECT_TRUE(row().place(inventory_, parameters_, {}, allowed_).empty());
}

TEST_F(TimerTest, OneCpuHasNothingToCompare) {
  inventory_.topology.allowed = one_cpu();
  EXPECT_THAT(row().variants(inventory_),
              testing::Not(testing::Contains(std::string(kSyncVariant))));
  parameters_.variant = kSyncVariant;
  const Availability answer = row().available(host(), inventory_, parameters_);
  EXPECT_FALSE(answer.available);
  EXPECT_FALSE(answer.remedy.empty());
  context_.cpus = one_cpu();
  EXPECT_EQ(make_clock_sync_block(context_).error().code, ErrorCode::invalid);
}

TEST_F(TimerTest, AnUnknownClockIsInvalid) {
  parameters_.variant = "sundial";
  const Availability answer = row().available(host(), inventory_, parameters_);
  EXPECT_FALSE(answer.available);
  EXPECT_THAT(answer.reason, HasSubstr("expected tsc, monotonic"));
  EXPECT_FALSE(row().make(context_));
}

}  // namespace
}  // namespace assay::engine
