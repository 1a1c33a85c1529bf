// Settings of time: the clock that the kernel reads, and what keeps it right.
#include <fmt/ranges.h>

#include <array>

#include "tuner/areas.hpp"
#include "tuner/planners.hpp"
#include "tuner/readers.hpp"

namespace assay::tuner {
namespace {

// Asked for on the boot line; the kernel gives a clock up when it finds it unsteady.
Expected<Reading> read_clocksource(const HostView& view, const Setting& setting,
                                   const Target& target) {
  auto running = view.host.read_trimmed(path_of(setting, target));
  if (!running) return Failure(running.error());
  Reading reading{.configured = *running};
  auto ask = boot_ask(view, "clocksource");
  if (ask && ask->now) {
    reading.configured = *ask->now;
    reading.effective = *running;
    reading.effect_decides = true;
    if (*ask->now != *running) {
      reading.note = fmt::format("the kernel does not use what the boot line asks; it offers {}",
                                 fmt::join(view.inventory.kernel.clocksources, " "));
    }
  }
  if (ask && ask->next) {
    reading.later = *ask->next;
    reading.later_source = ask->next_file;
  }
  return reading;
}

// In a guest the hypervisor's own clocks are the TSC with a correction, and as quick to read.
Expected<std::string> clocksource_meaning(const HostView& view, const Target&,
                                          std::string_view wanted) {
  const std::string& hypervisor = view.inventory.environment.hypervisor;
  if (wanted != "tsc" || hypervisor.empty()) return std::string(wanted);
  if (hypervisor.find("KVM") != std::string::npos) return std::string("tsc|kvm-clock");
  if (hypervisor.find("Xen") != std::string::npos) return std::string("tsc|xen");
  return std::string("tsc|kvm-clock|hyperv_clocksource_tsc_page|xen");
}

std::vector<Target> host_with_tsc(const HostView& view) {
  for (const std::string& flag : view.inventory.topology.flags) {
    if (flag == "tsc") return the_host(view);
  }
  return {};
}

Expected<Reading> read_tsc_flags(const HostView& view, const Setting&, const Target&) {
  const probes::Kernel& kernel = view.inventory.kernel;
  return Reading{.configured = yes_no(kernel.tsc_constant && kernel.tsc_nonstop),
                 .note = fmt::format("constant_tsc {}, nonstop_tsc {}", yes_no(kernel.tsc_constant),
                                     yes_no(kernel.tsc_nonstop))};
}

Expected<Reading> read_sync(const HostView& view, const Setting& setting, const Target&) {
  const probes::TimeSync& time = view.inventory.time;
  if (!time.synchronized && time.daemons.empty()) {
    return not_here(setting,
                    "neither the kernel's clock state nor a service that steers it is "
                    "told");
  }
  Reading reading;
  reading.configured =
      time.daemons.empty() ? "no service" : fmt::format("{}", fmt::join(time.daemons, ","));
  if (time.synchronized) reading.effective = *time.synchronized ? "synchronized" : "unsynchronized";
  if (time.offset_ns) reading.note = fmt::format("offset {} ns", *time.offset_ns);
  return reading;
}

const std::array kTimeRows{
    Setting{
        .id = "time.clocksource",
        .where = "/sys/devices/system/clocksource/clocksource0/current_clocksource",
        .risk = Risk::medium,
        .lasting = Lasting::boot_line,
        .reason = "A clock behind a bus costs a microsecond for each time stamp; the CPU's own "
                  "costs twenty nanoseconds.",
        .source = "Documentation/admin-guide/kernel-parameters.txt (clocksource=)",
        .low_latency = "tsc",
        .throughput = "tsc",
        .targets = the_host,
        .read = read_clocksource,
        .meaning = clocksource_meaning,
        .plan = plan_clocksource,
    },
    Setting{
        .id = "time.tsc-flags",
        .kind = ValueKind::flag,
        .where = "/proc/cpuinfo: constant_tsc, nonstop_tsc",
        .privilege = Privilege::none,
        .lasting = Lasting::recorded,
        .reason = "A counter that changes its pace with the clock frequency, or stops in idle "
                  "states, measures nothing.",
        .source = "Documentation/arch/x86/cpuinfo.rst",
        .low_latency = "yes",
        .targets = host_with_tsc,
        .read = read_tsc_flags,
        .not_applicable = "the CPU has no time stamp counter",
    },
    Setting{
        .id = "time.sync",
        .where = "adjtimex(2); chronyd, ntpd, ptp4l, phc2sys",
        .lasting = Lasting::recorded,
        .reason = "Latencies between hosts mean nothing when their clocks disagree.",
        .source = "adjtimex(2)",
        .low_latency = "keep",
        .throughput = "keep",
        .targets = the_host,
        .read = read_sync,
    },
};

}  // namespace

std::span<const Setting> time_settings() { return kTimeRows; }

}  // namespace assay::tuner
