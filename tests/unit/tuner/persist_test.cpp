// The files that make values last: their texts, their set, and that taking away is as clean as
// adding.
#include "tuner/persist.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "../core/temp_dir.hpp"
#include "../probes/run_tool.hpp"
#include "core/faulty_host.hpp"
#include "persist_fixture.hpp"
#include "tuner/persist_files.hpp"
#include "tuner/text.hpp"

namespace assay::tuner::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<Change> changes_of(const Host& host, const std::vector<PersistItem>& items) {
  const Viewed viewed(host);
  auto changes = persist_changes(viewed.view(), items, some_profile());
  if (!changes) {
    ADD_FAILURE() << changes.error().message();
    return {};
  }
  return *changes;
}

// The lines that a file gets, without its heading.
std::string lines_in(const std::vector<Change>& changes, std::string_view path) {
  for (const Change& change : changes) {
    if (change.path != path) continue;
    std::string text;
    for (std::string_view line : lines_of(change.after)) {
      if (!line.empty() && !line.starts_with('#')) text += std::string(line) + "\n";
    }
    return text;
  }
  return "(no such change)";
}

TEST(Persist, EveryKindHasItsFile) {
  const auto changes = changes_of(*make_debian(), all_kinds());
  EXPECT_EQ(lines_in(changes, "/etc/sysctl.d/99-assay.conf"),
            "vm.stat_interval = 10\nvm.swappiness = 0\n");
  EXPECT_EQ(lines_in(changes, "/etc/modprobe.d/99-assay.conf"),
            "options nvme poll_queues=4\noptions nvme_core default_ps_max_latency_us=0\n");
  EXPECT_EQ(lines_in(changes, "/etc/security/limits.d/99-assay.conf"),
            "* - memlock unlimited\n* - nofile 65536\n* - rtprio 95\n"
            "root - memlock unlimited\nroot - nofile 65536\nroot - rtprio 95\n");
  EXPECT_EQ(lines_in(changes, "/etc/systemd/system.conf.d/99-assay.conf"),
            "[Manager]\nDefaultLimitMEMLOCK=infinity\nDefaultLimitNOFILE=65536\n"
            "DefaultLimitRTPRIO=95\n");
  EXPECT_EQ(
      lines_in(changes, "/etc/default/grub.d/99-assay.cfg"),
      "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT "
      "isolcpus=managed_irq,domain,2-3 nohz_full=2-3 nosoftlockup hugepagesz=2M hugepages=512 "
      "hugepagesz=1G hugepages=0:4,1:2 nvme.poll_queues=4 "
      "nvme_core.default_ps_max_latency_us=0\"\n");
  EXPECT_EQ(
      lines_in(changes, "/etc/udev/rules.d/99-assay.rules"),
      "ACTION==\"add\", SUBSYSTEM==\"block\", ENV{DEVTYPE}==\"disk\", KERNELS==\"0000:01:00.0\", "
      "ATTR{nsid}==\"1\", ATTR{queue/scheduler}=\"none\"\n"
      "ACTION==\"add\", SUBSYSTEM==\"block\", ENV{DEVTYPE}==\"disk\", KERNELS==\"0000:01:00.0\", "
      "ATTR{nsid}==\"1\", ATTR{queue/nr_requests}=\"256\"\n"
      "ACTION==\"add\", SUBSYSTEM==\"net\", KERNELS==\"0000:03:00.0\", ATTR{dev_port}==\"0\", "
      "ATTR{napi_defer_hard_irqs}=\"2\"\n"
      "ACTION==\"add\", SUBSYSTEM==\"net\", SUBSYSTEMS==\"pci\", TAG+=\"systemd\", "
      "ENV{SYSTEMD_WANTS}+=\"assay-tune-device@low-latency.service\"\n"
      "ACTION==\"add\", SUBSYSTEM==\"block\", ENV{DEVTYPE}==\"disk\", SUBSYSTEMS==\"pci\", "
      "TAG+=\"systemd\", ENV{SYSTEMD_WANTS}+=\"assay-tune-device@low-latency.service\"\n"
      "ACTION==\"online\", SUBSYSTEM==\"cpu\", RUN+=\"/bin/systemctl --no-block start "
      "assay-tune-device@low-latency.service\"\n");
  EXPECT_EQ(lines_in(changes, "/etc/systemd/system/multi-user.target.d/99-assay.conf"),
            "[Unit]\nWants=assay-tune@low-latency.service\n");
  EXPECT_EQ(lines_in(changes, "/etc/assay/low-latency.yaml"), some_profile().yaml);
  EXPECT_EQ(lines_in(changes, "/etc/systemd/system/irqbalance.service.d/99-assay.conf"),
            "[Unit]\nConditionPathExists="
            "!/etc/systemd/system/irqbalance.service.d/99-assay.conf\n");
  EXPECT_THAT(lines_in(changes, "/etc/network/if-up.d/assay-tune"),
              HasSubstr("exec systemctl --no-block start assay-tune-device@low-latency.service\n"));
}

