// Several threads and mixed reads and writes: each thread keeps to its own part of the file, all
// data is verified, and the share of reads is the one asked for.
#include <set>

#include "engine/mixed_access.hpp"
#include "engine/threaded_block.hpp"
#include "storage_fixture.hpp"

namespace assay::engine {
namespace {

class StorageModes : public StorageTest {
 protected:
  const Technique& technique(const char* id) {
    const Technique* found = find_technique(id);
    EXPECT_NE(found, nullptr) << id;
    return *found;
  }
  Outcome run_threads(const char* id, unsigned threads) {
    parameters_.threads = threads;
    const Technique& row = technique(id);
    if (row.resolve != nullptr) parameters_ = row.resolve(parameters_);
    return run_block(make_threaded_block(row, context_));
  }
};

TEST_F(StorageModes, LanesPartTheFile) {
  std::set<std::uint64_t> seen;
  parameters_.operation = Operation::write;
  for (unsigned lane = 0; lane < 3; ++lane) {
    context_.lane = lane;
    context_.lanes = 3;
    const auto plan = plan_storage(context_, {});
    ASSERT_TRUE(plan.has_value()) << plan.error().message();
    RandomBlocks blocks(plan->units, plan->seed, plan->first_unit);
    for (std::uint64_t i = 0; i < plan->units; ++i) {
      const std::uint64_t unit = blocks.next();
      EXPECT_LT((unit + 1) * plan->unit_bytes, file_.size().count + 1);
      EXPECT_TRUE(seen.insert(unit).second) << "two lanes share unit " << unit;
    }
  }
}

TEST_F(StorageModes, LargeBlocksLieOnHugePages) {
  parameters_.block = Bytes{128 << 10};
  const auto plan = plan_storage(context_, {});
  ASSERT_TRUE(plan.has_value()) << plan.error().message();
  const auto large = SlotBuffers::make(*plan, 3, file_.seed());
  ASSERT_TRUE(large.has_value()) << large.error().message();
  EXPECT_EQ(large->memory().size(), 3U * (128 << 10));
  if (pages_obtainable(*context_.host, PageKind::transparent, Bytes{2 << 20}, std::nullopt)) {
    EXPECT_EQ(large->on_huge_pages(*context_.host).count, large->memory().size());
  }
  parameters_.block = Bytes{4096};
  const auto small = SlotBuffers::make(*plan_storage(context_, {}), 3, file_.seed());
  ASSERT_TRUE(small.has_value()) << small.error().message();
  EXPECT_EQ(small->on_huge_pages(*context_.host).count, 0U)
      << "nothing to gain, and locked memory to lose";
}

TEST_F(StorageModes, ThreadsReadAndVerify) {
  const Outcome outcome = run_threads("storage.pread", 3);
  expect_clean(outcome);
  EXPECT_GT(outcome.verification.checked, 3 * kVerifiedUnits);
  EXPECT_NE(outcome.engagement.evidence.find("3 threads"), std::string::npos);
}

TEST_F(StorageModes, ThreadsWriteOnlyTheirOwnPart) {
  parameters_.operation = Operation::write;
  const Outcome outcome = run_threads("storage.pread", 2);
  expect_clean(outcome);
  EXPECT_GE(outcome.verification.checked, 2U);
}

TEST_F(StorageModes, ThreadsShareARate) {
  parameters_.rate_per_s = 2000;
  parameters_.arrival = Arrival::fixed;
  parameters_.threads = 2;
  parameters_ = technique("storage.pread").resolve(parameters_);
  const Outcome outcome = run_block(make_threaded_block(technique("storage.pread"), context_),
                                    std::chrono::milliseconds(50));
  EXPECT_NEAR(static_cast<double>(outcome.recorder.operations + outcome.recorder.missed), 100, 4);
  EXPECT_EQ(outcome.recorder.response.count(), outcome.recorder.operations);
}

TEST_F(StorageModes, AThreadThatFallsBackIsTold) {
  static const Technique kBroken{.id = "broken",
                                 .summary = "the second thread moves wrong data",
                                 .make = [](const BlockContext& context) {
                                   return make_pread(context, {.wrong_data = context.lane == 1});
                                 }};
  parameters_.threads = 2;
  const Outcome outcome = run_block(make_threaded_block(kBroken, context_));
  EXPECT_FALSE(outcome.verification.verified);
}

TEST_F(StorageModes, AThreadThatCannotStartEndsTheBlock) {
  static const Technique kRefused{.id = "refused",
                                  .summary = "the last thread has no block",
                                  .make = [](const BlockContext& c) {
                                    return c.lane == 2 ? Made(fail_errno(ENOMEM, "make", "lane"))
                                                       : make_pread(c, {});
                                  }};
  parameters_.threads = 3;
  auto block = make_threaded_block(kRefused, context_);
  ASSERT_TRUE(block.has_value());
  EXPECT_FALSE((*block)->warm_up().has_value());
}

TEST_F(StorageModes, MixesReadsAndWrites) {
  for (const char* id :
       {"storage.pread", "storage.vectored", "storage.uring", "storage.uring.combined"}) {
    parameters_ = Parameters{};
    parameters_.size = file_.size();
    parameters_.read_share = 70;
    parameters_ = technique(id).resolve(parameters_);
    const Outcome outcome = run_block(technique(id).make(context_), std::chrono::milliseconds(30));
    expect_clean(outcome);
    EXPECT_NE(outcome.engagement.evidence.find("% of"), std::string::npos);
    EXPECT_GT(outcome.verification.checked, 1U);
  }
}

TEST_F(StorageModes, MixedThreadsKeepTheirDataApart) {
  parameters_.read_share = 50;
  expect_clean(run_threads("storage.pread", 2));
  parameters_ = Parameters{};
  parameters_.size = file_.size();
  parameters_.read_share = 30;
  parameters_.depth = 4;
  expect_clean(run_threads("storage.uring.fixed-buffers", 2));
}

TEST_F(StorageModes, MixedWrongDataIsCaught) {
  parameters_.read_share = 50;
  const Outcome outcome = run_block(make_pread(context_, {.wrong_data = true}));
  EXPECT_FALSE(outcome.verification.verified);
}

TEST_F(StorageModes, MixedNeedsWholeSectorsAndRoom) {
  parameters_.read_share = 50;
  parameters_.block = Bytes{512};
  EXPECT_NE(plan_storage(context_, {}).error().message().find("sectors"), std::string::npos);
  parameters_.block = file_.size();
  EXPECT_NE(plan_storage(context_, {}).error().message().find("room"), std::string::npos);
}

TEST(MixedShare, IsHeldOrTold) {
  EXPECT_TRUE(share_held(7000, 3000, 70).engaged);
  EXPECT_FALSE(share_held(10000, 0, 70).engaged);
  EXPECT_FALSE(share_held(5000, 5000, 70).engaged);
  EXPECT_TRUE(share_held(3, 0, 70).engaged);  // too few to tell
  ReadCoin coin(30, 5);
  unsigned reads = 0;
  for (int i = 0; i < 10000; ++i) reads += coin.next() ? 1 : 0;
  EXPECT_TRUE(share_held(reads, 10000 - reads, 30).engaged);
}

TEST(Writing, TheShareDecides) {
  Parameters parameters;
  EXPECT_FALSE(writes(parameters));
  parameters.operation = Operation::write;
  EXPECT_TRUE(writes(parameters));
  EXPECT_EQ(written_part(parameters, 1000), 1000U);
  parameters.read_share = 100;
  EXPECT_FALSE(writes(parameters));
  EXPECT_EQ(written_part(parameters, 1000), 0U);
  parameters.read_share = 75;
  EXPECT_TRUE(is_mixed(parameters));
  EXPECT_EQ(written_part(parameters, 1000), 250U);
  parameters.read_share = 0;
  parameters.operation = Operation::read;
  EXPECT_TRUE(writes(parameters));
  EXPECT_EQ(written_part(parameters, 1000), 1000U);
}

}  // namespace
}  // namespace assay::engine
