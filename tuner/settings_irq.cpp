// Settings of interrupts: which CPUs they may disturb, and who moves them.
#include <fmt/core.h>

#include <array>

#include "tuner/areas.hpp"
#include "tuner/planners.hpp"
#include "tuner/readers.hpp"
#include "tuner/text.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

Expected<Reading> read_affinity(const HostView& view, const Setting& setting,
                                const Target& target) {
  const probes::Irq* irq = irq_of(view, target);
  if (irq == nullptr) return not_here(setting, "no such interrupt");
  if (!irq->affinity_readable) {
    // The inventory only knows that it failed; the host says why.
    auto text = view.host.read_trimmed(path_of(setting, target));
    if (!text) return Failure(text.error());
  }
  Reading reading{.configured = show_cpus(irq->asked)};
  if (irq->effective) {
    reading.effective = show_cpus(*irq->effective);
    // The kernel delivers to one or some of the CPUs that were asked for.
    reading.effective_within = true;
  }
  reading.kernel_managed = irq->managed.value_or(false);
  if (reading.kernel_managed) {
    reading.note = "the driver spreads its queues; isolcpus=managed_irq keeps them off a CPU";
  } else if (!irq->managed) {
    reading.note = "may be kernel-managed, which only debugfs tells";
  }
  return reading;
}

constexpr std::string_view kIrqbalanceUnit =
    "/etc/systemd/system/multi-user.target.wants/irqbalance.service";
constexpr std::array<std::string_view, 2> kIrqbalanceConfigs{"/etc/default/irqbalance",
                                                             "/etc/sysconfig/irqbalance"};

bool irqbalance_enabled(const HostView& view) {
  // The link's target may be outside a capture, so the link itself is what counts.
  return view.host.read_link(kIrqbalanceUnit).has_value() || view.host.exists(kIrqbalanceUnit);
}

Expected<Reading> read_irqbalance(const HostView& view, const Setting&, const Target&) {
  const bool running = view.inventory.interrupts.irqbalance_running;
  const bool enabled = irqbalance_enabled(view);
  Reading reading{.configured = running ? "running" : "stopped"};
  if (enabled != running) {
    reading.effective = reading.configured;
    reading.configured = enabled ? "running" : "stopped";
    reading.effect_decides = true;
    reading.note = enabled ? "enabled, but not running now" : "running, but not enabled";
  }
  if (enabled) {
    reading.later = "running";
    reading.later_source = kIrqbalanceUnit;
  }
  return reading;
}

std::vector<Target> host_with_irqbalance(const HostView& view) {
  if (view.inventory.interrupts.irqbalance_running || irqbalance_enabled(view)) {
    return the_host(view);
  }
  return {};
}

// Both names that irqbalance reads: a list, which wins, and the older mask.
std::optional<CpuSet> banned_in(const HostView& view, std::string& file) {
  std::optional<CpuSet> list, mask;
  for (std::string_view path : kIrqbalanceConfigs) {
    auto text = view.host.read(path);
    if (!text) continue;
    for (std::string_view line : lines_of(*text)) {
      line = trimmed(line);
      const std::size_t equals = line.find('=');
      if (equals == std::string_view::npos) continue;
      std::string_view value = trimmed(line.substr(equals + 1));
      while (value.starts_with('"') || value.starts_with('\'')) value.remove_prefix(1);
      while (value.ends_with('"') || value.ends_with('\'')) value.remove_suffix(1);
      if (value.empty()) continue;
      const std::string_view name = line.substr(0, equals);
      const bool is_list = name == "IRQBALANCE_BANNED_CPULIST";
      if (!is_list && name != "IRQBALANCE_BANNED_CPUS") continue;
      auto cpus = is_list ? CpuSet::parse_list(value) : CpuSet::parse_mask(value);
      if (!cpus) continue;
      (is_list ? list : mask) = *cpus;
      file = path;
    }
  }
  return list ? list : mask;
}

Expected<Reading> read_banned(const HostView& view, const Setting&, const Target&) {
  std::string file;
  const std::optional<CpuSet> banned = banned_in(view, file);
  Reading reading{.configured = show_cpus(banned.value_or(CpuSet{}))};
  if (!banned) {
    // irqbalance(1): without a list it leaves isolated and adaptive-tick CPUs alone.
    const probes::Topology& topology = view.inventory.topology;
    reading.effective = show_cpus(topology.isolated | topology.nohz_full);
    reading.effect_decides = true;
    reading.note = "no list is set; irqbalance spares the CPUs that the kernel isolates";
  } else {
    reading.note = "set in " + file;
  }
  return reading;
}

// A card that gets new queues, or new rings, asks for its interrupts anew.
constexpr std::array<std::string_view, 4> kAfterQueues{"irq.irqbalance", "net.channels",
                                                       "net.ring-rx", "net.ring-tx"};
constexpr std::span<const std::string_view> kMovedByQueues = std::span(kAfterQueues).subspan(1);
constexpr std::array<std::string_view, 1> kIrqbalanceProcess{"irqbalance"};

const std::array kIrqRows{
    Setting{
        .id = "irq.affinity",
        .kind = ValueKind::cpu_list,
        .set_on = TargetKind::irq,
        .where = "/proc/irq/{}/smp_affinity_list",
        .risk = Risk::medium,
        .reason = "An interrupt on a CPU takes it from whatever runs there, and cools its caches.",
        .source = "Documentation/core-api/irq/irq-affinity.rst",
        .low_latency = "at_most housekeeping",
        .after = kAfterQueues,
        .targets = interrupts,
        .read = read_affinity,
        .not_applicable = "no interrupt with a handler is listed",
        .plan = plan_list,
        .moved_by = kMovedByQueues,
    },
    Setting{
        .id = "irq.default-affinity",
        .kind = ValueKind::cpu_list,
        .where = "/proc/irq/default_smp_affinity",
        .reason = "Where the interrupts of drivers that load later will go.",
        .source = "Documentation/core-api/irq/irq-affinity.rst",
        .low_latency = "at_most housekeeping",
        .targets = the_host,
        .read = read_mask,
        .plan = plan_mask,
    },
    Setting{
        .id = "irq.irqbalance",
        .where = "irqbalance.service",
        .reason = "irqbalance moves interrupts while programs run, and undoes affinities set by "
                  "hand.",
        .source = "irqbalance(1)",
        .low_latency = "stopped",
        .targets = the_host,
        .read = read_irqbalance,
        .plan = plan_irqbalance,
        .writes = kIrqbalanceProcess,
    },
    Setting{
        .id = "irq.irqbalance-banned",
        .kind = ValueKind::cpu_list,
        .where = "/etc/default/irqbalance or /etc/sysconfig/irqbalance",
        .reason = "Where irqbalance must run, the isolated CPUs have to be closed to it.",
        .source = "irqbalance(1)",
        .low_latency = "at_least isolated",
        .targets = host_with_irqbalance,
        .read = read_banned,
        .not_applicable = "irqbalance neither runs nor is enabled",
        .plan = plan_banned,
        .writes = kIrqbalanceConfigs,
    },
};

}  // namespace

std::span<const Setting> irq_settings() { return kIrqRows; }

}  // namespace assay::tuner
