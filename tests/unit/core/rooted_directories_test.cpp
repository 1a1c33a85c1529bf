#include "core/rooted_directories.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <thread>

#include "temp_dir.hpp"

namespace assay {
namespace {

using testing::TempDir;

class RootedDirectoriesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_.put("outside/secret", "x");
    dir_.put("tree/sys/devices/eth0/mtu", "1500\n");
    dir_.put("tree/outside/inside", "x");
    root_ = UniqueFd(::open((dir_ / "tree").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(root_);
    directories_.emplace(root_.get());
    if (!directories_->open("/")) GTEST_SKIP() << "this kernel or sandbox has no openat2";
  }

  // Device and inode, which tell whether two ways lead to one directory.
  static std::pair<dev_t, ino_t> identity(int fd) {
    struct stat raw{};
    EXPECT_EQ(::fstat(fd, &raw), 0);
    return {raw.st_dev, raw.st_ino};
  }
  std::pair<dev_t, ino_t> at(std::string_view path) {
    const auto opened = directories_->open(path);
    EXPECT_TRUE(opened && *opened) << path;
    return opened && *opened ? identity((**opened)->fd.get()) : std::pair<dev_t, ino_t>{};
  }
  std::pair<dev_t, ino_t> real(std::string_view path) {
    const UniqueFd fd(::open((dir_ / path).c_str(), O_PATH | O_CLOEXEC));
    return identity(fd.get());
  }
  int error(std::string_view path) {
    const auto opened = directories_->open(path);
    return opened && !*opened ? opened->error().sys_errno : 0;
  }

  const TempDir dir_;
  UniqueFd root_;
  std::optional<RootedDirectories> directories_;
};

TEST_F(RootedDirectoriesTest, LinksStayInside) {
  dir_.link("tree/absolute", "/outside");
  dir_.link("tree/climbs", "../../../outside");
  dir_.link("tree/real", (dir_ / "outside"));
  dir_.link("tree/sys/class", "devices");
  EXPECT_EQ(at("/absolute"), real("tree/outside"));
  EXPECT_EQ(at("/climbs"), real("tree/outside"));
  EXPECT_EQ(at("/../../outside"), real("tree/outside"));
  EXPECT_EQ(at("/sys/class/eth0"), real("tree/sys/devices/eth0"));
  EXPECT_EQ(error("/real"), ENOENT);  // that path does not exist below the root
}

TEST_F(RootedDirectoriesTest, ErrorsAreTheKernels) {
  dir_.link("tree/cycle", "cycle");
  EXPECT_EQ(error("/none"), ENOENT);
  EXPECT_EQ(error("/sys/devices/eth0/mtu"), ENOTDIR);
  EXPECT_EQ(error("/cycle"), ELOOP);
}

TEST_F(RootedDirectoriesTest, MagicLinksAreRefused) {
  // /proc/self/root and the like jump anywhere; a tree that is a bind mount of /proc has them.
  const UniqueFd proc(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  ASSERT_TRUE(proc);
  const RootedDirectories real(proc.get());
  const auto opened = real.open("/self/root/etc");
  ASSERT_TRUE(opened);
  EXPECT_FALSE(*opened);
}

TEST_F(RootedDirectoriesTest, KeepsAFewOpenUntilForgotten) {
  const auto first = directories_->open("/sys/devices/eth0");
  const auto again = directories_->open("/sys/devices/eth0");
  ASSERT_TRUE(first && *first && again && *again);
  EXPECT_EQ((**first)->fd.get(), (**again)->fd.get());
  std::filesystem::remove_all(dir_ / "tree/sys/devices/eth0");
  directories_->forget();
  EXPECT_EQ(error("/sys/devices/eth0"), ENOENT);
  dir_.put("tree/sys/devices/eth0/mtu", "9000\n");
  EXPECT_EQ(at("/sys/devices/eth0"), real("tree/sys/devices/eth0"));
}

TEST_F(RootedDirectoriesTest, ManyDirectoriesDoNotExhaustDescriptors) {
  for (int i = 0; i < 2000; ++i) dir_.put("tree/many/d" + std::to_string(i) + "/f", "x");
  for (int i = 0; i < 2000; ++i) {
    const auto opened = directories_->open("/many/d" + std::to_string(i));
    ASSERT_TRUE(opened && *opened) << i;
  }
}

TEST_F(RootedDirectoriesTest, AnOrdinaryTreeIsPlain) {
  const auto opened = directories_->open("/sys/devices");
  ASSERT_TRUE(opened && *opened);
  EXPECT_TRUE((**opened)->plain);
}

TEST_F(RootedDirectoriesTest, ThreadsMayOpenSideBySide) {
  for (int i = 0; i < 40; ++i) dir_.put("tree/many/d" + std::to_string(i) + "/f", "x");
  std::atomic<int> wrong{0};
  const auto open_all = [&] {
    for (int i = 0; i < 400; ++i) {
      const std::string name = "/many/d" + std::to_string(i % 40);
      const auto opened = directories_->open(name);
      if (!opened || !*opened || identity((**opened)->fd.get()) != real("tree" + name)) ++wrong;
    }
  };
  {
    const std::jthread one(open_all), other(open_all);
  }
  EXPECT_EQ(wrong, 0);
}

TEST_F(RootedDirectoriesTest, ProcIsNotPlain) {
  const UniqueFd proc(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const RootedDirectories real(proc.get());
  const auto opened = real.open("/self");
  ASSERT_TRUE(opened && *opened);
  EXPECT_FALSE((**opened)->plain);
}

TEST_F(RootedDirectoriesTest, ForgettingLeavesWhatIsInUse) {
  const auto opened = directories_->open("/sys");
  ASSERT_TRUE(opened && *opened);
  directories_->forget();
  EXPECT_EQ(identity((**opened)->fd.get()), real("tree/sys"));
  EXPECT_EQ(at("/sys"), real("tree/sys"));
}

}  // namespace
}  // namespace assay
