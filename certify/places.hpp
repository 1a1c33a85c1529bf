// Where on a host a technique can be measured: a directory on every drive, CPUs that are tested.
//
// Pure functions of an inventory, but for the question whether a directory is writable.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/cpuset.hpp"
#include "core/error.hpp"
#include "probes/inventory.hpp"
#include "profiles/selectors.hpp"

namespace assay::certify {

// Answers whether this process may create files in a directory.
using WritableCheck = std::function<bool(const std::string& directory)>;
bool is_writable_directory(const std::string& directory);  // access(2)

// Where a drive can be measured. Exactly one of directory, device and skipped is set.
struct DrivePlace {
  std::string directory;  // on a filesystem of this drive: own test files go here
  std::string device;     // "/dev/nvme0n1": no filesystem of its own, read as it is
  std::string skipped;    // why neither
  std::string remedy;
};

// The mount that `path` lies in: the longest mount point that it begins with, the later one where
// two cover each other. nullptr: none is known.
const probes::Mount* mount_of(const probes::Inventory& inventory, std::string_view path);

// True when the block device `name` is `drive`, one of its partitions, or stacked on them.
bool is_backed_by(const probes::Inventory& inventory, const std::string& name,
                  const probes::BlockDevice& drive);

// Chooses for one drive: `preferred` when it lies on it, then the usual temporary directories, then
// each of its mount points. `reads_only`: the device itself may be read when there is no
// filesystem, which needs root (`is_root`).
DrivePlace drive_place(const probes::Inventory& inventory, const probes::BlockDevice& drive,
                       const std::string& preferred, bool reads_only, bool is_root,
                       const WritableCheck& writable);

// The CPUs that are tested when a budget names none: those of the role "isolated", else every
// online CPU that this process may use. Error: invalid when the role cannot be resolved.
Expected<CpuSet> tested_cpus(const probes::Topology& topology, const profiles::Roles& roles);

}  // namespace assay::certify