TEST(Persist, TheUnitsRunTheCopiedProfile) {
  auto profile = some_profile();
  profile.program = "/opt/assay/bin/assay";
  profile.max_disruption = Disruption::reboot;  // no more than a link's reset at boot
  const auto host = make_debian();
  const Viewed viewed(*host);
  const auto changes = persist_changes(viewed.view(), all_kinds(), profile);
  ASSERT_TRUE(changes);
  const std::string boot = lines_in(*changes, "/etc/systemd/system/assay-tune@.service");
  EXPECT_THAT(boot, HasSubstr("ExecStart=/opt/assay/bin/assay tune /etc/assay/%i.yaml "
                              "--yes --max-disruption link-reset\n"));
  EXPECT_THAT(boot, HasSubstr("Type=oneshot\n"));
  // Started again and again by devices, which must not look like a failing service.
  EXPECT_THAT(boot, HasSubstr("StartLimitIntervalSec=0\n"));
  const std::string device = lines_in(*changes, "/etc/systemd/system/assay-tune-device@.service");
  EXPECT_THAT(device, HasSubstr("--max-disruption none\n"));
  EXPECT_THAT(device, HasSubstr("After=assay-tune@%i.service\n"));
}

TEST(Persist, ProgramsRunAfterTheFilesThatTheyRead) {
  const auto changes = changes_of(*make_debian(), all_kinds());
  std::vector<std::string> runs;
  bool seen_run = false;
  for (const Change& change : changes) {
    if (change.kind == ChangeKind::run) {
      seen_run = true;
      EXPECT_EQ(change.argv, change.undo_argv);
      EXPECT_FALSE(change.setting_id.empty());
      runs.push_back(change.argv[0]);
    } else {
      EXPECT_FALSE(seen_run) << change.path;
      EXPECT_TRUE(is_persisted_file(change.path)) << change.path;
    }
  }
  EXPECT_THAT(runs, ElementsAre("systemctl", "udevadm", "update-grub"));
}

TEST(Persist, AHostThatHasNoneOfThemRunsNothing) {
  auto host = make_debian();
  host->erase("/run");
  host->erase("/usr/sbin/update-grub");
  for (const Change& change : changes_of(*host, all_kinds())) {
    EXPECT_NE(change.kind, ChangeKind::run);
    EXPECT_NE(change.path, "/etc/default/grub.d/99-assay.cfg");
  }
}

TEST(Persist, AgainChangesNothing) {
  auto host = make_debian();
  perform_files(*host, changes_of(*host, all_kinds()));
  EXPECT_THAT(changes_of(*host, all_kinds()), IsEmpty());
  // In any order.
  auto items = all_kinds();
  std::ranges::reverse(items);
  EXPECT_THAT(changes_of(*host, items), IsEmpty());
}

TEST(Persist, TakingAwayLeavesNothing) {
  auto host = make_debian();
  const auto before = etc_of(*host);
  perform_files(*host, changes_of(*host, all_kinds()));
  EXPECT_NE(etc_of(*host), before);
  const Viewed viewed(*host);
  const auto changes = unpersist_changes(viewed.view());
  ASSERT_TRUE(changes);
  perform_files(*host, *changes);
  EXPECT_EQ(etc_of(*host), before);
  const Viewed after(*host);
  EXPECT_THAT(*unpersist_changes(after.view()), IsEmpty());
}

TEST(Persist, UndoPutsEveryFileBack) {
  auto host = make_debian();
  perform_files(*host, changes_of(*host, {item("memory.swappiness", "10")}));
  const auto before = etc_of(*host);
  const auto changes = changes_of(*host, all_kinds());
  perform_files(*host, changes);
  for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
    if (change->kind != ChangeKind::run) {
      EXPECT_TRUE(undo(*host, *change));
    }
  }
  EXPECT_EQ(etc_of(*host), before);
}

