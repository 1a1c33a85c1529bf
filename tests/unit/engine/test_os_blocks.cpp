#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>

#include "engine/os_blocks.hpp"
#include "engine/peer_thread.hpp"
#include "engine/techniques_os.hpp"
#include "tests/unit/engine/technique_fixture.hpp"

namespace assay::engine {
namespace {

using testing::HasSubstr;

void become_batch() {
  const sched_param parameters{};
  ASSERT_EQ(::sched_setscheduler(0, SCHED_BATCH, &parameters), 0);
}

void become_ordinary() {
  const sched_param parameters{};
  ASSERT_EQ(::sched_setscheduler(0, SCHED_OTHER, &parameters), 0);
}

class OsTest : public TechniqueTest {
 protected:
  OsTest() {
    parameters_.interval = std::chrono::microseconds(200);
    context_.cpus = one_cpu();
  }
  ~OsTest() override { become_ordinary(); }
};

TEST_F(OsTest, JitterRecordsEveryGapOfItsLoop) {
  const Outcome outcome = run_block(make_jitter_block(context_));
  expect_clean(outcome);
  EXPECT_THAT(outcome.engagement.evidence, HasSubstr("SCHED_OTHER as asked"));
  // The gaps fill the block without a hole: their sum is the time that the loop ran.
  const double total_ns =
      outcome.recorder.service.mean_ns() * static_cast<double>(outcome.recorder.service.count());
  EXPECT_GE(total_ns, 0.9 * static_cast<double>(kShortBlock.count()));
}

TEST_F(OsTest, WakeupIsNeverEarlyAndComesAtLeastOnce) {
  expect_clean(run_block(make_wakeup_block(context_)));
  parameters_.interval = std::chrono::milliseconds(30);  // longer than the block
  const Outcome outcome = run_block(make_wakeup_block(context_));
  expect_clean(outcome);
  EXPECT_EQ(outcome.recorder.operations, 1U);
}

TEST_F(OsTest, WakeupKeepsItsRhythm) {
  const Outcome outcome = run_block(make_wakeup_block(context_));
  EXPECT_LE(outcome.recorder.operations, 50U) << "10 ms hold 50 periods of 200 us";
}

TEST_F(OsTest, AnotherSchedulingClassIsNotEngaged) {
  for (auto* make : {make_jitter_block, make_wakeup_block}) {
    const Outcome outcome = run_block(make(context_, become_batch));
    EXPECT_FALSE(outcome.engagement.engaged);
    EXPECT_THAT(outcome.engagement.evidence, HasSubstr("SCHED_BATCH instead of SCHED_OTHER"));
    become_ordinary();
  }
}

TEST_F(OsTest, AnotherAffinityIsNotEngaged) {
  if (allowed_.count() < 2) GTEST_SKIP() << "one CPU";
  const CpuSet elsewhere = allowed_ - one_cpu();
  for (auto* make : {make_jitter_block, make_wakeup_block}) {
    std::optional<ScopedAffinity> moved;
    const auto move = [&] { moved.emplace(ScopedAffinity::pin(elsewhere).value()); };
    const Outcome outcome = run_block(make(context_, move));
    EXPECT_FALSE(outcome.engagement.engaged) << outcome.engagement.evidence;
    moved.reset();
  }
}

TEST_F(OsTest, CoarseTimersAreNotEngaged) {
  const auto coarse = [] { ::prctl(PR_SET_TIMERSLACK, 50'000UL, 0UL, 0UL, 0UL); };
  const Outcome outcome = run_block(make_wakeup_block(context_, coarse));
  EXPECT_FALSE(outcome.engagement.engaged);
  EXPECT_THAT(outcome.engagement.evidence, HasSubstr("timer slack 50000 ns"));
}

TEST_F(OsTest, PutsEverythingBack) {
  const long slack = ScopedTimerSlack::current_ns();
  parameters_.policy = fifo_allowed() ? Policy::fifo : Policy::other;
  run_block(make_jitter_block(context_));
  run_block(make_wakeup_block(context_));
  EXPECT_EQ(current_affinity().value(), allowed_);
  EXPECT_EQ(current_scheduling(), "SCHED_OTHER");
  EXPECT_EQ(ScopedTimerSlack::current_ns(), slack);
}

TEST_F(OsTest, FifoRunsWhereAllowedAndSaysWhyWhereNot) {
  parameters_.policy = Policy::fifo;
  for (const Technique& row : os_techniques()) {
    SCOPED_TRACE(row.id);
    const Availability answer = row.available(host(), inventory_, parameters_);
    EXPECT_EQ(answer.available, fifo_allowed().has_value());
    if (answer.available) {
      const Outcome outcome = run_block(row.make(context_));
      expect_clean(outcome);
      EXPECT_THAT(outcome.engagement.evidence, HasSubstr("SCHED_FIFO 40 as asked"));
    } else {
      EXPECT_THAT(answer.reason, HasSubstr("SCHED_FIFO"));
      EXPECT_THAT(answer.remedy, HasSubstr("CAP_SYS_NICE"));
    }
  }
}

TEST_F(OsTest, FifoSpinsInStints) {
  if (!fifo_allowed()) GTEST_SKIP() << "SCHED_FIFO is not allowed here";
  parameters_.policy = Policy::fifo;
  const Outcome outcome =
      run_block(make_jitter_block(context_), kFifoStint + std::chrono::milliseconds(50));
  expect_clean(outcome);
  // The rest between two stints is not one of the gaps.
  const double total_ns =
      outcome.recorder.service.mean_ns() * static_cast<double>(outcome.recorder.service.count());
  EXPECT_GE(total_ns, static_cast<double>(kFifoStint.count()));
}

TEST_F(OsTest, TheBaselineOfARealTimeWakeupIsAnOrdinaryOne) {
  const Technique& wakeup = os_techniques().back();
  ASSERT_EQ(wakeup.baseline, "os.wakeup");
  parameters_.policy = Policy::fifo;
  const Parameters baseline = wakeup.baseline_parameters(parameters_);
  EXPECT_EQ(baseline.policy, Policy::other);
  EXPECT_EQ(baseline.interval, parameters_.interval);
}

TEST_F(OsTest, IntervalsOutOfBoundsAreInvalid) {
  for (const Nanoseconds interval :
       {Nanoseconds(0), kWakeIntervalMin - Nanoseconds(1), kWakeIntervalMax + Nanoseconds(1)}) {
    parameters_.interval = interval;
    EXPECT_EQ(make_wakeup_block(context_).error().code, ErrorCode::invalid);
    EXPECT_FALSE(os_techniques().back().available(host(), inventory_, parameters_).available);
  }
}

TEST_F(OsTest, PinningToACpuThatIsNotThereFails) {
  const auto pinned = ScopedAffinity::pin(CpuSet{4000});
  ASSERT_FALSE(pinned);
  EXPECT_FALSE(pinned.error().advice.empty());
  PeerThread peer;
  bool ran = false;
  EXPECT_FALSE(peer.start(CpuId{4000}, [&](const std::atomic<bool>&) { ran = true; }));
  EXPECT_FALSE(ran);
}

TEST_F(OsTest, APeerRunsWhereItIsTold) {
  const auto cpu = peer_cpu(two_cpus());
  PeerThread peer;
  ASSERT_TRUE(peer.start(cpu, [](const std::atomic<bool>&) {}));
  EXPECT_EQ(peer.affinity(), CpuSet::of(*cpu));
  peer.stop();
  EXPECT_TRUE(peer.finished());
}

}  // namespace
}  // namespace assay::engine
