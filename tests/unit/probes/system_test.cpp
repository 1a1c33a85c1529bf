#include <gtest/gtest.h>

#include <cerrno>

#include "core/error.hpp"
#include "machine.hpp"
#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

TEST(Kernel, ReadsReleasePreemptionAndClock) {
  MemoryHost host;
  host.reply({"uname", ""}, {{"release", "6.1.0-13-amd64"},
                             {"version", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.55-1"},
                             {"nodename", "box"},
                             {"machine", "x86_64"}});
  host.reply({"io_uring.probe", ""}, {{"ops", "0-62"}});
  host.reply({"cpuid", ""}, {{"tsc_hz", "2400000000"}, {"hypervisor", ""}});
  host.put("/sys/kernel/debug/sched/preempt", "none voluntary (full)\n");
  host.put("/proc/cmdline", "root=/dev/sda1 isolcpus=managed_irq,domain,2-3 quiet\n");
  host.put("/proc/cpuinfo", "processor : 0\nflags : nonstop_tsc constant_tsc fpu\n");
  const std::string clock = "/sys/devices/system/clocksource/clocksource0/";
  host.put(clock + "current_clocksource", "tsc\n");
  host.put(clock + "available_clocksource", "tsc hpet acpi_pm \n");
  host.put("/sys/devices/system/cpu/vulnerabilities/meltdown", "Mitigation: PTI\n");
  host.put("/proc/sys/kernel/io_uring_disabled", "2\n");
  host.put("/proc/sys/vm/stat_interval", "10\n");
  host.put("/sys/module/nvme/parameters/poll_queues", "4\n");
  host.put("/sys/devices/virtual/workqueue/cpumask", "3\n");
  const Inventory inventory = probe(host);
  const Kernel& kernel = inventory.kernel;
  EXPECT_EQ(inventory.host_name, "box");
  EXPECT_EQ(kernel.release, "6.1.0-13-amd64");
  EXPECT_EQ(kernel.preempt_model, "PREEMPT_DYNAMIC");
  EXPECT_EQ(kernel.preempt_mode, "full");
  EXPECT_FALSE(kernel.realtime);
  EXPECT_EQ(kernel.clocksource, "tsc");
  EXPECT_EQ(kernel.clocksources, (std::vector<std::string>{"tsc", "hpet", "acpi_pm"}));
  EXPECT_TRUE(kernel.tsc_constant);
  EXPECT_TRUE(kernel.tsc_nonstop);
  EXPECT_EQ(kernel.tsc_hz, 2'400'000'000U);
  EXPECT_TRUE(kernel.io_uring);
  EXPECT_EQ(kernel.io_uring_disabled, 2);
  EXPECT_EQ(kernel.sysctls.at("vm.stat_interval"), "10");
  EXPECT_EQ(kernel.module_parameters.at("nvme.poll_queues"), "4");
  EXPECT_EQ(kernel.workqueue_cpus, CpuSet::range(0, 1));
  ASSERT_EQ(kernel.vulnerabilities.size(), 1U);
  EXPECT_EQ(kernel.vulnerabilities[0].state, "Mitigation: PTI");
}

TEST(Kernel, RealtimeIsToldByVersionAndByFile) {
  MemoryHost host;
  host.reply({"uname", ""}, {{"release", "6.1"}, {"version", "#1 SMP PREEMPT_RT Debian"}});
  EXPECT_TRUE(probe(host).kernel.realtime);
  EXPECT_EQ(probe(host).kernel.preempt_model, "PREEMPT_RT");
  MemoryHost old;
  old.reply({"uname", ""}, {{"release", "3.10"}, {"version", "#1 SMP PREEMPT RT"}});
  old.put("/sys/kernel/realtime", "1\n");
  EXPECT_TRUE(probe(old).kernel.realtime);
}

TEST(Kernel, TheBannerServesForCaptures) {
  MemoryHost host;
  host.put("/proc/version", "Linux version 5.15.0-rc1 (root@x) (gcc 9) #313 SMP PREEMPT Sun\n");
  const Kernel kernel = probe(host).kernel;
  EXPECT_EQ(kernel.release, "5.15.0-rc1");
  EXPECT_EQ(kernel.version, "#313 SMP PREEMPT Sun");
  EXPECT_EQ(kernel.preempt_model, "PREEMPT");
}

TEST(Kernel, WithoutIoUringItIsNotUsable) {
  MemoryHost host;
  host.reply_error({"io_uring.probe", ""}, errno_error(EPERM, "io_uring_setup"));
  host.put("/proc/sys/kernel/io_uring_disabled", "no\n");
  const Kernel kernel = probe(host).kernel;
  EXPECT_FALSE(kernel.io_uring);
  EXPECT_EQ(kernel.io_uring_disabled, std::nullopt);
  EXPECT_EQ(kernel.preempt_model, "");
}

TEST(Limits, ReadsThisProcess) {
  MemoryHost host;
  host.put("/proc/self/limits",
           "Limit                     Soft Limit           Hard Limit           Units     \n"
           "Max locked memory         8388608              unlimited            bytes     \n"
           "Max realtime priority     0                    99                             \n"
           "Max open files\n");
  host.put("/proc/sys/fs/aio-max-nr", "65536\n");
  host.put("/proc/sys/fs/nr_open", "x\n");
  const Limits limits = probe(host).limits;
  ASSERT_EQ(limits.process.size(), 2U);
  EXPECT_EQ(limits.process[0].name, "memlock");
  EXPECT_EQ(limits.process[0].soft, "8388608");
  EXPECT_EQ(limits.process[0].hard, "unlimited");
  EXPECT_EQ(limits.process[1].hard, "99");
  EXPECT_EQ(limits.aio_max_nr, 65536);
  EXPECT_EQ(limits.nr_open, std::nullopt);
}

TEST(Time, DaemonsAndClocks) {
  MemoryHost host;
  host.put("/proc/101/comm", "chronyd\n");
  host.put("/proc/102/comm", "irqbalance\n");
  host.put("/proc/self/comm", "ptp4l\n");  // not a process number
  host.put("/sys/class/ptp/ptp0/clock_name", "KVM virtual PTP\n");
  host.reply({"adjtimex", ""}, {{"synchronized", "1"}, {"offset_ns", "-1200"}});
  const Inventory inventory = probe(host);
  EXPECT_EQ(inventory.time.daemons, (std::vector<std::string>{"chronyd"}));
  EXPECT_EQ(inventory.time.ptp_clocks, (std::vector<std::string>{"ptp0: KVM virtual PTP"}));
  EXPECT_EQ(inventory.time.synchronized, true);
  EXPECT_EQ(inventory.time.offset_ns, -1200);
  EXPECT_TRUE(inventory.interrupts.irqbalance_running);
}

TEST(Environment, BoardHypervisorAndLoad) {
  MemoryHost host;
  host.put("/sys/class/dmi/id/sys_vendor", "QEMU\n");
  host.put("/sys/class/dmi/id/product_name", "Standard PC (Q35 + ICH9, 2009)\n");
  host.put("/sys/class/dmi/id/bios_version", "1.16\n");
  host.put("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  host.put("/proc/loadavg", "0.52 0.58 0.59 1/467 12345\n");
  host.put("/proc/stat", "cpu  100 0 100 700 0 0 0 100 50 0\ncpu0 1\n");
  host.put("/proc/cpuinfo", "processor : 0\nflags : hypervisor\n");
  const Inventory inventory = probe(host);
  EXPECT_EQ(inventory.environment.hypervisor, "QEMU");
  EXPECT_EQ(inventory.environment.bios_version, "1.16");
  EXPECT_EQ(inventory.environment.machine_id_hash.find("0123456789"), std::string::npos);
  EXPECT_DOUBLE_EQ(inventory.load_1m, 0.52);
  EXPECT_DOUBLE_EQ(inventory.environment.steal_percent, 10.0);
  host.reply({"cpuid", ""}, {{"hypervisor", "KVMKVMKVM"}});
  EXPECT_EQ(probe(host).environment.hypervisor, "KVM");
}

TEST(Environment, MetalIsMetal) {
  MemoryHost host;
  host.put("/sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
  host.put("/sys/class/dmi/id/product_name", "c5.metal\n");
  host.put("/proc/cpuinfo", "processor : 0\nflags : fpu\n");
  EXPECT_EQ(probe(host).environment.hypervisor, "");
}

TEST(Environment, ContainersAreToldByTheirMarks) {
  MemoryHost host;
  host.put("/.dockerenv", "");
  EXPECT_EQ(probe(host).environment.container, "docker");
  // A machine that was made from an image keeps the mark, but is in the first PID namespace.
  host.link("/proc/self/ns/pid", "pid:[4026531836]");
  EXPECT_EQ(probe(host).environment.container, "");
  host.link("/proc/self/ns/pid", "pid:[4026532000]");
  host.put("/run/systemd/container", "lxc\n");
  EXPECT_EQ(probe(host).environment.container, "lxc");
  MemoryHost pod;
  pod.put("/proc/1/cgroup", "0::/kubepods/burstable/pod1\n");
  EXPECT_EQ(probe(pod).environment.container, "kubernetes");
}

TEST(Environment, QuotaOfAnyGroupAboveBinds) {
  MemoryHost host;
  host.put("/proc/self/mountinfo", "30 1 0:5 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  host.put("/proc/self/cgroup", "0::/a.slice/b.service\n");
  host.put("/sys/fs/cgroup/a.slice/cpu.max", "50000 100000\n");
  host.put("/sys/fs/cgroup/a.slice/b.service/cpu.max", "max 100000\n");
  host.put("/sys/fs/cgroup/cpuset.cpus.isolated", "2-3\n");
  const Environment environment = probe(host).environment;
  EXPECT_EQ(environment.cgroup_version, "v2");
  EXPECT_EQ(environment.cgroup, "/a.slice/b.service");
  ASSERT_TRUE(environment.cpu_quota_cpus.has_value());
  EXPECT_DOUBLE_EQ(*environment.cpu_quota_cpus, 0.5);
  EXPECT_EQ(environment.cpuset_isolated, CpuSet::range(2, 3));
}

TEST(Environment, QuotaOfVersionOne) {
  MemoryHost host;
  host.put("/proc/self/mountinfo",
           "30 1 0:5 /docker/1 /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n");
  host.put("/proc/self/cgroup", "4:cpu,cpuacct:/docker/1\n");
  host.put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "150000\n");
  host.put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  const Environment environment = probe(host).environment;
  EXPECT_EQ(environment.cgroup_version, "v1");
  ASSERT_TRUE(environment.cpu_quota_cpus.has_value());
  EXPECT_DOUBLE_EQ(*environment.cpu_quota_cpus, 1.5);
  host.put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  EXPECT_FALSE(probe(host).environment.cpu_quota_cpus.has_value());
}

TEST(Environment, ReadOnlySysIsSeen) {
  MemoryHost host;
  host.put("/proc/self/mountinfo", "30 1 0:5 / /sys ro,nosuid - sysfs sysfs rw\n");
  EXPECT_FALSE(probe(host).environment.sys_writable);
  host.put("/proc/self/mountinfo", "30 1 0:5 / /sys rw,nosuid - sysfs sysfs rw\n");
  EXPECT_TRUE(probe(host).environment.sys_writable);
}

TEST(Environment, NamesWhatElseTunes) {
  MemoryHost host;
  host.put("/proc/7/comm", "tuned\n");
  host.put("/etc/tuned/active_profile", "network-latency\n");
  host.put("/etc/default/irqbalance", "OPTIONS=\n");
  host.put("/etc/sysctl.d/90-net.conf", "vm.swappiness=1\n");
  host.put("/etc/sysctl.d/README", "\n");
  host.put("/usr/lib/systemd/system/fstrim.timer", "");
  const Environment environment = probe(host).environment;
  EXPECT_EQ(environment.tuners,
            (std::vector<std::string>{"irqbalance: not running, /etc/default/irqbalance",
                                      "tuned: running, /etc/tuned/active_profile (network-latency)",
                                      "file: /etc/sysctl.d/90-net.conf"}));
  EXPECT_EQ(environment.fstrim_timer, false);
  host.link("/etc/systemd/system/timers.target.wants/fstrim.timer",
            "/usr/lib/systemd/system/fstrim.timer");
  EXPECT_EQ(probe(host).environment.fstrim_timer, true);
}

TEST(Cgroup, CpusetOfEitherVersion) {
  MemoryHost host;
  host.put("/proc/mounts", "none /cgroup/unified cgroup2 rw 0 0\n");
  host.put("/proc/self/cpuset", "/uid/job\n");
  host.put("/cgroup/unified/uid/job/cpuset.cpus.effective", "0-5\n");
  host.put("/cgroup/unified/uid/job/cpuset.mems.effective", "0\n");
  Reader reader(host);
  EXPECT_EQ(read_cgroup(reader).cpus, CpuSet::range(0, 5));
  MemoryHost old;
  old.put("/proc/mounts", "none /dev/cpuset cpuset rw 0 0\n");
  old.put("/proc/self/cpuset", "/torque/1\n");
  old.put("/dev/cpuset/torque/1/cpus", "3\n");
  Reader old_reader(old);
  EXPECT_EQ(read_cgroup(old_reader).cpus, CpuSet{3});
  MemoryHost none;
  Reader no_reader(none);
  EXPECT_EQ(read_cgroup(no_reader).version, "none");
}

TEST(Cgroup, APathOutOfTheMountIsNotFollowed) {
  MemoryHost host;
  host.put("/proc/self/mountinfo", "30 1 0:5 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  host.put("/proc/self/cgroup", "0::/../../../etc\n");
  Reader reader(host);
  EXPECT_EQ(read_cgroup(reader).directory, "/sys/fs/cgroup");
}

}  // namespace
}  // namespace assay::probes
