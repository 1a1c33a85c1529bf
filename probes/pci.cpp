#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "probes/pci_config.hpp"
#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

const std::string kDevices = "/sys/bus/pci/devices/";

bool is_hex(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isxdigit(static_cast<unsigned char>(c)) != 0;
  });
}

// "0000:00:02.0"; VMD and Hyper-V make domains wider than four digits.
bool is_pci_address(std::string_view text) {
  if (text.size() < 12) return false;
  const std::size_t end = text.size();
  return text[end - 2] == '.' && text[end - 5] == ':' && text[end - 8] == ':' &&
         is_hex(text.substr(end - 1)) && is_hex(text.substr(end - 4, 2)) &&
         is_hex(text.substr(end - 7, 2)) && is_hex(text.substr(0, end - 8));
}

// "8.0 GT/s PCIe", "2.5 GT/s"; 0 for "Unknown".
double transfers(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && value > 0 && value < 10000 ? value : 0;
}

unsigned lanes(std::optional<std::uint64_t> width) {
  // 255 stands for "unknown" in virtual machines.
  return width && *width <= 32 ? static_cast<unsigned>(*width) : 0;
}

unsigned functions(std::optional<std::uint64_t> count) {
  return count && *count <= 65536 ? static_cast<unsigned>(*count) : 0;
}

// What one end of a link says of itself.
std::optional<PcieLink> read_end(Reader& reader, const std::string& device) {
  const auto fastest = reader.text(device + "/max_link_speed");
  if (!fastest) {
    // A kernel that assay runs on tells the speed of whatever has a link; asking the device's own
    // registers takes a millisecond in a guest, and wakes a sleeping device.
    if (reader.host().is_this_system()) return std::nullopt;
    const auto config = reader.host().read(device + "/config");
    return config ? link_in_config(*config) : std::nullopt;
  }
  PcieLink link;
  link.speed_max_gts = transfers(*fastest);
  link.width_max = lanes(reader.count(device + "/max_link_width"));
  if (link.speed_max_gts == 0 || link.width_max == 0) return std::nullopt;
  link.speed_gts = transfers(reader.word(device + "/current_link_speed"));
  link.width = lanes(reader.count(device + "/current_link_width"));
  return link;
}

std::optional<PcieLink> read_link(Reader& reader, const std::string& device) {
  auto link = read_end(reader, device);
  if (!link) return std::nullopt;
  // What the slot can: the port above is the parent directory of the resolved device.
  const std::string path = reader.resolved(device);
  const std::string above = path.substr(0, path.rfind('/'));
  if (is_pci_address(std::string_view(above).substr(above.rfind('/') + 1))) {
    if (const auto slot = read_end(reader, above)) {
      link->slot_speed_max_gts = slot->speed_max_gts;
      link->slot_width_max = slot->width_max;
    }
  }
  return link;
}

// The kernel's own number, or on kernels and captures without it the node whose CPUs are near.
std::optional<NodeId> read_node(Reader& reader, const std::string& device,
                                const Topology& topology) {
  const auto told = reader.number(device + "/numa_node");
  if (told) {
    const bool known = *told >= 0 && *told < CpuSet::kMaxCpus;
    return known ? std::optional(NodeId{static_cast<unsigned>(*told)}) : std::nullopt;
  }
  const auto near = reader.cpus(device + "/local_cpulist", device + "/local_cpus");
  if (!near || near->empty()) return std::nullopt;
  for (const Node& node : topology.nodes) {
    if (node.cpus == (*near & topology.online)) return node.id;
  }
  return std::nullopt;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// One uevent file answers four questions: DRIVER=, PCI_CLASS=, PCI_ID=. Each has a file of its own
// as well, for captures that lack this one.
void read_ids(Reader& reader, const std::string& path, PciDevice& device) {
  for (const std::string& line : split(reader.table(path + "/uevent"), "\n")) {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    const std::string key = line.substr(0, equals);
    const std::string value = printable(line.substr(equals + 1));
    if (key == "DRIVER") device.driver = value;
    if (key == "PCI_CLASS" && is_hex(value))
      device.class_id = fmt::format("0x{:0>6}", lower(value));
    if (key == "PCI_ID" && value.find(':') != std::string::npos) {
      device.vendor_id = "0x" + lower(value.substr(0, value.find(':')));
      device.device_id = "0x" + lower(value.substr(value.find(':') + 1));
    }
  }
  if (device.vendor_id.empty()) device.vendor_id = reader.word(path + "/vendor");
  if (device.device_id.empty()) device.device_id = reader.word(path + "/device");
  if (device.class_id.empty()) device.class_id = reader.word(path + "/class");
  if (device.driver.empty()) device.driver = reader.link_name(path + "/driver");
}

// Reading a link asks the device itself, which is slow: only where a latency depends on it.
// Storage, network, display (GPUs), co-processors, InfiniBand, accelerators.
bool link_matters(std::string_view class_id) {
  constexpr auto kClasses =
      std::to_array<std::string_view>({"0x01", "0x02", "0x03", "0x0b", "0x0c06", "0x12"});
  return std::any_of(kClasses.begin(), kClasses.end(),
                     [&](std::string_view prefix) { return class_id.starts_with(prefix); });
}

}  // namespace

std::string pci_address_in(std::string_view path) {
  while (!path.empty()) {
    const std::size_t slash = path.rfind('/');
    const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
    if (is_pci_address(name)) return std::string(name);
    if (slash == std::string_view::npos) break;
    path = path.substr(0, slash);
  }
  return {};
}

const PciDevice* find_pci(const Inventory& inventory, std::string_view address) {
  const auto found =
      std::find_if(inventory.pci.begin(), inventory.pci.end(),
                   [&](const PciDevice& device) { return device.address == address; });
  return found == inventory.pci.end() ? nullptr : &*found;
}

void read_pci(Reader& reader, Inventory& inventory) {
  for (const std::string& address : reader.names("/sys/bus/pci/devices")) {
    if (!is_pci_address(address)) continue;
    const std::string path = kDevices + address;
    PciDevice device;
    device.address = address;
    read_ids(reader, path, device);
    device.node = read_node(reader, path, inventory.topology);
    if (link_matters(device.class_id)) {
      device.link = read_link(reader, path);
      device.iommu_group = reader.link_name(path + "/iommu_group");
      if (!device.iommu_group.empty()) {
        device.iommu_domain = reader.word(path + "/iommu_group/type");
      }
      device.virtual_functions_max = functions(reader.count(path + "/sriov_totalvfs"));
      if (device.virtual_functions_max > 0) {
        device.virtual_functions = functions(reader.count(path + "/sriov_numvfs"));
      }
      device.physical_function = pci_address_in(reader.link_name(path + "/physfn"));
    }
    inventory.pci.push_back(std::move(device));
  }
}

}  // namespace assay::probes
