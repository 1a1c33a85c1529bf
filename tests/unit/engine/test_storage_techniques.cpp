// Every storage technique: works for reads and writes, proves itself, and is caught when it falls
// back silently or moves wrong data.
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <iterator>
#include <vector>

#include "engine/ring.hpp"
#include "engine/storage_uring_block.hpp"
#include "storage_fixture.hpp"

namespace assay::engine {
namespace {

using Maker = Made (*)(const BlockContext&, const StorageSabotage&);

struct Way {
  const char* name;
  const char* id;
  Maker make;
  bool StorageSabotage::* fallback;  // the switch that makes its proof fail; null: none to fall to
  unsigned depth = 1, batch = 0;
  bool direct = false, uring = false, writes_only = false;
};

const Way kWays[] = {
    {"pread", "storage.pread", make_pread, nullptr},
    {"direct", "storage.direct", make_direct, &StorageSabotage::buffered, 1, 0, true},
    {"mmap", "storage.mmap", make_mmap, &StorageSabotage::calls_instead_of_map},
    {"stdio", "storage.stdio", make_stdio, &StorageSabotage::unbuffered},
    {"write_fdatasync", "storage.write-fdatasync", make_write_sync, &StorageSabotage::one_call_each,
     1, 0, false, false, true},
    {"posix_aio", "storage.posix-aio", make_posix_aio, &StorageSabotage::synchronous, 4},
    {"posix_aio_direct", "storage.posix-aio", make_posix_aio, &StorageSabotage::synchronous, 4, 0,
     true},
    {"libaio", "storage.libaio", make_libaio, &StorageSabotage::synchronous, 4},
    {"libaio_direct", "storage.libaio", make_libaio, &StorageSabotage::synchronous, 8, 4, true},
    {"uring_linked", "storage.uring.linked", make_uring_linked, &StorageSabotage::unlinked, 2, 0,
     false, true, true},
    {"vectored", "storage.vectored", make_vectored, &StorageSabotage::one_call_each, 1, 8},
    {"uring", "storage.uring", make_uring, nullptr, 4, 0, false, true},
    {"uring_fixed_buffers", "storage.uring.fixed-buffers", make_uring_fixed_buffers,
     &StorageSabotage::plain_buffers, 4, 0, false, true},
    {"uring_fixed_files", "storage.uring.fixed-files", make_uring_fixed_files,
     &StorageSabotage::plain_files, 4, 0, false, true},
    {"uring_batched", "storage.uring.batched", make_uring_batched, &StorageSabotage::one_call_each,
     16, 8, false, true},
    {"uring_combined", "storage.uring.combined", make_uring_combined, &StorageSabotage::plain_files,
     16, 8, false, true},
    {"uring_coop_taskrun", "storage.uring.coop-taskrun", make_uring_coop_taskrun,
     &StorageSabotage::plain_ring, 4, 0, false, true},
    {"uring_defer_taskrun", "storage.uring.defer-taskrun", make_uring_defer_taskrun,
     &StorageSabotage::plain_ring, 4, 0, false, true},
    {"uring_sqpoll", "storage.uring.sqpoll", make_uring_sqpoll, &StorageSabotage::plain_ring, 4, 0,
     false, true},
    {"uring_direct", "storage.uring", make_uring, nullptr, 8, 0, true, true},
    {"uring_combined_direct", "storage.uring.combined", make_uring_combined,
     &StorageSabotage::plain_buffers, 8, 4, true, true},
};

class Ways : public StorageTest, public testing::WithParamInterface<Way> {
 protected:
  void SetUp() override {
    const Way& way = GetParam();
    if (way.direct && !has_direct()) GTEST_SKIP() << "no O_DIRECT on " << file_.description();
    if (way.uring) {
      if (const auto allowed = ring_allowed(host()); !allowed) {
        GTEST_SKIP() << allowed.error().message();
      }
    }
    parameters_.depth = way.depth;
    parameters_.batch = way.batch;
    parameters_.direct = way.direct;
  }
  Outcome run(const StorageSabotage& sabotage = {}) {
    return run_block(GetParam().make(context_, sabotage));
  }
  std::uint64_t unit() const {
    const bool record = std::string_view(GetParam().id) == "storage.vectored";
    return parameters_.block.count * (record ? parameters_.batch : 1);
  }
};

TEST_P(Ways, ReadsAndProvesIt) {
  if (GetParam().writes_only) GTEST_SKIP() << "it only writes";
  for (const Pattern pattern : {Pattern::random, Pattern::sequential}) {
    parameters_.pattern = pattern;
    const Outcome outcome = run();
    expect_clean(outcome);
    EXPECT_EQ(outcome.recorder.bytes, outcome.recorder.operations * unit());
    EXPECT_EQ(outcome.recorder.short_transfers, 0U);
    EXPECT_TRUE(outcome.verification.applies);
    EXPECT_GT(outcome.verification.checked, 1U);
    EXPECT_FALSE(outcome.engagement.evidence.empty());
  }
}

TEST_P(Ways, WritesAndWhatIsWrittenIsThere) {
  parameters_.operation = Operation::write;
  const Outcome outcome = run();
  expect_clean(outcome);
  EXPECT_TRUE(outcome.verification.applies);
  EXPECT_GE(outcome.verification.checked, 1U);
  // Written sectors carry their own checksums: the file is still whole.
  EXPECT_TRUE(file_.checksummed());
  parameters_.operation = Operation::read;
  if (!GetParam().writes_only) expect_clean(run());
}

TEST_P(Ways, OtherBlockSizes) {
  for (const Bytes block : {16_KiB, 64_KiB}) {
    parameters_.block = block;
    for (const Operation operation : {Operation::read, Operation::write}) {
      parameters_.operation = operation;
      expect_clean(run());
    }
  }
}

// The ways that can fall back to another: all but the baselines.
class WaysWithFallback : public Ways {};

std::vector<Way> ways_with_fallback() {
  std::vector<Way> some;
  std::copy_if(std::begin(kWays), std::end(kWays), std::back_inserter(some),
               [](const Way& way) { return way.fallback != nullptr; });
  return some;
}

TEST_P(WaysWithFallback, SilentFallbackIsReportedAsNotEngaged) {
  for (const Operation operation : {Operation::read, Operation::write}) {
    parameters_.operation = operation;
    StorageSabotage sabotage;
    sabotage.*GetParam().fallback = true;
    const Outcome outcome = run(sabotage);
    EXPECT_FALSE(outcome.engagement.engaged) << outcome.engagement.evidence;
    EXPECT_GT(outcome.recorder.operations, 0U) << "the fallback itself works: that is the danger";
    EXPECT_EQ(outcome.recorder.errors, 0U);
  }
}

TEST_P(Ways, WrongDataIsSeen) {
  if (GetParam().writes_only) parameters_.operation = Operation::write;
  StorageSabotage sabotage;
  sabotage.wrong_data = true;
  const Outcome outcome = run(sabotage);
  EXPECT_FALSE(outcome.verification.verified);
  EXPECT_NE(outcome.verification.detail.find("offset"), std::string::npos);
}

TEST_P(Ways, OpenLoopTellsResponseAndLagApart) {
  parameters_.rate_per_s = 2000;
  for (const Arrival arrival : {Arrival::fixed, Arrival::poisson}) {
    parameters_.arrival = arrival;
    const Outcome outcome = run_block(GetParam().make(context_, {}), std::chrono::milliseconds(50));
    const Recorder& recorder = outcome.recorder;
    EXPECT_EQ(recorder.response.count(), recorder.operations);
    EXPECT_EQ(recorder.lag.count(), recorder.operations);
    EXPECT_EQ(recorder.service.count(), recorder.operations);
    // Whether it was started or not, every operation of the schedule is accounted for.
    const std::uint64_t scheduled = recorder.operations + recorder.missed;
    if (arrival == Arrival::fixed) {
      EXPECT_NEAR(static_cast<double>(scheduled), 100.0, 1.0);
    } else {
      EXPECT_GT(scheduled, 50U);
      EXPECT_LT(scheduled, 160U);
    }
    EXPECT_GE(recorder.response.mean_ns() + 1, recorder.service.mean_ns());
  }
}

TEST_P(Ways, SameIndexSameOffsetsAndRowExists) {
  const Technique* row = find_technique(GetParam().id);
  ASSERT_NE(row, nullptr);
  EXPECT_NE(row->make, nullptr);
  EXPECT_NE(row->resolve, nullptr);
  const Parameters resolved = row->resolve(parameters_);
  EXPECT_TRUE(resolved.direct.has_value());
  EXPECT_TRUE(resolved.regime.has_value());
}

std::string name_of(const testing::TestParamInfo<Way>& way) { return way.param.name; }
INSTANTIATE_TEST_SUITE_P(Storage, Ways, testing::ValuesIn(kWays), name_of);
INSTANTIATE_TEST_SUITE_P(Storage, WaysWithFallback, testing::ValuesIn(ways_with_fallback()),
                         name_of);

class StorageLimits : public StorageTest {};

TEST_F(StorageLimits, DirectRefusesBlocksThatAreNotAligned) {
  if (!has_direct()) GTEST_SKIP() << "no O_DIRECT here";
  parameters_.block = Bytes{1000};
  const auto block = make_direct(context_, {});
  ASSERT_FALSE(block);
  EXPECT_EQ(block.error().code, ErrorCode::invalid);
  EXPECT_NE(block.error().message().find("multiple of"), std::string::npos);
}

TEST_F(StorageLimits, DirectAndCachedContradictEachOther) {
  parameters_.direct = true;
  parameters_.regime = Regime::cached;
  const auto block = make_pread(context_, {});
  ASSERT_FALSE(block);
  EXPECT_NE(block.error().message().find("cannot be cached"), std::string::npos);
}

TEST_F(StorageLimits, FileSmallerThanOneOperation) {
  parameters_.block = 8_MiB;
  const auto block = make_pread(context_, {});
  ASSERT_FALSE(block);
  EXPECT_NE(block.error().message().find("the file has 4MiB"), std::string::npos)
      << block.error().message();
}

TEST_F(StorageLimits, SmallWritesAreVerifiedAndEndTheChecksums) {
  parameters_.operation = Operation::write;
  parameters_.block = Bytes{512};
  expect_clean(run_block(make_pread(context_, {})));
  EXPECT_FALSE(file_.checksummed());
  parameters_.operation = Operation::read;
  parameters_.block = 4_KiB;
  expect_clean(run_block(make_pread(context_, {})));
}

TEST_F(StorageLimits, BufferedFromTheDriveStopsCountingOnceBlocksRepeat) {
  if (!has_direct()) GTEST_SKIP() << "no drive behind this folder";
  parameters_.regime = Regime::device;
  parameters_.block = 1_MiB;  // four blocks: met again after a few operations
  const Outcome outcome = run_block(make_pread(context_, {}), std::chrono::milliseconds(200));
  if (outcome.recorder.operations <= 4) GTEST_SKIP() << "the drive is too slow to come round";
  EXPECT_FALSE(outcome.engagement.engaged);
  EXPECT_NE(outcome.engagement.evidence.find("too small"), std::string::npos);
}

TEST_F(StorageLimits, ShortReadsAreCounted) {
  ASSERT_FALSE(file_.is_character_device());
  TestFileOptions options;
  options.path = folder_.write("shrinking", 4 << 20);
  options.size = 4_MiB;
  use(options);
  auto block = make_pread(context_, {});
  ASSERT_TRUE(block) << block.error().message();
  ASSERT_TRUE((*block)->warm_up());
  std::filesystem::resize_file(options.path, 0);
  Recorder recorder;
  ASSERT_TRUE((*block)->run(kShortBlock, recorder));
  EXPECT_GT(recorder.short_transfers, 0U);
  EXPECT_EQ(recorder.short_transfers, recorder.operations);
  EXPECT_EQ(recorder.errors, 0U);
}

TEST_F(StorageLimits, FailedOperationsAreCountedWithTheirErrno) {
  parameters_.operation = Operation::write;
  auto block = make_pread(context_, {});
  ASSERT_TRUE(block) << block.error().message();
  ASSERT_TRUE((*block)->warm_up());
  // Past the limit on the size of files every write answers EFBIG, once the signal is ignored.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
  Recorder recorder;
  const auto ran = (*block)->run(kShortBlock, recorder);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ASSERT_TRUE(ran);
  EXPECT_GT(recorder.errors, 0U);
  EXPECT_EQ(recorder.errors, recorder.operations);
  EXPECT_EQ(recorder.first_errno, EFBIG);
  EXPECT_FALSE((*block)->verification().verified) << "nothing was written";
}

TEST_F(StorageLimits, WritingNeedsAFileThatWasPreparedForIt) {
  TestFileOptions options;
  options.path = folder_.write("foreign", 4 << 20);
  options.size = 4_MiB;
  use(options);
  parameters_.operation = Operation::write;
  const auto block = make_pread(context_, {});
  ASSERT_FALSE(block);
  EXPECT_EQ(block.error().code, ErrorCode::invalid);
}

TEST_F(StorageLimits, DevicesWithoutADrive) {
  TestFileOptions zero;
  zero.path = "/dev/zero";
  zero.size = 4_MiB;
  use(zero);
  parameters_.path = zero.path;
  expect_clean(run_block(make_pread(context_, {})));
  if (ring_allowed(host())) {
    parameters_.depth = 32;
    parameters_.batch = 32;
    expect_clean(run_block(make_uring_combined(context_, {})));
  }
  TestFileOptions null;
  null.path = parameters_.path = "/dev/null";
  null.size = 4_MiB;
  null.for_writing = true;
  use(null);
  parameters_.operation = Operation::write;
  expect_clean(run_block(make_pread(context_, {})));
}

// On a host without NVMe the fallback is all there is: it must not pass for the technique.
TEST_F(StorageLimits, AnInterruptDrivenRingIsNoPollingOneAndAFileNoNamespace) {
  if (!has_direct()) GTEST_SKIP() << "no O_DIRECT on " << file_.description();
  if (const auto allowed = ring_allowed(host()); !allowed) GTEST_SKIP();
  StorageSabotage sabotage;
  sabotage.plain_ring = true;
  const Outcome polling = run_block(make_uring_iopoll(context_, sabotage));
  EXPECT_GT(polling.recorder.operations, 0U);
  EXPECT_FALSE(polling.engagement.engaged);
  EXPECT_NE(polling.engagement.evidence.find("no IOPOLL"), std::string::npos);
  const Outcome command = run_block(make_uring_passthrough(context_, sabotage));
  EXPECT_GT(command.recorder.operations, 0U);
  EXPECT_FALSE(command.engagement.engaged);
  EXPECT_NE(command.engagement.evidence.find("no NVMe character device"), std::string::npos);
  const auto honest = make_uring_passthrough(context_, {});
  ASSERT_FALSE(honest);
  EXPECT_EQ(honest.error().code, ErrorCode::unsupported);
  EXPECT_FALSE(honest.error().advice.empty());
}

TEST_F(StorageLimits, LinkedPairsOnlyWriteAndFitNotEverything) {
  if (const auto allowed = ring_allowed(host()); !allowed) GTEST_SKIP();
  parameters_.direct = false;
  UringFeatures features{.fixed_buffers = true, .linked = true};
  parameters_.operation = Operation::write;
  const auto both = make_uring_block(context_, uring_needs(features), features, {});
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().code, ErrorCode::invalid);
  parameters_.operation = Operation::read;
  const auto reading = make_uring_block(context_, {}, {.linked = true}, {});
  ASSERT_FALSE(reading);
  EXPECT_NE(reading.error().message().find("cannot read"), std::string::npos);
}

TEST_F(StorageLimits, StdioHasNoDirect) {
  parameters_.direct = true;
  const auto block = make_stdio(context_, {});
  ASSERT_FALSE(block);
  EXPECT_NE(block.error().message().find("not aligned"), std::string::npos);
}

TEST_F(StorageLimits, MapNeedsAFile) {
  TestFileOptions zero;
  zero.path = "/dev/zero";
  zero.size = 4_MiB;
  use(zero);
  parameters_.path = zero.path;
  const auto block = make_mmap(context_, {});
  ASSERT_FALSE(block);
  EXPECT_EQ(block.error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace assay::engine
