// One holder at a time; the next one is told who it is.
#include "core/host_lock.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

namespace assay {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class LockTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "lock-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    path_ = directory_ + "/lock";
  }
  void TearDown() override { fs::remove_all(directory_); }
  std::string directory_, path_;
};

TEST_F(LockTest, SecondHolderIsToldThePid) {
  {
    const auto first = HostLock::take(path_);
    ASSERT_TRUE(first) << first.error().message();
    const auto second = HostLock::take(path_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::busy);
    EXPECT_THAT(second.error().message(), HasSubstr("process " + std::to_string(::getpid())));
  }
  EXPECT_TRUE(HostLock::take(path_));  // let go of in the destructor
}

TEST_F(LockTest, EndsWithItsProcess) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = HostLock::take(path_);
    ::_exit(held ? 0 : 1);  // without running the destructor, as a killed process
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  EXPECT_TRUE(HostLock::take(path_));
}

TEST_F(LockTest, OtherUsersCanTakeItToo) {
  const mode_t before = ::umask(077);
  ASSERT_TRUE(HostLock::take(path_));
  ::umask(before);
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0666U);
}

TEST_F(LockTest, PlantedLinksAreRefused) {
  fs::create_symlink("/etc/hostname", path_);
  EXPECT_FALSE(HostLock::take(path_));
  fs::remove(path_);
  {
    const auto made = HostLock::take(directory_ + "/other");
  }
  fs::create_hard_link(directory_ + "/other", path_);
  const auto lock = HostLock::take(path_);
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().code, ErrorCode::invalid);
}

TEST_F(LockTest, DirectoryThatIsMissingIsAnError) {
  EXPECT_FALSE(HostLock::take(directory_ + "/none/lock"));
}

TEST_F(LockTest, DefaultPathIsUsable) {
  const std::string path = HostLock::default_path();
  EXPECT_TRUE(fs::is_directory(fs::path(path).parent_path())) << path;
}

}  // namespace
}  // namespace assay
