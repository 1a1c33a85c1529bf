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
  ~OsTest() override {
    become_ordinary();
    // A guard that a sabotage made inside a block's outlives it, and puts back the block's CPU.
    cpu_set_t all;
    CPU_ZERO(&all);
    for (const unsigned cpu : allowed_.to_vector()) CPU_SET(cpu, &all);
    ::sched_setaffinity(0, sizeof(all), &all);
  }

  static const Technique& row(std::string_view id) { return *find_technique(id); }
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
  for (const char* id : {"os.jitter", "os.wakeup", "os.realtime"}) {
    SCOPED_TRACE(id);
    const Technique& row = OsTest::row(id);
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
  const Technique& wakeup = row("os.wakeup");
  ASSERT_EQ(wakeup.baseline, "os.wakeup");
  parameters_.policy = Policy::fifo;
  const Parameters baseline = wakeup.baseline_parameters(parameters_);
  EXPECT_EQ(baseline.policy, Policy::other);
  EXPECT_EQ(baseline.interval, parameters_.interval);
}

TEST_F(OsTest, TheBaselineOfJitterIsTheFirstCpuThatIsNotIsolated) {
  const Technique& baseline = row(row("os.jitter").baseline);
  const CpuSet allowed = CpuSet::parse_list("2-5").value();
  EXPECT_EQ(baseline.place(inventory_, parameters_, CpuSet{5}, allowed), CpuSet{2});
  inventory_.topology.isolated = CpuSet::parse_list("2-3").value();
  EXPECT_EQ(baseline.place(inventory_, parameters_, CpuSet{5}, allowed), CpuSet{4});
  inventory_.topology.isolated = allowed;
  EXPECT_EQ(baseline.place(inventory_, parameters_, CpuSet{5}, allowed), CpuSet{2});
  expect_clean(run_block(baseline.make(context_)));
}

TEST_F(OsTest, AnUnpinnedThreadMayRunAnywhereAndAPinnedOneNot) {
  const Technique& unpinned = row("os.unpinned");
  EXPECT_EQ(unpinned.place(inventory_, parameters_, one_cpu(), allowed_), allowed_);
  context_.cpus = allowed_;
  const Outcome free = run_block(unpinned.make(context_));
  expect_clean(free);
  EXPECT_THAT(free.engagement.evidence, HasSubstr("affinity " + allowed_.to_list() + " as asked"));
  const Outcome pinned = run_block(row("os.pinned").make(context_));
  expect_clean(pinned);
  EXPECT_THAT(pinned.engagement.evidence,
              HasSubstr("affinity " + one_cpu().to_list() + " as asked"));
  EXPECT_EQ(current_affinity().value(), allowed_);
}

TEST_F(OsTest, OneCpuCannotBeFloatedOver) {
  inventory_.topology.allowed = one_cpu();
  const Availability answer = row("os.pinned").available(host(), inventory_, parameters_);
  EXPECT_FALSE(answer.available);
  EXPECT_FALSE(answer.remedy.empty());
}

// What the rows ask for is read back: a thread that is moved or demoted behind their back is told.
TEST_F(OsTest, PlansThatAreUndoneAreNotEngaged) {
  WakeupPlan plan = wakeup_plan(context_);
  const Outcome batch = run_block(make_wakeup_block(context_, plan, become_batch));
  EXPECT_FALSE(batch.engagement.engaged) << batch.engagement.evidence;
  become_ordinary();
  if (!fifo_allowed()) GTEST_SKIP() << "SCHED_FIFO is not allowed here";
  plan.policy = Policy::fifo;
  const Outcome ordinary = run_block(make_wakeup_block(context_, plan, become_ordinary));
  EXPECT_FALSE(ordinary.engagement.engaged);
  EXPECT_THAT(ordinary.engagement.evidence, HasSubstr("SCHED_OTHER instead of SCHED_FIFO 40"));
  if (allowed_.count() < 2) GTEST_SKIP() << "one CPU";
  plan.policy = Policy::other;
  plan.cpus = allowed_;
  std::optional<ScopedAffinity> moved;
  const auto move = [&] { moved.emplace(ScopedAffinity::pin(one_cpu()).value()); };
  const Outcome bound = run_block(make_wakeup_block(context_, plan, move));
  EXPECT_FALSE(bound.engagement.engaged) << bound.engagement.evidence;
}

TEST_F(OsTest, IntervalsOutOfBoundsAreInvalid) {
  for (const Nanoseconds interval :
       {Nanoseconds(0), kWakeIntervalMin - Nanoseconds(1), kWakeIntervalMax + Nanoseconds(1)}) {
    parameters_.interval = interval;
    EXPECT_EQ(make_wakeup_block(context_).error().code, ErrorCode::invalid);
    for (const char* id : {"os.wakeup", "os.pinned", "os.unpinned", "os.realtime"}) {
      EXPECT_FALSE(row(id).available(host(), inventory_, parameters_).available) << id;
    }
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
