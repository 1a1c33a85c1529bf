#include "probes/storage.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "probes/reader.hpp"

namespace assay::probes {
namespace {

// A stack is a handful of layers; a tree that says more lies, or is a cycle.
constexpr unsigned kDepthMax = 16;
constexpr std::size_t kNodesMax = 8192;  // of all paths together

struct Why {
  std::string_view type, note;
};
constexpr auto kDriveless =
    std::to_array<Why>({{"tmpfs", "it lives in memory"},
                        {"ramfs", "it lives in memory"},
                        {"devtmpfs", "it lives in memory"},
                        {"hugetlbfs", "it lives in memory"},
                        {"nfs", "it is another machine's"},
                        {"nfs4", "it is another machine's"},
                        {"cifs", "it is another machine's"},
                        {"ceph", "it is another machine's"},
                        {"9p", "it is the virtual machine's host's"},
                        {"virtiofs", "it is the virtual machine's host's"},
                        {"zfs", "ZFS does not tell the kernel which drives it is on"}});

std::string why_no_drive(const Mount& mount) {
  for (const Why& row : kDriveless) {
    if (row.type == mount.type) return std::string(row.note);
  }
  return "the kernel names no block device for " + mount.type;
}

// Where `path` is below `point`: "/var" holds "/var/lib" but not "/variant".
bool holds(std::string_view point, std::string_view path) {
  if (point == "/" || point == path) return true;
  return path.starts_with(point) && path.size() > point.size() && path[point.size()] == '/';
}

// The longest mount point that holds the path; of equal ones the last covers the others.
const Mount* mount_of(const Inventory& inventory, std::string_view path) {
  const Mount* best = nullptr;
  for (const Mount& mount : inventory.mounts) {
    if (!holds(mount.point, path)) continue;
    if (best == nullptr || mount.point.size() >= best->point.size()) best = &mount;
  }
  return best;
}

class Builder {
 public:
  explicit Builder(const Inventory& inventory) : inventory_(inventory) {}

  StorageNode device(const std::string& name, unsigned depth = 0) {
    StorageNode node;
    node.name = name;
    ++nodes_;
    const BlockDevice* found = find(name);
    if (found != nullptr) {
      describe(*found, node);
      if (may_go_deeper(depth)) stack(*found, depth, node);
    } else if (const BlockDevice* drive = drive_with(name); drive != nullptr) {
      node.what = "partition";
      for (const Partition& part : drive->parts) {
        if (part.name == name) node.size = part.size;
      }
      if (may_go_deeper(depth)) node.below.push_back(device(drive->name, depth + 1));
    } else {
      node.what = "unknown";
    }
    return node;
  }

  // What a file lies on: the file system that holds it.
  std::vector<StorageNode> file(const std::string& path, unsigned depth) {
    const Mount* mount = mount_of(inventory_, path);
    if (mount == nullptr || mount->block_device.empty() || !may_go_deeper(depth)) return {};
    return {device(mount->block_device, depth + 1)};
  }

 private:
  bool may_go_deeper(unsigned depth) const { return depth < kDepthMax && nodes_ < kNodesMax; }

  const BlockDevice* find(const std::string& name) const {
    const auto found = std::find_if(inventory_.block.begin(), inventory_.block.end(),
                                    [&](const BlockDevice& d) { return d.name == name; });
    return found == inventory_.block.end() ? nullptr : &*found;
  }

  const BlockDevice* drive_with(const std::string& partition) const {
    const auto found =
        std::find_if(inventory_.block.begin(), inventory_.block.end(), [&](const BlockDevice& d) {
          return std::find(d.partitions.begin(), d.partitions.end(), partition) !=
                 d.partitions.end();
        });
    return found == inventory_.block.end() ? nullptr : &*found;
  }

  static void describe(const BlockDevice& found, StorageNode& node) {
    node.what = found.layer.empty() || found.kind == "loop" ? found.kind : found.layer;
    node.size = found.size;
    node.is_drive = found.physical;
    for (const std::string& text : {found.mapped_name, found.backing_file, found.model}) {
      if (node.detail.empty()) node.detail = text;
    }
    if (found.array_state == "degraded") node.detail = "degraded";
  }

  void stack(const BlockDevice& found, unsigned depth, StorageNode& node) {
    for (const std::string& slave : found.slaves) node.below.push_back(device(slave, depth + 1));
    if (!found.backing_file.empty()) node.below = file(found.backing_file, depth);
  }

  const Inventory& inventory_;
  std::size_t nodes_ = 0;
};

void collect_drives(const Inventory& inventory, const StorageNode& node,
                    std::vector<std::string>& targets) {
  if (node.is_drive) {
    for (const BlockDevice& device : inventory.block) {
      const bool known = std::find(targets.begin(), targets.end(), device.target) != targets.end();
      if (device.name == node.name && !known) targets.push_back(device.target);
    }
  }
  for (const StorageNode& below : node.below) collect_drives(inventory, below, targets);
}

// "upperdir=/var/x" of an overlay's options: what is written to it lands there.
std::string overlay_upper(const Mount& mount) {
  for (const std::string& option : split(mount.options, ",")) {
    if (option.starts_with("upperdir=")) return option.substr(9);
  }
  return {};
}

void fill(const Inventory& inventory, const Mount& mount, Builder& builder, StoragePath& result) {
  result.mount_point = mount.point;
  result.source = mount.source;
  result.type = mount.type;
  if (!mount.block_device.empty()) {
    result.tree.push_back(builder.device(mount.block_device));
  } else if (const std::string upper = overlay_upper(mount); !upper.empty()) {
    result.tree = builder.file(upper, 0);
  }
  for (const std::string& other : mount.members) {
    if (other != mount.block_device) result.tree.push_back(builder.device(other));
  }
  for (const StorageNode& node : result.tree) collect_drives(inventory, node, result.drives);
  if (result.tree.empty()) result.note = why_no_drive(mount);
}

}  // namespace

StorageNode storage_under(const Inventory& inventory, const std::string& device) {
  return Builder(inventory).device(device);
}

std::vector<StoragePath> mounted_storage(const Inventory& inventory) {
  std::vector<StoragePath> result;
  std::set<std::string> seen;
  Builder builder(inventory);
  for (const Mount& mount : inventory.mounts) {
    if (mount.block_device.empty() || !seen.insert(mount.block_device).second) continue;
    StoragePath entry;
    entry.path = mount.point;
    fill(inventory, mount, builder, entry);
    result.push_back(std::move(entry));
  }
  return result;
}

Expected<StoragePath> storage_of_path(const Host& host, const Inventory& inventory,
                                      const std::string& path) {
  if (!path.starts_with('/')) {
    return fail(ErrorCode::invalid, "find the drives of", path, "expected an absolute path");
  }
  // A captured tree holds the mount table but not the files: the path is then taken as it is.
  auto real = host.resolve(path);
  if (!real && host.is_this_system()) return Failure(real.error());
  std::string place = real ? *real : path;
  while (place.size() > 1 && place.ends_with('/')) place.pop_back();
  const Mount* mount = mount_of(inventory, printable(place));
  if (mount == nullptr) {
    return fail(ErrorCode::unsupported, "find the drives of", path, "the host tells no mounts");
  }
  StoragePath result;
  result.path = path;
  Builder builder(inventory);
  fill(inventory, *mount, builder, result);
  return result;
}

}  // namespace assay::probes
