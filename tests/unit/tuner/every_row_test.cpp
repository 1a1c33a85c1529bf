// Every row of the table, three times: as wanted, not as wanted, and not there.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "fake_machine.hpp"
#include "tuner/setting.hpp"

namespace assay::tuner::testing {
namespace {

using profiles::Match;

struct RowCase {
  std::string id;
  std::string wanted;  // what the fake machine has
  Match match = Match::equal;
  std::function<void(MemoryHost&)> spoil;   // makes it differ
  std::function<void(MemoryHost&)> remove;  // null: the row always has an answer
};

using Change = std::function<void(MemoryHost&)>;

Change put(std::string path, std::string content) {
  return [path, content](MemoryHost& host) { host.put(path, content); };
}

Change gone(std::string path) {
  return [path](MemoryHost& host) { host.erase(path); };
}

Change reply(std::string kind, std::string key, std::string value) {
  return [kind, key, value](MemoryHost& host) {
    auto old = host.ask({kind, "eth0"});
    Reply answer = old ? *old : Reply{};
    answer[key] = value;
    host.reply({kind, "eth0"}, answer);
  };
}

Change no_reply(std::string kind) {
  return [kind](MemoryHost& host) { host.reply({kind, "eth0"}, {}); };
}

Change boot_line(std::string line) { return put("/proc/cmdline", line); }

RowCase sysctl(std::string id, std::string name, std::string wanted, Match match,
               std::string spoiled) {
  const std::string path = "/proc/sys/" + name;
  return {std::move(id), std::move(wanted), match, put(path, spoiled + "\n"), gone(path)};
}

std::vector<RowCase> cpu_cases() {
  const std::string cpu3 = "/sys/devices/system/cpu/cpu3/";
  const std::string cpus = "/sys/devices/system/cpu/";
  auto no_cpufreq = [cpus](MemoryHost& host) {
    for (int i = 0; i < 4; ++i) host.erase(fmt::format("{}cpu{}/cpufreq", cpus, i));
  };
  auto no_cpuidle = [cpus](MemoryHost& host) {
    for (int i = 0; i < 4; ++i) host.erase(fmt::format("{}cpu{}/cpuidle", cpus, i));
  };
  auto no_preference = [cpus](MemoryHost& host) {
    for (int i = 0; i < 4; ++i) {
      host.erase(fmt::format("{}cpu{}/cpufreq/energy_performance_preference", cpus, i));
    }
  };
  const Change bare_cpuinfo = put("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu\n");
  return {
      {"cpu.governor", "performance", Match::equal,
       put(cpu3 + "cpufreq/scaling_governor", "powersave\n"), no_cpufreq},
      {"cpu.min-frequency", "hardware-max", Match::equal,
       put(cpu3 + "cpufreq/scaling_min_freq", "800000\n"), no_cpufreq},
      {"cpu.max-frequency", "hardware-max", Match::at_least,
       put(cpu3 + "cpufreq/scaling_max_freq", "2000000\n"), no_cpufreq},
      {"cpu.actual-frequency", "hardware-base", Match::at_least,
       put(cpu3 + "cpufreq/scaling_cur_freq", "1200000\n"), no_cpufreq},
      {"cpu.energy-preference", "performance", Match::equal,
       put(cpu3 + "cpufreq/energy_performance_preference", "balance_power\n"), no_preference},
      {"cpu.energy-bias", "0", Match::at_most, put(cpu3 + "power/energy_perf_bias", "6\n"),
       bare_cpuinfo},
      {"cpu.idle-exit-latency", "2us", Match::at_most, put(cpu3 + "cpuidle/state2/disable", "0\n"),
       no_cpuidle},
      {"cpu.boost", "on", Match::equal, put(cpus + "intel_pstate/no_turbo", "1\n"),
       gone(cpus + "intel_pstate")},
      {"cpu.smt", "on", Match::equal,
       [cpus](MemoryHost& host) {
         host.put(cpus + "smt/control", "off\n");
         host.put(cpus + "smt/active", "0\n");
       },
       put(cpus + "smt/control", "notsupported\n")},
      {"cpu.uncore-frequency", "yes", Match::equal,
       put(cpus + "intel_uncore_frequency/package_00_die_00/min_freq_khz", "1000000\n"),
       gone(cpus + "intel_uncore_frequency")},
      {"cpu.microcode", "0x2b", Match::equal,
       put("/proc/cpuinfo", "processor\t: 0\nmicrocode\t: 0x1\n"), bare_cpuinfo},
      {"cpu.vulnerabilities", "none open", Match::equal,
       put(cpus + "vulnerabilities/meltdown", "Vulnerable\n"), gone(cpus + "vulnerabilities")},
  };
}

std::vector<RowCase> memory_cases() {
  const std::string thp = "/sys/kernel/mm/transparent_hugepage/";
  auto no_pages = [](std::string size) {
    return [size](MemoryHost& host) {
      for (int node = 0; node < 2; ++node) {
        host.erase(
            fmt::format("/sys/devices/system/node/node{}/hugepages/hugepages-{}kB", node, size));
      }
    };
  };
  const std::string node1 = "/sys/devices/system/node/node1/hugepages/hugepages-";
  return {
      {"memory.thp-enabled", "never", Match::equal, put(thp + "enabled", "[always] madvise never"),
       gone(thp)},
      {"memory.thp-defrag", "never", Match::equal, put(thp + "defrag", "always [madvise] never"),
       gone(thp)},
      sysctl("memory.hugepages", "vm/nr_hugepages", "16", Match::at_least, "3"),
      {"memory.hugepages-2m", "8", Match::at_least, put(node1 + "2048kB/nr_hugepages", "7\n"),
       no_pages("2048")},
      {"memory.hugepages-1g", "8", Match::equal, put(node1 + "1048576kB/nr_hugepages", "0\n"),
       no_pages("1048576")},
      sysctl("memory.swappiness", "vm/swappiness", "0", Match::at_most, "60"),
      {"memory.swap", "0", Match::at_most,
       [](MemoryHost& host) {
         host.put("/proc/meminfo", "MemTotal: 1024 kB\nSwapTotal: 512 kB\nSwapFree: 512 kB\n");
         host.put("/proc/swaps",
                  "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 512 0 -2\n");
       },
       gone("/proc/meminfo")},
      sysctl("memory.numa-balancing", "kernel/numa_balancing", "0", Match::equal, "1"),
      sysctl("memory.zone-reclaim", "vm/zone_reclaim_mode", "0", Match::equal, "1"),
      sysctl("memory.stat-interval", "vm/stat_interval", "10s", Match::at_least, "1"),
      {"memory.ksm", "0", Match::equal, put("/sys/kernel/mm/ksm/run", "1\n"),
       gone("/sys/kernel/mm/ksm")},
      sysctl("memory.dirty-bytes", "vm/dirty_bytes", "256MiB", Match::at_most, "1073741824"),
      sysctl("memory.dirty-background-bytes", "vm/dirty_background_bytes", "64MiB", Match::at_most,
             "1073741824"),
      sysctl("memory.compaction-proactiveness", "vm/compaction_proactiveness", "0", Match::equal,
             "20"),
      sysctl("memory.overcommit", "vm/overcommit_memory", "0", Match::equal, "1"),
  };
}

std::vector<RowCase> irq_cases() {
  return {
      {"irq.affinity", "housekeeping", Match::at_most, put("/proc/irq/40/smp_affinity_list", "0-3"),
       put("/proc/interrupts", "           CPU0\n")},
      {"irq.queue-affinity", "0-1", Match::equal, put("/proc/irq/40/smp_affinity_list", "2"),
       put("/proc/interrupts", "           CPU0\n")},
      {"irq.default-affinity", "housekeeping", Match::at_most,
       put("/proc/irq/default_smp_affinity", "f\n"), gone("/proc/irq/default_smp_affinity")},
      {"irq.irqbalance", "stopped", Match::equal, put("/proc/77/comm", "irqbalance\n"), nullptr},
      {"irq.irqbalance-banned", "isolated", Match::at_least,
       put("/etc/default/irqbalance", "IRQBALANCE_BANNED_CPULIST=\"2\"\n"),
       gone("/etc/systemd/system/multi-user.target.wants/irqbalance.service")},
  };
}

std::vector<RowCase> nic_cases() {
  const std::string nic = std::string("/sys/devices/pci0000:00/") + kNicPci;
  const std::string net = nic + "/net/eth0/";
  return {
      {"net.ring-rx", "max", Match::equal, reply("ethtool.ringparam", "rx", "512"),
       no_reply("ethtool.ringparam")},
      {"net.ring-tx", "max", Match::equal, reply("ethtool.ringparam", "tx", "512"),
       no_reply("ethtool.ringparam")},
      {"net.channels", "max", Match::equal, reply("ethtool.channels", "combined", "1"),
       no_reply("ethtool.channels")},
      {"net.coalesce-adaptive-rx", "off", Match::equal,
       reply("ethtool.coalesce", "adaptive_rx", "1"), no_reply("ethtool.coalesce")},
      {"net.coalesce-rx", "0us", Match::at_most, reply("ethtool.coalesce", "rx_usecs", "50"),
       no_reply("ethtool.coalesce")},
      {"net.coalesce-tx", "0us", Match::at_most, reply("ethtool.coalesce", "tx_usecs", "50"),
       no_reply("ethtool.coalesce")},
      {"net.gro", "off", Match::equal, reply("ethtool.features", "gro", "on"),
       no_reply("ethtool.features")},
      {"net.lro", "off", Match::equal, reply("ethtool.features", "lro", "on"),
       no_reply("ethtool.features")},
      {"net.tso", "off", Match::equal, reply("ethtool.features", "tso", "on"),
       no_reply("ethtool.features")},
      {"net.pause", "off", Match::equal, reply("ethtool.pauseparam", "rx", "1"),
       no_reply("ethtool.pauseparam")},
      {"net.eee", "off", Match::equal, reply("ethtool.eee", "enabled", "1"),
       no_reply("ethtool.eee")},
      {"net.rps", "housekeeping", Match::at_most, put(net + "queues/rx-1/rps_cpus", "0000000c\n"),
       gone(net + "queues")},
      {"net.napi-defer-hard-irqs", "2", Match::equal, put(net + "napi_defer_hard_irqs", "0\n"),
       gone(net + "napi_defer_hard_irqs")},
      {"net.gro-flush-timeout", "200us", Match::equal, put(net + "gro_flush_timeout", "0\n"),
       gone(net + "gro_flush_timeout")},
      {"net.threaded-napi", "yes", Match::equal, put(net + "threaded", "0\n"),
       gone(net + "threaded")},
      {"net.pcie-link", "yes", Match::equal, put(nic + "/current_link_width", "1\n"),
       gone(nic + "/max_link_speed")},
      {"net.numa-node", "yes", Match::equal, put(nic + "/numa_node", "0\n"),
       put(nic + "/numa_node", "-1\n")},
      sysctl("net.queue-discipline", "net/core/default_qdisc", "fq", Match::equal, "pfifo_fast"),
      sysctl("net.busy-poll", "net/core/busy_poll", "50us", Match::at_least, "0"),
      sysctl("net.busy-read", "net/core/busy_read", "50us", Match::at_least, "0"),
      sysctl("net.rmem-max", "net/core/rmem_max", "16MiB", Match::at_least, "212992"),
      sysctl("net.wmem-max", "net/core/wmem_max", "16MiB", Match::at_least, "212992"),
      sysctl("net.backlog", "net/core/netdev_max_backlog", "10000", Match::at_least, "1000"),
      sysctl("net.somaxconn", "net/core/somaxconn", "4096", Match::at_least, "128"),
  };
}

std::vector<RowCase> block_cases() {
  const std::string pci = std::string("/sys/devices/pci0000:00/") + kDrivePci;
  const std::string queue = pci + "/nvme/nvme0/nvme0n1/queue/";
  auto row = [queue](std::string id, std::string file, std::string wanted, Match match,
                     std::string spoiled) {
    return RowCase{std::move(id), std::move(wanted), match, put(queue + file, spoiled + "\n"),
                   gone(queue + file)};
  };
  return {
      row("block.scheduler", "scheduler", "none", Match::equal, "none [mq-deadline] kyber"),
      row("block.nomerges", "nomerges", "2", Match::equal, "0"),
      row("block.rq-affinity", "rq_affinity", "2", Match::equal, "1"),
      row("block.nr-requests", "nr_requests", "256", Match::at_least, "64"),
      row("block.io-poll", "io_poll", "yes", Match::equal, "0"),
      row("block.add-random", "add_random", "0", Match::equal, "1"),
      row("block.iostats", "iostats", "off", Match::equal, "1"),
      row("block.wbt", "wbt_lat_usec", "0us", Match::equal, "75000"),
      row("block.read-ahead", "read_ahead_kb", "128KiB", Match::at_most, "4096"),
      row("block.write-cache", "write_cache", "write back", Match::equal, "write through"),
      {"block.apst", "0us", Match::at_most,
       put(pci + "/nvme/nvme0/power/pm_qos_latency_tolerance_us", "100000\n"),
       gone("/sys/module/nvme_core/parameters/default_ps_max_latency_us")},
      {"block.nvme-poll-queues", "4", Match::equal,
       put("/sys/module/nvme/parameters/poll_queues", "0\n"),
       gone("/sys/module/nvme/parameters/poll_queues")},
      {"block.pcie-link", "yes", Match::equal, put(pci + "/current_link_speed", "8.0 GT/s PCIe\n"),
       gone(pci + "/max_link_width")},
      {"block.numa-node", "yes", Match::equal, put(pci + "/numa_node", "0\n"),
       put(pci + "/numa_node", "-1\n")},
  };
}

std::vector<RowCase> boot_cases() {
  const Change bare = boot_line("root=/dev/sda1 quiet\n");
  const Change none = gone("/proc/cmdline");
  return {
      {"boot.isolcpus", "isolated", Match::equal, bare, none},
      {"boot.nohz-full", "isolated", Match::equal, bare, gone("/sys/devices/system/cpu/nohz_full")},
      {"boot.rcu-nocbs", "isolated", Match::equal,
       [](MemoryHost& host) {
         host.put("/proc/cmdline", "rcu_nocbs=3\n");
         host.put("/sys/devices/system/cpu/nohz_full", "(null)\n");
       },
       none},
      {"boot.irqaffinity", "housekeeping", Match::equal, bare,
       gone("/proc/irq/default_smp_affinity")},
      {"boot.skew-tick", "1", Match::equal, bare, none},
      {"boot.nosoftlockup", "yes", Match::equal, put("/proc/sys/kernel/soft_watchdog", "1\n"),
       gone("/proc/sys/kernel/soft_watchdog")},
      {"boot.nmi-watchdog", "0", Match::equal, put("/proc/sys/kernel/nmi_watchdog", "1\n"),
       gone("/proc/sys/kernel/nmi_watchdog")},
      {"boot.tsc", "reliable", Match::equal, bare, none},
      {"boot.hugepages", "16", Match::equal, bare, gone("/proc/sys/vm/nr_hugepages")},
      {"boot.transparent-hugepage", "never", Match::equal, bare,
       gone("/sys/kernel/mm/transparent_hugepage")},
      {"boot.iommu", "pt", Match::equal, put("/sys/kernel/iommu_groups/1/type", "DMA-FQ\n"),
       gone("/sys/kernel/iommu_groups")},
      {"boot.mitigations", "auto", Match::equal, boot_line("mitigations=off"), none},
      {"boot.audit", "0", Match::equal, boot_line("audit=1"), none},
  };
}

std::vector<RowCase> scheduler_cases() {
  const std::string fair = "/sys/kernel/debug/sched/fair_server";
  return {
      {"scheduler.workqueue-cpumask", "housekeeping", Match::at_most,
       put("/sys/devices/virtual/workqueue/cpumask", "f\n"),
       gone("/sys/devices/virtual/workqueue")},
      sysctl("scheduler.rt-runtime", "kernel/sched_rt_runtime_us", "unlimited", Match::equal,
             "950000"),
      sysctl("scheduler.timer-migration", "kernel/timer_migration", "0", Match::equal, "1"),
      sysctl("scheduler.autogroup", "kernel/sched_autogroup_enabled", "0", Match::equal, "1"),
      {"scheduler.fair-server", "0", Match::equal, put(fair + "/cpu3/runtime", "50000000\n"),
       gone(fair)},
      {"scheduler.cpuset-partition", "isolated", Match::equal,
       put("/sys/fs/cgroup/trading/cpuset.cpus.partition", "member\n"), gone("/sys/fs/cgroup")},
      {"scheduler.realtime-kernel", "yes", Match::equal,
       [](MemoryHost& host) {
         host.put("/sys/kernel/realtime", "0\n");
         host.put("/proc/version", "Linux version 6.12.0 (gcc) #1 SMP PREEMPT_DYNAMIC\n");
         host.reply({"uname", ""}, {{"release", "6.12.0"}, {"version", "#1 SMP PREEMPT_DYNAMIC"}});
       },
       [](MemoryHost& host) {
         host.reply({"uname", ""}, {});
         host.erase("/proc/version");
       }},
  };
}

std::vector<RowCase> other_cases() {
  const std::string current = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
  auto limits = [](std::string line) {
    return put("/proc/self/limits", "Limit   Soft Limit   Hard Limit   Units\n" + line + "\n");
  };
  const Change no_limits = gone("/proc/self/limits");
  return {
      {"time.clocksource", "tsc", Match::equal, put(current, "hpet\n"), gone(current)},
      {"time.tsc-flags", "yes", Match::equal, put("/proc/cpuinfo", "processor\t: 0\nflags : tsc\n"),
       put("/proc/cpuinfo", "processor\t: 0\nflags : fpu\n")},
      {"time.sync", "chronyd", Match::equal, put("/proc/321/comm", "ptp4l\n"), gone("/proc/321")},
      {"limits.memlock", "unlimited", Match::at_least,
       limits("Max locked memory         8388608              8388608              bytes"),
       no_limits},
      {"limits.rtprio", "95", Match::at_least,
       limits("Max realtime priority     0                    0"), no_limits},
      {"limits.nofile", "65536", Match::at_least,
       limits("Max open files            1024                 524288               files"),
       no_limits},
      sysctl("limits.aio-max-nr", "fs/aio-max-nr", "1048576", Match::at_least, "65536"),
      sysctl("limits.nr-open", "fs/nr_open", "1048576", Match::at_least, "1024"),
      sysctl("limits.io-uring-disabled", "kernel/io_uring_disabled", "0", Match::equal, "2"),
      sysctl("limits.perf-event-paranoid", "kernel/perf_event_paranoid", "2", Match::at_most, "4"),
      {"container.hypervisor", "none", Match::equal, put("/sys/hypervisor/type", "xen\n"), nullptr},
      {"container.cpu-quota", "none", Match::equal, put("/sys/fs/cgroup/cpu.max", "150000 100000"),
       [](MemoryHost& host) {
         host.put("/proc/self/mountinfo", "22 1 0:21 / /sys rw shared:2 - sysfs sysfs rw\n");
         host.erase("/sys/fs/cgroup");
         host.erase("/proc/self/cgroup");
       }},
      {"container.cpuset", "all", Match::at_least,
       put("/proc/self/status", "Cpus_allowed_list:\t0-2\n"), nullptr},
      {"container.sys-writable", "yes", Match::equal,
       put("/proc/self/mountinfo", "22 1 0:21 / /sys ro,nosuid shared:2 - sysfs sysfs rw\n"),
       nullptr},
  };
}

// Rows that tell, and are never set.
std::vector<RowCase> told_cases() {
  const std::string net = std::string("/sys/devices/pci0000:00/") + kNicPci + "/net/eth0/";
  const std::string drive =
      std::string("/sys/devices/pci0000:00/") + kDrivePci + "/nvme/nvme0/firmware_rev";
  auto smart = [](std::string key, std::string value) {
    return [key, value](MemoryHost& host) {
      Reply answer = host.ask({"nvme.smart", "nvme0"}).value_or(Reply{});
      answer[key] = value;
      host.reply({"nvme.smart", "nvme0"}, answer);
    };
  };
  auto no_smart = [](MemoryHost& host) {
    host.reply_error({"nvme.smart", "nvme0"}, errno_error(ENOTTY, "ask"));
  };
  const Change no_threads = [](MemoryHost& host) {
    for (const char* pid : {"2", "15", "30", "400"}) host.erase(std::string("/proc/") + pid);
  };
  return {
      {"cpu.firmware", "1.2", Match::equal, put("/sys/class/dmi/id/bios_version", "1.1\n"),
       gone("/sys/class/dmi")},
      {"net.ntuple", "on", Match::equal, reply("ethtool.features", "ntuple", "off"),
       no_reply("ethtool.features")},
      {"net.rss-queues", "max", Match::equal, reply("ethtool.rxfh", "queues", "1"),
       no_reply("ethtool.rxfh")},
      {"net.rfs", "0", Match::equal, put(net + "queues/rx-1/rps_flow_cnt", "4096\n"),
       gone(net + "queues")},
      {"net.xps", "0-1", Match::equal, put(net + "queues/tx-1/xps_cpus", "c\n"),
       gone(net + "queues")},
      {"net.driver", "ice", Match::equal, reply("ethtool.drvinfo", "driver", "igb"),
       [](MemoryHost& host) {
         host.reply({"ethtool.drvinfo", "eth0"}, {});
         host.erase(std::string("/sys/devices/pci0000:00/") + kNicPci + "/driver");
       }},
      {"net.firmware", "4.20", Match::equal, reply("ethtool.drvinfo", "firmware", "4.19"),
       no_reply("ethtool.drvinfo")},
      {"net.timestamping", "hardware", Match::equal, reply("ethtool.ts_info", "hardware_rx", "0"),
       no_reply("ethtool.ts_info")},
      {"block.nvme-warnings", "none", Match::equal, smart("critical_warning", "6"), no_smart},
      {"block.nvme-wear", "90", Match::at_most, smart("used_percent", "104"), no_smart},
      {"block.nvme-spare", "20", Match::at_least, smart("spare_percent", "3"), no_smart},
      {"block.nvme-temperature", "70", Match::at_most, smart("temperature_celsius", "83"),
       no_smart},
      {"block.firmware", "FW1", Match::equal, put(drive, "FW0\n"), gone(drive)},
      {"block.fstrim-timer", "disabled", Match::equal,
       [](MemoryHost& host) {
         host.link("/etc/systemd/system/timers.target.wants/fstrim.timer",
                   "/usr/lib/systemd/system/fstrim.timer");
       },
       gone("/usr/lib/systemd/system/fstrim.timer")},
      {"boot.default-hugepagesz", "2MiB", Match::equal,
       put("/proc/meminfo", "MemTotal: 1024 kB\nHugepagesize: 1048576 kB\n"),
       put("/proc/meminfo", "MemTotal: 1024 kB\n")},
      {"boot.kthread-cpus", "unset", Match::equal, boot_line("kthread_cpus=0-1"),
       gone("/proc/cmdline")},
      {"scheduler.kernel-threads", "housekeeping", Match::at_most,
       put("/proc/15/status", "Cpus_allowed_list:\t0-3\n"), no_threads},
  };
}

std::vector<RowCase> all_cases() {
  std::vector<RowCase> all;
  for (auto part : {cpu_cases, memory_cases, irq_cases, nic_cases, block_cases, boot_cases,
                    scheduler_cases, other_cases, told_cases}) {
    for (RowCase& one : part()) all.push_back(std::move(one));
  }
  return all;
}

class EveryRow : public ::testing::TestWithParam<RowCase> {};
class EveryAbsentRow : public ::testing::TestWithParam<RowCase> {};

// Some rows have an answer on every host.
std::vector<RowCase> cases_that_can_be_absent() {
  std::vector<RowCase> cases = all_cases();
  std::erase_if(cases, [](const RowCase& one) { return !one.remove; });
  return cases;
}

// Whether every row has the outcome. A host that never had targets is not-applicable throughout.
bool all_are(const CheckReport& report, Outcome outcome) {
  for (const CheckRow& row : report.rows) {
    if (row.outcome != outcome) return false;
  }
  return !report.rows.empty();
}

TEST_P(EveryRow, IsOkAsWanted) {
  auto host = make_machine();
  const CheckReport report =
      check_now(*host, wanting(GetParam().id, GetParam().wanted, GetParam().match));
  EXPECT_TRUE(all_are(report, Outcome::ok));
  for (const CheckRow& row : report.rows) {
    if (row.outcome == Outcome::ok) continue;
    ADD_FAILURE() << row.target << ": " << to_string(row.outcome) << ", has " << row.configured
                  << "/" << row.effective << " (" << row.reason << ")";
  }
  EXPECT_EQ(report.exit_code(), 0);
}

TEST_P(EveryRow, DiffersWhenItIsNot) {
  auto host = make_machine();
  GetParam().spoil(*host);
  const CheckReport report =
      check_now(*host, wanting(GetParam().id, GetParam().wanted, GetParam().match));
  EXPECT_EQ(report.exit_code(), 1);
  EXPECT_GE(report.counts().of[static_cast<std::size_t>(Outcome::differs)], 1U);
}

TEST_P(EveryAbsentRow, IsNotApplicable) {
  auto host = make_machine();
  GetParam().remove(*host);
  const CheckReport report =
      check_now(*host, wanting(GetParam().id, GetParam().wanted, GetParam().match));
  EXPECT_EQ(report.exit_code(), 0);
  EXPECT_TRUE(all_are(report, Outcome::not_applicable));
  for (const CheckRow& row : report.rows) {
    EXPECT_FALSE(row.reason.empty()) << row.target;
    EXPECT_EQ(row.configured, "") << row.target;
  }
}

std::string test_name(const ::testing::TestParamInfo<RowCase>& info) {
  std::string name = info.param.id;
  for (char& c : name) {
    if (c == '.' || c == '-') c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Settings, EveryRow, ::testing::ValuesIn(all_cases()), test_name);

INSTANTIATE_TEST_SUITE_P(Settings, EveryAbsentRow, ::testing::ValuesIn(cases_that_can_be_absent()),
                         test_name);

// container.steal needs a guest, so it stands apart.
TEST(StealRow, OkDiffersAndNotApplicable) {
  auto host = make_machine();
  const auto profile = wanting("container.steal", "0.5", Match::at_most);
  EXPECT_EQ(row_of(check_now(*host, profile)).outcome, Outcome::not_applicable);
  host->put("/sys/hypervisor/type", "xen\n");
  EXPECT_EQ(row_of(check_now(*host, profile)).outcome, Outcome::ok);
  host->put("/proc/stat", "cpu  1000 0 1000 7900 0 0 0 100 0 0\n");
  const CheckRow row = row_of(check_now(*host, profile));
  EXPECT_EQ(row.outcome, Outcome::differs);
  EXPECT_EQ(row.configured, "1.000");
}

TEST(EveryRowTable, CoversTheSettingsTable) {
  std::set<std::string> covered{"container.steal", "irq.isolated-rate", "irq.isolated-ticks",
                                "time.offset"};
  for (const RowCase& one : all_cases()) covered.insert(one.id);
  for (const Setting& setting : settings()) {
    EXPECT_TRUE(covered.contains(std::string(setting.id))) << setting.id << " has no test";
  }
  EXPECT_EQ(covered.size(), settings().size());
}

}  // namespace
}  // namespace assay::tuner::testing
