#include "tuner/persisted.hpp"

#include <gtest/gtest.h>
// GoogleTest first: its adaptor needs it.
#include <rapidcheck/gtest.h>

#include "core/memory_host.hpp"
#include "tuner/text.hpp"

namespace assay::tuner {
namespace {

TEST(Sysctl, LinesCommentsAndSeparators) {
  PersistedMap map;
  parse_sysctl("# no\n; no\n vm.swappiness = 10 \n-net/core/busy_poll=50\nnothing\n", "f", map);
  ASSERT_EQ(map.size(), 2U);
  EXPECT_EQ(map["vm.swappiness"].value, "10");
  EXPECT_EQ(map["net.core.busy_poll"].value, "50");
  EXPECT_EQ(map["net.core.busy_poll"].file, "f");
}

TEST(Sysctl, FilesCountByNameAndHideEachOther) {
  MemoryHost host;
  host.put("/usr/lib/sysctl.d/50-a.conf", "vm.swappiness=60\nvm.stat_interval=1\n");
  host.put("/usr/lib/sysctl.d/99-z.conf", "vm.swappiness=70\n");
  host.put("/run/sysctl.d/60-b.conf", "vm.swappiness=40\n");
  host.put("/etc/sysctl.d/99-z.conf", "vm.swappiness=5\n");  // hides the one of /usr/lib
  host.put("/etc/sysctl.d/99-z.conf.bak", "vm.swappiness=6\n");
  const Persisted persisted = read_persisted(host);
  EXPECT_EQ(persisted.sysctl.at("vm.swappiness").value, "5");
  EXPECT_EQ(persisted.sysctl.at("vm.swappiness").file, "/etc/sysctl.d/99-z.conf");
  EXPECT_EQ(persisted.sysctl.at("vm.stat_interval").value, "1");
}

TEST(Sysctl, TheOldFileComesLast) {
  MemoryHost host;
  host.put("/etc/sysctl.d/99-z.conf", "vm.swappiness=5\n");
  host.put("/etc/sysctl.conf", "vm.swappiness=7\n");
  EXPECT_EQ(read_persisted(host).sysctl.at("vm.swappiness").file, "/etc/sysctl.conf");
}

TEST(Grub, QuotesReferencesAndAppends) {
  EXPECT_EQ(grub_command_line({"GRUB_CMDLINE_LINUX_DEFAULT=\"quiet splash\"\n",
                               "GRUB_CMDLINE_LINUX=\"isolcpus=2-3\"\n"
                               "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX nohz_full=2-3\"\n"
                               "GRUB_CMDLINE_LINUX+=' rcu_nocbs=${NOT_SET}2-3'\n"}),
            "isolcpus=2-3 nohz_full=2-3 rcu_nocbs=${NOT_SET}2-3 quiet splash");
  EXPECT_EQ(grub_command_line({"export GRUB_CMDLINE_LINUX=a\\ b # note\n#GRUB_CMDLINE_LINUX=c\n"}),
            "a b");
  EXPECT_EQ(grub_command_line({"GRUB_TIMEOUT=5\n"}), "");
}

TEST(Grub, SelfReferencesEnd) {
  std::string text = "GRUB_CMDLINE_LINUX=x\n";
  for (int i = 0; i < 64; ++i) {
    text += "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX$GRUB_CMDLINE_LINUX\"\n";
  }
  EXPECT_LT(grub_command_line({text}).size(), 1U << 20);
}

TEST(Grub, SystemdBootWhereThereIsNoGrub) {
  MemoryHost host;
  EXPECT_FALSE(read_persisted(host).boot_line);
  host.put("/etc/kernel/cmdline", "isolcpus=2-3\n");
  ASSERT_TRUE(read_persisted(host).boot_line);
  EXPECT_EQ(read_persisted(host).boot_line->value, "isolcpus=2-3");
  EXPECT_EQ(read_persisted(host).boot_line->file, "/etc/kernel/cmdline");
}

TEST(Limits, SoftAndBothCountHardDoesNot) {
  PersistedMap map;
  parse_limits(
      "* hard memlock 1\n* soft memlock 65536\n@trading - rtprio 98 # why\n* - nofile -1\nbad\n",
      "f", map);
  EXPECT_EQ(map["memlock"].value, "64MiB");
  EXPECT_EQ(map["rtprio"].value, "98");
  EXPECT_EQ(map["rtprio"].file, "f, for @trading");
  EXPECT_EQ(map["nofile"].value, "unlimited");
  EXPECT_EQ(map.size(), 3U);
}

TEST(Modprobe, OptionsOfModules) {
  PersistedMap map;
  parse_modprobe(
      "options nvme poll_queues=4 write_queues=2\noptions nvme-core multipath=N # x\n"
      "blacklist foo\noptions lonely\n",
      "f", map);
  EXPECT_EQ(map["nvme.poll_queues"].value, "4");
  EXPECT_EQ(map["nvme_core.multipath"].value, "N");
  EXPECT_EQ(map.size(), 3U);
}

TEST(Udev, AssignmentsAndNotMatches) {
  std::vector<UdevAssignment> rules;
  parse_udev(
      "# ATTR{queue/a}=\"x\"\n"
      "ACTION==\"add\", ATTR{queue/rotational}==\"0\", ATTR{queue/scheduler}=\"none\"\n"
      "ATTR{queue/nomerges} = \"2\"\nATTR{broken\nATTR{x}=unquoted\n",
      "f", rules);
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].attribute, "queue/scheduler");
  EXPECT_EQ(rules[0].value, "none");
  EXPECT_EQ(rules[1].attribute, "queue/nomerges");
}

