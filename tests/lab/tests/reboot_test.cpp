// What a Debian host keeps over a reboot really acts there: the lab's own proof, and the pattern
// for tests of what assay persists. Boot1 leaves files behind, Boot2 finds their effect and removes
// them, Boot3 finds the host as it was.
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/lab/tests/lab_guest.hpp"

namespace {

// Each file, and the words that it holds.
const std::vector<std::pair<std::string, std::string>>& kept_files() {
  static const std::vector<std::pair<std::string, std::string>> files = {
      {"/etc/sysctl.d/60-lab.conf", "vm.swappiness = 17\n"},
      {"/etc/udev/rules.d/60-lab.rules",
       "ACTION==\"add|change\", SUBSYSTEM==\"block\", KERNEL==\"nvme*n1\", "
       "ATTR{queue/nomerges}=\"2\"\n"},
      {"/etc/modprobe.d/lab.conf", "options nvme poll_queues=1\n"},
      {"/etc/default/grub.d/lab.cfg",
       "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT skew_tick=1\"\n"},
      {"/etc/systemd/system/lab-kept.service",
       "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo never "
       ">/sys/kernel/mm/transparent_hugepage/enabled'\n[Install]\nWantedBy=multi-user.target\n"}};
  return files;
}

constexpr const char* kThp = "/sys/kernel/mm/transparent_hugepage/enabled";
constexpr const char* kNomerges = "/sys/block/nvme0n1/queue/nomerges";
constexpr const char* kPollQueues = "/sys/module/nvme/parameters/poll_queues";

void expect_untouched_host() {
  EXPECT_EQ(lab::first_line("/proc/sys/vm/swappiness"), "60");
  EXPECT_EQ(lab::first_line(kNomerges), "0");
  EXPECT_EQ(lab::first_line(kPollQueues), "0");
  EXPECT_EQ(lab::first_line("/proc/cmdline").find("skew_tick"), std::string::npos);
  EXPECT_EQ(lab::first_line(kThp).find("[never]"), std::string::npos);
}

void expect_success(const std::vector<std::string>& argv) {
  const lab::Ran ran = lab::run(argv);
  EXPECT_EQ(ran.code, 0) << argv[0] << ": " << ran.out << ran.err;
}

TEST(Boot1, LeavesFilesBehind) {
  expect_untouched_host();
  for (const auto& [path, text] : kept_files()) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
  }
  expect_success({"systemctl", "enable", "lab-kept.service"});
  expect_success({"update-grub"});
  std::ofstream("/var/lib/lab-boot-id") << lab::first_line("/proc/sys/kernel/random/boot_id");
}

TEST(Boot2, FindsThatTheyActed) {
  EXPECT_NE(lab::first_line("/var/lib/lab-boot-id"), "");
  EXPECT_NE(lab::first_line("/var/lib/lab-boot-id"),
            lab::first_line("/proc/sys/kernel/random/boot_id"));
  EXPECT_EQ(lab::first_line("/proc/sys/vm/swappiness"), "17");
  EXPECT_EQ(lab::first_line(kNomerges), "2");
  EXPECT_EQ(lab::first_line(kPollQueues), "1");
  EXPECT_NE(lab::first_line("/proc/cmdline").find("skew_tick=1"), std::string::npos);
  EXPECT_NE(lab::first_line(kThp).find("[never]"), std::string::npos);
}

TEST(Boot2, TakesThemAway) {
  expect_success({"systemctl", "disable", "lab-kept.service"});
  for (const auto& [path, text] : kept_files()) EXPECT_TRUE(std::filesystem::remove(path)) << path;
  expect_success({"update-grub"});
}

TEST(Boot3, FindsTheHostAsItWas) { expect_untouched_host(); }

}  // namespace
