#include <algorithm>
#include <array>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

// What settings and techniques look at; Documentation/admin-guide/sysctl defines each.
constexpr auto kSysctls = std::to_array<std::string_view>({
    "fs.aio-max-nr",
    "fs.nr_open",
    "fs.pipe-max-size",
    "kernel.io_uring_disabled",
    "kernel.kptr_restrict",
    "kernel.nmi_watchdog",
    "kernel.numa_balancing",
    "kernel.perf_event_paranoid",
    "kernel.sched_autogroup_enabled",
    "kernel.sched_rt_period_us",
    "kernel.sched_rt_runtime_us",
    "kernel.soft_watchdog",
    "kernel.timer_migration",
    "kernel.unprivileged_bpf_disabled",
    "kernel.watchdog",
    "net.core.busy_poll",
    "net.core.busy_read",
    "net.core.default_qdisc",
    "net.core.netdev_budget",
    "net.core.netdev_max_backlog",
    "net.core.optmem_max",
    "net.core.rmem_default",
    "net.core.rmem_max",
    "net.core.rps_sock_flow_entries",
    "net.core.somaxconn",
    "net.core.wmem_default",
    "net.core.wmem_max",
    "vm.compaction_proactiveness",
    "vm.dirty_background_bytes",
    "vm.dirty_background_ratio",
    "vm.dirty_bytes",
    "vm.dirty_ratio",
    "vm.max_map_count",
    "vm.min_free_kbytes",
    "vm.nr_overcommit_hugepages",
    "vm.overcommit_memory",
    "vm.stat_interval",
    "vm.swappiness",
    "vm.zone_reclaim_mode",
});

struct ModuleParameter {
  std::string_view module, parameter;
};
constexpr auto kParameters = std::to_array<ModuleParameter>({
    {"nvme", "poll_queues"},
    {"nvme", "write_queues"},
    {"nvme_core", "default_ps_max_latency_us"},
    {"nvme_core", "multipath"},
    {"virtio_blk", "poll_queues"},
    {"intel_idle", "max_cstate"},
    {"rcutree", "kthread_prio"},
    {"vfio_iommu_type1", "allow_unsafe_interrupts"},
    {"workqueue", "power_efficient"},
});

std::string value_of(const Reply& reply, const char* key) {
  const auto found = reply.find(key);
  return found == reply.end() ? std::string() : found->second;
}

void read_release(Reader& reader, Kernel& kernel) {
  const Reply uname = reader.ask("uname");
  kernel.release = value_of(uname, "release");
  kernel.version = value_of(uname, "version");
  if (kernel.release.empty()) kernel.release = reader.word("/proc/sys/kernel/osrelease");
  if (kernel.version.empty()) kernel.version = reader.word("/proc/sys/kernel/version");
  if (!kernel.release.empty()) return;
  // "Linux version 6.1.0-13-amd64 (builder) (compiler) #1 SMP ...": what a capture keeps.
  const std::string banner = reader.word("/proc/version");
  const auto words = split(banner, " ");
  if (words.size() > 2 && words[0] == "Linux" && words[1] == "version") kernel.release = words[2];
  const std::size_t number = banner.find(" #");
  if (number != std::string::npos) kernel.version = banner.substr(number + 1);
}

// The version string carries the build's choice; PREEMPT_DYNAMIC kernels tell the mode in force
// only in debugfs: "none voluntary (full)".
void read_preemption(Reader& reader, Kernel& kernel) {
  const auto words = split(kernel.version, " ");
  kernel.preempt_model = kernel.version.empty() ? "" : "voluntary or none";
  for (const char* model : {"PREEMPT", "PREEMPT_DYNAMIC", "PREEMPT_RT"}) {
    if (std::find(words.begin(), words.end(), model) != words.end()) kernel.preempt_model = model;
  }
  kernel.realtime =
      kernel.preempt_model == "PREEMPT_RT" || reader.flag("/sys/kernel/realtime").value_or(false);
  const std::string modes = reader.word("/sys/kernel/debug/sched/preempt");
  const std::size_t open = modes.find('(');
  const std::size_t close = modes.find(')');
  if (open != std::string::npos && close != std::string::npos && open < close) {
    kernel.preempt_mode = modes.substr(open + 1, close - open - 1);
  }
}

void read_clocksource(Reader& reader, const Topology& topology, Kernel& kernel) {
  const std::string base = "/sys/devices/system/clocksource/clocksource0/";
  kernel.clocksource = reader.word(base + "current_clocksource");
  kernel.clocksources = split(reader.word(base + "available_clocksource"), " ");
  const auto has = [&](const char* flag) {
    return std::binary_search(topology.flags.begin(), topology.flags.end(), flag);
  };
  kernel.tsc_constant = has("constant_tsc");
  kernel.tsc_nonstop = has("nonstop_tsc");
  const auto hz = parse_uint(value_of(reader.ask("cpuid"), "tsc_hz"));
  if (hz && *hz > 0) kernel.tsc_hz = *hz;
}

void read_parameters(Reader& reader, Kernel& kernel) {
  for (const std::string_view name : kSysctls) {
    std::string path = "/proc/sys/" + std::string(name);
    std::replace(path.begin() + 10, path.end(), '.', '/');
    if (const auto value = reader.text(path)) kernel.sysctls.emplace(name, *value);
  }
  for (const auto& [module, parameter] : kParameters) {
    const std::string base = "/sys/module/" + std::string(module) + "/parameters/";
    if (const auto value = reader.text(base + std::string(parameter))) {
      kernel.module_parameters.emplace(std::string(module) + "." + std::string(parameter), *value);
    }
  }
  const auto disabled = kernel.sysctls.find("kernel.io_uring_disabled");
  if (disabled != kernel.sysctls.end()) {
    if (const auto value = parse_int(disabled->second)) kernel.io_uring_disabled = *value;
  }
}

void read_io_uring(Reader& reader, Kernel& kernel) {
  const auto probed = reader.host().ask({"io_uring.probe", ""});
  kernel.io_uring = probed.has_value();
  if (probed) kernel.io_uring_ops = split(printable(value_of(*probed, "ops")), ", ");
}

}  // namespace

void read_kernel(Reader& reader, Inventory& inventory) {
  Kernel& kernel = inventory.kernel;
  read_release(reader, kernel);
  read_preemption(reader, kernel);
  kernel.command_line = reader.word("/proc/cmdline");
  const std::string vulnerabilities = "/sys/devices/system/cpu/vulnerabilities";
  for (const std::string& name : reader.names(vulnerabilities)) {
    kernel.vulnerabilities.push_back({printable(name), reader.word(vulnerabilities + "/" + name)});
  }
  read_clocksource(reader, inventory.topology, kernel);
  read_parameters(reader, kernel);
  read_io_uring(reader, kernel);
  kernel.boot_id = reader.word("/proc/sys/kernel/random/boot_id");
  kernel.workqueue_cpus = reader.cpus("", "/sys/devices/virtual/workqueue/cpumask");
  kernel.security_modules = reader.word("/sys/kernel/security/lsm");
}

}  // namespace assay::probes