struct Died {};

// Does the changes over a host that fails or dies at its n-th write; returns how many it makes.
std::uint64_t perform_until_fault(MemoryHost& host, const std::vector<Change>& changes,
                                  std::uint64_t at, FaultMode mode) {
  FaultyHost faulty(host, {at, mode, ENOSPC, [] { throw Died(); }});
  try {
    for (const Change& change : changes) {
      if (change.kind == ChangeKind::run) continue;
      if (!perform(faulty, change)) break;
    }
  } catch (const Died&) {
    // The process is gone; what it wrote is not.
  }
  return faulty.writes();
}

// Wherever it ends, the changes alone tell how to get back.
TEST(Persist, AFaultAtAnyWriteCanBeUndone) {
  auto original = make_debian();
  perform_files(*original, changes_of(*original, {item("memory.swappiness", "10")}));
  const auto before = etc_of(*original);
  const auto changes = changes_of(*original, all_kinds());
  const std::uint64_t writes = perform_until_fault(*original, changes, 0, FaultMode::fail_before);
  EXPECT_GE(writes, changes.size() - 3);
  for (const FaultMode mode : {FaultMode::fail_before, FaultMode::fail_after, FaultMode::die_before,
                               FaultMode::die_after}) {
    for (std::uint64_t at = 1; at <= writes; ++at) {
      auto host = make_debian();
      perform_files(*host, changes_of(*host, {item("memory.swappiness", "10")}));
      perform_until_fault(*host, changes, at, mode);
      for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
        if (change->kind == ChangeKind::run) continue;
        const auto now = read_now(*host, *change);
        ASSERT_TRUE(now);
        if (is_before(*change, *now)) continue;
        EXPECT_TRUE(is_after(*change, *now)) << change->path << " is neither old nor new";
        EXPECT_TRUE(undo(*host, *change)) << change->path;
      }
      EXPECT_EQ(etc_of(*host), before) << "write " << at;
    }
  }
}

TEST(Persist, TheNextProfileReplacesTheLastWhole) {
  auto host = make_debian();
  perform_files(*host, changes_of(*host, all_kinds()));
  const Viewed viewed(*host);
  const auto changes = persist_changes(viewed.view(), std::vector{item("memory.swappiness", "10")});
  ASSERT_TRUE(changes);
  perform_files(*host, *changes);
  EXPECT_THAT(host->read("/etc/sysctl.d/99-assay.conf").value_or(""),
              HasSubstr("vm.swappiness = 10\n"));
  for (std::string_view path : persisted_files()) {
    EXPECT_EQ(host->exists(path), path == "/etc/sysctl.d/99-assay.conf") << path;
  }
  EXPECT_FALSE(host->exists("/etc/assay/low-latency.yaml"));
}

TEST(Persist, FilesOfOthersAreNeverTouched) {
  for (std::string_view path : persisted_files()) {
    auto host = make_debian();
    host->put(path, "vm.swappiness = 1\n");
    host->directory("/etc/networkd-dispatcher/carrier.d");
    host->directory("/etc/NetworkManager/dispatcher.d");
    const Viewed viewed(*host);
    const auto changes = persist_changes(viewed.view(), all_kinds(), some_profile());
    ASSERT_FALSE(changes) << path;
    EXPECT_THAT(changes.error().message(), HasSubstr(std::string(path)));
    EXPECT_THAT(changes.error().message(), HasSubstr("did not write it"));
    EXPECT_THAT(*unpersist_changes(viewed.view()), IsEmpty());
  }
}

TEST(Persist, AFileThatCannotBeReadStopsIt) {
  auto host = make_debian();
  host->put("/etc/sysctl.d/99-assay.conf", "x");
  host->fail("/etc/sysctl.d/99-assay.conf", EACCES);
  const Viewed viewed(*host);
  const auto changes = persist_changes(viewed.view(), all_kinds(), some_profile());
  ASSERT_FALSE(changes);
  EXPECT_EQ(changes.error().code, ErrorCode::denied);
}

