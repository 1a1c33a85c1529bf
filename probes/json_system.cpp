#include <algorithm>
#include <bit>

#include "probes/json_parts.hpp"

namespace assay::probes {
namespace {

// What is plugged in, as near as the kernel lets one tell: it keeps some memory to itself, another
// amount with every version, and a guest's balloon moves the total. Rounded up to a ninth to
// eighth of itself that is the size on the box: 31.0 GiB told are 32 GiB installed.
std::uint64_t installed_estimate(Bytes total) {
  const std::uint64_t step = std::max<std::uint64_t>(std::bit_floor(total.count) / 8, 1);
  return (total.count + step - 1) / step * step;
}

Json irq_json(const Irq& irq) {
  return object({{"number", irq.number},
                 {"target", irq.target},
                 {"chip", irq.chip},
                 {"hardware_number", irq.hardware_number},
                 {"actions", irq.actions},
                 {"device", irq.device},
                 {"asked", irq.affinity_readable ? Json(irq.asked.to_list()) : Json(nullptr)},
                 {"effective", optional_json(irq.effective)},
                 {"managed", optional_json(irq.managed)},
                 {"queue", irq.queue},
                 {"serves", irq.serves},
                 {"counts", irq.counts},
                 {"rates", irq.rates.empty() ? Json(nullptr) : Json(irq.rates)}});
}

Json ptp_json(const std::vector<PtpClock>& clocks) {
  Json list = Json::array();
  for (const PtpClock& clock : clocks) {
    list.push_back(object({{"name", clock.name},
                           {"clock_name", clock.clock_name},
                           {"pci_address", clock.pci_address},
                           {"interfaces", clock.interfaces},
                           {"max_adjustment_ppb", optional_json(clock.max_adjustment_ppb)},
                           {"external_channels", optional_json(clock.external_channels)},
                           {"pulse_per_second", optional_json(clock.pulse_per_second)}}));
  }
  return list;
}

Json provenance_json(const std::vector<Provenance>& entries) {
  Json list = Json::array();
  for (const Provenance& entry : entries) {
    list.push_back(object({{"by", entry.by},
                           {"file", entry.file},
                           {"line", entry.line},
                           {"key", entry.key},
                           {"value", entry.value},
                           {"overridden", entry.overridden}}));
  }
  return list;
}

Json bytes_json(const std::optional<Bytes>& bytes) {
  return bytes ? Json(bytes->count) : Json(nullptr);
}

Json group_limits_json(const GroupLimits& limits) {
  Json huge_pages = Json::object();
  for (const auto& [size, most] : limits.huge_pages_max) huge_pages[size] = most.count;
  return object({{"memory_max_bytes", bytes_json(limits.memory_max)},
                 {"memory_high_bytes", bytes_json(limits.memory_high)},
                 {"memory_current_bytes", bytes_json(limits.memory_current)},
                 {"pids_max", optional_json(limits.pids_max)},
                 {"pids_current", optional_json(limits.pids_current)},
                 {"cpu_weight", optional_json(limits.cpu_weight)},
                 {"throttled_periods", optional_json(limits.throttled_periods)},
                 {"io_max", limits.io_max},
                 {"huge_pages_max_bytes", std::move(huge_pages)}});
}

}  // namespace

Json memory_json(const Memory& memory) {
  Json swaps = Json::array();
  for (const Swap& swap : memory.swaps) {
    swaps.push_back(object({{"path", swap.path},
                            {"type", swap.type},
                            {"size_bytes", swap.size.count},
                            {"used_bytes", swap.used.count}}));
  }
  return object({{"total_bytes", memory.total.count},
                 {"installed_estimate_bytes", installed_estimate(memory.total)},
                 {"free_bytes", memory.free.count},
                 {"available_bytes", memory.available.count},
                 {"swap_total_bytes", memory.swap_total.count},
                 {"swap_free_bytes", memory.swap_free.count},
                 {"swaps", std::move(swaps)},
                 {"thp_enabled", memory.thp_enabled},
                 {"thp_defrag", memory.thp_defrag},
                 {"huge_pages", huge_pages_json(memory.huge_pages)},
                 {"swappiness", optional_json(memory.swappiness)},
                 {"ksm_run", optional_json(memory.ksm_run)},
                 {"default_huge_page_bytes", memory.default_huge_page.count},
                 {"thp_shmem", memory.thp_shmem}});
}

Json interrupts_json(const Interrupts& interrupts) {
  Json columns = Json::array();
  for (const CpuId cpu : interrupts.cpus) columns.push_back(cpu.value);
  Json irqs = Json::array();
  for (const Irq& irq : interrupts.irqs) irqs.push_back(irq_json(irq));
  const bool watched = interrupts.window.count() > 0;
  return object({{"cpus", std::move(columns)},
                 {"default_affinity", optional_json(interrupts.default_affinity)},
                 {"irqbalance_running", interrupts.irqbalance_running},
                 {"irqs", std::move(irqs)},
                 {"named", interrupts.named},
                 {"window_ns", watched ? Json(interrupts.window.count()) : Json(nullptr)},
                 {"named_rates", watched ? Json(interrupts.named_rates) : Json(nullptr)}});
}

Json kernel_json(const Kernel& kernel) {
  Json vulnerabilities = Json::object();
  for (const auto& [name, state] : kernel.vulnerabilities) vulnerabilities[name] = state;
  return object({{"release", kernel.release},
                 {"version", kernel.version},
                 {"preempt_model", kernel.preempt_model},
                 {"preempt_mode", kernel.preempt_mode},
                 {"realtime", kernel.realtime},
                 {"command_line", kernel.command_line},
                 {"clocksource", kernel.clocksource},
                 {"clocksources", kernel.clocksources},
                 {"tsc_constant", kernel.tsc_constant},
                 {"tsc_nonstop", kernel.tsc_nonstop},
                 {"tsc_hz", optional_json(kernel.tsc_hz)},
                 {"io_uring", kernel.io_uring},
                 {"io_uring_disabled", optional_json(kernel.io_uring_disabled)},
                 {"io_uring_ops", kernel.io_uring_ops},
                 {"workqueue_cpus", optional_json(kernel.workqueue_cpus)},
                 {"security_modules", kernel.security_modules},
                 {"vulnerabilities", std::move(vulnerabilities)},
                 {"sysctls", kernel.sysctls},
                 {"module_parameters", kernel.module_parameters},
                 {"boot_id", kernel.boot_id},
                 {"io_uring_features", kernel.io_uring_features},
                 {"config", kernel.config},
                 {"config_source", kernel.config_source},
                 {"tsc_flags", kernel.tsc_flags},
                 {"tsc_offered", optional_json(kernel.tsc_offered)},
                 {"lockdown", kernel.lockdown},
                 {"tainted", optional_json(kernel.tainted)},
                 {"rcu_offloaded", optional_json(kernel.rcu_offloaded)},
                 {"fair_server_runtime_ns", optional_json(kernel.fair_server_runtime_ns)},
                 {"modules", kernel.modules},
                 {"tracers", kernel.tracers},
                 {"iommus", kernel.iommus}});
}

Json time_json(const TimeSync& time) {
  return object({{"synchronized", optional_json(time.synchronized)},
                 {"offset_ns", optional_json(time.offset_ns)},
                 {"estimated_error_us", optional_json(time.estimated_error_us)},
                 {"maximum_error_us", optional_json(time.maximum_error_us)},
                 {"daemons", time.daemons},
                 {"ptp_clocks", time.ptp_clocks},
                 {"ptp", ptp_json(time.ptp)},
                 {"frequency_ppb", optional_json(time.frequency_ppb)},
                 {"tai_offset_s", optional_json(time.tai_offset_s)}});
}

Json limits_json(const Limits& limits) {
  Json process = Json::object();
  for (const Limit& limit : limits.process) {
    process[limit.name] = object({{"soft", limit.soft}, {"hard", limit.hard}});
  }
  return object({{"process", std::move(process)},
                 {"aio_max_nr", optional_json(limits.aio_max_nr)},
                 {"nr_open", optional_json(limits.nr_open)},
                 {"aio_nr", optional_json(limits.aio_nr)}});
}

Json environment_json(const Environment& environment) {
  return object({{"hypervisor", environment.hypervisor},
                 {"container", environment.container},
                 {"cgroup_version", environment.cgroup_version},
                 {"cgroup", environment.cgroup},
                 {"cpu_quota_cpus", optional_json(environment.cpu_quota_cpus)},
                 {"cpuset_isolated", optional_json(environment.cpuset_isolated)},
                 {"sys_writable", environment.sys_writable},
                 {"privileged", environment.privileged},
                 {"steal_percent", environment.steal_percent},
                 {"board_vendor", environment.board_vendor},
                 {"product_name", environment.product_name},
                 {"bios_version", environment.bios_version},
                 {"machine_id_hash", environment.machine_id_hash},
                 {"fstrim_timer", optional_json(environment.fstrim_timer)},
                 {"tuners", environment.tuners},
                 {"tuned_profile", environment.tuned_profile},
                 {"provenance", provenance_json(environment.provenance)},
                 {"group_limits", group_limits_json(environment.group_limits)}});
}

}  // namespace assay::probes
