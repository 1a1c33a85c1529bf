#include "tuner/coherence.hpp"

#include <fmt/core.h>

#include "tuner/readers.hpp"
#include "tuner/tuned_names.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

using Notes = std::vector<std::string>;

constexpr std::string_view kIsolatedNow = "/sys/devices/system/cpu/isolated";

// Which CPUs are isolated, and the line that says so: a finding names both lines that do not fit.
struct Isolated {
  CpuSet cpus;
  std::string place;  // "mine.yaml:5:13", or the kernel's file
};

// What the profile wants isolated counts before what is isolated now: its findings tell what the
// wanted host would suffer from.
Isolated isolated_cpus(const HostView& view, const profiles::Profile& profile) {
  const auto role = view.roles.find("isolated");
  if (role == view.roles.end()) {
    return {view.inventory.topology.isolated, std::string(kIsolatedNow)};
  }
  const auto place = profile.cpu_role_locations.find("isolated");
  const bool known = place != profile.cpu_role_locations.end() && !place->second.file.empty();
  return {role->second, known ? place->second.to_string() : "role isolated"};
}

// The kernel itself needs a CPU: with none left, everything lands on the isolated ones.
void note_no_housekeeping(const HostView& view, const Isolated& isolated, Notes& notes) {
  const CpuSet& online = view.inventory.topology.online;
  if (online.empty() || !(online - isolated.cpus).empty()) return;
  notes.push_back(fmt::format(
      "no housekeeping CPU is left: all of {} (/sys/devices/system/cpu/online) are isolated ({})",
      show_cpus(online), isolated.place));
}

// A thread beside an isolated one shares its core, caches and units.
void note_split_siblings(const HostView& view, const Isolated& isolated, Notes& notes) {
  for (const probes::Cpu& cpu : view.inventory.topology.cpus) {
    if (!isolated.cpus.contains(cpu.id.value)) continue;
    const CpuSet outside = (cpu.siblings & view.inventory.topology.online) - isolated.cpus;
    if (outside.empty()) continue;
    notes.push_back(
        fmt::format("CPU {0} is isolated ({1}), its SMT sibling {2} is not: they share one core "
                    "(/sys/devices/system/cpu/cpu{0}/topology/thread_siblings_list)",
                    cpu.id.value, isolated.place, show_cpus(outside)));
  }
}

// Where interrupts are delivered now; managed ones are the kernel's and cannot be moved.
void note_irqs_on_isolated(const HostView& view, const Isolated& isolated, Notes& notes) {
  static constexpr unsigned kShown = 3;
  unsigned found = 0;
  std::string names;
  for (const probes::Irq& irq : view.inventory.interrupts.irqs) {
    if (irq.actions.empty() || irq.managed == std::optional(true)) continue;
    const CpuSet reached = irq.effective.value_or(irq.asked) & isolated.cpus;
    if (reached.empty()) continue;
    if (found++ < kShown) {
      names +=
          fmt::format("{}{} on {} (/proc/irq/{}/smp_affinity_list: {})", found > 1 ? ", " : "",
                      irq.actions.front(), show_cpus(reached), irq.number, show_cpus(irq.asked));
    }
  }
  if (found == 0) return;
  if (found > kShown) names += fmt::format(", {} more", found - kShown);
  notes.push_back(fmt::format("{} {} isolated CPUs {} ({}): {}", found,
                              found == 1 ? "interrupt is on" : "interrupts are on",
                              show_cpus(isolated.cpus), isolated.place, names));
}

// What isolcpus keeps free, interrupts of drivers that load later would fill again.
void note_default_affinity(const HostView& view, Notes& notes) {
  const auto& affinity = view.inventory.interrupts.default_affinity;
  const CpuSet& isolated = view.inventory.topology.isolated;
  if (!affinity || !affinity->intersects(isolated)) return;
  notes.push_back(
      fmt::format("isolcpus and irqaffinity disagree: new interrupts may go to {} "
                  "(/proc/irq/default_smp_affinity), of which {} are isolated ({})",
                  show_cpus(*affinity), show_cpus(*affinity & isolated), kIsolatedNow));
}

