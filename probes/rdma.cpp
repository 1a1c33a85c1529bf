#include <algorithm>
#include <cctype>
#include <set>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

// "4: ACTIVE" → "active", "5: LinkUp" → "linkup": the number is the same thing again.
std::string state_word(const std::string& text) {
  const std::size_t colon = text.find(':');
  std::string word(
      trimmed(std::string_view(text).substr(colon == std::string::npos ? 0 : colon + 1)));
  std::transform(word.begin(), word.end(), word.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return word;
}

RdmaPort read_port(Reader& reader, const std::string& base, unsigned number) {
  RdmaPort port;
  port.number = number;
  port.state = state_word(reader.word(base + "state"));
  port.physical_state = state_word(reader.word(base + "phys_state"));
  port.rate = reader.word(base + "rate");
  port.link_layer = reader.word(base + "link_layer");
  // One entry an address (GID); unused ones answer EINVAL, and all of one interface say the same.
  std::set<std::string> interfaces;
  for (const std::string& index : reader.names(base + "gid_attrs/ndevs")) {
    const std::string name = reader.word(base + "gid_attrs/ndevs/" + index);
    if (name.empty()) break;
    interfaces.insert(name);
  }
  port.interfaces.assign(interfaces.begin(), interfaces.end());
  return port;
}

RdmaDevice read_device(Reader& reader, const std::string& name, const Inventory& inventory) {
  const std::string link = "/sys/class/infiniband/" + name;
  const std::string base = link + "/";
  const std::string path = reader.resolved(link);
  RdmaDevice device;
  device.name = name;
  device.firmware = reader.word(base + "fw_ver");
  device.board = reader.word(base + "board_id");
  device.node_type = reader.word(base + "node_type");
  device.node_type.erase(0, device.node_type.find_first_not_of("0123456789: "));
  device.pci_address = pci_address_in(path);
  device.target = device.pci_address.empty() ? "virtual-" + name : "pci-" + device.pci_address;
  device.driver = reader.link_name(base + "device/driver");
  // rxe and siw make devices of nothing but an Ethernet interface, which is their "parent".
  const std::string parent = reader.word(base + "parent");
  device.software = path.find("/virtual/") != std::string::npos || !parent.empty();
  device.node = reader.node(base + "device/numa_node");
  for (const std::string& number : reader.names(base + "ports")) {
    if (const auto port = number_after(number, "")) {
      device.ports.push_back(read_port(reader, base + "ports/" + number + "/", *port));
    }
  }
  if (!device.ports.empty() && device.ports.front().interfaces.empty() && !parent.empty()) {
    device.ports.front().interfaces.push_back(parent);
  }
  if (const PciDevice* pci = find_pci(inventory, device.pci_address)) {
    device.link = pci->link;
    if (!device.node) device.node = pci->node;
    if (device.driver.empty()) device.driver = pci->driver;
  }
  return device;
}

}  // namespace

void read_rdma(Reader& reader, Inventory& inventory) {
  for (const std::string& name : reader.names("/sys/class/infiniband")) {
    if (printable(name) != name) continue;
    RdmaDevice device = read_device(reader, name, inventory);
    for (Nic& nic : inventory.nics) {
      constexpr std::size_t kDevicesMax = 16;  // of one function; there is one a port
      const bool same = !device.pci_address.empty() && nic.pci_address == device.pci_address;
      if (same && nic.rdma.size() < kDevicesMax) nic.rdma.push_back(device.name);
    }
    inventory.rdma.push_back(std::move(device));
  }
}

}  // namespace assay::probes
