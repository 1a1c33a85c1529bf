// The files that make values last, on a Debian system with systemd, udev and GRUB's files: Boot1
// writes them, Boot2 finds each of them in effect and takes them away, Boot3 finds the host as it
// was.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/real_host.hpp"
#include "probes/probe.hpp"
#include "tests/lab/tests/lab_guest.hpp"
#include "tuner/persist.hpp"
#include "tuner/persisted.hpp"
#include "tuner/readers.hpp"

namespace {

using namespace assay;
using namespace assay::tuner;

// The host, and what a view of it refers to.
struct Machine {
  std::unique_ptr<Host> host = make_real_host();
  probes::Inventory inventory = probes::probe(*host);
  Persisted persisted = read_persisted(*host);
  profiles::Roles roles;
  HostView view{*host, inventory, persisted, roles};
};

PersistItem item(std::string_view id, std::string_view value, Target target = {"host", ""}) {
  const Setting* setting = find_setting(id);
  return {setting, target, path_of(*setting, target), std::string(value)};
}

std::vector<PersistItem> items(const HostView& view) {
  std::vector<PersistItem> wanted{
      item("memory.swappiness", "17"),     item("boot.skew-tick", "1"),
      item("block.nvme-poll-queues", "1"), item("limits.memlock", "unlimited"),
      item("limits.nofile", "70000"),      item("memory.ksm", "0")};
  for (const Target& drive : physical_drives(view)) {
    if (drive.local.starts_with("nvme")) wanted.push_back(item("block.nomerges", "2", drive));
  }
  for (const Target& nic : device_nics(view)) {
    wanted.push_back(item("net.napi-defer-hard-irqs", "3", nic));
  }
  return wanted;
}

PersistedProfile profile() {
  // What stands in for assay says that it was called, and with what.
  return {.name = "lab",
          .yaml = "schema: assay.profile\nversion: 1\nname: lab\n",
          .program = "/usr/local/bin/lab-assay"};
}

void perform_all(Machine& machine, const Expected<std::vector<Change>>& changes) {
  ASSERT_TRUE(changes) << changes.error().message();
  for (const Change& change : *changes) {
    const auto done = perform(*machine.host, change);
    EXPECT_TRUE(done) << done.error().message();
  }
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

constexpr const char* kCalls = "/var/lib/lab-assay-calls";
constexpr const char* kEtc = "/var/lib/lab-etc";

// Every file below /etc with its size; what systemd makes for itself is left out.
std::string listing_of_etc() {
  std::vector<std::string> lines;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("/etc")) {
    if (!entry.is_regular_file() || entry.is_symlink()) continue;
    lines.push_back(entry.path().string() + " " + std::to_string(entry.file_size()));
  }
  std::ranges::sort(lines);
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

void expect_untouched_host() {
  EXPECT_EQ(lab::first_line("/proc/sys/vm/swappiness"), "60");
  EXPECT_EQ(lab::first_line("/sys/block/nvme0n1/queue/nomerges"), "0");
  EXPECT_EQ(lab::first_line("/sys/module/nvme/parameters/poll_queues"), "0");
  EXPECT_EQ(lab::first_line("/proc/cmdline").find("skew_tick"), std::string::npos);
  for (std::string_view path : persisted_files()) {
    EXPECT_FALSE(std::filesystem::exists(path)) << path;
  }
}

TEST(Boot1, WritesTheFiles) {
  expect_untouched_host();
  std::ofstream(kEtc) << listing_of_etc();
  std::ofstream("/usr/local/bin/lab-assay") << "#!/bin/sh\necho \"$@\" >>" << kCalls << "\n";
  std::filesystem::permissions("/usr/local/bin/lab-assay", std::filesystem::perms(0755));
  Machine machine;
  const auto wanted = items(machine.view);
  EXPECT_TRUE(persist_by_hand(machine.view, wanted).empty());
  EXPECT_TRUE(overrides(machine.view, wanted).empty());
  perform_all(machine, persist_changes(machine.view, wanted, profile()));
  const auto again = persist_changes(machine.view, wanted, profile());
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->empty());
}

// Rules are in effect for a device that comes, without a reboot.
TEST(Boot1, ADeviceThatComesIsSetAtOnce) {
  const lab::Ran ran =
      lab::run({"udevadm", "trigger", "--action=add", "--settle", "/sys/block/nvme0n1"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(lab::first_line("/sys/block/nvme0n1/queue/nomerges"), "2");
  // And systemd was asked to apply the profile for it.
  for (int i = 0; i < 600 && text_of(kCalls).empty(); ++i) lab::run({"sleep", "0.1"});
  EXPECT_EQ(text_of(kCalls), "tune /etc/assay/lab.yaml --yes --max-disruption none\n");
  std::filesystem::remove(kCalls);
}

TEST(Boot2, FindsEachOfThemInEffect) {
  EXPECT_EQ(lab::first_line("/proc/sys/vm/swappiness"), "17");
  EXPECT_EQ(lab::first_line("/sys/block/nvme0n1/queue/nomerges"), "2");
  EXPECT_EQ(lab::first_line("/sys/module/nvme/parameters/poll_queues"), "1");
  EXPECT_NE(lab::first_line("/proc/cmdline").find("skew_tick=1"), std::string::npos);
  EXPECT_NE(lab::first_line("/proc/cmdline").find("nvme.poll_queues=1"), std::string::npos);
  Machine machine;
  for (const Target& nic : device_nics(machine.view)) {
    EXPECT_EQ(lab::first_line("/sys/class/net/" + nic.local + "/napi_defer_hard_irqs"), "3");
  }
  EXPECT_EQ(machine.persisted.limits.at("memlock").value, "unlimited");
  // Services that start from now on: this one is a service.
  EXPECT_NE(text_of("/proc/self/limits").find("Max open files            70000"), std::string::npos)
      << text_of("/proc/self/limits");
}

TEST(Boot2, FindsThatTheUnitsRan) {
  const std::string calls = text_of(kCalls);
  EXPECT_NE(calls.find("tune /etc/assay/lab.yaml --yes --max-disruption link-reset\n"),
            std::string::npos)
      << calls;
  // For the devices that udev found; the first one was the boot's.
  EXPECT_NE(calls.find("tune /etc/assay/lab.yaml --yes --max-disruption none\n"), std::string::npos)
      << calls;
  EXPECT_TRUE(calls.starts_with("tune /etc/assay/lab.yaml --yes --max-disruption link-reset\n"))
      << calls;
  const lab::Ran failed = lab::run({"systemctl", "--failed", "--no-legend", "--plain"});
  EXPECT_EQ(failed.out.find("assay"), std::string::npos) << failed.out;
  const lab::Ran cycles = lab::run({"systemctl", "show", "-p", "Result", "assay-tune@lab.service"});
  EXPECT_EQ(cycles.out, "Result=success\n");
}

// A device that comes starts the second unit again, as often as that happens.
TEST(Boot2, EachDeviceThatComesStartsTheUnit) {
  const auto before = text_of(kCalls).size();
  const lab::Ran started = lab::run({"systemctl", "start", "assay-tune-device@lab.service"});
  EXPECT_EQ(started.code, 0) << started.err;
  EXPECT_GT(text_of(kCalls).size(), before);
  for (int i = 0; i < 8; ++i) {
    const lab::Ran again = lab::run({"systemctl", "start", "assay-tune-device@lab.service"});
    EXPECT_EQ(again.code, 0) << again.err;
  }
}

TEST(Boot2, TakesThemAway) {
  Machine machine;
  perform_all(machine, unpersist_changes(machine.view));
  EXPECT_EQ(listing_of_etc(), text_of(kEtc));
}

TEST(Boot3, FindsTheHostAsItWas) {
  expect_untouched_host();
  EXPECT_EQ(listing_of_etc(), text_of(kEtc));
}

}  // namespace
