#include "core/real_host.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/cpuset.hpp"
#include "temp_dir.hpp"

namespace assay {
namespace {

using testing::TempDir;
using Names = std::vector<std::string>;

class RealHostTest : public ::testing::Test {
 protected:
  const TempDir dir_;
  const std::unique_ptr<Host> host_ = make_real_host();
};

TEST_F(RealHostTest, ReadsKernelFilesThatClaimNoSize) {
  EXPECT_TRUE(host_->read("/proc/self/status").value().starts_with("Name:"));
  EXPECT_GT(host_->read("/proc/cpuinfo").value().size(), 100U);
  const auto online = host_->read_trimmed("/sys/devices/system/cpu/online");
  ASSERT_TRUE(online) << online.error().message();
  EXPECT_FALSE(CpuSet::parse_list(*online).value().empty());
  EXPECT_TRUE(host_->is_this_system());
  EXPECT_EQ(host_->root(), "/");
}

TEST_F(RealHostTest, ReadsAFileThatNeedsManyReads) {
  const std::string content(200'000, 'z');
  dir_.put("big", content);
  EXPECT_EQ(host_->read(dir_ / "big").value(), content);
  EXPECT_EQ(host_->read(dir_ / "big", Bytes{199'999}).error().code, ErrorCode::invalid);
  std::filesystem::resize_file(dir_ / "big", 2ULL << 30);
  EXPECT_EQ(host_->read(dir_ / "big").error().code, ErrorCode::invalid);
}

TEST_F(RealHostTest, KernelFilesObeyTheLimitToo) {
  const auto cut = host_->read("/proc/self/status", Bytes{10});
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, ErrorCode::invalid);
  EXPECT_NE(cut.error().message().find("/proc/self/status"), std::string::npos);
}

TEST_F(RealHostTest, DirectoriesDevicesAndFifosAreNoFiles) {
  ASSERT_EQ(::mkfifo((dir_ / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(host_->read(dir_ / "fifo").error().code, ErrorCode::invalid);
  EXPECT_EQ(host_->write(dir_ / "fifo", "x").error().code, ErrorCode::invalid);
  EXPECT_EQ(host_->read("/dev/zero").error().code, ErrorCode::invalid);
  EXPECT_EQ(host_->write("/dev/null", "x").error().code, ErrorCode::invalid);
  EXPECT_EQ(host_->read("/proc").error().sys_errno, EISDIR);
  EXPECT_EQ(host_->read("/proc/self").error().sys_errno, EISDIR);
  EXPECT_EQ(host_->read(dir_.path()).error().sys_errno, EISDIR);
  EXPECT_EQ(host_->status("/dev/null").value().kind, FileKind::character);
}

TEST_F(RealHostTest, PathsAreAbsolute) {
  EXPECT_EQ(host_->read("etc/passwd").error().code, ErrorCode::invalid);
  EXPECT_EQ(host_->read("").error().code, ErrorCode::invalid);
  EXPECT_EQ(host_->list("proc").error().code, ErrorCode::invalid);
  EXPECT_EQ(host_->resolve("proc").error().code, ErrorCode::invalid);
  EXPECT_EQ(host_->status("proc").error().code, ErrorCode::invalid);
  EXPECT_EQ(host_->read_link("proc").error().code, ErrorCode::invalid);
  EXPECT_EQ(host_->replace_file("x", "", 0600).error().code, ErrorCode::invalid);
  EXPECT_EQ(host_->replace_file("/", "", 0600).error().code, ErrorCode::invalid);
  EXPECT_EQ(host_->remove_file(dir_ / "..").error().code, ErrorCode::invalid);
  EXPECT_EQ(host_->read(std::string("/etc/passwd\0x", 13)).error().code, ErrorCode::invalid);
  EXPECT_EQ(host_->list("/").value_or(Names{}).empty(), false);
}

TEST_F(RealHostTest, ListsNumbersByValue) {
  for (const char* name : {"cpu10", "cpu2", "cpu1", "a", "cpufreq", "cpu02"}) dir_.put(name, "");
  EXPECT_EQ(host_->list(dir_.path()).value(),
            (Names{"a", "cpu1", "cpu02", "cpu2", "cpu10", "cpufreq"}));
  EXPECT_EQ(host_->list(dir_ / "a").error().code, ErrorCode::absent);
  EXPECT_EQ(host_->list(dir_ / "none").error().code, ErrorCode::absent);
}

TEST_F(RealHostTest, ResolvesLikeRealpath) {
  dir_.put("real/file", "x");
  dir_.link("link", "real");
  dir_.link("dangling", "nowhere");
  dir_.link("loop", "loop");
  char buffer[PATH_MAX];
  ASSERT_NE(::realpath((dir_ / "link/file").c_str(), buffer), nullptr);
  EXPECT_EQ(host_->resolve(dir_ / "link/file").value(), buffer);
  EXPECT_EQ(host_->resolve("/").value(), "/");
  EXPECT_EQ(host_->resolve(dir_ / "dangling").error().code, ErrorCode::absent);
  EXPECT_EQ(host_->resolve(dir_ / "loop").error().code, ErrorCode::invalid);
  EXPECT_EQ(host_->read_link(dir_ / "link").value(), "real");
  EXPECT_EQ(host_->read_link(dir_ / "real").error().sys_errno, EINVAL);
  EXPECT_EQ(host_->status(dir_ / "dangling").value().kind, FileKind::symlink);
  EXPECT_TRUE(host_->exists(dir_ / "link"));
  EXPECT_FALSE(host_->exists(dir_ / "dangling"));
}

TEST_F(RealHostTest, WriteReplacesTheContentOfAnExistingFileOnly) {
  dir_.put("file", "a longer content\n");
  ASSERT_TRUE(host_->write(dir_ / "file", "short"));
  EXPECT_EQ(dir_.content("file"), "short");
  EXPECT_EQ(host_->write(dir_ / "none", "x").error().code, ErrorCode::absent);
  EXPECT_FALSE(std::filesystem::exists(dir_ / "none"));
  EXPECT_EQ(host_->write(dir_.path(), "x").error().sys_errno, EISDIR);
}

TEST_F(RealHostTest, WriteToTheKernelGivesItsAnswer) {
  // A value of this process alone, put back to what it was.
  const auto before = host_->read_trimmed("/proc/self/oom_score_adj");
  if (!before) GTEST_SKIP() << before.error().message();
  ASSERT_TRUE(host_->write("/proc/self/oom_score_adj", *before));
  EXPECT_EQ(host_->read_trimmed("/proc/self/oom_score_adj").value(), *before);
  const auto bad = host_->write("/proc/self/oom_score_adj", "not a number");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::invalid);
  EXPECT_NE(bad.error().message().find("/proc/self/oom_score_adj"), std::string::npos);
}

TEST_F(RealHostTest, ReplaceLeavesNoTemporaryFile) {
  ASSERT_TRUE(host_->replace_file(dir_ / "x.conf", "one\n", 0640));
  ASSERT_TRUE(host_->replace_file(dir_ / "x.conf", "two\n", 0600));
  EXPECT_EQ(dir_.content("x.conf"), "two\n");
  EXPECT_EQ(host_->status(dir_ / "x.conf").value().mode, 0600U);
  EXPECT_EQ(dir_.entries(), 1U);
  // A directory cannot be replaced by a file; the temporary file must go all the same.
  ASSERT_TRUE(host_->make_directory(dir_ / "folder", 0755));
  EXPECT_FALSE(host_->replace_file(dir_ / "folder", "x", 0644));
  EXPECT_EQ(dir_.entries(), 2U);
  EXPECT_EQ(host_->replace_file(dir_ / "no/such", "x", 0644).error().code, ErrorCode::absent);
}

TEST_F(RealHostTest, ReplaceTakesAwayWhatACrashLeft) {
  const std::string left = ".x.conf.assay-" + std::to_string(::getpid());
  dir_.put(left, "half");
  ASSERT_TRUE(host_->replace_file(dir_ / "x.conf", "whole", 0644));
  EXPECT_EQ(dir_.content("x.conf"), "whole");
  EXPECT_EQ(dir_.entries(), 1U);
}

TEST_F(RealHostTest, ReplaceDoesNotWriteThroughALink) {
  dir_.put("victim", "untouched");
  dir_.link("x.conf", "victim");
  ASSERT_TRUE(host_->replace_file(dir_ / "x.conf", "new", 0644));
  EXPECT_EQ(dir_.content("victim"), "untouched");
  EXPECT_EQ(host_->status(dir_ / "x.conf").value().kind, FileKind::regular);
}

TEST_F(RealHostTest, DirectoriesAreMadeOnce) {
  const mode_t mask = ::umask(077);
  EXPECT_TRUE(host_->make_directory(dir_ / "d", 0751));
  ::umask(mask);
  EXPECT_EQ(host_->status(dir_ / "d").value().mode, 0751U);
  EXPECT_TRUE(host_->make_directory(dir_ / "d", 0700));
  EXPECT_EQ(host_->status(dir_ / "d").value().mode, 0751U);
  dir_.put("file", "");
  EXPECT_EQ(host_->make_directory(dir_ / "file", 0755).error().sys_errno, EEXIST);
  EXPECT_EQ(host_->make_directory(dir_ / "no/such", 0755).error().code, ErrorCode::absent);
}

TEST_F(RealHostTest, RemoveTakesFilesAndEmptyFolders) {
  dir_.put("file", "");
  ASSERT_TRUE(host_->make_directory(dir_ / "folder", 0755));
  EXPECT_FALSE(host_->remove_file(dir_.path()));
  EXPECT_TRUE(std::filesystem::exists(dir_ / "file"));
  ASSERT_TRUE(host_->remove_file(dir_ / "file"));
  EXPECT_EQ(host_->remove_file(dir_ / "file").error().code, ErrorCode::absent);
  EXPECT_TRUE(host_->remove_file(dir_ / "folder"));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "folder"));
}

TEST_F(RealHostTest, DeniedIsSaidAsDenied) {
  dir_.put("private", "x");
  ASSERT_EQ(::chmod((dir_ / "private").c_str(), 0), 0);
  // Root may do everything, so root becomes nobody for these two calls.
  const bool root = ::geteuid() == 0;
  ASSERT_TRUE(!root || ::seteuid(65534) == 0);
  const auto read = host_->read(dir_ / "private");
  const auto written = host_->write(dir_ / "private", "x");
  ASSERT_TRUE(!root || ::seteuid(0) == 0);
  ASSERT_FALSE(read);
  ASSERT_FALSE(written);
  EXPECT_EQ(read.error().code, ErrorCode::denied);
  EXPECT_EQ(written.error().code, ErrorCode::denied);
}

}  // namespace
}  // namespace assay
