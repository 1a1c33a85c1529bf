#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "machine.hpp"
#include "probes/provenance_lines.hpp"

namespace assay::probes {
namespace {

using testing::ElementsAre;

// "3 vm.swappiness=10": the whole of a line.
std::vector<std::string> parsed(void (*parse)(std::string_view, Lines&), const std::string& text) {
  Lines lines;
  parse(text, lines);
  std::vector<std::string> words;
  for (const Line& line : lines) {
    words.push_back(std::to_string(line.number) + " " + line.key + "=" + line.value);
  }
  return words;
}

TEST(ProvenanceLines, Sysctl) {
  EXPECT_THAT(
      parsed(parse_sysctl,
             "# vm.swappiness=1\n\nvm.swappiness = 10\n-net/core/rmem_max=65536\n"
             "; x\nsome.thing = 1\nvm.stat_interval\nkernel.numa_balancing=\"0\"\n"),
      ElementsAre("3 vm.swappiness=10", "4 net.core.rmem_max=65536", "8 kernel.numa_balancing=0"));
}

TEST(ProvenanceLines, Udev) {
  EXPECT_THAT(
      parsed(parse_udev,
             "ACTION==\"add\", ATTR{queue/rotational}==\"0\", ATTR{queue/scheduler}=\"none\"\n"
             "SUBSYSTEM==\"pci\", \\\n  ATTR{power/control} = \"auto\"\n"
             "ATTR{address}==\"00:11\", NAME=\"eth9\"\nATTR{queue/x\nATTR{queue/y}=\"z\n"),
      ElementsAre("1 ATTR{queue/scheduler}=none", "2 ATTR{power/control}=auto"));
}

TEST(ProvenanceLines, Modprobe) {
  EXPECT_THAT(parsed(parse_modprobe,
                     "blacklist x\noptions nvme poll_queues=4 write_queues=\"1\"\n"
                     "options\noptions snd-pcsp index=-2\noptions kvm ignore_msrs\n"),
              ElementsAre("2 nvme.poll_queues=4", "2 nvme.write_queues=1", "5 kvm.ignore_msrs="));
}

TEST(ProvenanceLines, TheOthers) {
  EXPECT_THAT(
      parsed(parse_tmpfiles, "d /run/x\nw /sys/kernel/mm/ksm/run - - - - 0\nw! /etc/x - - - - 1\n"),
      ElementsAre("2 /sys/kernel/mm/ksm/run=0"));
  EXPECT_THAT(parsed(parse_systemd, "[Manager]\nCPUAffinity=0 1\n#Nice=1\nLogLevel=info\n"),
              ElementsAre("2 CPUAffinity=0 1"));
  EXPECT_THAT(parsed(parse_grub,
                     "GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet isolcpus=2\"\n"
                     "GRUB_CMDLINE_LINUX=\"\"\n"),
              ElementsAre("2 GRUB_CMDLINE_LINUX_DEFAULT=quiet isolcpus=2"));
  EXPECT_THAT(parsed(parse_irqbalance, "#IRQBALANCE_ARGS=\nIRQBALANCE_BANNED_CPULIST=2-3\n"),
              ElementsAre("2 IRQBALANCE_BANNED_CPULIST=2-3"));
  EXPECT_THAT(parsed(parse_limits, "@desk - memlock unlimited\n* soft core 0\n"),
              ElementsAre("1 @desk.-.memlock=unlimited"));
  EXPECT_THAT(parsed(parse_tuned,
                     "[main]\nsummary=x\ninclude=network-latency\n[sysctl]\nvm.swappiness=10\n"
                     "[variables]\na=b\n"),
              ElementsAre("3 main.include=network-latency", "5 sysctl.vm.swappiness=10"));
}

std::vector<std::string> files_of(const Environment& environment, const std::string& by) {
  std::vector<std::string> words;
  for (const Provenance& entry : environment.provenance) {
    if (entry.by != by) continue;
    words.push_back(entry.file + ":" + std::to_string(entry.line) + " " + entry.key + "=" +
                    entry.value + (entry.overridden ? " (overridden)" : ""));
  }
  return words;
}

TEST(Provenance, EtcHidesWhatTheDistributionInstalled) {
  MemoryHost host;
  host.put("/etc/sysctl.d/10-x.conf", "vm.swappiness=1\n");
  host.put("/usr/lib/sysctl.d/10-x.conf", "vm.swappiness=60\n");
  host.put("/usr/lib/sysctl.d/50-y.conf", "\nvm.dirty_bytes=1000\n");
  host.put("/usr/lib/sysctl.d/README", "vm.dirty_bytes=1\n");
  host.link("/lib", "usr/lib");
  host.put("/etc/sysctl.conf", "vm.stat_interval=10\n");
  EXPECT_THAT(files_of(probe(host).environment, "sysctl"),
              ElementsAre("/etc/sysctl.d/10-x.conf:1 vm.swappiness=1",
                          "/usr/lib/sysctl.d/10-x.conf:1 vm.swappiness=60 (overridden)",
                          "/usr/lib/sysctl.d/50-y.conf:2 vm.dirty_bytes=1000",
                          "/etc/sysctl.conf:1 vm.stat_interval=10"));
}

TEST(Provenance, UnitsAndTheirDropIns) {
  MemoryHost host;
  host.put("/etc/systemd/system.conf", "CPUAffinity=0\n");
  host.put("/etc/systemd/system/feed.service", "[Service]\nLimitMEMLOCK=infinity\n");
  host.put("/etc/systemd/system/ssh.service.d/x.conf", "[Service]\nAllowedCPUs=0-1\n");
  host.put("/usr/lib/systemd/system/alias.service", "CPUAffinity=3\n");
  host.link("/etc/systemd/system/alias.service", "/usr/lib/systemd/system/alias.service");
  EXPECT_THAT(files_of(probe(host).environment, "systemd"),
              ElementsAre("/etc/systemd/system.conf:1 CPUAffinity=0",
                          "/etc/systemd/system/feed.service:2 LimitMEMLOCK=infinity",
                          "/etc/systemd/system/ssh.service.d/x.conf:2 AllowedCPUs=0-1"));
}

TEST(Provenance, TunedsProfileAndWhatItIncludes) {
  MemoryHost host;
  host.put("/etc/tuned/active_profile", "mine\n");
  host.put("/etc/tuned/mine/tuned.conf",
           "[main]\ninclude=latency-performance\n[vm]\ntransparent_hugepages=never\n");
  host.put("/usr/lib/tuned/latency-performance/tuned.conf",
           "[main]\ninclude=mine\n[cpu]\ngovernor=performance\n");
  const Environment environment = probe(host).environment;
  EXPECT_EQ(environment.tuned_profile, "mine");
  EXPECT_THAT(
      files_of(environment, "tuned"),
      ElementsAre("/etc/tuned/mine/tuned.conf:4 vm.transparent_hugepages=never",
                  "/usr/lib/tuned/latency-performance/tuned.conf:4 cpu.governor=performance"));
  host.put("/etc/tuned/active_profile", "../../etc/passwd ..\n");
  EXPECT_TRUE(files_of(probe(host).environment, "tuned").empty());
}

TEST(Provenance, HostileTextDoesNoHarm) {
  for (const auto parse :
       {parse_sysctl, parse_udev, parse_modprobe, parse_tmpfiles, parse_systemd, parse_grub,
        parse_command_line, parse_irqbalance, parse_limits, parse_tuned}) {
    for (const std::string& text :
         {std::string("\0\xff=\xff\n", 5), std::string("=\n==\n\\"), std::string(100000, '\\'),
          std::string("ATTR{"), std::string("ATTR{}=\""), std::string("[\n[]\n]=["),
          std::string("options = = =\n\"'=\"'\n")}) {
      parsed(parse, text);
    }
  }
}

}  // namespace
}  // namespace assay::probes