TEST(Persist, WithoutAProfileTheUnitsItemsAreRefused) {
  const auto host = make_debian();
  const Viewed viewed(*host);
  const auto changes = persist_changes(
      viewed.view(), std::vector{item("cpu.governor", "performance", {"cpu0", "0"})});
  ASSERT_FALSE(changes);
  EXPECT_EQ(changes.error().code, ErrorCode::unsupported);
  EXPECT_TRUE(persist_changes(viewed.view(), std::vector{item("memory.ksm", "0")}, some_profile()));
  const auto recorded = persist_changes(
      viewed.view(), std::vector{item("block.write-cache", "write through", drive())},
      some_profile());
  ASSERT_FALSE(recorded);
  EXPECT_EQ(recorded.error().code, ErrorCode::invalid);
}

TEST(Persist, ContradictionsAreRefused) {
  const auto host = make_debian();
  const Viewed viewed(*host);
  const std::vector<std::vector<PersistItem>> pairs{
      {item("memory.swappiness", "1"), item("memory.swappiness", "2")},
      {item("block.scheduler", "none", drive()), item("block.scheduler", "kyber", drive())},
      {item("boot.isolcpus", "2"), item("boot.isolcpus", "3")},
      {item("limits.rtprio", "2"), item("limits.rtprio", "3")}};
  for (const auto& pair : pairs) {
    const auto changes = persist_changes(viewed.view(), pair, some_profile());
    ASSERT_FALSE(changes) << pair[0].setting->id;
    EXPECT_EQ(changes.error().code, ErrorCode::invalid);
    // The same value twice is no contradiction.
    EXPECT_TRUE(persist_changes(viewed.view(), std::vector{pair[0], pair[0]}, some_profile()));
  }
}

TEST(Persist, OddCharactersAreRefused) {
  const auto host = make_debian();
  const Viewed viewed(*host);
  for (const std::string& value :
       {std::string("1\n2"), std::string("1\"; RUN+=\"x"), std::string("$(x)"), std::string("`x`"),
        std::string("a\\b"), std::string("%i"), std::string(""), std::string(" 1"),
        std::string("a\0b", 3), std::string("\xff"), std::string("1 # x"), std::string("'")}) {
    for (PersistItem one : all_kinds()) {
      if (one.setting->lasting == Lasting::startup_unit) continue;
      if (one.setting->kind == ValueKind::flag && value == "") continue;
      one.value = value;
      const auto changes = persist_changes(viewed.view(), std::vector{one}, some_profile());
      ASSERT_FALSE(changes) << one.setting->id << " = " << value;
      EXPECT_EQ(changes.error().code, ErrorCode::invalid);
    }
  }
}

TEST(Persist, OddNamesOfDevicesGetNoRule) {
  const auto host = make_debian();
  for (const char* name :
       {"pci-0000:01:00.0\"/ns1", "pci-0000:01:00.0/ns1\"", "pci-0000:01:00.9/ns1", "pci-x/ns1",
        "pci-0000:01:00.0/serial-0123456789ab", "pci-0000:01:00.0/ns1#2", "virtual-sda",
        "pci-0000:01:00.0/scsi-0:0:1", "device-sda", "", "pci-../../ns1", "pci-0000:01:00.0/"}) {
    const PersistItem one = item("block.scheduler", "none", {name, "sda"});
    if (std::string_view(name) == "pci-0000:01:00.0/") continue;
    EXPECT_TRUE(needs_unit(one)) << name;
    EXPECT_EQ(*udev_lines(std::vector{one}), "") << name;
  }
  PersistItem one = item("block.scheduler", "none", drive());
  one.path = "/sys/block/nvme0n1/queue/{x}\"";
  EXPECT_FALSE(udev_lines(std::vector{one}));
  one.path = "/sys/block/nvme0n1/../x";
  EXPECT_FALSE(udev_lines(std::vector{one}));
  for (const char* path : {"/proc/sys/../x", "/etc/passwd", "/proc/sys/a b", "/proc/sys/a\nb"}) {
    PersistItem sysctl = item("memory.swappiness", "1");
    sysctl.path = path;
    EXPECT_FALSE(sysctl_lines(std::vector{sysctl})) << path;
  }
}