TEST(Tuned, ProfilesIncludeOthersAndOverrideThem) {
  MemoryHost host;
  host.put("/etc/tuned/active_profile", "mine\n");
  host.put("/etc/tuned/mine/tuned.conf",
           "[main]\ninclude=throughput-performance\n[sysctl]\nvm.swappiness=1\n");
  host.put("/usr/lib/tuned/throughput-performance/tuned.conf",
           "[sysctl]\nvm.swappiness=10\nvm.stat_interval=2\n[cpu]\ngovernor=performance\n");
  const Persisted persisted = read_persisted(host);
  EXPECT_EQ(persisted.tuned.at("sysctl.vm.swappiness").value, "1");
  EXPECT_EQ(persisted.tuned.at("sysctl.vm.stat_interval").value, "2");
  EXPECT_EQ(persisted.tuned.at("cpu.governor").file,
            "/usr/lib/tuned/throughput-performance/tuned.conf");
}

TEST(Tuned, ACycleEnds) {
  MemoryHost host;
  host.put("/etc/tuned/active_profile", "a\n");
  host.put("/etc/tuned/a/tuned.conf", "[main]\ninclude=b\n[vm]\nx=1\n");
  host.put("/etc/tuned/b/tuned.conf", "[main]\ninclude=a\n");
  EXPECT_EQ(read_persisted(host).tuned.at("vm.x").value, "1");
}

TEST(BootWord, LastOneCounts) {
  EXPECT_EQ(boot_word("a=1 isolcpus=2 isolcpus=3", "isolcpus"), "3");
  EXPECT_EQ(boot_word("rcu-nocbs=2", "rcu_nocbs"), "2");
  EXPECT_EQ(boot_word("quiet nosoftlockup", "nosoftlockup"), "");
  EXPECT_EQ(boot_word("dyndbg=\"file a b +p\" x", "dyndbg"), "file a b +p");
  EXPECT_EQ(boot_word("isolcpus=2 x", "isol"), std::nullopt);
  EXPECT_EQ(boot_word("quiet -- isolcpus=2", "isolcpus"), std::nullopt);
}

TEST(Glob, StarsAndQuestionMarks) {
  EXPECT_TRUE(matches_glob("nvme*", "nvme0n1"));
  EXPECT_TRUE(matches_glob("*@pci-0000:0?:*", "msix1@pci-0000:03:00.0"));
  EXPECT_TRUE(matches_glob("**", ""));
  EXPECT_FALSE(matches_glob("nvme?", "nvme10"));
  EXPECT_FALSE(matches_glob("", "a"));
  EXPECT_FALSE(matches_glob("a*b", "acbd"));
}

RC_GTEST_PROP(ParserProperty, AnyTextIsParsed, (const std::string& text)) {
  PersistedMap map;
  std::vector<UdevAssignment> rules;
  parse_sysctl(text, "f", map);
  parse_limits(text, "f", map);
  parse_modprobe(text, "f", map);
  parse_ini(text, "f", map);
  parse_udev(text, "f", rules);
  (void)grub_command_line({text, "GRUB_CMDLINE_LINUX=" + text});
  (void)boot_tokens(text);
}

RC_GTEST_PROP(GlobProperty, AStarMatchesEverything, (const std::string& text)) {
  RC_ASSERT(matches_glob("*", text));
  RC_ASSERT(matches_glob("*" + std::string("*"), text));
}

}  // namespace
}  // namespace assay::tuner
