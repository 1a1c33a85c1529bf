// The drive below a file and what its queue can do, as sysfs tells. Stateless; values only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "core/error.hpp"
#include "core/host.hpp"
#include "engine/parameters.hpp"

namespace assay::engine {

struct DriveQueue {
  std::string name;       // of the whole drive: "nvme0n1", also for a partition of it
  std::string directory;  // in sysfs
  bool polls = false;     // the driver has poll queues here: IOPOLL works
  std::optional<std::uint64_t> logical_block_bytes;
};

// Nothing for a device number without a queue (tmpfs, btrfs and overlay use invented ones).
std::optional<DriveQueue> drive_queue(const Host& host, dev_t device);

// The device number below the file, drive or directory that the parameters name, or below the place
// where an own file would be made. Error: it cannot be looked at.
Expected<dev_t> device_below(const Parameters& parameters);

// "/dev/ng0n1" of the NVMe namespace "nvme0n1"; "" for other names.
std::string generic_device_of(const std::string& drive);

// The other way round: "/dev/nvme0n1" of "/dev/ng0n1"; other paths as they are.
std::string block_device_of(const std::string& path);

// Interrupts that this drive's queues have raised since the boot, over all CPUs, by the lines
// of /proc/interrupts that bear its controller's name ("nvme0q1").
std::uint64_t drive_interrupts(const Host& host, const std::string& drive);

}  // namespace assay::engine
