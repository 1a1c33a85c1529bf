// storage.adaptive-depth and storage.static-depth on a drive of their own: the proof, the data, and
// both caught when they do not do what they say. How well the controller steers is tested in
// simulation (library/test_adaptive_depth.cpp) and on a throttled drive in the lab.
#include <gmock/gmock.h>

#include "engine/ring.hpp"
#include "engine/storage_adaptive.hpp"
#include "storage_fixture.hpp"

namespace assay::engine {
namespace {

using testing::HasSubstr;

class StorageDepth : public StorageTest {
 protected:
  void SetUp() override {
    if (const auto allowed = ring_allowed(host()); !allowed) {
      GTEST_SKIP() << allowed.error().message();
    }
    forget_depths();
    // The page cache answers at once, whatever the depth: a target that any machine meets, and one
    // that none does.
    parameters_.regime = Regime::cached;
    parameters_.direct = false;
    parameters_.target_p99 = std::chrono::seconds(1);
    parameters_ = resolve_adaptive_depth(parameters_);
    parameters_.depth = 32;
  }
};

TEST_F(StorageDepth, RisesToTheLargestDepthAndProvesIt) {
  ASSERT_NE(find_technique("storage.adaptive-depth"), nullptr);
  for (const Operation operation : {Operation::read, Operation::write}) {
    parameters_.operation = operation;
    const Outcome outcome = run_block(make_adaptive_depth(context_));
    expect_clean(outcome);
    EXPECT_TRUE(outcome.verification.applies);
    EXPECT_THAT(outcome.engagement.evidence, HasSubstr("settled after"));
    EXPECT_THAT(outcome.engagement.evidence, HasSubstr("depth 32-32"));
  }
}

TEST_F(StorageDepth, StaysAtOneWhenTheTargetCannotBeMet) {
  parameters_.target_p99 = Nanoseconds(1);
  const Outcome outcome = run_block(make_adaptive_depth(context_));
  expect_clean(outcome);
  EXPECT_THAT(outcome.engagement.evidence, HasSubstr("misses the target at any depth"));
}

TEST_F(StorageDepth, ADepthThatIsNotFollowedIsNotEngaged) {
  const Outcome outcome = run_block(make_adaptive_depth(context_, DepthFault::not_followed));
  EXPECT_FALSE(outcome.engagement.engaged);
  EXPECT_THAT(outcome.engagement.evidence, HasSubstr("1 in flight although the controller said"));
  EXPECT_GT(outcome.recorder.operations, 0U);
}

TEST_F(StorageDepth, WhatWasLearnedIsUsedAgain) {
  run_block(make_adaptive_depth(context_));
  // From cold, the first 256 operations would be at depth 1.
  const Outcome second = run_block(make_adaptive_depth(context_));
  EXPECT_THAT(second.engagement.evidence, HasSubstr("depth 32-32, 0 changes"));
}

TEST_F(StorageDepth, TheFixedDepthIsLookedForAndKept) {
  ASSERT_NE(find_technique("storage.static-depth"), nullptr);
  const Outcome outcome = run_block(make_static_depth(context_));
  expect_clean(outcome);
  EXPECT_THAT(outcome.engagement.evidence, HasSubstr("p99 under 1s at depth 1 2 3 4 5 6 7 8 10"));
  forget_depths();
  parameters_.target_p99 = Nanoseconds(1);
  EXPECT_THAT(run_block(make_static_depth(context_)).engagement.evidence, HasSubstr("none"));
}

TEST_F(StorageDepth, AFixedDepthThatIsNotKeptIsNotEngaged) {
  forget_depths();
  const Outcome honest = run_block(make_static_depth(context_));
  const Outcome outcome = run_block(make_static_depth(context_, DepthFault::not_followed));
  if (honest.engagement.evidence.find("1 in flight;") != std::string::npos) {
    GTEST_SKIP() << "depth 1 is the best here";
  }
  EXPECT_FALSE(outcome.engagement.engaged) << outcome.engagement.evidence;
}

TEST_F(StorageDepth, WrongDataIsSeen) {
  const Outcome outcome = run_block(make_adaptive_depth(context_, DepthFault::wrong_data));
  EXPECT_FALSE(outcome.verification.verified);
}

}  // namespace
}  // namespace assay::engine
