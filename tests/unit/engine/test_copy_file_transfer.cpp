// The file transfer: whole, checked, and able to go on after whatever stopped it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "engine/copy_file_transfer.hpp"
#include "engine/file_transfer.hpp"
#include "engine/mixing.hpp"
#include "tests/unit/engine/technique_fixture.hpp"
#include "tests/unit/engine/temp_folder.hpp"

namespace assay::engine {
namespace {

using testing::HasSubstr;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class FileTransferTest : public TechniqueTest {
 protected:
  FileTransferTest() {
    options_.chunk = 64_KiB;
    options_.sync = false;
  }

  std::string from() const { return folder_.path() + "/source"; }
  std::string to() const { return folder_.path() + "/target"; }
  std::string part() const { return to() + ".assay-part"; }
  std::string state() const { return to() + ".assay-state"; }

  std::string make_source(std::size_t bytes) {
    MixedNumbers numbers(7);
    std::string content(bytes, '\0');
    for (char& c : content) c = static_cast<char>(numbers.next());
    std::ofstream(from(), std::ios::binary) << content;
    return content;
  }

  Expected<TransferReport> transfer() { return transfer_file(host(), from(), to(), options_); }

  // A child that copies, slowly, and is killed without warning when `chunks` are done.
  void killed_after(std::uint64_t chunks) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      options_.depth = 2;
      options_.tell = [&](Bytes, Bytes) {
        static_cast<void>(!::write(ends[1], "x", 1));
        ::usleep(1000);
      };
      static_cast<void>(transfer());
      ::_exit(0);
    }
    ::close(ends[1]);
    char one = 0;
    for (std::uint64_t i = 0; i < chunks; ++i) ASSERT_EQ(::read(ends[0], &one, 1), 1);
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ::close(ends[0]);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it was to be killed half-way";
  }

  TempFolder folder_;
  TransferOptions options_;
};

TEST_F(FileTransferTest, CopiesFilesOfEverySize) {
  for (const std::size_t size : {0U, 1U, 4096U, 65535U, 65536U, 65537U, 1'000'003U}) {
    for (const bool ring : {true, false}) {
      SCOPED_TRACE(testing::Message() << size << (ring ? " by ring" : " plain"));
      options_.use_ring = ring;
      options_.replace = true;
      const std::string content = make_source(size);
      const auto report = transfer();
      ASSERT_TRUE(report) << report.error().message();
      EXPECT_EQ(read_file(to()), content);
      EXPECT_EQ(report->verified, report->chunks);
      EXPECT_EQ(report->chunks, (size + 65535) / 65536);
      EXPECT_EQ(report->copied.count, size);
      EXPECT_FALSE(std::filesystem::exists(part()) || std::filesystem::exists(state()));
      EXPECT_TRUE(ring || !report->by_ring);
    }
  }
}

TEST_F(FileTransferTest, GoesOnAfterItWasKilled) {
  const std::string content = make_source(4 << 20);
  killed_after(20);
  ASSERT_FALSE(std::filesystem::exists(to())) << "half a file has no name";
  const auto report = transfer();
  ASSERT_TRUE(report) << report.error().message();
  // The chunk that was told last was recorded before; at most the queue's more.
  EXPECT_GE(report->resumed, 20U);
  EXPECT_LT(report->resumed, report->chunks);
  EXPECT_EQ(report->redone, 0U);
  EXPECT_EQ(report->copied.count, (report->chunks - report->resumed) * 65536);
  EXPECT_EQ(read_file(to()), content);
}

TEST_F(FileTransferTest, GoesOnAfterBeingKilledAgainAndAgain) {
  const std::string content = make_source(2 << 20);
  for (int kill = 0; kill < 4; ++kill) killed_after(5);
  const auto report = transfer();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->verified, 32U);
  EXPECT_EQ(read_file(to()), content);
}

TEST_F(FileTransferTest, WhatWasSpoiledSinceIsCopiedAgain) {
  const std::string content = make_source(4 << 20);
  killed_after(20);
  {
    std::fstream spoil(part(), std::ios::in | std::ios::out | std::ios::binary);
    spoil.seekp(3 * 65536 + 5);
    spoil << "wrong";
  }
  const auto report = transfer();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->redone, 1U);
  EXPECT_EQ(read_file(to()), content);
}

TEST_F(FileTransferTest, APartThatVanishedIsCopiedAnew) {
  const std::string content = make_source(2 << 20);
  killed_after(10);
  std::filesystem::remove(part());
  const auto report = transfer();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_GE(report->redone, 10U);
  EXPECT_EQ(report->resumed, 0U);
  EXPECT_EQ(read_file(to()), content);
}

TEST_F(FileTransferTest, ANewerSourceStartsFromTheBeginning) {
  make_source(2 << 20);
  killed_after(10);
  const std::string content = make_source((2 << 20) - 7);
  const auto report = transfer();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->resumed + report->redone, 0U);
  EXPECT_EQ(read_file(to()), content);
}

TEST_F(FileTransferTest, AForeignOrDamagedStateIsWorthNothingAndHarmsNothing) {
  const std::string content = make_source(1 << 20);
  for (const std::string& junk : {std::string("x"), std::string(4096, '\xff')}) {
    std::ofstream(state(), std::ios::binary) << junk;
    options_.replace = true;
    const auto report = transfer();
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->resumed, 0U);
    EXPECT_EQ(read_file(to()), content);
  }
  // Noise in the place of the records, behind a good header.
  std::filesystem::remove(to());
  killed_after(10);
  {
    std::fstream spoil(state(), std::ios::in | std::ios::out | std::ios::binary);
    spoil.seekp(64);
    spoil << std::string(16 * 16, '\x7f');
  }
  const auto report = transfer();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->resumed, 0U);
  EXPECT_EQ(read_file(to()), content);
}

