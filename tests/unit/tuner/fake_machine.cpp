#include "fake_machine.hpp"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "probes/probe.hpp"

namespace assay::tuner::testing {
namespace {

void put_cpu(MemoryHost& host, unsigned cpu) {
  const std::string base = fmt::format("/sys/devices/system/cpu/cpu{}/", cpu);
  const unsigned core = cpu / 2;
  host.put(base + "topology/physical_package_id", "0\n");
  host.put(base + "topology/core_id", fmt::format("{}\n", core));
  host.put(base + "topology/thread_siblings_list", core == 0 ? "0-1\n" : "2-3\n");
  host.put(base + "topology/core_siblings_list", "0-3\n");
  host.put(base + "cpufreq/scaling_governor", "performance\n");
  host.put(base + "cpufreq/scaling_driver", "intel_pstate\n");
  host.put(base + "cpufreq/scaling_min_freq", "3800000\n");
  host.put(base + "cpufreq/scaling_max_freq", "3800000\n");
  host.put(base + "cpufreq/cpuinfo_min_freq", "800000\n");
  host.put(base + "cpufreq/cpuinfo_max_freq", "3800000\n");
  host.put(base + "cpufreq/base_frequency", "2100000\n");
  host.put(base + "cpufreq/scaling_cur_freq", "3000000\n");
  host.put(base + "cpufreq/energy_performance_preference", "performance\n");
  host.put(base + "power/energy_perf_bias", "0\n");
  host.put(base + "power/pm_qos_resume_latency_us", "0\n");
  const char* names[] = {"POLL", "C1", "C6"};
  const char* latencies[] = {"0", "2", "133"};
  for (unsigned state = 0; state < 3; ++state) {
    const std::string idle = fmt::format("{}cpuidle/state{}/", base, state);
    host.put(idle + "name", names[state]);
    host.put(idle + "latency", latencies[state]);
    host.put(idle + "disable", state == 2 ? "1\n" : "0\n");
  }
}

void put_cpus(MemoryHost& host) {
  const std::string base = "/sys/devices/system/cpu/";
  host.put(base + "online", "0-3\n");
  host.put(base + "present", "0-3\n");
  host.put(base + "possible", "0-3\n");
  host.put(base + "isolated", "2-3\n");
  host.put(base + "nohz_full", "2-3\n");
  host.put(base + "smt/control", "on\n");
  host.put(base + "smt/active", "1\n");
  host.put(base + "intel_pstate/no_turbo", "0\n");
  host.put(base + "vulnerabilities/meltdown", "Not affected\n");
  for (const char* file : {"min_freq_khz", "max_freq_khz"}) {
    host.put(base + "intel_uncore_frequency/package_00_die_00/" + file, "2400000\n");
  }
  std::string cpuinfo;
  for (unsigned cpu = 0; cpu < 4; ++cpu) {
    put_cpu(host, cpu);
    cpuinfo += fmt::format(
        "processor\t: {}\nvendor_id\t: GenuineIntel\nmodel name\t: Test CPU\nmicrocode\t: 0x2b\n"
        "flags\t\t: fpu tsc constant_tsc nonstop_tsc epb\n\n",
        cpu);
  }
  host.put("/proc/cpuinfo", cpuinfo);
  host.put("/sys/devices/system/node/online", "0-1\n");
  for (unsigned node = 0; node < 2; ++node) {
    const std::string folder = fmt::format("/sys/devices/system/node/node{}/", node);
    host.put(folder + "cpulist", node == 0 ? "0-1\n" : "2-3\n");
    host.put(folder + "distance", node == 0 ? "10 21\n" : "21 10\n");
    for (const char* size : {"2048", "1048576"}) {
      host.put(fmt::format("{}hugepages/hugepages-{}kB/nr_hugepages", folder, size), "8\n");
    }
  }
}

void put_memory(MemoryHost& host) {
  host.put("/proc/meminfo",
           "MemTotal:       16777216 kB\nMemAvailable:   10485760 kB\nSwapTotal:             0 kB\n"
           "SwapFree:              0 kB\nHugepagesize:       2048 kB\n");
  host.put("/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
  host.put("/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
  host.put("/sys/kernel/mm/transparent_hugepage/defrag",
           "always defer defer+madvise madvise [never]\n");
  host.put("/sys/kernel/mm/ksm/run", "0\n");
  host.put("/proc/sys/vm/nr_hugepages", "16\n");
  host.put("/proc/sys/vm/swappiness", "0\n");
  host.put("/proc/sys/vm/zone_reclaim_mode", "0\n");
  host.put("/proc/sys/vm/stat_interval", "10\n");
  host.put("/proc/sys/vm/dirty_bytes", "268435456\n");
  host.put("/proc/sys/vm/dirty_ratio", "0\n");
  host.put("/proc/sys/vm/dirty_background_bytes", "67108864\n");
  host.put("/proc/sys/vm/dirty_background_ratio", "0\n");
  host.put("/proc/sys/vm/compaction_proactiveness", "0\n");
  host.put("/proc/sys/vm/overcommit_memory", "0\n");
}

void put_kernel(MemoryHost& host) {
  host.put("/proc/cmdline",
           "root=/dev/nvme0n1p2 isolcpus=managed_irq,domain,2-3 nohz_full=2-3 rcu_nocbs=2-3 "
           "irqaffinity=0-1 skew_tick=1 nosoftlockup nmi_watchdog=0 tsc=reliable hugepages=16 "
           "transparent_hugepage=never iommu=pt mitigations=auto audit=0\n");
  host.put("/proc/version", "Linux version 6.12.0-rt (gcc) #1 SMP PREEMPT_RT\n");
  host.reply({"uname", ""}, {{"sysname", "Linux"},
                             {"release", "6.12.0-rt"},
                             {"version", "#1 SMP PREEMPT_RT"},
                             {"machine", "x86_64"}});
  const char* sysctls[][2] = {
      {"numa_balancing", "0"},    {"soft_watchdog", "0"},           {"nmi_watchdog", "0"},
      {"timer_migration", "0"},   {"sched_autogroup_enabled", "0"}, {"sched_rt_runtime_us", "-1"},
      {"io_uring_disabled", "0"}, {"perf_event_paranoid", "2"}};
  for (const auto& [name, value] : sysctls) {
    host.put(std::string("/proc/sys/kernel/") + name, std::string(value) + "\n");
  }
  host.put("/sys/kernel/realtime", "1\n");
  host.put("/sys/kernel/iommu_groups/0/type", "identity\n");
  host.put("/sys/kernel/iommu_groups/1/type", "identity\n");
  host.put("/sys/devices/virtual/workqueue/cpumask", "3\n");
  host.put("/sys/devices/virtual/workqueue/cpumask_requested", "3\n");
  const std::string clock = "/sys/devices/system/clocksource/clocksource0/";
  host.put(clock + "current_clocksource", "tsc\n");
  host.put(clock + "available_clocksource", "tsc hpet acpi_pm\n");
  for (unsigned cpu = 0; cpu < 4; ++cpu) {
    host.put(fmt::format("/sys/kernel/debug/sched/fair_server/cpu{}/runtime", cpu), "0\n");
  }
  host.put("/proc/321/comm", "chronyd\n");
  host.put("/proc/stat", "cpu  1000 0 1000 8000 0 0 0 0 0 0\n");
  host.put("/proc/self/mountinfo",
           "22 1 0:21 / /sys rw,nosuid shared:2 - sysfs sysfs rw\n"
           "30 1 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n");
  host.put("/proc/self/cgroup", "0::/\n");
  host.put("/proc/self/status", "Cpus_allowed_list:\t0-3\n");
  host.put("/proc/self/limits",
           "Limit                     Soft Limit           Hard Limit           Units     \n"
           "Max open files            1048576              1048576              files     \n"
           "Max locked memory         unlimited            unlimited            bytes     \n"
           "Max realtime priority     99                   99                             \n");
  host.put("/proc/sys/fs/aio-max-nr", "1048576\n");
  host.put("/proc/sys/fs/nr_open", "1048576\n");
  host.put("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu\n");
  host.put("/sys/fs/cgroup/trading/cpuset.cpus.partition", "isolated\n");
  host.put("/sys/fs/cgroup/trading/cpuset.cpus", "2-3\n");
}

// Two threads of the kernel that can be moved, one that is bound to its CPU, and a program.
void put_threads(MemoryHost& host) {
  const char* threads[][4] = {{"2", "kthreadd", "2129984", "0-1"},
                              {"15", "rcu (x) y", "2129984", "0-1"},
                              {"30", "ksoftirqd/3", "69238848", "3"},
                              {"400", "feed", "4194560", "2-3"}};
  for (const auto& [pid, name, flags, cpus] : threads) {
    const std::string folder = fmt::format("/proc/{}/", pid);
    host.put(folder + "stat", fmt::format("{} ({}) S 0 0 0 0 -1 {} 0 0 0\n", pid, name, flags));
    host.put(folder + "status", fmt::format("Name:\t{}\nCpus_allowed_list:\t{}\n", name, cpus));
    host.put(folder + "comm", fmt::format("{}\n", name));
  }
  host.put("/sys/class/dmi/id/bios_version", "1.2\n");
  host.put("/usr/lib/systemd/system/fstrim.timer", "");
}

void put_pci(MemoryHost& host, const std::string& address, const char* class_id,
             const char* driver) {
  const std::string folder = "/sys/devices/pci0000:00/" + address + "/";
  host.link("/sys/bus/pci/devices/" + address, "../../../devices/pci0000:00/" + address);
  host.put(folder + "vendor", "0x8086\n");
  host.put(folder + "device", "0x1234\n");
  host.put(folder + "class", std::string(class_id) + "\n");
  host.put(folder + "numa_node", "1\n");
  host.put(folder + "max_link_speed", "16.0 GT/s PCIe\n");
  host.put(folder + "current_link_speed", "16.0 GT/s PCIe\n");
  host.put(folder + "max_link_width", "4\n");
  host.put(folder + "current_link_width", "4\n");
  host.link(folder + "driver", std::string("../../../bus/pci/drivers/") + driver);
}

void put_nic(MemoryHost& host) {
  put_pci(host, kNicPci, "0x020000", "ice");
  const std::string device = std::string("/sys/devices/pci0000:00/") + kNicPci;
  const std::string folder = device + "/net/eth0/";
  host.link("/sys/class/net/eth0",
            "../../devices/pci0000:00/" + std::string(kNicPci) + "/net/eth0");
  host.link(folder + "device", "../../../" + std::string(kNicPci));
  host.put(folder + "type", "1\n");
  host.put(folder + "operstate", "up\n");
  host.put(folder + "queues/rx-0/rps_cpus", "0\n");
  host.put(folder + "queues/rx-1/rps_cpus", "0\n");
  for (const char* queue : {"0", "1"}) {
    host.put(fmt::format("{}queues/rx-{}/rps_flow_cnt", folder, queue), "0\n");
    host.put(fmt::format("{}queues/tx-{}/xps_cpus", folder, queue), queue[0] == '0' ? "1" : "2");
  }
  host.put(folder + "napi_defer_hard_irqs", "2\n");
  host.put(folder + "gro_flush_timeout", "200000\n");
  host.put(folder + "threaded", "1\n");
  host.reply({"ethtool.drvinfo", "eth0"}, {{"driver", "ice"}, {"firmware", "4.20"}});
  host.reply({"ethtool.rxfh", "eth0"}, {{"queues", "2"}, {"indirection_size", "128"}});
  host.reply({"ethtool.ts_info", "eth0"}, {{"hardware_rx", "1"}, {"hardware_clock", "1"}});
  host.reply({"ethtool.ringparam", "eth0"},
             {{"rx", "4096"}, {"rx_max", "4096"}, {"tx", "4096"}, {"tx_max", "4096"}});
  host.reply({"ethtool.channels", "eth0"}, {{"combined", "4"}, {"combined_max", "4"}, {"rx", "0"}});
  host.reply({"ethtool.coalesce", "eth0"},
             {{"rx_usecs", "0"}, {"tx_usecs", "0"}, {"adaptive_rx", "0"}});
  host.reply({"ethtool.features", "eth0"},
             {{"gro", "off"}, {"lro", "off"}, {"tso", "off"}, {"ntuple", "on"}});
  host.reply({"ethtool.pauseparam", "eth0"}, {{"rx", "0"}, {"tx", "0"}});
  host.reply({"ethtool.eee", "eth0"}, {{"enabled", "0"}});
  const char* sysctls[][2] = {{"busy_poll", "50"},      {"busy_read", "50"},
                              {"rmem_max", "16777216"}, {"wmem_max", "16777216"},
                              {"somaxconn", "4096"},    {"netdev_max_backlog", "10000"},
                              {"default_qdisc", "fq"}};
  for (const auto& [name, value] : sysctls) {
    host.put(std::string("/proc/sys/net/core/") + name, std::string(value) + "\n");
  }
}

void put_drive(MemoryHost& host) {
  put_pci(host, kDrivePci, "0x010802", "nvme");
  const std::string address = kDrivePci;
  const std::string controller = "/sys/devices/pci0000:00/" + address + "/nvme/nvme0/";
  host.link("/sys/class/nvme/nvme0", "../../devices/pci0000:00/" + address + "/nvme/nvme0");
  host.link("/sys/block/nvme0n1", "../devices/pci0000:00/" + address + "/nvme/nvme0/nvme0n1");
  host.put(controller + "model", "Test Drive\n");
  host.put(controller + "transport", "pcie\n");
  host.put(controller + "power/pm_qos_latency_tolerance_us", "0\n");
  host.link(controller + "device", "../../../" + address);
  host.link(controller + "nvme0n1/device", "../../nvme0");
  host.put(controller + "nvme0n1/size", "1000000\n");
  const char* queue[][2] = {{"scheduler", "[none] mq-deadline kyber"},
                            {"nomerges", "2"},
                            {"rq_affinity", "2"},
                            {"nr_requests", "1023"},
                            {"io_poll", "1"},
                            {"add_random", "0"},
                            {"iostats", "0"},
                            {"wbt_lat_usec", "0"},
                            {"read_ahead_kb", "128"},
                            {"write_cache", "write back"},
                            {"rotational", "0"}};
  for (const auto& [name, value] : queue) {
    host.put(controller + "nvme0n1/queue/" + name, std::string(value) + "\n");
  }
  host.put(controller + "firmware_rev", "FW1\n");
  host.reply({"nvme.smart", "nvme0"}, {{"critical_warning", "0"},
                                       {"temperature_celsius", "41"},
                                       {"spare_percent", "100"},
                                       {"spare_threshold_percent", "10"},
                                       {"used_percent", "3"}});
  host.reply({"nvme.identify", "nvme0"}, {{"version", "1.4"}, {"warning_celsius", "70"}});
  host.put("/sys/module/nvme_core/parameters/default_ps_max_latency_us", "0\n");
  host.put("/sys/module/nvme/parameters/poll_queues", "4\n");
}

void put_interrupts(MemoryHost& host) {
  host.put("/proc/interrupts",
           "           CPU0       CPU1       CPU2       CPU3\n"
           "  9:          1          0          0          0  IO-APIC   9-fasteoi   acpi\n"
           " 40:         10          0          0          0  PCI-MSIX-0000:03:00.0   0-edge      "
           "eth0-rx-0\n"
           " 41:         10          0          0          0  PCI-MSIX-0000:01:00.0   1-edge      "
           "nvme0q1\n"
           "NMI:          0          0          0          0   Non-maskable interrupts\n");
  for (const char* number : {"9", "40", "41"}) {
    const std::string folder = fmt::format("/proc/irq/{}/", number);
    host.put(folder + "smp_affinity_list", "0-1\n");
    host.put(folder + "effective_affinity_list", "0\n");
    host.put(fmt::format("/sys/kernel/debug/irq/irqs/{}", number), "dstate: IRQD_ACTIVATED\n");
  }
  host.put("/proc/irq/default_smp_affinity", "3\n");
  host.link("/etc/systemd/system/multi-user.target.wants/irqbalance.service",
            "/lib/systemd/system/irqbalance.service");
  host.put("/etc/default/irqbalance", "IRQBALANCE_BANNED_CPULIST=2-3\n");
}

}  // namespace

std::unique_ptr<MemoryHost> make_machine() {
  auto host = std::make_unique<MemoryHost>();
  put_cpus(*host);
  put_memory(*host);
  put_kernel(*host);
  put_threads(*host);
  put_nic(*host);
  put_drive(*host);
  put_interrupts(*host);
  return host;
}

profiles::Profile wanting(std::string_view id, std::string_view value, profiles::Match match) {
  profiles::Profile profile;
  profile.name = "test";
  profile.cpu_roles = {{"housekeeping", "0-1"}, {"isolated", "2-3"}};
  profiles::WantedSetting wanted;
  wanted.id = id;
  wanted.value = value;
  wanted.match = match;
  wanted.location = {"test.yaml", 7, 3};
  profile.settings.push_back(std::move(wanted));
  return profile;
}

CheckReport check_now(const Host& host, const profiles::Profile& profile) {
  using namespace std::chrono;
  auto report = check(host, probes::probe(host), profile,
                      sys_days(year_month_day(year(2026), month(6), day(15))));
  if (!report) {
    ADD_FAILURE() << report.error().message();
    return {};
  }
  return *report;
}

CheckRow row_of(const CheckReport& report, std::string_view target) {
  for (const CheckRow& row : report.rows) {
    if (target.empty() || row.target == target) return row;
  }
  ADD_FAILURE() << "no row for target \"" << target << "\"";
  return {};
}

}  // namespace assay::tuner::testing
