// Settings that bound what programs may ask of the kernel.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "core/units.hpp"
#include "tuner/areas.hpp"
#include "tuner/planners.hpp"
#include "tuner/readers.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

// What limits.d gives to new sessions, and what this process was given when its session began.
Expected<Reading> read_limit(const HostView& view, const Setting& setting, const Target&) {
  const std::string_view name = setting.id.substr(setting.id.find('.') + 1);
  const auto& limits = view.inventory.limits.process;
  auto own = std::ranges::find(limits, name, &probes::Limit::name);
  if (own == limits.end()) return not_here(setting, "the limits of this process are not told");
  const std::string running = with_unit(setting.kind, setting.unit, own->soft);
  Reading reading{.configured = running};
  auto file = view.persisted.limits.find(name);
  if (file == view.persisted.limits.end()) return reading;
  reading.configured = file->second.value;
  reading.effective = running;
  reading.effect_decides = true;
  reading.later = file->second.value;
  reading.later_source = file->second.file;
  reading.later_at_boot = false;
  if (reading.configured != running) {
    reading.note = fmt::format("{} gives {} to sessions that log in from now on", file->second.file,
                               file->second.value);
  }
  return reading;
}

constexpr std::string_view kLimitsConf = "limits.conf(5)";
constexpr std::string_view kFsSysctl = "Documentation/admin-guide/sysctl/fs.rst";

constexpr Setting limit_row(std::string_view id, ValueKind kind, std::string_view unit,
                            std::string_view low_latency, std::string_view throughput,
                            std::string_view reason) {
  return {.id = id,
          .kind = kind,
          .unit = unit,
          .where = "/etc/security/limits.d, /proc/self/limits",
          .lasting = Lasting::limits,
          .reason = reason,
          .source = kLimitsConf,
          .low_latency = low_latency,
          .throughput = throughput,
          .targets = the_host,
          .read = read_limit};
}

constexpr Setting sysctl_row(std::string_view id, std::string_view where,
                             std::string_view low_latency, std::string_view throughput,
                             std::string_view source, std::string_view reason) {
  return {.id = id,
          .kind = ValueKind::number,
          .where = where,
          .lasting = Lasting::sysctl,
          .reason = reason,
          .source = source,
          .low_latency = low_latency,
          .throughput = throughput,
          .targets = the_host,
          .read = read_sysctl,
          .plan = plan_file};
}

const std::array kLimitsRows{
    limit_row("limits.memlock", ValueKind::bytes, "B", "at_least unlimited", "at_least 64MiB",
              "Pinned buffers, and memory that must never be paged out, count against it."),
    limit_row("limits.rtprio", ValueKind::number, "", "at_least 95", "",
              "The highest real-time priority that a program without privilege may take."),
    limit_row("limits.nofile", ValueKind::number, "", "at_least 65536", "at_least 65536",
              "Each connection, file and ring takes a descriptor."),
    sysctl_row("limits.aio-max-nr", "/proc/sys/fs/aio-max-nr", "", "at_least 1048576", kFsSysctl,
               "Requests of the older asynchronous I/O that may be outstanding on the host."),
    sysctl_row("limits.nr-open", "/proc/sys/fs/nr_open", "at_least 1048576", "at_least 1048576",
               kFsSysctl, "No limit of descriptors can be raised above it."),
    sysctl_row("limits.io-uring-disabled", "/proc/sys/kernel/io_uring_disabled", "0", "0",
               "Documentation/admin-guide/sysctl/kernel.rst",
               "1 keeps io_uring from programs without privilege, 2 from all of them."),
    sysctl_row("limits.perf-event-paranoid", "/proc/sys/kernel/perf_event_paranoid", "at_most 2",
               "keep", "Documentation/admin-guide/sysctl/kernel.rst",
               "Decides who may count cycles and misses, which explain a latency."),
};

}  // namespace

std::span<const Setting> limits_settings() { return kLimitsRows; }

}  // namespace assay::tuner
