#include "probes/device_chips.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "probes/table_sections.hpp"

namespace assay::probes {
namespace {

std::string link_words(const std::optional<PcieLink>& link) {
  if (!link) return {};
  return fmt::format("PCIe {:g} GT/s x{}", link->speed_gts, link->width);
}

// A link slower than both its ends can; a slot that is smaller than the card is no fault of either.
void warn_of_link(const std::optional<PcieLink>& link, Chip& chip) {
  if (!link || !link->degraded()) return;
  chip.warnings.push_back(
      fmt::format("link below {:g} GT/s x{}", link->speed_max_gts, link->width_max));
}

std::string speed_words(std::int64_t mbps) {
  if (mbps >= 1000) return fmt::format("{:g} Gb/s", static_cast<double>(mbps) / 1000);
  return fmt::format("{} Mb/s", mbps);
}

const Node* find_node(const Topology& topology, NodeId id) {
  const auto found = std::find_if(topology.nodes.begin(), topology.nodes.end(),
                                  [&](const Node& node) { return node.id == id; });
  return found == topology.nodes.end() ? nullptr : &*found;
}

// CPUs that take the device's interrupts now.
CpuSet serving(const Inventory& inventory, const std::vector<std::string>& irqs) {
  CpuSet cpus;
  for (const Irq& irq : inventory.interrupts.irqs) {
    if (std::find(irqs.begin(), irqs.end(), irq.number) == irqs.end()) continue;
    cpus = cpus | irq.effective.value_or(irq.asked);
  }
  return cpus & inventory.topology.online;
}

// "node 0", "nodes 0,2-3": where these CPUs are.
std::string node_words(const Topology& topology, const CpuSet& cpus) {
  CpuSet nodes;
  for (const Node& node : topology.nodes) {
    if (node.cpus.intersects(cpus)) nodes.add(node.id.value);
  }
  return (nodes.count() == 1 ? "node " : "nodes ") + nodes.to_list();
}

// A NIC is far when those that work with it are on other nodes: the isolated CPUs, which wait for
// it, or the CPUs that take its interrupts.
void warn_of_distance(const Inventory& inventory, const std::vector<std::string>& irqs,
                      Chip& chip) {
  const Topology& topology = inventory.topology;
  if (!chip.node || topology.nodes.size() < 2) return;
  const Node* home = find_node(topology, *chip.node);
  if (home == nullptr) return;
  const CpuSet isolated = topology.isolated & topology.online;
  if (!isolated.empty() && !isolated.intersects(home->cpus)) {
    chip.warnings.push_back("REMOTE: isolated on " + node_words(topology, isolated));
  }
  const CpuSet busy = serving(inventory, irqs);
  if (!busy.empty() && !busy.intersects(home->cpus)) {
    chip.warnings.push_back("interrupts on " + node_words(topology, busy));
  }
}

void finish(const std::string& address, Chip& chip) {
  const std::string node = chip.node ? fmt::format("node {}", chip.node->value) : "no node told";
  chip.tooltip = join_words(
      {chip.name, chip.detail, address, node, chip.facts, join_words(chip.warnings, "; ")}, ", ");
}

Chip nic_chip(const Inventory& inventory, std::size_t index) {
  const Nic& nic = inventory.nics[index];
  Chip chip;
  chip.id = fmt::format("nic-{}", index);
  chip.style = "nic";
  chip.name = nic.name;
  chip.detail = nic.driver;
  chip.node = nic.node;
  const std::string speed = nic.speed_mbps ? speed_words(*nic.speed_mbps) : std::string();
  chip.facts = join_words({nic.operstate, speed, link_words(nic.link)}, " · ");
  warn_of_link(nic.link, chip);
  warn_of_distance(inventory, nic.irqs, chip);
  finish(nic.pci_address, chip);
  return chip;
}

Chip drive_chip(const Inventory& inventory, std::size_t index) {
  const BlockDevice& drive = inventory.block[index];
  Chip chip;
  chip.id = fmt::format("drive-{}", index);
  chip.style = "drive";
  chip.name = drive.name;
  chip.detail = drive.model.empty() ? drive.kind : drive.model;
  chip.node = drive.node;
  const std::string size = drive.size.count == 0 ? "" : format_bytes_short(drive.size);
  chip.facts =
      join_words({size, drive.rotational ? "rotating" : "", link_words(drive.link)}, " · ");
  warn_of_link(drive.link, chip);
  finish(drive.pci_address, chip);
  return chip;
}

// A controller whose namespaces are drawn needs no chip of its own.
bool has_drive(const Inventory& inventory, const NvmeController& controller) {
  return std::any_of(inventory.block.begin(), inventory.block.end(), [&](const BlockDevice& drive) {
    const auto& names = controller.namespaces;
    return drive.physical && std::find(names.begin(), names.end(), drive.name) != names.end();
  });
}

Chip controller_chip(const Inventory& inventory, std::size_t index) {
  const NvmeController& controller = inventory.nvme[index];
  Chip chip;
  chip.id = fmt::format("nvme-{}", index);
  chip.style = "drive";
  chip.name = controller.name;
  chip.detail = controller.model;
  chip.node = controller.node;
  chip.facts = join_words({controller.state, link_words(controller.link)}, " · ");
  warn_of_link(controller.link, chip);
  finish(controller.pci_address, chip);
  return chip;
}

}  // namespace

std::vector<Chip> device_chips(const Inventory& inventory) {
  std::vector<Chip> chips;
  for (std::size_t i = 0; i < inventory.nics.size(); ++i) {
    if (inventory.nics[i].kind == "physical") chips.push_back(nic_chip(inventory, i));
  }
  for (std::size_t i = 0; i < inventory.block.size(); ++i) {
    if (inventory.block[i].physical) chips.push_back(drive_chip(inventory, i));
  }
  for (std::size_t i = 0; i < inventory.nvme.size(); ++i) {
    if (!has_drive(inventory, inventory.nvme[i])) chips.push_back(controller_chip(inventory, i));
  }
  return chips;
}

}  // namespace assay::probes
