#include "tuner/readers.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "core/cpuset.hpp"
#include "core/units.hpp"
#include "tuner/text.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

// Inventories hold tens of things, thousands of interrupts at most: a search is cheap enough.
template <typename T, typename Key>
const T* find_by(const std::vector<T>& items, Key T::* key, const Key& value) {
  auto found = std::ranges::find(items, value, key);
  return found == items.end() ? nullptr : &*found;
}

// Where a NIC's or drive's PCI device stands.
struct Place {
  std::string pci_address;
  std::optional<NodeId> node;
};

// NICs and drives keep their place under different names.
std::optional<Place> place_of(const HostView& view, const Setting& setting, const Target& target) {
  if (setting.set_on == TargetKind::nic) {
    if (const probes::Nic* nic = nic_of(view, target)) return Place{nic->pci_address, nic->node};
  } else if (const probes::BlockDevice* drive = drive_of(view, target)) {
    return Place{drive->pci_address, drive->node};
  }
  return std::nullopt;
}

// The CPUs that do the latency-critical work: the isolated ones, else all that are online.
const CpuSet& serving_cpus(const HostView& view, std::string_view& name) {
  auto role = view.roles.find("isolated");
  name = "isolated CPUs";
  if (role != view.roles.end() && !role->second.empty()) return role->second;
  if (!view.inventory.topology.isolated.empty()) return view.inventory.topology.isolated;
  name = "online CPUs";
  return view.inventory.topology.online;
}

}  // namespace

std::string yes_no(bool value) { return value ? "yes" : "no"; }

Failure not_here(const Setting& setting, std::string_view why) {
  return fail(ErrorCode::absent, "read", setting.id, why);
}

const probes::Nic* nic_of(const HostView& view, const Target& target) {
  return find_by(view.inventory.nics, &probes::Nic::name, target.local);
}

const probes::BlockDevice* drive_of(const HostView& view, const Target& target) {
  return find_by(view.inventory.block, &probes::BlockDevice::name, target.local);
}

const probes::Irq* irq_of(const HostView& view, const Target& target) {
  return find_by(view.inventory.interrupts.irqs, &probes::Irq::number, target.local);
}

const probes::Cpu* cpu_of(const HostView& view, const Target& target) {
  auto id = parse_uint(target.local);
  return id ? view.inventory.topology.find(CpuId{static_cast<unsigned>(*id)}) : nullptr;
}

// Local names come from the kernel's own directories, so they hold no slash.
std::string path_of(const Setting& setting, const Target& target) {
  std::string path(setting.where);
  if (std::size_t at = path.find("{}"); at != std::string::npos) path.replace(at, 2, target.local);
  return path;
}

std::string sysctl_key(std::string_view path) {
  static constexpr std::string_view kRoot = "/proc/sys/";
  if (!path.starts_with(kRoot)) return {};
  std::string key(path.substr(kRoot.size()));
  std::ranges::replace(key, '/', '.');
  return key;
}

Expected<Reading> read_file(const HostView& view, const Setting& setting, const Target& target) {
  auto text = view.host.read_trimmed(path_of(setting, target));
  if (!text) return Failure(text.error());
  return Reading{.configured = with_unit(setting.kind, setting.unit, *text)};
}

Expected<Reading> read_chosen(const HostView& view, const Setting& setting, const Target& target) {
  auto text = view.host.read(path_of(setting, target));
  if (!text) return Failure(text.error());
  return Reading{.configured = std::string(chosen_word(*text))};
}

Expected<Reading> read_mask(const HostView& view, const Setting& setting, const Target& target) {
  auto text = view.host.read_trimmed(path_of(setting, target));
  if (!text) return Failure(text.error());
  auto cpus = CpuSet::parse_mask(*text);
  if (!cpus) return Failure(cpus.error());
  return Reading{.configured = show_cpus(*cpus)};
}