// One device on a node without any of the CPUs that serve it.
void note_far(const HostView& view, const Isolated& serving, std::string_view what,
              std::string_view pci, std::optional<NodeId> node, Notes& notes) {
  const auto& nodes = view.inventory.topology.nodes;
  if (nodes.size() < 2 || !node || serving.cpus.empty()) return;
  for (const probes::Node& one : nodes) {
    if (one.id != *node || one.cpus.intersects(serving.cpus)) continue;
    notes.push_back(fmt::format(
        "{} is on node {} (/sys/bus/pci/devices/{}/numa_node), far from the isolated CPUs {} ({})",
        what, node->value, pci, show_cpus(serving.cpus), serving.place));
  }
}

void note_far_devices(const HostView& view, const Isolated& serving, Notes& notes) {
  for (const probes::Nic& nic : view.inventory.nics) {
    if (nic.kind != "physical") continue;
    note_far(view, serving, "NIC " + nic.name, nic.pci_address, nic.node, notes);
  }
  for (const probes::BlockDevice& drive : view.inventory.block) {
    if (!drive.physical) continue;
    note_far(view, serving, "drive " + drive.name, drive.pci_address, drive.node, notes);
  }
}

// What TuneD sets for a row, by sysctl name or by its own name for the thing.
const PersistedValue* tuned_value(const Persisted& persisted, const Setting& setting) {
  const auto found = persisted.tuned.find(tuned_key(setting));
  return found == persisted.tuned.end() ? nullptr : &found->second;
}

// Whether another tool's value is what the profile wants too; one that we cannot read is not.
bool harmless(const Setting& setting, const profiles::WantedSetting& wanted,
              std::string_view value) {
  const std::string shown = with_unit(setting.kind, setting.unit, value);
  return agrees(setting.kind, wanted.match, wanted.value, shown).value_or(false);
}

// " (mine.yaml:8:3)", where it is known.
std::string place_of(const profiles::WantedSetting& wanted) {
  if (wanted.location.file.empty()) return {};
  return fmt::format(" ({})", wanted.location.to_string());
}

// Tools that will undo a setting later; sysctl.d is told with the row itself, when it is judged.
void note_other_tools(const HostView& view, const profiles::Profile& profile, Notes& notes) {
  for (const profiles::WantedSetting& wanted : profile.settings) {
    const Setting* setting = find_setting(wanted.id);
    if (setting == nullptr || wanted.match == profiles::Match::keep) continue;
    const PersistedValue* tuned = tuned_value(view.persisted, *setting);
    if (tuned != nullptr && !harmless(*setting, wanted, tuned->value)) {
      notes.push_back(fmt::format("{}{}: TuneD sets it to {} whenever it starts ({})", wanted.id,
                                  place_of(wanted), tuned->value, tuned->file));
    }
    for (const UdevAssignment& rule : view.persisted.udev) {
      if (!setting->where.ends_with("/" + rule.attribute)) continue;
      if (harmless(*setting, wanted, rule.value)) continue;
      notes.push_back(fmt::format("{}{}: a udev rule sets it to {} for each new device ({})",
                                  wanted.id, place_of(wanted), rule.value, rule.file));
    }
  }
}

// irqbalance rewrites affinities every ten seconds, so any check of them is a snapshot.
void note_irqbalance(const HostView& view, const profiles::Profile& profile, Notes& notes) {
  if (!view.inventory.interrupts.irqbalance_running) return;
  const profiles::WantedSetting* wanted = profile.setting("irq.affinity");
  if (wanted == nullptr || wanted->match == profiles::Match::keep) return;
  std::string_view file = "no configuration file";
  for (std::string_view path : {"/etc/default/irqbalance", "/etc/sysconfig/irqbalance"}) {
    if (view.host.exists(path)) file = path;
  }
  notes.push_back(
      fmt::format("irq.affinity{}: irqbalance runs and moves interrupts as it sees fit ({})",
                  place_of(*wanted), file));
}

}  // namespace

std::vector<std::string> coherence_notes(const HostView& view, const profiles::Profile& profile) {
  Notes notes;
  const Isolated isolated = isolated_cpus(view, profile);
  if (!isolated.cpus.empty()) {
    note_no_housekeeping(view, isolated, notes);
    note_irqs_on_isolated(view, isolated, notes);
    note_split_siblings(view, isolated, notes);
    note_default_affinity(view, notes);
    note_far_devices(view, isolated, notes);
  }
  note_irqbalance(view, profile, notes);
  note_other_tools(view, profile, notes);
  return notes;
}

}  // namespace assay::tuner