TEST_F(FileTransferTest, StopsOnRequestAndGoesOn) {
  const std::string content = make_source(2 << 20);
  std::atomic<bool> stop{false};
  options_.stop = &stop;
  unsigned told = 0;
  options_.tell = [&](Bytes, Bytes) { stop = stop || ++told >= 9; };
  const auto stopped = transfer();
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::interrupted);
  stop = false;
  options_.tell = {};
  const auto report = transfer();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_GE(report->resumed, 9U);
  EXPECT_EQ(read_file(to()), content);
}

TEST_F(FileTransferTest, AChangedByteIsFoundBeforeTheFileGetsItsName) {
  make_source(1 << 20);
  options_.spoil_chunk = 11;
  const auto report = transfer();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::io);
  EXPECT_THAT(report.error().message(), HasSubstr("chunk 12 of 16"));
  EXPECT_FALSE(std::filesystem::exists(to()));
  options_.spoil_chunk = ~0ULL;
  EXPECT_TRUE(transfer()) << "the next call mends it";
}

TEST_F(FileTransferTest, ASecondTransferToTheSameTargetIsRefused) {
  make_source(1 << 20);
  Expected<TransferReport> second;
  options_.tell = [&](Bytes done, Bytes) {
    if (done == 64_KiB) second = transfer_file(host(), from(), to());
  };
  ASSERT_TRUE(transfer());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::busy);
}

TEST_F(FileTransferTest, ASourceThatChangesMeanwhileIsAnError) {
  make_source(1 << 20);
  options_.tell = [&](Bytes done, Bytes) {
    if (done == 64_KiB) std::ofstream(from(), std::ios::app) << "more";
  };
  const auto report = transfer();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::busy);
}

TEST_F(FileTransferTest, RefusesWhatMakesNoSense) {
  const auto code = [&] {
    const auto report = transfer();
    return report ? std::string("done") : std::string(to_string(report.error().code));
  };
  EXPECT_EQ(code(), "absent");
  make_source(100);
  for (const std::uint64_t chunk : {0U, 1U, 4095U, 6000U, 32U << 20}) {
    options_.chunk = Bytes{chunk};
    EXPECT_EQ(code(), "invalid") << chunk;
  }
  options_.chunk = 64_KiB;
  for (const unsigned depth : {0U, 65U}) {
    options_.depth = depth;
    EXPECT_EQ(code(), "invalid") << depth;
  }
  options_.depth = 4;
  std::ofstream(to()) << "precious";
  EXPECT_EQ(code(), "busy");
  EXPECT_EQ(read_file(to()), "precious");
  std::filesystem::remove(to());
  std::filesystem::create_symlink("/nonexistent", part());
  EXPECT_NE(code(), "done") << "a link in the place of the part is not followed";
  std::filesystem::remove(part());
  std::filesystem::create_hard_link(from(), to());
  options_.replace = true;
  EXPECT_EQ(code(), "invalid") << "onto itself";
}

class FileTransferBlockTest : public TechniqueTest {
 protected:
  FileTransferBlockTest()
      : file_(TestFile::prepare(
            {.path = {}, .directory = testing::TempDir(), .size = 4_MiB, .progress = {}})) {
    context_.file = file_ ? &*file_ : nullptr;
    parameters_.block = 256_KiB;
    parameters_.depth = 4;
  }
  Expected<TestFile> file_;
};

TEST_F(FileTransferBlockTest, BothWaysCopyAndCheckTheWholeFile) {
  for (const char* id : {"copy.file-transfer", "copy.copy-and-check"}) {
    SCOPED_TRACE(id);
    const Outcome outcome = run_block(find_technique(id)->make(context_));
    expect_clean(outcome);
    EXPECT_TRUE(outcome.verification.applies);
    EXPECT_EQ(outcome.recorder.bytes, (4_MiB).count * outcome.recorder.operations);
  }
}

TEST_F(FileTransferBlockTest, WithoutTheRingItIsNotEngagedThoughTheDataIsRight) {
  const Outcome outcome = run_block(make_file_transfer_block(context_, {.without_ring = true}));
  EXPECT_FALSE(outcome.engagement.engaged);
  EXPECT_THAT(outcome.engagement.evidence, HasSubstr("pread and pwrite"));
  EXPECT_TRUE(outcome.verification.verified);
}

TEST_F(FileTransferBlockTest, AChangedByteIsSeen) {
  EXPECT_FALSE(make_file_transfer_block(context_, {.spoil = true}).value()->warm_up());
  EXPECT_FALSE(make_copy_and_check_block(context_, {.spoil = true}).value()->warm_up());
}

TEST_F(FileTransferBlockTest, WhatIsNotAskedForIsFilledIn) {
  const Technique& row = *find_technique("copy.file-transfer");
  const Parameters plain = row.resolve(Parameters{});
  EXPECT_EQ(plain.block, 1_MiB);
  EXPECT_EQ(plain.depth, 8U);
  Parameters asked;
  ASSERT_TRUE(set_parameter(asked, "block", "4KiB"));
  ASSERT_TRUE(set_parameter(asked, "depth", "1"));
  EXPECT_EQ(row.resolve(asked).block, 4_KiB);
  EXPECT_EQ(row.resolve(asked).depth, 1U);
  parameters_.block = Bytes{5000};
  EXPECT_FALSE(row.available(host(), inventory_, parameters_).available);
  context_.file = nullptr;
  EXPECT_FALSE(make_file_transfer_block(context_, {}));
}

}  // namespace
}  // namespace assay::engine