// sysctl.d is applied once at boot; afterwards the running value is on its own.
Expected<Reading> read_sysctl(const HostView& view, const Setting& setting, const Target& target) {
  auto reading = read_file(view, setting, target);
  if (!reading) return reading;
  auto found = view.persisted.sysctl.find(sysctl_key(setting.where));
  if (found == view.persisted.sysctl.end()) return reading;
  reading->effective = reading->configured;
  reading->configured = with_unit(setting.kind, setting.unit, found->second.value);
  reading->effect_decides = true;
  reading->later = reading->configured;
  reading->later_source = found->second.file;
  return reading;
}

Expected<std::string> running_boot_line(const HostView& view) {
  if (!view.inventory.kernel.command_line.empty()) return view.inventory.kernel.command_line;
  // The inventory says nothing: ask again for the reason.
  return view.host.read_trimmed("/proc/cmdline");
}

// One word, on the line of this boot and on that of the next.
Expected<BootAsk> boot_ask(const HostView& view, std::string_view word) {
  auto line = running_boot_line(view);
  if (!line) return Failure(line.error());
  BootAsk ask{.now = boot_word(*line, word)};
  if (const auto& next = view.persisted.boot_line) {
    ask.next = boot_word(next->value, word);
    ask.next_file = next->file;
  }
  return ask;
}

Reading boot_reading(const BootAsk& ask, const std::function<std::string(std::string_view)>& show,
                     std::string_view unset) {
  Reading reading;
  reading.configured = ask.now ? show(*ask.now) : std::string(unset);
  if (ask.next) {
    reading.later = show(*ask.next);
    reading.later_source = ask.next_file;
  }
  if (!ask.now) reading.note = "not on the boot line";
  return reading;
}

Expected<Reading> read_boot_word(const HostView& view, const Setting& setting, const Target&) {
  auto ask = boot_ask(view, setting.where.substr(0, setting.where.find('=')));
  if (!ask) return Failure(ask.error());
  return boot_reading(*ask, [](std::string_view value) { return std::string(value); }, "unset");
}

Expected<Reading> read_link_full(const HostView& view, const Setting& setting,
                                 const Target& target) {
  auto place = place_of(view, setting, target);
  if (!place) return not_here(setting, "no such device");
  const probes::PciDevice* device =
      find_by(view.inventory.pci, &probes::PciDevice::address, place->pci_address);
  if (device == nullptr || !device->link || device->link->width_max == 0) {
    return not_here(setting, "the device has no PCIe link that tells its speed");
  }
  const probes::PcieLink& link = *device->link;
  // A fast card in a slower slot is as good as it gets there.
  double speed_gts = link.speed_max_gts;
  unsigned width = link.width_max;
  if (link.slot_speed_max_gts > 0) speed_gts = std::min(speed_gts, link.slot_speed_max_gts);
  if (link.slot_width_max > 0) width = std::min(width, link.slot_width_max);
  Reading reading{.configured = yes_no(link.speed_gts >= speed_gts && link.width >= width)};
  reading.note = fmt::format("{} GT/s x{} where card and slot can {} GT/s x{}", link.speed_gts,
                             link.width, speed_gts, width);
  return reading;
}

Expected<Reading> read_near(const HostView& view, const Setting& setting, const Target& target) {
  auto place = place_of(view, setting, target);
  if (!place) return not_here(setting, "no such device");
  if (view.inventory.topology.nodes.size() < 2) return not_here(setting, "one NUMA node");
  if (!place->node) return not_here(setting, "the firmware does not tell the device's node");
  std::string_view name;
  const CpuSet& serving = serving_cpus(view, name);
  CpuSet local;
  for (const probes::Node& node : view.inventory.topology.nodes) {
    if (node.id == *place->node) local = node.cpus;
  }
  // One serving CPU on its node is enough: the others can hand their work over.
  Reading reading{.configured = yes_no(serving.intersects(local))};
  reading.note = fmt::format("on node {} (CPUs {}); {} {}", place->node->value, show_cpus(local),
                             name, show_cpus(serving));
  return reading;
}

}  // namespace assay::tuner
