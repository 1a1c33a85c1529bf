// Whoever sets a value after us is named with file and line; whoever comes before us, or wants the
// same, is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "persist_fixture.hpp"
#include "tuner/persist.hpp"
#include "tuner/readers.hpp"

namespace assay::tuner::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// "/etc/sysctl.conf:1 memory.swappiness=60"
std::vector<std::string> found(const Host& host, const std::vector<PersistItem>& items) {
  const Viewed viewed(host);
  std::vector<std::string> words;
  for (const Override& one : overrides(viewed.view(), items)) {
    words.push_back(one.file + ":" + std::to_string(one.line) + " " + one.setting + "=" +
                    one.value);
  }
  return words;
}

TEST(Overrides, ACleanHostHasNone) {
  auto host = make_debian();
  EXPECT_THAT(found(*host, all_kinds()), IsEmpty());
  // Our own files are not somebody else's.
  const Viewed viewed(*host);
  perform_files(*host, *persist_changes(viewed.view(), all_kinds(), some_profile()));
  EXPECT_THAT(found(*host, all_kinds()), IsEmpty());
}

TEST(Overrides, SysctlFilesThatSortLater) {
  auto host = make_debian();
  host->put("/etc/sysctl.d/10-early.conf", "vm.swappiness = 60\n");
  host->put("/etc/sysctl.d/99-zz.conf", "# x\nvm.swappiness = 30\n");
  host->put("/usr/lib/sysctl.d/zz.conf", "vm.swappiness = 0\n");
  host->put("/etc/sysctl.conf", "\n\nvm/swappiness=20\n");
  EXPECT_THAT(found(*host, {item("memory.swappiness", "0")}),
              ElementsAre("/etc/sysctl.d/99-zz.conf:2 memory.swappiness=30",
                          "/etc/sysctl.conf:3 memory.swappiness=20"));
}

TEST(Overrides, EverySysctlOfTheTableIsSeen) {
  for (const Setting& setting : settings()) {
    if (setting.lasting != Lasting::sysctl) continue;
    auto host = make_debian();
    host->put("/etc/sysctl.conf", sysctl_key(setting.where) + " = 77\n");
    EXPECT_EQ(found(*host, {item(setting.id, "1")}).size(), 1U) << setting.id;
  }
}

TEST(Overrides, TheBootLinesSysctls) {
  auto host = make_debian();
  host->put("/etc/sysctl.d/10-watchdog.conf", "kernel.nmi_watchdog = 1\n");
  EXPECT_THAT(found(*host, {item("boot.nmi-watchdog", "0")}),
              ElementsAre("/etc/sysctl.d/10-watchdog.conf:1 boot.nmi-watchdog=1"));
}

TEST(Overrides, UdevRules) {
  auto host = make_debian();
  const char* rule = "ACTION==\"add\", ATTR{queue/scheduler}=\"bfq\"\n";
  host->put("/etc/udev/rules.d/60-schedulers.rules", rule);
  const auto scheduler = item("block.scheduler", "none", drive());
  EXPECT_THAT(found(*host, {scheduler}), IsEmpty());
  host->put("/etc/udev/rules.d/99-zz.rules", rule);
  EXPECT_THAT(found(*host, {scheduler}),
              ElementsAre("/etc/udev/rules.d/99-zz.rules:1 block.scheduler=bfq"));
  // A drive that no rule of ours can name is set by the unit: any rule comes again later.
  EXPECT_EQ(found(*host, {item("block.scheduler", "none", {"virtual-x", "nvme0n1"})}).size(), 2U);
}

