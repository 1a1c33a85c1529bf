// Asking is not getting: the rows where configured and effective differ, one story each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_machine.hpp"

namespace assay::tuner::testing {
namespace {

using profiles::Match;
using ::testing::HasSubstr;

constexpr const char* kCpus = "/sys/devices/system/cpu/";

CheckRow only_row(const Host& host, std::string_view id, std::string_view value,
                  Match match = Match::equal) {
  return row_of(check_now(host, wanting(id, value, match)));
}

TEST(Effective, IsolcpusWithoutDomainIsAskedAndNotInEffect) {
  auto host = make_machine();
  host->put("/proc/cmdline", "isolcpus=managed_irq,2-3");
  host->put(std::string(kCpus) + "isolated", "\n");
  const CheckRow row = only_row(*host, "boot.isolcpus", "isolated");
  EXPECT_EQ(row.configured, "2-3");
  EXPECT_EQ(row.effective, "none");
  EXPECT_EQ(row.outcome, Outcome::differs);
  EXPECT_THAT(row.reason, HasSubstr("asked for, but not in effect"));
  EXPECT_THAT(row.reason, HasSubstr("domain"));
}

TEST(Effective, IsolationThatNobodyAskedForDiffersToo) {
  auto host = make_machine();
  host->put("/proc/cmdline", "quiet");
  const CheckRow row = only_row(*host, "boot.isolcpus", "isolated");
  EXPECT_EQ(row.configured, "none");
  EXPECT_EQ(row.effective, "2-3");
  EXPECT_EQ(row.outcome, Outcome::differs);
  EXPECT_THAT(row.reason, HasSubstr("in effect, but not asked for"));
}

TEST(Effective, BootListsCompareByMeaning) {
  auto host = make_machine();
  host->put("/proc/cmdline", "isolcpus=domain,3,2 nohz_full=2-N");
  EXPECT_EQ(only_row(*host, "boot.isolcpus", "2-3").outcome, Outcome::ok);
  EXPECT_EQ(only_row(*host, "boot.nohz-full", "0xc").outcome, Outcome::ok);
}

TEST(Effective, NohzFullThatTheKernelRefused) {
  auto host = make_machine();
  host->put(std::string(kCpus) + "nohz_full", "(null)\n");
  const CheckRow row = only_row(*host, "boot.nohz-full", "isolated");
  EXPECT_EQ(row.configured, "2-3");
  EXPECT_EQ(row.effective, "none");
  EXPECT_EQ(row.outcome, Outcome::differs);
}

TEST(Effective, NohzFullImpliesRcuNocbs) {
  auto host = make_machine();
  host->put("/proc/cmdline", "nohz_full=2-3");
  const CheckRow row = only_row(*host, "boot.rcu-nocbs", "isolated");
  EXPECT_EQ(row.configured, "none");
  EXPECT_EQ(row.effective, "2-3");
  EXPECT_EQ(row.outcome, Outcome::ok);
}

TEST(Effective, BootHugePagesThatMemoryDidNotSufficeFor) {
  auto host = make_machine();
  host->put("/proc/cmdline", "hugepagesz=1G hugepages=2 hugepagesz=2M hugepages=512");
  host->put("/proc/sys/vm/nr_hugepages", "317\n");
  const CheckRow row = only_row(*host, "boot.hugepages", "512", Match::at_least);
  EXPECT_EQ(row.configured, "512");
  EXPECT_EQ(row.effective, "317");
  EXPECT_EQ(row.outcome, Outcome::differs);
}

TEST(Effective, BootLineOfTheNextBootIsPending) {
  auto host = make_machine();
  host->put("/proc/cmdline", "quiet");
  host->put(std::string(kCpus) + "isolated", "\n");
  host->put("/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"\"\n");
  host->put("/etc/default/grub.d/90-isolation.cfg",
            "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX isolcpus=managed_irq,domain,2-3\"\n");
  const CheckReport report = check_now(*host, wanting("boot.isolcpus", "isolated"));
  EXPECT_EQ(row_of(report).outcome, Outcome::pending_reboot);
  EXPECT_THAT(row_of(report).reason, HasSubstr("/etc/default/grub.d/90-isolation.cfg"));
  EXPECT_EQ(report.exit_code(), 1);
}

// The kernel takes one list: the second one is no matter of a further boot.
TEST(Effective, ABootListThatTheRunningKernelIgnoredIsNotPending) {
  auto host = make_machine();
  host->put("/proc/cmdline", "isolcpus=3 quiet isolcpus=managed_irq,domain,2-3");
  host->put(std::string(kCpus) + "isolated", "3\n");
  host->put("/etc/default/grub",
            "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet isolcpus=managed_irq,domain,2-3\"\n");
  const CheckReport report = check_now(*host, wanting("boot.isolcpus", "isolated"));
  EXPECT_EQ(row_of(report).outcome, Outcome::differs);
  EXPECT_THAT(row_of(report).reason, HasSubstr("isolcpus= stands there twice"));
}

TEST(Effective, AffinityAskedAndDelivered) {
  auto host = make_machine();
  host->put("/proc/irq/40/smp_affinity_list", "0-1\n");
  host->put("/proc/irq/40/effective_affinity_list", "2\n");
  CheckReport report = check_now(*host, wanting("irq.affinity", "housekeeping", Match::at_most));
  CheckRow row = row_of(report, "msix0@pci-0000:03:00.0");
  EXPECT_EQ(row.configured, "0-1");
  EXPECT_EQ(row.effective, "2");
  EXPECT_EQ(row.outcome, Outcome::differs);
  EXPECT_EQ(row.local, "eth0-rx-0");
  EXPECT_THAT(row.reason, HasSubstr("asked for, but not in effect"));

  // One CPU of the asked ones is all that the kernel delivers to: that is as wanted.
  host->put("/proc/irq/40/effective_affinity_list", "1\n");
  report = check_now(*host, wanting("irq.affinity", "0-1"));
  row = row_of(report, "msix0@pci-0000:03:00.0");
  EXPECT_EQ(row.outcome, Outcome::ok);

  // Delivered inside, but asked for more: it may move.
  host->put("/proc/irq/40/smp_affinity_list", "0-3\n");
  report = check_now(*host, wanting("irq.affinity", "housekeeping", Match::at_most));
  EXPECT_EQ(row_of(report, "msix0@pci-0000:03:00.0").outcome, Outcome::differs);
}

TEST(Effective, ManagedInterruptsBelongToTheKernel) {
  auto host = make_machine();
  host->put("/proc/irq/41/smp_affinity_list", "3\n");
  host->put("/proc/irq/41/effective_affinity_list", "3\n");
  host->put("/sys/kernel/debug/irq/irqs/41", "dstate: IRQD_AFFINITY_MANAGED\n");
  const CheckReport report =
      check_now(*host, wanting("irq.affinity", "housekeeping", Match::at_most));
  EXPECT_EQ(row_of(report, "msix1@pci-0000:01:00.0").outcome, Outcome::kernel_managed);
  EXPECT_EQ(report.exit_code(), 0);
}

TEST(Effective, ClocksourceThatTheKernelGaveUp) {
  auto host = make_machine();
  host->put("/proc/cmdline", "clocksource=tsc");
  host->put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
  const CheckRow row = only_row(*host, "time.clocksource", "tsc");
  EXPECT_EQ(row.configured, "tsc");
  EXPECT_EQ(row.effective, "hpet");
  EXPECT_EQ(row.outcome, Outcome::differs);
  EXPECT_THAT(row.reason, HasSubstr("tsc hpet acpi_pm"));
}

TEST(Effective, ParavirtualClockIsAsGoodInAGuest) {
  auto host = make_machine();
  host->put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "xen\n");
  EXPECT_EQ(only_row(*host, "time.clocksource", "tsc").outcome, Outcome::differs);
  host->put("/sys/hypervisor/type", "xen\n");
  EXPECT_EQ(only_row(*host, "time.clocksource", "tsc").outcome, Outcome::ok);
}

TEST(Effective, MemlockConfiguredAndOfThisSession) {
  auto host = make_machine();
  host->put("/proc/self/limits",
            "Limit                     Soft Limit           Hard Limit           Units     \n"
            "Max locked memory         8388608              8388608              bytes     \n");
  host->put("/etc/security/limits.d/90-latency.conf", "* - memlock unlimited\n");
  const CheckRow row = only_row(*host, "limits.memlock", "unlimited", Match::at_least);
  EXPECT_EQ(row.configured, "unlimited");
  EXPECT_EQ(row.effective, "8MiB");
  EXPECT_EQ(row.outcome, Outcome::pending_reboot);
  EXPECT_THAT(row.reason, HasSubstr("/etc/security/limits.d/90-latency.conf"));
  EXPECT_THAT(row.reason, HasSubstr("login"));
}

TEST(Effective, MaximumFrequencyLimitedByFirmware) {
  auto host = make_machine();
  host->put(std::string(kCpus) + "cpu1/cpufreq/bios_limit", "2000000\n");
  const CheckReport report =
      check_now(*host, wanting("cpu.max-frequency", "hardware-max", Match::at_least));
  const CheckRow row = row_of(report, "cpu1");
  EXPECT_EQ(row.wanted, "≥ 3800MHz");
  EXPECT_EQ(row.configured, "3800MHz");
  EXPECT_EQ(row.effective, "2000MHz");
  EXPECT_EQ(row.outcome, Outcome::differs);
  EXPECT_EQ(row_of(report, "cpu0").outcome, Outcome::ok);
}

TEST(Effective, MaximumFrequencyWithoutBoost) {
  auto host = make_machine();
  host->put(std::string(kCpus) + "intel_pstate/no_turbo", "1\n");
  const CheckRow row = only_row(*host, "cpu.max-frequency", "hardware-max", Match::at_least);
  EXPECT_EQ(row.effective, "2100MHz");
  EXPECT_EQ(row.outcome, Outcome::differs);
}

TEST(Effective, HugePagesAskedInSysctlAndGot) {
  auto host = make_machine();
  host->put("/etc/sysctl.d/80-pages.conf", "vm.nr_hugepages = 512\n");
  host->put("/proc/sys/vm/nr_hugepages", "317\n");
  const CheckRow row = only_row(*host, "memory.hugepages", "512", Match::at_least);
  EXPECT_EQ(row.configured, "512");
  EXPECT_EQ(row.effective, "317");
  // A reboot does not mend it: the kernel was asked, and had no more.
  EXPECT_EQ(row.outcome, Outcome::differs);
  EXPECT_THAT(row.reason, HasSubstr("the kernel gave 317"));
}

TEST(Effective, SmtSwitchAndActiveThreads) {
  auto host = make_machine();
  host->put(std::string(kCpus) + "smt/active", "0\n");
  const CheckRow off = only_row(*host, "cpu.smt", "off");
  EXPECT_EQ(off.configured, "on");
  EXPECT_EQ(off.effective, "off");
  EXPECT_EQ(off.outcome, Outcome::ok);
  EXPECT_FALSE(off.reason.empty());
  EXPECT_EQ(only_row(*host, "cpu.smt", "on").outcome, Outcome::differs);
}

TEST(Effective, SwappinessPersistedAndNotRunningIsPending) {
  auto host = make_machine();
  host->put("/proc/sys/vm/swappiness", "60\n");
  host->put("/etc/sysctl.d/90-latency.conf", "# by hand\nvm.swappiness=0\n");
  const CheckRow row = only_row(*host, "memory.swappiness", "0", Match::at_most);
  EXPECT_EQ(row.configured, "0");
  EXPECT_EQ(row.effective, "60");
  EXPECT_EQ(row.outcome, Outcome::pending_reboot);
  EXPECT_THAT(row.reason, HasSubstr("/etc/sysctl.d/90-latency.conf"));
}

TEST(Effective, RunningValueThatTheNextBootPutsBack) {
  auto host = make_machine();
  host->put("/etc/sysctl.d/50-distribution.conf", "vm.swappiness = 60\n");
  const CheckReport report = check_now(*host, wanting("memory.swappiness", "0", Match::at_most));
  EXPECT_EQ(row_of(report).outcome, Outcome::ok);
  EXPECT_EQ(row_of(report).effective, "0");
  ASSERT_EQ(report.notes.size(), 1U);
  EXPECT_EQ(report.notes[0],
            "memory.swappiness: /etc/sysctl.d/50-distribution.conf sets it to 60 at the next boot");
}

TEST(Effective, DirtyBytesZeroMeansTheRatio) {
  auto host = make_machine();
  host->put("/proc/sys/vm/dirty_bytes", "0\n");
  host->put("/proc/sys/vm/dirty_ratio", "20\n");
  const CheckRow row = only_row(*host, "memory.dirty-bytes", "256MiB", Match::at_most);
  EXPECT_EQ(row.configured, "0B");
  EXPECT_EQ(row.effective, "3276MiB");
  EXPECT_EQ(row.outcome, Outcome::differs);
}

TEST(Effective, IdleStatesCountByExitLatencyAndConstraint) {
  auto host = make_machine();
  // All states are enabled, and the constraint keeps the deep one closed.
  host->put(std::string(kCpus) + "cpu3/cpuidle/state2/disable", "0\n");
  host->put(std::string(kCpus) + "cpu3/power/pm_qos_resume_latency_us", "5\n");
  CheckRow row =
      row_of(check_now(*host, wanting("cpu.idle-exit-latency", "2us", Match::at_most)), "cpu3");
  EXPECT_EQ(row.configured, "133us");
  EXPECT_EQ(row.effective, "2us");
  EXPECT_EQ(row.outcome, Outcome::ok);

  // "n/a" allows no latency at all; "0" is no constraint.
  host->put(std::string(kCpus) + "cpu3/power/pm_qos_resume_latency_us", "n/a\n");
  row = row_of(check_now(*host, wanting("cpu.idle-exit-latency", "0", Match::at_most)), "cpu3");
  EXPECT_EQ(row.outcome, Outcome::ok);
  host->put(std::string(kCpus) + "cpu3/power/pm_qos_resume_latency_us", "0\n");
  row = row_of(check_now(*host, wanting("cpu.idle-exit-latency", "2us", Match::at_most)), "cpu3");
  EXPECT_EQ(row.outcome, Outcome::differs);
}

TEST(Effective, WorkqueueMaskThatWasAskedFor) {
  auto host = make_machine();
  host->put("/sys/devices/virtual/workqueue/cpumask_requested", "f\n");
  const CheckRow row =
      only_row(*host, "scheduler.workqueue-cpumask", "housekeeping", Match::at_most);
  EXPECT_EQ(row.configured, "0-3");
  EXPECT_EQ(row.effective, "0-1");
  EXPECT_EQ(row.outcome, Outcome::ok);
}

TEST(Effective, PartitionThatTheKernelRefused) {
  auto host = make_machine();
  host->put("/sys/fs/cgroup/trading/cpuset.cpus.partition",
            "isolated invalid (Cpu list in cpuset.cpus not exclusive)\n");
  const CheckRow row = only_row(*host, "scheduler.cpuset-partition", "isolated");
  EXPECT_EQ(row.configured, "2-3");
  EXPECT_EQ(row.effective, "none");
  EXPECT_EQ(row.outcome, Outcome::differs);
  EXPECT_THAT(row.reason, HasSubstr("not exclusive"));
}

TEST(Effective, PowerStatesOfOneDrive) {
  auto host = make_machine();
  host->put("/sys/module/nvme_core/parameters/default_ps_max_latency_us", "100000\n");
  const CheckRow row = only_row(*host, "block.apst", "0us", Match::at_most);
  EXPECT_EQ(row.configured, "100ms");
  EXPECT_EQ(row.effective, "0us");
  EXPECT_EQ(row.outcome, Outcome::ok);
}

TEST(Effective, IrqbalanceSparesIsolatedCpusByItself) {
  auto host = make_machine();
  host->put("/etc/default/irqbalance", "#IRQBALANCE_BANNED_CPUS=\n");
  const CheckRow row = only_row(*host, "irq.irqbalance-banned", "isolated", Match::at_least);
  EXPECT_EQ(row.configured, "none");
  EXPECT_EQ(row.effective, "2-3");
  EXPECT_EQ(row.outcome, Outcome::ok);
}

TEST(Effective, IrqbalanceOldMaskIsUnderstood) {
  auto host = make_machine();
  host->erase("/etc/default/irqbalance");
  host->put("/etc/sysconfig/irqbalance", "IRQBALANCE_BANNED_CPUS=\"0000000c\"\n");
  const CheckRow row = only_row(*host, "irq.irqbalance-banned", "isolated", Match::at_least);
  EXPECT_EQ(row.configured, "2-3");
  EXPECT_EQ(row.outcome, Outcome::ok);
}

}  // namespace
}  // namespace assay::tuner::testing