TEST(Persist, OddProfilesAreRefused) {
  const auto host = make_debian();
  const Viewed viewed(*host);
  for (const char* name : {"", "a/b", "..", "A", "a b", "a%i", "a\nb", "-a", "a\"b"}) {
    PersistedProfile profile = some_profile();
    profile.name = name;
    EXPECT_FALSE(persist_changes(viewed.view(), all_kinds(), profile)) << name;
    EXPECT_FALSE(is_persisted_file(std::string(kProfileFolder) + "/" + name + ".yaml")) << name;
  }
  for (const char* program : {"assay", "/opt/a b/assay", "/x/%h", "/x/$y", "/../x"}) {
    PersistedProfile profile = some_profile();
    profile.program = program;
    EXPECT_FALSE(persist_changes(viewed.view(), all_kinds(), profile)) << program;
  }
}

TEST(Persist, LimitsThatWouldEndEveryLoginAreRefused) {
  const auto host = make_debian();
  const Viewed viewed(*host);
  EXPECT_FALSE(persist_changes(viewed.view(), std::vector{item("limits.nofile", "unlimited")}));
  EXPECT_FALSE(persist_changes(viewed.view(), std::vector{item("limits.nofile", "1048577")}));
  EXPECT_TRUE(persist_changes(viewed.view(), std::vector{item("limits.nofile", "1048576")}));
  EXPECT_TRUE(persist_changes(viewed.view(), std::vector{item("limits.nofile", "2000000"),
                                                         item("limits.nr-open", "2000000")}));
  EXPECT_FALSE(persist_changes(viewed.view(), std::vector{item("limits.rtprio", "unlimited")}));
}

TEST(Persist, WhatMeansNothingOnTheBootLineIsLeftOut) {
  const auto host = make_debian();
  const Viewed viewed(*host);
  EXPECT_EQ(*boot_words(viewed.view(), std::vector{item("boot.isolcpus", "none"),
                                                   item("boot.nosoftlockup", "no")}),
            "");
}

TEST(Persist, HugePagesNameTheirSizeWhereItIsKnown) {
  auto host = make_debian();
  const std::vector items{item("boot.hugepages", "512")};
  EXPECT_EQ(*boot_words(Viewed(*host).view(), items), "hugepagesz=2M hugepages=512");
  host->put("/proc/meminfo", "MemTotal: 16777216 kB\n");
  EXPECT_EQ(*boot_words(Viewed(*host).view(), items), "hugepages=512");
}

TEST(Persist, OtherBootLoadersAreToldWhatToAdd) {
  auto host = make_debian();
  const std::vector items{item("boot.isolcpus", "2-3"), item("cpu.governor", "performance")};
  EXPECT_THAT(persist_by_hand(Viewed(*host).view(), items), IsEmpty());
  host->erase("/usr/sbin/update-grub");
  EXPECT_THAT(persist_by_hand(Viewed(*host).view(), items),
              ElementsAre(HasSubstr("GRUB_CMDLINE_LINUX in /etc/default/grub: isolcpus=")));
  host->erase("/etc/default/grub");
  EXPECT_THAT(persist_by_hand(Viewed(*host).view(), items),
              ElementsAre("add to the boot loader's kernel line: isolcpus=managed_irq,domain,2-3"));
  for (const char* there :
       {"/efi/loader/entries/debian.conf", "/boot/loader/entries/debian.conf",
        "/etc/default/u-boot", "/boot/extlinux/extlinux.conf", "/boot/refind_linux.conf",
        "/boot/firmware/cmdline.txt", "/etc/zipl.conf"}) {
    auto other = make_debian();
    other->erase("/etc/default/grub");
    other->put(there, "");
    const auto told = persist_by_hand(Viewed(*other).view(), items);
    ASSERT_EQ(told.size(), 1U) << there;
    const std::string place(there);
    const bool entries = place.ends_with("debian.conf");
    EXPECT_THAT(told[0], HasSubstr(entries ? place.substr(0, place.rfind('/')) : place));
    EXPECT_THAT(told[0], HasSubstr(": isolcpus=managed_irq,domain,2-3"));
  }
  host->put("/usr/sbin/grubby", "");
  EXPECT_THAT(persist_by_hand(Viewed(*host).view(), items),
              ElementsAre(HasSubstr("grubby --update-kernel=ALL --args=\"isolcpus=")));
  host->put("/etc/kernel/cmdline", "root=/dev/vda1\n");
  EXPECT_THAT(persist_by_hand(Viewed(*host).view(), items),
              ElementsAre(HasSubstr("append to /etc/kernel/cmdline: isolcpus=")));
  host->erase("/usr/lib/systemd");
  host->erase("/run/systemd");
  EXPECT_THAT(persist_by_hand(Viewed(*host).view(), items),
              ElementsAre(HasSubstr("kernel/cmdline"), HasSubstr("no systemd")));
}

