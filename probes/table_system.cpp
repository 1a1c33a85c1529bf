#include <fmt/format.h>

#include "probes/table_sections.hpp"

namespace assay::probes {
namespace {

void kernel_section(const Kernel& kernel, TextPage& page) {
  page.section("KERNEL");
  page.fact("release", kernel.release);
  page.fact("preemption", join_words({kernel.preempt_model, kernel.preempt_mode}, ", "));
  page.fact("boot line", kernel.command_line);
  page.fact("clock source", kernel.clocksource.empty()
                                ? ""
                                : fmt::format("{} (of {})", kernel.clocksource,
                                              join_words(kernel.clocksources, ", ")));
  page.fact("TSC", fmt::format("{}constant, {}running in idle states",
                               kernel.tsc_constant ? "" : "not told to be ",
                               kernel.tsc_nonstop ? "" : "not told to be "));
  std::string ring = kernel.io_uring ? "usable by this process" : "not usable by this process";
  if (kernel.io_uring_disabled) {
    ring += fmt::format("; kernel.io_uring_disabled is {}", *kernel.io_uring_disabled);
  }
  page.fact("io_uring", ring);
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
  page.fact("kept by", join_words(time.daemons, ", "));
  page.fact("PTP clocks", join_words(time.ptp_clocks, ", "));
}

// A number of bytes in words; "unlimited" as it is.
std::string size_words(const std::string& limit) {
  const auto bytes = parse_uint(limit);
  return bytes ? format_bytes_short(Bytes{*bytes}) : limit;
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
  if (limits.aio_max_nr) page.fact("fs.aio-max-nr", fmt::format("{}", *limits.aio_max_nr));
}

void environment_section(const Environment& environment, TextPage& page) {
  page.section("ENVIRONMENT");
  page.fact("cgroups", join_words({environment.cgroup_version, environment.cgroup}, ", "));
  if (environment.cpu_quota_cpus) {
    page.fact("CPU quota", fmt::format("{:.2f} CPUs", *environment.cpu_quota_cpus));
  }
  if (environment.cpuset_isolated && !environment.cpuset_isolated->empty()) {
    page.fact("isolated cpuset", environment.cpuset_isolated->to_list());
  }
  if (!environment.sys_writable) page.fact("/sys", "read-only here: settings cannot be changed");
  page.fact("this user", environment.privileged ? "root" : "not root: some facts stay hidden");
}

}  // namespace

void system_sections(const Inventory& inventory, TextPage& page) {
  kernel_section(inventory.kernel, page);
  time_section(inventory.time, page);
  limits_section(inventory.limits, page);
  environment_section(inventory.environment, page);
}

}  // namespace assay::probes
