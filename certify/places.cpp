#include "certify/places.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace assay::certify {
namespace {

bool lies_in(std::string_view path, std::string_view point) {
  if (point == "/") return path.starts_with('/');
  return path.starts_with(point) && (path.size() == point.size() || path[point.size()] == '/');
}

bool is_read_only(const probes::Mount& mount) {
  return mount.options == "ro" || mount.options.starts_with("ro,");
}

const probes::BlockDevice* find_block(const probes::Inventory& inventory, std::string_view name) {
  const auto found = std::ranges::find(inventory.block, name, &probes::BlockDevice::name);
  return found == inventory.block.end() ? nullptr : &*found;
}

bool backed_by(const probes::Inventory& inventory, const std::string& name,
               const probes::BlockDevice& drive, unsigned depth) {
  if (name == drive.name) return true;
  if (std::ranges::find(drive.partitions, name) != drive.partitions.end()) return true;
  if (depth == 0) return false;  // a captured tree may claim that a device is stacked on itself
  const probes::BlockDevice* device = find_block(inventory, name);
  if (device == nullptr) return false;
  return std::ranges::any_of(device->slaves, [&](const std::string& slave) {
    return backed_by(inventory, slave, drive, depth - 1);
  });
}

// Writable directories to try, best first: the file is made in the first that is on the drive.
std::vector<std::string> candidates(const probes::Inventory& inventory,
                                    const probes::BlockDevice& drive,
                                    const std::string& preferred) {
  std::vector<std::string> all;
  if (!preferred.empty()) all.push_back(preferred);
  all.insert(all.end(), {"/var/tmp", "/tmp"});
  for (const probes::Mount& mount : inventory.mounts) {
    if (mount.block_device.empty() || is_read_only(mount)) continue;
    if (is_backed_by(inventory, mount.block_device, drive)) all.push_back(mount.point);
  }
  return all;
}

}  // namespace

bool is_writable_directory(const std::string& directory) {
  return ::access(directory.c_str(), W_OK | X_OK) == 0;
}

const probes::Mount* mount_of(const probes::Inventory& inventory, std::string_view path) {
  const probes::Mount* best = nullptr;
  for (const probes::Mount& mount : inventory.mounts) {
    if (!lies_in(path, mount.point)) continue;
    if (best == nullptr || mount.point.size() >= best->point.size()) best = &mount;
  }
  return best;
}

bool is_backed_by(const probes::Inventory& inventory, const std::string& name,
                  const probes::BlockDevice& drive) {
  constexpr unsigned kDeepest = 8;
  return backed_by(inventory, name, drive, kDeepest);
}

DrivePlace drive_place(const probes::Inventory& inventory, const probes::BlockDevice& drive,
                       const std::string& preferred, bool reads_only, bool is_root,
                       const WritableCheck& writable) {
  DrivePlace place;
  bool mounted = false;
  for (const std::string& directory : candidates(inventory, drive, preferred)) {
    const probes::Mount* mount = mount_of(inventory, directory);
    if (mount == nullptr || mount->block_device.empty() || is_read_only(*mount)) continue;
    if (!is_backed_by(inventory, mount->block_device, drive)) continue;
    mounted = true;
    if (!writable(directory)) continue;
    place.directory = directory;
    return place;
  }
  if (reads_only && is_root) {
    place.device = "/dev/" + drive.name;
    return place;
  }
  if (mounted) {
    place.skipped = fmt::format("no directory on {} is writable for this user", drive.name);
    place.remedy = "run as root, or give a writable directory with --dir";
  } else if (reads_only) {
    place.skipped = fmt::format("{} has no mounted writable filesystem", drive.name);
    place.remedy = "run as root to read the device itself, or mount a filesystem on it";
  } else {
    place.skipped = fmt::format(
        "{} has no mounted writable filesystem, and assay writes no raw device", drive.name);
    place.remedy = "mount a filesystem on it";
  }
  return place;
}

Expected<CpuSet> tested_cpus(const probes::Topology& topology, const profiles::Roles& roles) {
  auto isolated = profiles::select_cpus("isolated", topology, roles);
  if (!isolated) return std::unexpected(isolated.error());
  if (!isolated->empty()) return *isolated & topology.online;
  return topology.online & topology.allowed;
}

}  // namespace assay::certify
