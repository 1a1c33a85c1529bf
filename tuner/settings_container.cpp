// What surrounds the host: hypervisor, container, control groups. Read, and never changed.
#include <fmt/core.h>

#include <array>

#include "tuner/areas.hpp"
#include "tuner/readers.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

Expected<Reading> read_hypervisor(const HostView& view, const Setting&, const Target&) {
  const std::string& name = view.inventory.environment.hypervisor;
  return Reading{.configured = name.empty() ? "none" : name};
}

Expected<Reading> read_quota(const HostView& view, const Setting& setting, const Target&) {
  const probes::Environment& environment = view.inventory.environment;
  if (environment.cgroup_version.empty() || environment.cgroup_version == "none") {
    return not_here(setting, "no control groups are mounted");
  }
  if (!environment.cpu_quota_cpus) return Reading{.configured = "none"};
  return Reading{.configured = fmt::format("{:.4g}", *environment.cpu_quota_cpus),
                 .note = "the group is stopped when its time is used up: CPUs"};
}

Expected<Reading> read_cpuset(const HostView& view, const Setting& setting, const Target&) {
  const probes::Topology& topology = view.inventory.topology;
  if (topology.online.empty()) return not_here(setting, "the online CPUs are not told");
  return Reading{.configured = show_cpus(topology.allowed)};
}

std::vector<Target> guest(const HostView& view) {
  return view.inventory.environment.hypervisor.empty() ? std::vector<Target>{} : the_host(view);
}

Expected<Reading> read_steal(const HostView& view, const Setting& setting, const Target& target) {
  // The inventory holds the share; the file tells whether it is a real zero.
  if (auto status = view.host.status(path_of(setting, target)); !status) {
    return Failure(status.error());
  }
  return Reading{.configured = fmt::format("{:.3f}", view.inventory.environment.steal_percent)};
}

Expected<Reading> read_sys_writable(const HostView& view, const Setting&, const Target&) {
  return Reading{.configured = yes_no(view.inventory.environment.sys_writable)};
}

constexpr std::string_view kCgroup = "Documentation/admin-guide/cgroup-v2.rst";

constexpr Setting recorded_row(std::string_view id, ValueKind kind, std::string_view where,
                               std::string_view source, std::string_view reason,
                               decltype(Setting::read) read) {
  return {.id = id,
          .kind = kind,
          .where = where,
          .privilege = Privilege::none,
          .lasting = Lasting::recorded,
          .reason = reason,
          .source = source,
          .targets = the_host,
          .read = read};
}

constexpr Setting with_values(Setting row, std::string_view low_latency,
                              std::string_view throughput) {
  row.low_latency = low_latency;
  row.throughput = throughput;
  return row;
}

constexpr Setting steal() {
  Setting row = recorded_row("container.steal", ValueKind::number, "/proc/stat", "proc(5)",
                             "Time in which the guest was ready and its hypervisor ran something "
                             "else, in percent since the boot.",
                             read_steal);
  row.unit = "%";
  row.targets = guest;
  row.not_applicable = "no hypervisor, so nobody steals time";
  return row;
}

const std::array kContainerRows{
    with_values(recorded_row("container.hypervisor", ValueKind::word, "CPUID, DMI",
                             "Documentation/virt/kvm/x86/cpuid.rst",
                             "A guest's latency includes its hypervisor's.", read_hypervisor),
                "keep", "keep"),
    with_values(
        recorded_row("container.cpu-quota", ValueKind::word, "/sys/fs/cgroup/*/cpu.max", kCgroup,
                     "A group that used up its time is stopped until the next period: tens "
                     "of milliseconds.",
                     read_quota),
        "none", "none"),
    with_values(recorded_row("container.cpuset", ValueKind::cpu_list,
                             "/sys/fs/cgroup/*/cpuset.cpus.effective", kCgroup,
                             "CPUs that this process may not use cannot be tested or given work.",
                             read_cpuset),
                "at_least all", "at_least all"),
    with_values(steal(), "at_most 0.1", "at_most 1"),
    with_values(
        recorded_row("container.sys-writable", ValueKind::flag, "/sys (mount options)", "sysfs(5)",
                     "With /sys mounted read-only nothing there can be tuned from inside.",
                     read_sys_writable),
        "yes", "yes"),
};

}  // namespace

std::span<const Setting> container_settings() { return kContainerRows; }

}  // namespace assay::tuner
