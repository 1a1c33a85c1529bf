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
  const auto queues = reader.count(base + "queue_count");
  if (queues && *queues <= 65536) nvme.queue_count = static_cast<unsigned>(*queues);
  nvme.latency_tolerance_us = reader.word(base + "power/pm_qos_latency_tolerance_us");
  const auto entries = reader.names("/sys/class/nvme/" + name);
  nvme.temperature_celsius = read_temperature(reader, base, entries);
  nvme.namespaces = namespaces_of(inventory, nvme, entries);
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
