// Which things of a host a setting exists on, under names that outlive a reboot.
#include <fmt/core.h>

#include <map>

#include "tuner/readers.hpp"

namespace assay::tuner {

std::vector<Target> the_host(const HostView&) { return {{"host", ""}}; }

std::vector<Target> online_cpus(const HostView& view) {
  std::vector<Target> targets;
  for (const probes::Cpu& cpu : view.inventory.topology.cpus) {
    if (!cpu.online) continue;
    targets.push_back({fmt::format("cpu{}", cpu.id.value), fmt::format("{}", cpu.id.value)});
  }
  return targets;
}

std::vector<Target> nodes(const HostView& view) {
  std::vector<Target> targets;
  for (const probes::Node& node : view.inventory.topology.nodes) {
    targets.push_back({fmt::format("node{}", node.id.value), fmt::format("{}", node.id.value)});
  }
  return targets;
}

// Only interrupts with a handler: a line that nobody listens to disturbs nobody.
std::vector<Target> interrupts(const HostView& view) {
  std::vector<Target> targets;
  std::map<std::string, unsigned> seen;
  for (const probes::Irq& irq : view.inventory.interrupts.irqs) {
    if (irq.actions.empty()) continue;  // nobody handles it
    std::string name = irq.target.empty() ? irq.actions.front() : irq.target;
    // Two legacy lines of one device may have one name: number them in their order.
    if (const unsigned repeat = seen[name]++; repeat > 0) name += fmt::format("#{}", repeat + 1);
    targets.push_back({std::move(name), irq.number, irq.actions.front()});
  }
  return targets;
}

// Bridges, bonds and tunnels have settings too, but the latency is made below them.
std::vector<Target> device_nics(const HostView& view) {
  std::vector<Target> targets;
  for (const probes::Nic& nic : view.inventory.nics) {
    if (nic.kind == "physical") targets.push_back({nic.target, nic.name});
  }
  return targets;
}

std::vector<Target> physical_drives(const HostView& view) {
  std::vector<Target> targets;
  for (const probes::BlockDevice& drive : view.inventory.block) {
    if (drive.physical) targets.push_back({drive.target, drive.name});
  }
  return targets;
}

std::vector<Target> nvme_controllers(const HostView& view) {
  std::vector<Target> targets;
  for (const probes::NvmeController& nvme : view.inventory.nvme) {
    const bool has_address = !nvme.pci_address.empty();
    targets.push_back({has_address ? "pci-" + nvme.pci_address : nvme.name, nvme.name});
  }
  return targets;
}

std::string_view channel_key(const probes::Nic& nic) {
  auto combined = nic.channels.find("combined_max");
  return combined != nic.channels.end() && combined->second != "0" ? "combined" : "rx";
}

}  // namespace assay::tuner
