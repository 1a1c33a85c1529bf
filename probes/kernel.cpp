#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "probes/programs.hpp"
#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

// What settings and techniques look at; Documentation/admin-guide/sysctl defines each.
constexpr auto kSysctls = std::to_array<std::string_view>({
    "fs.aio-max-nr",
    "fs.file-max",
    "fs.nr_open",
    "fs.pipe-max-size",
    "kernel.io_uring_disabled",
    "kernel.kptr_restrict",
    "kernel.nmi_watchdog",
    "kernel.numa_balancing",
    "kernel.perf_event_paranoid",
    "kernel.pid_max",
    "kernel.printk",
    "kernel.sched_autogroup_enabled",
    "kernel.sched_rt_period_us",
    "kernel.sched_rt_runtime_us",
    "kernel.soft_watchdog",
    "kernel.threads-max",
    "kernel.timer_migration",
    "kernel.unprivileged_bpf_disabled",
    "kernel.watchdog",
    "net.core.busy_poll",
    "net.core.busy_read",
    "net.core.default_qdisc",
    "net.core.dev_weight",
    "net.core.netdev_budget",
    "net.core.netdev_budget_usecs",
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
    "vm.nr_hugepages",
    "vm.nr_overcommit_hugepages",
    "vm.overcommit_memory",
    "vm.stat_interval",
    "vm.swappiness",
    "vm.zone_reclaim_mode",
});

static_assert(std::ranges::is_sorted(kSysctls));

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
    {"zswap", "enabled"},
});

// The kernel's threads that run the callbacks of a CPU elsewhere: "rcuop/3".
constexpr std::string_view kRcuThread = "rcuop/";

// IORING_FEAT_* in order of their bits, as include/uapi/linux/io_uring.h has them.
constexpr auto kFeatures = std::to_array<std::string_view>(
    {"single_mmap", "nodrop", "submit_stable", "rw_cur_pos", "cur_personality", "fast_poll",
     "poll_32bits", "sqpoll_nonfixed", "ext_arg", "native_workers", "rsrc_tags", "cqe_skip",
     "linked_file", "reg_reg_ring", "recvsend_bundle", "min_timeout", "rw_attr", "no_iowait"});

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

void read_clocksource(Reader& reader, const std::vector<std::string>& flags, Kernel& kernel) {
  const std::string base = "/sys/devices/system/clocksource/clocksource0/";
  kernel.clocksource = reader.word(base + "current_clocksource");
  kernel.clocksources = split(reader.word(base + "available_clocksource"), " ");
  const auto has = [&](const char* flag) {
    return std::binary_search(flags.begin(), flags.end(), flag);
  };
  kernel.tsc_constant = has("constant_tsc");
  kernel.tsc_nonstop = has("nonstop_tsc");
  constexpr auto kTscFlags =
      std::to_array<std::string_view>({"constant_tsc", "nonstop_tsc", "rdtscp", "tsc", "tsc_adjust",
                                       "tsc_deadline_timer", "tsc_known_freq", "tsc_reliable"});
  for (const std::string_view flag : kTscFlags) {
    if (std::binary_search(flags.begin(), flags.end(), flag)) kernel.tsc_flags.emplace_back(flag);
  }
  const auto& offered = kernel.clocksources;
  if (!kernel.tsc_flags.empty() && !offered.empty()) {
    // A TSC that failed the kernel's watchdog is taken off this list.
    kernel.tsc_offered = std::find(offered.begin(), offered.end(), "tsc") != offered.end();
  }
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
  if (!probed) return;
  kernel.io_uring_ops = split(printable(value_of(*probed, "ops")), ", ");
  const std::string features = value_of(*probed, "features");  // "0x3fff"
  std::uint64_t bits = 0;
  if (!features.starts_with("0x")) return;
  std::from_chars(features.data() + 2, features.data() + features.size(), bits, 16);
  for (std::size_t i = 0; i < 32; ++i) {
    if ((bits >> i & 1U) == 0) continue;
    kernel.io_uring_features.push_back(i < kFeatures.size() ? std::string(kFeatures.at(i))
                                                            : fmt::format("bit{}", i));
  }
}

// Parts of the kernel that techniques need, and those that only root may see.
void read_abilities(Reader& reader, Kernel& kernel) {
  constexpr auto kModules = std::to_array<std::string_view>(
      {"af_packet", "ib_core", "irdma", "mlx5_ib", "msr", "nvme", "rdma_cm", "rdma_rxe", "siw",
       "uio_pci_generic", "vfio", "vfio_iommu_type1", "vfio_pci", "virtio_net", "xsk_diag"});
  for (const std::string_view name : kModules) {
    if (reader.exists("/sys/module/" + std::string(name))) kernel.modules.emplace_back(name);
  }
  kernel.fair_server_runtime_ns = reader.number("/sys/kernel/debug/sched/fair_server/cpu0/runtime");
  kernel.tracers = split(reader.word("/sys/kernel/tracing/available_tracers"), " ");
}

// The CPU's flags: the topology's, or read here when nobody asked for the topology.
std::vector<std::string> cpu_flags(Reader& reader, const Topology& topology) {
  if (!topology.cpus.empty() || !topology.flags.empty()) return topology.flags;
  Topology model;
  read_cpu_model(reader, model);
  return model.flags;
}

}  // namespace

void note_rcu_threads(const std::set<std::string>& running, Kernel& kernel) {
  CpuSet cpus;
  for (const std::string& name : running) {
    if (const auto cpu = number_after(name, kRcuThread)) cpus.add(*cpu);
  }
  if (!cpus.empty()) kernel.rcu_offloaded = cpus;
}

bool is_rcu_thread(std::string_view program) {
  return number_after(program, kRcuThread).has_value();
}

bool is_watched_sysctl(std::string_view name) {
  return std::binary_search(kSysctls.begin(), kSysctls.end(), name);
}

void read_kernel(Reader& reader, Inventory& inventory) {
  Kernel& kernel = inventory.kernel;
  read_release(reader, kernel);
  read_preemption(reader, kernel);
  kernel.command_line = reader.word("/proc/cmdline");
  const std::string vulnerabilities = "/sys/devices/system/cpu/vulnerabilities";
  for (const std::string& name : reader.names(vulnerabilities)) {
    kernel.vulnerabilities.push_back({printable(name), reader.word(vulnerabilities + "/" + name)});
  }
  read_clocksource(reader, cpu_flags(reader, inventory.topology), kernel);
  read_parameters(reader, kernel);
  read_io_uring(reader, kernel);
  kernel.boot_id = reader.word("/proc/sys/kernel/random/boot_id");
  kernel.workqueue_cpus = reader.cpus("", "/sys/devices/virtual/workqueue/cpumask");
  kernel.security_modules = reader.word("/sys/kernel/security/lsm");
  if (reader.exists("/sys/kernel/security/lockdown")) {
    kernel.lockdown = reader.choice("/sys/kernel/security/lockdown");
  }
  read_abilities(reader, kernel);
  kernel.tainted = reader.number("/proc/sys/kernel/tainted");
  for (const std::string& name : reader.names("/sys/class/iommu")) {
    kernel.iommus.push_back(printable(name));
  }
  read_kernel_config(reader, kernel);
}

}  // namespace assay::probes
