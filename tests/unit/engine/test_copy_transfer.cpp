#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/copy_pipe.hpp"
#include "engine/copy_transfer.hpp"
#include "tests/unit/engine/technique_fixture.hpp"

namespace assay::engine {
namespace {

using testing::HasSubstr;

class CopyTest : public TechniqueTest {
 protected:
  CopyTest()
      : file_(TestFile::prepare(
            {.path = {}, .directory = testing::TempDir(), .size = 4_MiB, .progress = {}})) {
    context_.file = file_ ? &*file_ : nullptr;
    parameters_.block = 64_KiB;
  }
  void SetUp() override { ASSERT_TRUE(file_) << file_.error().message(); }

  Expected<std::unique_ptr<Block>> make(const CopyOptions& options) {
    return make_copy_block(context_, options);
  }

  Expected<TestFile> file_;
};

// Every row that copies this file chunk by chunk, with the variants that it takes.
struct RowVariants {
  const char* id;
  std::vector<const char*> variants;
};
const RowVariants kRows[] = {{"copy.read-write", {"", "unix", "tcp", "file"}},
                             {"copy.read-write-8k", {"unix", "file"}},
                             {"copy.sendfile", {"", "unix", "tcp", "file"}},
                             {"copy.splice", {"", "unix", "tcp", "file"}},
                             {"copy.copy-file-range", {"", "copy"}}};

TEST_F(CopyTest, EveryBlockArrives) {
  for (const RowVariants& one : kRows) {
    const Technique& row = *find_technique(one.id);
    for (const char* variant : one.variants) {
      for (const std::uint64_t block : {512U, 8192U, 131072U, 1U << 20}) {
        SCOPED_TRACE(testing::Message() << row.id << " " << variant << " " << block);
        parameters_.block = Bytes{block};
        parameters_.variant = variant;
        ASSERT_TRUE(row.available(host(), inventory_, parameters_).available);
        const Outcome outcome = run_block(row.make(context_), std::chrono::milliseconds(4));
        expect_clean(outcome);
        EXPECT_TRUE(outcome.verification.applies);
        EXPECT_GT(outcome.verification.checked, 0U);
        EXPECT_EQ(outcome.recorder.bytes, block * outcome.recorder.operations);
      }
    }
  }
}

TEST_F(CopyTest, WorksInSequenceAndOnOneCpu) {
  parameters_.pattern = Pattern::sequential;
  context_.cpus = one_cpu();
  for (const CopyMethod method : {CopyMethod::read_write, CopyMethod::sendfile, CopyMethod::splice,
                                  CopyMethod::copy_file_range}) {
    expect_clean(run_block(make({.method = method})));
  }
}

TEST_F(CopyTest, ABlockThatIsTheWholeFile) {
  parameters_.block = 4_MiB;
  for (const CopyMethod method :
       {CopyMethod::sendfile, CopyMethod::splice, CopyMethod::copy_file_range}) {
    expect_clean(run_block(make({.method = method})));
  }
}

TEST_F(CopyTest, TheLoopsDifferInTheirBuffer) {
  for (const auto& [id, words] : {std::pair{"copy.read-write", "buffer of 128KiB"},
                                  std::pair{"copy.read-write-8k", "buffer of 8KiB"}}) {
    for (const char* variant : {"unix", "file"}) {
      parameters_.block = 256_KiB;
      parameters_.variant = variant;
      const Outcome outcome = run_block(find_technique(id)->make(context_));
      EXPECT_THAT(outcome.engagement.evidence, HasSubstr(words));
    }
  }
}

TEST_F(CopyTest, AFallbackIsNotEngagedThoughTheDataIsRight) {
  for (const CopyMethod method :
       {CopyMethod::sendfile, CopyMethod::splice, CopyMethod::copy_file_range}) {
    const Outcome outcome = run_block(make({.method = method, .refuse = true}));
    EXPECT_FALSE(outcome.engagement.engaged);
    EXPECT_THAT(outcome.engagement.evidence, HasSubstr("0 of "));
    EXPECT_TRUE(outcome.verification.verified);
    EXPECT_GT(outcome.recorder.operations, 0U);
  }
}

TEST_F(CopyTest, AChangedByteIsSeen) {
  for (const CopyMethod method :
       {CopyMethod::sendfile, CopyMethod::splice, CopyMethod::copy_file_range}) {
    const Outcome outcome = run_block(make({.method = method, .corrupt = true}));
    EXPECT_FALSE(outcome.verification.verified);
    EXPECT_TRUE(outcome.engagement.engaged) << "the bytes did go through the kernel";
  }
}

TEST_F(CopyTest, AReflinkIsToldFromACopy) {
  const auto run = [&](const char* variant, std::optional<std::uint64_t> shared) {
    parameters_.variant = variant;
    return run_block(make_copy_to_file_block(context_, {.method = CopyMethod::copy_file_range,
                                                        .pretend_shared_bytes = shared}))
        .engagement;
  };
  constexpr std::uint64_t kAll = 4ULL << 20;
  EXPECT_TRUE(run("", kAll).engaged);
  EXPECT_THAT(run("", kAll).evidence, HasSubstr("reflinked: 4MiB of 4MiB"));
  EXPECT_TRUE(run("", 0).engaged);
  EXPECT_THAT(run("", 0).evidence, HasSubstr("copied"));
  EXPECT_FALSE(run("copy", kAll).engaged) << "shared blocks are no copy";
  EXPECT_TRUE(run("copy", 0).engaged);
}

TEST_F(CopyTest, AReflinkIsOnlyThereWhereTheFilesystemSharesBlocks) {
  parameters_.variant = "reflink";
  const auto made = make({.method = CopyMethod::copy_file_range});
  if (made) GTEST_SKIP() << "the temporary directory shares blocks";
  EXPECT_THAT(made.error().advice, HasSubstr("btrfs"));
}

TEST_F(CopyTest, FilesAreOnlyCopiedFromFiles) {
  auto zero = TestFile::prepare({.path = "/dev/zero", .directory = {}, .progress = {}});
  ASSERT_TRUE(zero) << zero.error().message();
  context_.file = &*zero;
  const auto made = make({.method = CopyMethod::copy_file_range});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::invalid);
}

TEST_F(CopyTest, ADeadPeerIsAnErrorAndNotAHang) {
  for (const char* variant : {"unix", "tcp"}) {
    for (const CopyMethod method :
         {CopyMethod::read_write, CopyMethod::sendfile, CopyMethod::splice}) {
      parameters_.variant = variant;
      auto block = make({.method = method, .peer_dies_after_bytes = 1 << 20}).value();
      ASSERT_TRUE(block->warm_up());
      Recorder recorder;
      EXPECT_FALSE(block->run(std::chrono::seconds(30), recorder));
      EXPECT_EQ(recorder.errors, 1U);
      EXPECT_NE(recorder.first_errno, 0);
    }
  }
}

TEST_F(CopyTest, RefusesWhatDoesNotFit) {
  const auto refused = [&](Bytes block, const char* variant) {
    parameters_.block = block;
    parameters_.variant = variant;
    const auto made = make({});
    return !made && made.error().code == ErrorCode::invalid;
  };
  EXPECT_TRUE(refused(Bytes{0}, ""));
  EXPECT_TRUE(refused(Bytes{256}, ""));
  EXPECT_TRUE(refused(32_MiB, ""));
  EXPECT_TRUE(refused(8_MiB, ""));  // larger than the file
  EXPECT_TRUE(refused(4_KiB, "rdma"));
  context_.file = nullptr;
  EXPECT_TRUE(refused(4_KiB, ""));
}

TEST_F(CopyTest, AvailabilityNamesTheVariants) {
  for (const RowVariants& one : kRows) {
    const Technique& row = *find_technique(one.id);
    parameters_.variant = "rdma";
    const Availability answer = row.available(host(), inventory_, parameters_);
    EXPECT_FALSE(answer.available);
    EXPECT_THAT(answer.reason,
                testing::AnyOf(HasSubstr("unix or tcp or file"), HasSubstr("copy or reflink")));
  }
}

TEST_F(CopyTest, ComparesWithBothLoopsOnTheSameGround) {
  const Technique& range = *find_technique("copy.copy-file-range");
  EXPECT_EQ(range.baseline_parameters(parameters_).variant, "file");
  for (const char* id : {"copy.sendfile", "copy.splice", "copy.copy-file-range"}) {
    const Technique& row = *find_technique(id);
    EXPECT_EQ(row.baseline, "copy.read-write");
    EXPECT_EQ(row.also_against, "copy.read-write-8k");
    EXPECT_EQ(row.resolve(Parameters{}).block, 128_KiB);
  }
}

class PipeCopyTest : public TechniqueTest {
 protected:
  PipeCopyTest() { parameters_.block = 64_KiB; }
  Outcome run(const PipeCopyOptions& options) {
    return run_block(make_pipe_copy_block(context_, options));
  }
};

TEST_F(PipeCopyTest, EveryBlockArrives) {
  for (const char* id : {"copy.write-pipe", "copy.vmsplice"}) {
    for (const std::uint64_t block : {4096U, 131072U, 4U << 20}) {
      SCOPED_TRACE(testing::Message() << id << " " << block);
      parameters_.block = Bytes{block};
      const Outcome outcome = run_block(find_technique(id)->make(context_));
      expect_clean(outcome);
      EXPECT_GT(outcome.verification.checked, 0U);
    }
  }
  context_.cpus = one_cpu();
  expect_clean(run({}));
}

TEST_F(PipeCopyTest, AFallbackIsNotEngaged) {
  const Outcome outcome = run({.refuse = true});
  EXPECT_FALSE(outcome.engagement.engaged);
  EXPECT_TRUE(outcome.verification.verified);
}

TEST_F(PipeCopyTest, ACopyThatIsCalledAMoveIsFoundByItsPages) {
  const Outcome outcome = run({.pretend = true});
  EXPECT_FALSE(outcome.engagement.engaged);
  EXPECT_THAT(outcome.engagement.evidence, HasSubstr("0 of 8 pages probed moved"));
}

TEST_F(PipeCopyTest, AChangedByteIsSeen) {
  EXPECT_FALSE(run({.corrupt = true}).verification.verified);
}

TEST_F(PipeCopyTest, ADeadPeerIsAnErrorAndNotAHang) {
  for (const bool vmsplice : {true, false}) {
    auto block =
        make_pipe_copy_block(context_, {.vmsplice = vmsplice, .peer_dies_after_bytes = 1 << 20})
            .value();
    ASSERT_TRUE(block->warm_up());
    Recorder recorder;
    EXPECT_FALSE(block->run(std::chrono::seconds(30), recorder));
    EXPECT_EQ(recorder.errors, 1U);
  }
}

TEST_F(PipeCopyTest, PagesAreHandedOverWhole) {
  for (const std::uint64_t block : {0U, 512U, 6000U, 32U << 20}) {
    parameters_.block = Bytes{block};
    EXPECT_FALSE(
        find_technique("copy.vmsplice")->available(host(), inventory_, parameters_).available)
        << block;
  }
  parameters_.block = Bytes{6000};
  EXPECT_TRUE(
      find_technique("copy.write-pipe")->available(host(), inventory_, parameters_).available);
}

}  // namespace
}  // namespace assay::engine