TEST(Persist, WhatNobodyReadsIsNotWrittenAndSaid) {
  auto host = make_debian();
  host->erase("/etc/security");
  host->erase("/etc/udev");
  for (const Change& change : changes_of(*host, all_kinds())) {
    EXPECT_THAT(change.path, Not(HasSubstr("/etc/security")));
    EXPECT_THAT(change.path, Not(HasSubstr("/etc/udev")));
  }
  EXPECT_THAT(persist_by_hand(Viewed(*host).view(), all_kinds()),
              ElementsAre(HasSubstr("/etc/udev/rules.d"), HasSubstr("/etc/security/limits.d")));
}

// Units of ours as systemd reads them, with a program that is there.
std::optional<probes::ToolResult> verified(const assay::testing::TempDir& folder,
                                           const std::vector<Change>& changes,
                                           std::string_view spoil) {
  for (const Change& change : changes) {
    if (!change.path.ends_with("@.service")) continue;
    const std::string name = change.path.substr(change.path.rfind('/') + 1);
    // An instance under its own name: `verify` takes no template.
    folder.put(name.substr(0, name.find('@')) + "@low-latency.service",
               std::string(spoil) + change.after);
  }
  return probes::run_tool(
      {"systemd-analyze", "verify", "--man=no", "assay-tune@low-latency.service",
       "assay-tune-device@low-latency.service"},
      {{"SYSTEMD_UNIT_PATH", folder.path() + ":"}});
}

TEST(Persist, SystemdTakesTheUnits) {
  const auto host = make_debian();
  const Viewed viewed(*host);
  auto profile = some_profile();
  profile.program = "/bin/true";
  const auto changes = persist_changes(viewed.view(), all_kinds(), profile);
  ASSERT_TRUE(changes);
  const assay::testing::TempDir folder;
  const auto good = verified(folder, *changes, "");
  if (!good) GTEST_SKIP() << "systemd-analyze is not installed";
  EXPECT_EQ(good->exit_code, 0);
  const auto bad = verified(folder, *changes, "[Service]\nType=nonsense\nExecStart=relative\n");
  EXPECT_NE(bad->exit_code, 0) << "it takes anything";
}

TEST(Persist, AShellTakesTheHooks) {
  auto host = make_debian();
  host->directory("/etc/networkd-dispatcher/carrier.d");
  host->directory("/etc/NetworkManager/dispatcher.d");
  const assay::testing::TempDir folder;
  int scripts = 0;
  for (const Change& change : changes_of(*host, all_kinds())) {
    if (change.mode_after != 0755) continue;
    folder.put("hook", change.after);
    const auto checked = probes::run_tool({"sh", "-n", folder / "hook"});
    ASSERT_TRUE(checked);
    EXPECT_EQ(checked->exit_code, 0) << change.path;
    ++scripts;
  }
  EXPECT_EQ(scripts, 3);
}

TEST(Persist, UdevTakesTheRules) {
  const assay::testing::TempDir folder;
  folder.put("99-assay.rules",
             lines_in(changes_of(*make_debian(), all_kinds()), "/etc/udev/rules.d/99-assay.rules"));
  const auto checked = probes::run_tool({"udevadm", "verify", folder / "99-assay.rules"});
  // Before systemd 254 there is no such command.
  const auto known = probes::run_tool({"udevadm", "verify", "--help"});
  if (!known || known->exit_code != 0) GTEST_SKIP() << "no udevadm verify here";
  EXPECT_EQ(checked->exit_code, 0) << checked->output;
}

TEST(Persist, HeadingsAndModes) {
  auto host = make_debian();
  host->directory("/etc/NetworkManager/dispatcher.d");
  for (const Change& change : changes_of(*host, all_kinds())) {
    if (change.kind != ChangeKind::replace_file) continue;
    const bool script = change.after.starts_with("#!/bin/sh\n");
    EXPECT_EQ(change.mode_after, script ? 0755U : 0644U) << change.path;
    EXPECT_THAT(change.after, HasSubstr("# Written by `assay tune --persist`")) << change.path;
    EXPECT_TRUE(change.absent_before) << change.path;
    EXPECT_NE(find_setting(change.setting_id), nullptr) << change.path;
  }
}

}  // namespace
}  // namespace assay::tuner::testing