TEST(Overrides, Tuned) {
  auto host = make_debian();
  host->put("/etc/tuned/active_profile", "mine\n");
  host->put("/etc/tuned/mine/tuned.conf",
            "[sysctl]\nvm.swappiness=10\n[cpu]\ngovernor=schedutil\n[disk]\nelevator=none\n"
            "[bootloader]\ncmdline_mine=+isolcpus=1 quiet\n");
  EXPECT_THAT(
      found(*host,
            {item("memory.swappiness", "0"), item("cpu.governor", "performance", {"cpu0", "0"}),
             item("block.scheduler", "none", drive()), item("boot.isolcpus", "2-3")}),
      ElementsAre("/etc/tuned/mine/tuned.conf:2 memory.swappiness=10",
                  "/etc/tuned/mine/tuned.conf:4 cpu.governor=schedutil",
                  "/etc/tuned/mine/tuned.conf:8 boot.isolcpus=1"));
}

TEST(Overrides, IrqbalanceUnlessItIsStoppedToo) {
  auto host = make_debian();
  const auto affinity = item("irq.affinity", "0-1", {"msix0@pci-0000:03:00.0", "40"});
  const auto both = found(*host, {affinity});
  ASSERT_EQ(both.size(), 1U);
  EXPECT_THAT(both[0], HasSubstr("irqbalance.service"));
  EXPECT_THAT(found(*host, {affinity, item("irq.irqbalance", "stopped")}), IsEmpty());
  host->erase("/etc/systemd/system/multi-user.target.wants");
  EXPECT_THAT(found(*host, {affinity}), IsEmpty());
}

TEST(Overrides, ModulesLimitsAndTmpfiles) {
  auto host = make_debian();
  host->put("/etc/modprobe.d/10-nvme.conf", "options nvme poll_queues=1\n");
  host->put("/etc/modprobe.d/zz-nvme.conf", "options nvme poll_queues=2\n");
  host->put("/etc/security/limits.conf", "* - memlock 64\n@desk - memlock 64\n");
  host->put("/etc/security/limits.d/zz.conf", "* soft rtprio 10\n* - nofile 65536\n");
  host->put("/etc/systemd/system.conf.d/zz.conf", "[Manager]\nDefaultLimitMEMLOCK=8M\n");
  host->put("/etc/tmpfiles.d/thp.conf",
            "w /sys/kernel/mm/transparent_hugepage/enabled - - - - madvise\n");
  EXPECT_THAT(found(*host, {item("block.nvme-poll-queues", "4"),
                            item("limits.memlock", "unlimited"), item("limits.rtprio", "95"),
                            item("limits.nofile", "65536"), item("memory.thp-enabled", "never")}),
              ElementsAre("/etc/modprobe.d/zz-nvme.conf:1 block.nvme-poll-queues=2",
                          "/etc/security/limits.conf:2 limits.memlock=65536",
                          "/etc/systemd/system.conf.d/zz.conf:2 limits.memlock=8M",
                          "/etc/security/limits.d/zz.conf:1 limits.rtprio=10",
                          "/etc/tmpfiles.d/thp.conf:1 memory.thp-enabled=madvise"));
}

TEST(Overrides, OtherWordsOfTheBootLine) {
  auto host = make_debian();
  host->put("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"isolcpus=1 skew_tick=0\"\n");
  host->put("/etc/default/grub.d/zz.cfg", "GRUB_CMDLINE_LINUX_DEFAULT=\"skew_tick=0\"\n");
  EXPECT_THAT(found(*host, {item("boot.isolcpus", "2-3"), item("boot.skew-tick", "1")}),
              ElementsAre("/etc/default/grub:1 boot.isolcpus=1",
                          "/etc/default/grub.d/zz.cfg:1 boot.skew-tick=0"));
}

TEST(Overrides, AreToldInWords) {
  auto host = make_debian();
  host->put("/etc/sysctl.conf", "vm.swappiness=60\n");
  const Viewed viewed(*host);
  const auto all = overrides(viewed.view(), std::vector{item("memory.swappiness", "0")});
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(to_string(all[0]),
            "/etc/sysctl.conf:1 sets memory.swappiness to 60 (sysctl.conf is applied after "
            "sysctl.d)");
}

}  // namespace
}  // namespace assay::tuner::testing
