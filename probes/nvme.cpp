#include <algorithm>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

// The composite temperature is the first sensor of the controller's hwmon child, in millidegrees.
std::optional<double> read_temperature(Reader& reader, const std::string& base,
                                       const std::vector<std::string>& entries) {
  for (const std::string& name : entries) {
    if (!name.starts_with("hwmon")) continue;
    // Kernels before 5.5 have no such child; some put it one directory deeper.
    for (const std::string& place : {base + name, base + name + "/" + name}) {
      const auto millidegrees = reader.number(place + "/temp1_input");
      if (millidegrees && *millidegrees > -273'150 && *millidegrees < 1'000'000) {
        return static_cast<double>(*millidegrees) / 1000.0;
      }
    }
  }
  return std::nullopt;
}

// The block devices on this controller's PCI address, or listed right below it.
std::vector<std::string> namespaces_of(const Inventory& inventory, const NvmeController& nvme,
                                       const std::vector<std::string>& entries) {
  std::vector<std::string> names;
  for (const BlockDevice& device : inventory.block) {
    const bool below = std::find(entries.begin(), entries.end(), device.name) != entries.end();
    const bool same = !nvme.pci_address.empty() && device.pci_address == nvme.pci_address;
    if (device.kind == "nvme" && (below || same)) names.push_back(device.name);
  }
  return names;
}

// The subsystem that a controller belongs to links back to it; drives of their own have one each.
std::string subsystem_of(Reader& reader, const std::string& controller) {
  for (const std::string& name : reader.names("/sys/class/nvme-subsystem")) {
    if (reader.exists("/sys/class/nvme-subsystem/" + name + "/" + controller))
      return printable(name);
  }
  return {};
}

void take_namespaces(Reader& reader, const Inventory& inventory, NvmeController& nvme) {
  for (const BlockDevice& device : inventory.block) {
    const auto& names = nvme.namespaces;
    if (std::find(names.begin(), names.end(), device.name) == names.end()) continue;
    NvmeNamespace space;
    space.name = device.name;
    space.size = device.size;
    space.block_bytes = device.logical_block_bytes;
    if (const auto id = reader.count("/sys/block/" + device.name + "/nsid"); id && *id > 0) {
      space.id = static_cast<unsigned>(std::min<std::uint64_t>(*id, 0xffffffff));
    }
    // Kernels since 6.8 tell it without asking the drive.
    const auto metadata = reader.count("/sys/block/" + device.name + "/metadata_bytes");
    if (metadata && *metadata <= 65535) space.metadata_bytes = static_cast<unsigned>(*metadata);
    nvme.poll_queues = device.poll_queues;
    nvme.spaces.push_back(std::move(space));
  }
}

NvmeController read_controller(Reader& reader, const std::string& name,
                               const Inventory& inventory) {
  const std::string base = "/sys/class/nvme/" + name + "/";
  NvmeController nvme;
  nvme.name = name;
  nvme.model = reader.word(base + "model");
  nvme.firmware = reader.word(base + "firmware_rev");
  nvme.serial_hash = hide("drive serial number", reader.word(base + "serial"));
  nvme.transport = reader.word(base + "transport");
  nvme.state = reader.word(base + "state");
  nvme.pci_address = pci_address_in(reader.resolved("/sys/class/nvme/" + name));
  nvme.node = reader.node(base + "numa_node");
  nvme.subsystem = subsystem_of(reader, name);
  if (!nvme.subsystem.empty()) {
    nvme.multipath_policy =
        reader.word("/sys/class/nvme-subsystem/" + nvme.subsystem + "/iopolicy");
  }
  // sysfs counts the entries from 0.
  if (const auto depth = reader.count(base + "sqsize"); depth && *depth <= 65535) {
    nvme.queue_depth = static_cast<unsigned>(*depth) + 1;
  }
  const auto queues = reader.count(base + "queue_count");
  if (queues && *queues <= 65536) nvme.queue_count = static_cast<unsigned>(*queues);
  nvme.latency_tolerance_us = reader.word(base + "power/pm_qos_latency_tolerance_us");
  const auto entries = reader.names("/sys/class/nvme/" + name);
  nvme.temperature_celsius = read_temperature(reader, base, entries);
  nvme.namespaces = namespaces_of(inventory, nvme, entries);
  take_namespaces(reader, inventory, nvme);
  ask_nvme(reader, nvme);
  if (const PciDevice* device = find_pci(inventory, nvme.pci_address)) {
    nvme.link = device->link;
    if (!nvme.node) nvme.node = device->node;
  }
  return nvme;
}

}  // namespace

void read_nvme(Reader& reader, Inventory& inventory) {
  for (const std::string& name : reader.names("/sys/class/nvme")) {
    if (number_after(name, "nvme")) {
      inventory.nvme.push_back(read_controller(reader, name, inventory));
    }
  }
}

}  // namespace assay::probes
