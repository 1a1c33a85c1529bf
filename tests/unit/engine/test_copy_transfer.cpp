#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/copy_transfer.hpp"
#include "engine/techniques_copy.hpp"
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

TEST_F(CopyTest, EveryBlockArrives) {
  for (const Technique& row : copy_techniques()) {
    for (const char* variant : {"", "unix", "tcp"}) {
      for (const std::uint64_t block : {512U, 4096U, 8192U, 131072U, 1U << 20}) {
        SCOPED_TRACE(testing::Message() << row.id << " " << variant << " " << block);
        parameters_.block = Bytes{block};
        parameters_.variant = variant;
        ASSERT_TRUE(row.available(host(), inventory_, parameters_).available);
        const Outcome outcome = run_block(row.make(context_));
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
  expect_clean(run_block(make({.method = CopyMethod::sendfile})));
  expect_clean(run_block(make({.method = CopyMethod::read_write})));
}

TEST_F(CopyTest, ABlockThatIsTheWholeFile) {
  parameters_.block = 4_MiB;
  expect_clean(run_block(make({.method = CopyMethod::sendfile})));
}

TEST_F(CopyTest, AFallbackIsNotEngagedThoughTheDataIsRight) {
  const Outcome outcome = run_block(make({.refuse_sendfile = true}));
  EXPECT_FALSE(outcome.engagement.engaged);
  EXPECT_THAT(outcome.engagement.evidence, HasSubstr("0 of "));
  EXPECT_TRUE(outcome.verification.verified);
  EXPECT_GT(outcome.recorder.operations, 0U);
}

TEST_F(CopyTest, AChangedByteIsSeen) {
  const Outcome outcome = run_block(make({.corrupt = true}));
  EXPECT_FALSE(outcome.verification.verified);
  EXPECT_TRUE(outcome.engagement.engaged) << "the bytes did go through sendfile";
}

TEST_F(CopyTest, ADeadPeerIsAnErrorAndNotAHang) {
  for (const char* variant : {"unix", "tcp"}) {
    for (const CopyMethod method : {CopyMethod::read_write, CopyMethod::sendfile}) {
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
  parameters_.variant = "rdma";
  for (const Technique& row : copy_techniques()) {
    const Availability answer = row.available(host(), inventory_, parameters_);
    EXPECT_FALSE(answer.available);
    EXPECT_THAT(answer.reason, HasSubstr("unix or tcp"));
  }
}

}  // namespace
}  // namespace assay::engine
