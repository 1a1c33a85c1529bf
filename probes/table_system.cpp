#include <fmt/format.h>

#include "probes/table_sections.hpp"

namespace assay::probes {
namespace {
constexpr std::size_t kLines = 24;  // of what may go on for pages

// "PREEMPT_DYNAMIC, 250 Hz ticks, no full dynticks".
std::string build_words(const Kernel& kernel) {
  const auto is = [&](const char* option) {
    const auto found = kernel.config.find(option);
    return found != kernel.config.end() && found->second != "n";
  };
  const auto ticks = kernel.config.find("CONFIG_HZ");
  return kernel.config.empty()
             ? std::string()
             : join_words({ticks == kernel.config.end() ? "" : ticks->second + " ticks a second",
                           is("CONFIG_NO_HZ_FULL") ? "full dynticks" : "no full dynticks",
                           is("CONFIG_RCU_NOCB_CPU") ? "RCU callbacks offloaded" : "",
                           "told by " + kernel.config_source},
                          ", ");
}

void ring_facts(const Kernel& kernel, TextPage& page) {
  std::string ring = kernel.io_uring ? "usable by this process" : "not usable by this process";
  if (!kernel.io_uring_ops.empty()) {
    ring += ", operations " + join_words(kernel.io_uring_ops, ",");
  }
  if (kernel.io_uring_disabled) {
    ring += fmt::format("; kernel.io_uring_disabled is {}", *kernel.io_uring_disabled);
  }
  page.fact("io_uring", ring);
  page.fact("its features", join_words(kernel.io_uring_features, " "));
}

void group_facts(const GroupLimits& limits, TextPage& page) {
  const auto bytes = [](const std::optional<Bytes>& value) {
    return value ? format_bytes_short(*value) : std::string();
  };
  page.fact("memory limit", bytes(limits.memory_max));
  page.fact("memory throttle", bytes(limits.memory_high));
  if (limits.pids_max) page.fact("processes limit", fmt::format("{}", *limits.pids_max));
  for (const std::string& line : limits.io_max) page.fact("I/O limit", line);
  for (const auto& [size, most] : limits.huge_pages_max) {
    page.fact("huge page limit", size + ": " + format_bytes_short(most));
  }
  if (limits.throttled_periods.value_or(0) > 0) {
    page.fact("throttled", fmt::format("{} times by the CPU quota", *limits.throttled_periods));
  }
}

// A number of bytes in words; "unlimited" as it is.
std::string size_words(const std::string& limit) {
  const auto bytes = parse_uint(limit);
  return bytes ? format_bytes_short(Bytes{*bytes}) : limit;
}

void provenance_table(const Environment& environment, TextPage& page) {
  std::vector<std::vector<std::string>> rows;
  for (const Provenance& entry : environment.provenance) {
    if (entry.overridden) continue;
    if (rows.size() == kLines) break;
    rows.push_back({fmt::format("{}:{}", entry.file, entry.line), entry.key, entry.value});
  }
  const std::size_t shown = rows.size();
  page.section("WHO SETS WHAT");
  page.table({"FILE!", "KEY!", "VALUE"}, std::move(rows));
  if (shown == kLines) page.line("and more: see --format json");
}

}  // namespace

void kernel_section(const Kernel& kernel, TextPage& page) {
  page.section("KERNEL");
  page.fact("release", kernel.release);
  page.fact("preemption", join_words({kernel.preempt_model, kernel.preempt_mode}, ", "));
  page.fact("built with", build_words(kernel));
  page.fact("boot line", kernel.command_line);
  page.fact("clock source", kernel.clocksource.empty()
                                ? ""
                                : fmt::format("{} (of {})", kernel.clocksource,
                                              join_words(kernel.clocksources, ", ")));
  page.fact(
      "TSC",
      fmt::format(
          "{}constant, {}running in idle states{}", kernel.tsc_constant ? "" : "not told to be ",
          kernel.tsc_nonstop ? "" : "not told to be ",
          kernel.tsc_offered == std::optional(false) ? ", and the kernel does not trust it" : ""));
  ring_facts(kernel, page);
  page.fact("lockdown", kernel.lockdown == "none" ? "" : kernel.lockdown);
  page.fact("IOMMU", join_words(kernel.iommus, ", "));
  std::vector<std::string> open;
  for (const Vulnerability& vulnerability : kernel.vulnerabilities) {
    if (vulnerability.state.starts_with("Vulnerable")) open.push_back(vulnerability.name);
  }
  if (!kernel.vulnerabilities.empty()) {
    page.fact("vulnerabilities", open.empty() ? "none open" : "open: " + join_words(open, ", "));
  }
}

void time_section(const TimeSync& time, TextPage& page) {
  page.section("TIME");
  if (time.synchronized) page.fact("synchronized", *time.synchronized ? "yes" : "no");
  if (time.synchronized == std::optional(true) && time.offset_ns) {
    page.fact("offset", fmt::format("{} ns still to correct", *time.offset_ns));
  }
  page.fact("kept by", join_words(time.daemons, ", "));
  for (const PtpClock& clock : time.ptp) {
    page.fact(
        clock.name,
        join_words({clock.clock_name, clock.pci_address, join_words(clock.interfaces, " ")}, ", "));
  }
}

void limits_section(const Limits& limits, TextPage& page) {
  page.section("LIMITS of this process (soft, hard)");
  for (const Limit& limit : limits.process) {
    if (limit.name == "memlock") {
      page.fact(limit.name, size_words(limit.soft) + ", " + size_words(limit.hard));
    } else if (limit.name == "rtprio" || limit.name == "nofile") {
      page.fact(limit.name, limit.soft + ", " + limit.hard);
    }
  }
  if (limits.aio_max_nr) {
    page.fact("fs.aio-max-nr",
              fmt::format("{}, {} in use", *limits.aio_max_nr, limits.aio_nr.value_or(0)));
  }
}

void environment_section(const Environment& environment, TextPage& page) {
  page.section("ENVIRONMENT");
  page.fact("hypervisor", environment.hypervisor);
  page.fact("container", environment.container);
  page.fact("cgroups", join_words({environment.cgroup_version, environment.cgroup}, ", "));
  if (environment.cpu_quota_cpus) {
    page.fact("CPU quota", fmt::format("{:.2f} CPUs", *environment.cpu_quota_cpus));
  }
  group_facts(environment.group_limits, page);
  if (environment.cpuset_isolated && !environment.cpuset_isolated->empty()) {
    page.fact("isolated cpuset", environment.cpuset_isolated->to_list());
  }
  if (!environment.sys_writable) page.fact("/sys", "read-only here: settings cannot be changed");
  page.fact("this user", environment.privileged ? "root" : "not root: some facts stay hidden");
  page.section("WHAT ELSE TUNES");
  for (const std::string& tuner : environment.tuners) page.line(tuner);
  page.fact("TuneD profile", environment.tuned_profile);
  provenance_table(environment, page);
}

void pci_section(const std::vector<PciDevice>& devices, TextPage& page) {
  std::vector<std::vector<std::string>> rows;
  for (const PciDevice& device : devices) {
    const std::string functions =
        device.virtual_functions_max > 0
            ? fmt::format("{} of {}", device.virtual_functions, device.virtual_functions_max)
            : device.physical_function;
    rows.push_back({device.address, device.class_id, device.vendor_id, device.device_id,
                    device.driver, node_word(device.node), speed_words(device.link),
                    join_words({device.iommu_group, device.iommu_domain}, " "), functions});
  }
  page.section("PCI");
  page.table(
      {"ADDRESS", "CLASS", "VENDOR", "DEVICE", "DRIVER", "NODE>", "PCIE", "IOMMU", "FUNCTIONS"},
      std::move(rows));
}

void mount_section(const std::vector<Mount>& mounts, TextPage& page) {
  std::vector<std::vector<std::string>> rows;
  for (const Mount& mount : mounts) {
    rows.push_back({mount.point, mount.type, mount.source, mount.drive, mount.options});
  }
  page.section("MOUNTS");
  page.table({"POINT", "TYPE", "SOURCE", "DRIVE", "OPTIONS"}, std::move(rows));
}

}  // namespace assay::probes
