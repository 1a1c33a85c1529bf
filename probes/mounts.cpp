#include <algorithm>
#include <set>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

// Each is looked up among all devices. Hosts full of containers have a few thousand.
constexpr std::size_t kMountsMax = 16384;

bool is_octal(char c) { return c >= '0' && c <= '7'; }

// Blanks, tabs, newlines and backslashes stand as "\040" and so on (proc(5)).
std::string unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) &&
                        is_octal(text[i + 2]) && is_octal(text[i + 3]);
    if (!escape) {
      result += text[i];
      continue;
    }
    const int value = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
    result += static_cast<char>(value & 0xff);
    i += 3;
  }
  return printable(result);
}

// The whole drive that a partition is on, the device itself when it is none.
std::string drive_of(const Inventory& inventory, const std::string& name) {
  for (const BlockDevice& device : inventory.block) {
    const auto& parts = device.partitions;
    if (std::find(parts.begin(), parts.end(), name) != parts.end()) return device.name;
  }
  return name;
}

// btrfs and overlays mount under a number that is no device; the source may still name one.
std::string device_by_source(const Inventory& inventory, std::string_view source) {
  constexpr std::string_view kDev = "/dev/";
  if (!source.starts_with(kDev)) return {};
  const std::string name(source.substr(source.rfind('/') + 1));
  for (const BlockDevice& device : inventory.block) {
    const auto& parts = device.partitions;
    const bool is_part = std::find(parts.begin(), parts.end(), name) != parts.end();
    if (device.name == name || device.target == "virtual-" + name || is_part) {
      return is_part ? name : device.name;
    }
  }
  return {};
}

// An overlay writes to its upper directory, which only the file system's own options name.
std::string upper_directory(std::string_view super_options) {
  for (const std::string& option : split(super_options, ",")) {
    if (option.starts_with("upperdir=")) return "," + unescaped(option);
  }
  return {};
}

// "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw": the part before " - " grows.
bool parse_mountinfo(Reader& reader, std::string_view line, const Inventory& inventory,
                     Mount& mount) {
  const std::size_t dash = line.find(" - ");
  if (dash == std::string_view::npos) return false;
  const auto head = split(line.substr(0, dash), " ");
  const auto tail = split(line.substr(dash + 3), " ");
  if (head.size() < 6 || tail.size() < 2) return false;
  mount.point = unescaped(head[4]);
  mount.options = printable(head[5]);
  mount.type = printable(tail[0]);
  mount.source = unescaped(tail[1]);
  if (mount.type == "overlay" && tail.size() > 2) mount.options += upper_directory(tail[2]);
  const std::string& number = head[2];
  const bool looks_right = number.find_first_not_of("0123456789:") == std::string::npos;
  if (looks_right && !number.starts_with("0:")) {
    mount.block_device = reader.link_name("/sys/dev/block/" + number);
  }
  if (mount.block_device.empty()) {
    mount.block_device = device_by_source(inventory, mount.source);
  }
  return true;
}

// /proc/mounts of captures: "/dev/sda3 / xfs rw,relatime 0 0".
bool parse_mounts(std::string_view line, const Inventory& inventory, Mount& mount) {
  const auto words = split(line, " ");
  if (words.size() < 4) return false;
  mount.source = unescaped(words[0]);
  mount.point = unescaped(words[1]);
  mount.type = printable(words[2]);
  mount.options = printable(words[3]);
  mount.block_device = device_by_source(inventory, mount.source);
  return true;
}

// btrfs lists the devices of each of its file systems below their UUID.
std::vector<std::vector<std::string>> btrfs_groups(Reader& reader) {
  std::vector<std::vector<std::string>> groups;
  for (const std::string& uuid : reader.names("/sys/fs/btrfs")) {
    std::vector<std::string> names;
    constexpr std::size_t kDevicesMax = 64;  // told of one file system
    for (const std::string& name : reader.names("/sys/fs/btrfs/" + uuid + "/devices")) {
      if (names.size() < kDevicesMax) names.push_back(printable(name));
    }
    if (names.size() > 1) groups.push_back(std::move(names));
  }
  return groups;
}

}  // namespace

void read_mounts(Reader& reader, Inventory& inventory) {
  std::string table = reader.table("/proc/self/mountinfo");
  const bool full = !table.empty();
  if (!full) table = reader.table("/proc/mounts");
  for (const std::string& line : split(table, "\n")) {
    Mount mount;
    const bool good = full ? parse_mountinfo(reader, line, inventory, mount)
                           : parse_mounts(line, inventory, mount);
    if (!good) continue;
    if (inventory.mounts.size() == kMountsMax) break;
    if (!mount.block_device.empty()) mount.drive = drive_of(inventory, mount.block_device);
    inventory.mounts.push_back(std::move(mount));
  }
  const auto groups = btrfs_groups(reader);
  for (Mount& mount : inventory.mounts) {
    if (mount.type != "btrfs") continue;
    for (const auto& group : groups) {
      const bool mine = std::find(group.begin(), group.end(), mount.block_device) != group.end();
      if (mine) mount.members = group;
    }
  }
}

}  // namespace assay::probes
