// From a directory down to the drives that hold it: mount, logical volume, encryption, RAID,
// partition, loop file, drive.
//
// Built from an Inventory whose block devices and mounts were read; only a path that is given by a
// person is looked up on the host, to follow its symlinks. Pure but for that; thread-safe; no
// privilege needed.
#pragma once

#include <string>
#include <vector>

#include "core/host.hpp"
#include "probes/inventory.hpp"

namespace assay::probes {

// One layer and those that it stands on. A drive stands on nothing.
struct StorageNode {
  std::string name;    // "dm-0", "nvme0n1p1"
  std::string what;    // "lvm", "crypt", "raid1", "partition", "loop", "nvme", "virtio" ...
  std::string detail;  // "vg0-data", "Fast Drive", "/var/images/a.img"
  Bytes size;
  bool is_drive = false;  // a physical one
  std::vector<StorageNode> below;
};

struct StoragePath {
  std::string path;         // as it was asked for; the mount point when nobody asked
  std::string mount_point;  // what holds it
  std::string source, type;
  std::vector<StorageNode> tree;    // several where a file system spans devices
  std::vector<std::string> drives;  // targets of the physical drives, each once
  // Why the tree is empty: "tmpfs lives in memory", "nfs is another machine's". "" when it is not.
  std::string note;
};

// What stands under one block device, by this boot's name.
StorageNode storage_under(const Inventory& inventory, const std::string& device);

// One entry for each mounted file system with a block device, in the order of the mounts; the
// further mounts of the same device (bind mounts, subvolumes) are left out.
std::vector<StoragePath> mounted_storage(const Inventory& inventory);

// Which drives stand under a path. Error: absent (no such path), invalid (not absolute), or
// unsupported (the host tells no mounts).
Expected<StoragePath> storage_of_path(const Host& host, const Inventory& inventory,
                                      const std::string& path);

}  // namespace assay::probes
