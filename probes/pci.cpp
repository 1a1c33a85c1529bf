#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

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

std::optional<PcieLink> read_link(Reader& reader, const std::string& device) {
  PcieLink link;
  link.speed_max_gts = transfers(reader.word(device + "/max_link_speed"));
  if (link.speed_max_gts == 0) return std::nullopt;
  link.speed_gts = transfers(reader.word(device + "/current_link_speed"));
  link.width_max = lanes(reader.count(device + "/max_link_width"));
  link.width = lanes(reader.count(device + "/current_link_width"));
  if (link.width_max == 0) return std::nullopt;
  // What the slot can: the port above is the parent directory of the resolved device.
  const std::string path = reader.resolved(device);
  const std::string above = path.substr(0, path.rfind('/'));
  if (is_pci_address(std::string_view(above).substr(above.rfind('/') + 1))) {
    link.slot_speed_max_gts = transfers(reader.word(above + "/max_link_speed"));
    link.slot_width_max = lanes(reader.count(above + "/max_link_width"));
  }
  return link;
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
bool link_matters(std::string_view class_id) {
  return class_id.starts_with("0x01") || class_id.starts_with("0x02") ||
         class_id.starts_with("0x12");
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
    device.node = reader.node(path + "/numa_node");
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
