// The switches of io_uring: each by its name, all that fit together, and those that do not.
#include <algorithm>

#include "engine/storage_uring_block.hpp"
#include "engine/uring_abi.hpp"
#include "storage_fixture.hpp"

namespace assay::engine {
namespace {

class UringSwitches : public StorageTest {
 protected:
  void SetUp() override {
    if (const auto allowed = ring_allowed(host()); !allowed) {
      GTEST_SKIP() << allowed.error().message();
    }
    parameters_.depth = 4;
    parameters_.direct = false;
  }
  Expected<std::unique_ptr<Block>> make(const UringFeatures& features) {
    return make_uring_block(context_, uring_needs(features), features, {});
  }
};

TEST_F(UringSwitches, EachAloneWorksOrSaysWhyNot) {
  for (const UringFeature& feature : uring_features()) {
    UringFeatures features;
    Parameters with = parameters_;
    feature.turn_on(features, with);
    with.path = folder_.path();
    const Availability can = uring_features_available(host(), with, features);
    if (!can.available) {
      EXPECT_FALSE(can.reason.empty()) << feature.name;
      EXPECT_FALSE(can.remedy.empty()) << feature.name;
      continue;
    }
    if (features.iopoll) continue;  // needs O_DIRECT on a drive: the lab's
    const Outcome outcome = run_block(make(features));
    expect_clean(outcome);
  }
}

TEST_F(UringSwitches, AllThatFitTogether) {
  UringFeatures features{.fixed_buffers = true,
                         .fixed_file = true,
                         .batched = true,
                         .registered_ring = true,
                         .task_run = TaskRun::deferred};
  parameters_.depth = 16;
  parameters_.batch = 8;
  for (const bool no_array : {false, true}) {
    features.no_array = no_array;
    if (!uring_features_available(host(), parameters_, features).available) continue;
    for (const Completion completion : {Completion::block, Completion::poll, Completion::hybrid}) {
      parameters_.completion = completion;
      for (const Operation operation : {Operation::read, Operation::write}) {
        parameters_.operation = operation;
        expect_clean(run_block(make(features)));
      }
    }
  }
}

TEST_F(UringSwitches, ThoseThatExcludeEachOtherAreRefused) {
  const auto both = make({.sqpoll = true, .task_run = TaskRun::deferred});
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().code, ErrorCode::invalid);
  EXPECT_NE(both.error().message().find("SQPOLL with DEFER_TASKRUN"), std::string::npos)
      << both.error().message();
  const auto buffered = make({.iopoll = true});
  ASSERT_FALSE(buffered);
  EXPECT_EQ(buffered.error().code, ErrorCode::invalid);
  if (!has_direct()) return;
  parameters_.direct = true;
  parameters_.completion = Completion::block;
  const auto asleep = make({.iopoll = true});
  ASSERT_FALSE(asleep);
  EXPECT_NE(asleep.error().message().find("--completion"), std::string::npos);
}

// A drive without poll queues is found out before the timed part.
TEST_F(UringSwitches, PollingADriveThatCannotIsRefusedWithItsReason) {
  if (!has_direct()) GTEST_SKIP() << "no O_DIRECT on " << file_.description();
  parameters_.path = folder_.path();
  const UringFeatures iopoll{.iopoll = true};
  if (uring_features_available(host(), parameters_, iopoll).available) {
    GTEST_SKIP() << "this drive has poll queues";
  }
  parameters_.direct = true;
  auto block = make(iopoll);
  ASSERT_TRUE(block) << block.error().message();
  const auto warm = (*block)->warm_up();
  if (warm) GTEST_SKIP() << "the kernel polls all the same";
  EXPECT_NE(warm.error().message().find("IOPOLL"), std::string::npos) << warm.error().message();
}

TEST_F(UringSwitches, CallsAreCountedWhereTheyAreMade) {
  auto plain = Ring::create(host(), {.entries = 4, .task_run = TaskRun::interrupting});
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->submit_and_wait(0), 0) << "nothing to do: no call";
  EXPECT_EQ(plain->enters(), 0U);
  io_uring_prep_nop(plain->next_entry());
  EXPECT_EQ(plain->submit_and_wait(1), 1);
  EXPECT_EQ(plain->enters(), 1U);
}

TEST_F(UringSwitches, NamesOfFlags) {
  EXPECT_EQ(setup_flag_names(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN),
            "SINGLE_ISSUER | DEFER_TASKRUN");
  EXPECT_EQ(setup_flag_names(uring_abi::kSetupNoSqArray), "NO_SQARRAY");
  EXPECT_NE(supported_setup_flags() & IORING_SETUP_IOPOLL, 0U);
}

}  // namespace
}  // namespace assay::engine
