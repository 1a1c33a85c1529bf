// What does not fit together, found and named.
#include "tuner/coherence.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_machine.hpp"

namespace assay::tuner::testing {
namespace {

using profiles::Match;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> notes(const Host& host, const profiles::Profile& profile) {
  return check_now(host, profile).notes;
}

profiles::Profile any_profile() { return wanting("memory.ksm", "0"); }

TEST(Coherence, AWellSetMachineHasNoFindings) {
  EXPECT_THAT(notes(*make_machine(), any_profile()), IsEmpty());
}

TEST(Coherence, InterruptsOnIsolatedCpus) {
  auto host = make_machine();
  host->put("/proc/irq/40/effective_affinity_list", "3\n");
  host->put("/proc/irq/9/effective_affinity_list", "2\n");
  EXPECT_THAT(notes(*host, any_profile()),
              Contains("2 interrupts are on isolated CPUs 2-3 (role isolated): "
                       "acpi on 2 (/proc/irq/9/smp_affinity_list: 0-1), "
                       "eth0-rx-0 on 3 (/proc/irq/40/smp_affinity_list: 0-1)"));
}

TEST(Coherence, ManagedInterruptsAreTheKernels) {
  auto host = make_machine();
  host->put("/proc/irq/41/effective_affinity_list", "3\n");
  host->put("/sys/kernel/debug/irq/irqs/41", "dstate: IRQD_AFFINITY_MANAGED\n");
  EXPECT_THAT(notes(*host, any_profile()), IsEmpty());
}

TEST(Coherence, SiblingsSplit) {
  auto profile = any_profile();
  profile.cpu_roles = {{"isolated", "1,3"}};
  profile.cpu_role_locations["isolated"] = {"mine.yaml", 6, 13};
  EXPECT_THAT(notes(*make_machine(), profile),
              Contains("CPU 1 is isolated (mine.yaml:6:13), its SMT sibling 0 is not: they share "
                       "one core (/sys/devices/system/cpu/cpu1/topology/thread_siblings_list)"));
}

TEST(Coherence, NoHousekeepingCpuLeft) {
  auto profile = any_profile();
  profile.cpu_roles = {{"isolated", "0-3"}};
  EXPECT_THAT(notes(*make_machine(), profile),
              Contains(HasSubstr("no housekeeping CPU is left: all of 0-3")));
}

TEST(Coherence, IsolcpusAndIrqaffinityDisagree) {
  auto host = make_machine();
  host->put("/proc/irq/default_smp_affinity", "7\n");
  EXPECT_THAT(notes(*host, any_profile()),
              Contains(HasSubstr("isolcpus and irqaffinity disagree: new interrupts may go to 0-2 "
                                 "(/proc/irq/default_smp_affinity), of which 2 are isolated "
                                 "(/sys/devices/system/cpu/isolated)")));
}

TEST(Coherence, DevicesFarFromTheirCpus) {
  auto host = make_machine();
  host->put(std::string("/sys/devices/pci0000:00/") + kNicPci + "/numa_node", "0\n");
  host->put(std::string("/sys/devices/pci0000:00/") + kDrivePci + "/numa_node", "0\n");
  const auto found = notes(*host, any_profile());
  const std::string far = "/numa_node), far from the isolated CPUs 2-3 (role isolated)";
  EXPECT_THAT(found, Contains("NIC eth0 is on node 0 (/sys/bus/pci/devices/0000:03:00.0" + far));
  EXPECT_THAT(found,
              Contains("drive nvme0n1 is on node 0 (/sys/bus/pci/devices/0000:01:00.0" + far));
}

TEST(Coherence, IrqbalanceMovesInterruptsBack) {
  auto host = make_machine();
  host->put("/proc/77/comm", "irqbalance\n");
  EXPECT_THAT(notes(*host, wanting("irq.affinity", "housekeeping", Match::at_most)),
              Contains(HasSubstr("/etc/default/irqbalance")));
  EXPECT_THAT(notes(*host, any_profile()), IsEmpty());
}

TEST(Coherence, TunedPutsItBack) {
  auto host = make_machine();
  host->put("/etc/tuned/active_profile", "balanced\n");
  host->put("/usr/lib/tuned/balanced/tuned.conf",
            "[cpu]\ngovernor=conservative\n[sysctl]\nvm.swappiness=60\n");
  EXPECT_THAT(
      notes(*host, wanting("cpu.governor", "performance")),
      Contains("cpu.governor (test.yaml:7:3): TuneD sets it to conservative whenever it starts "
               "(/usr/lib/tuned/balanced/tuned.conf)"));
  EXPECT_THAT(notes(*host, wanting("memory.swappiness", "10", Match::at_most)),
              Contains(HasSubstr("memory.swappiness (test.yaml:7:3): TuneD sets it to 60")));
  EXPECT_THAT(notes(*host, wanting("memory.swappiness", "60")), IsEmpty());
}

TEST(Coherence, AUdevRulePutsItBack) {
  auto host = make_machine();
  host->put("/etc/udev/rules.d/60-disk.rules",
            "ACTION==\"add\", SUBSYSTEM==\"block\", ATTR{queue/scheduler}=\"bfq\"\n");
  EXPECT_THAT(notes(*host, wanting("block.scheduler", "none")),
              Contains(HasSubstr("a udev rule sets it to bfq for each new device "
                                 "(/etc/udev/rules.d/60-disk.rules)")));
  EXPECT_THAT(notes(*host, wanting("block.scheduler", "bfq|kyber")), IsEmpty());
}

}  // namespace
}  // namespace assay::tuner::testing
