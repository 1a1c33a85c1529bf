// PCI, network, block, NVMe and RDMA devices: part of the Inventory (probes/inventory.hpp), whose
// rules hold here. `target` is a name that outlives reboots; `name` is this boot's.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/cpuset.hpp"
#include "core/units.hpp"

namespace assay::probes {

// --- devices ---

struct PcieLink {
  double speed_gts = 0, speed_max_gts = 0;  // now, and what the device can
  unsigned width = 0, width_max = 0;
  double slot_speed_max_gts = 0;  // what the port above it can; 0: not told
  unsigned slot_width_max = 0;
  // What device and slot can together.
  double best_speed_gts() const {
    return slot_speed_max_gts > 0 ? std::min(speed_max_gts, slot_speed_max_gts) : speed_max_gts;
  }
  unsigned best_width() const {
    return slot_width_max > 0 ? std::min(width_max, slot_width_max) : width_max;
  }
  // Slower or narrower than both ends can; a current speed that is not told (0) is no fault.
  bool degraded() const {
    return (speed_gts > 0 && speed_gts < best_speed_gts()) || (width > 0 && width < best_width());
  }
  // The device could do more in another slot.
  bool limited_by_slot() const {
    return best_speed_gts() < speed_max_gts || best_width() < width_max;
  }
};

struct PciDevice {
  std::string address;                         // "0000:00:02.0"
  std::string vendor_id, device_id, class_id;  // "0x1af4"
  std::string driver;
  std::optional<NodeId> node;
  std::optional<PcieLink> link;  // read for storage, network and accelerators only
  std::string iommu_group;       // "" without an IOMMU; VFIO needs one
  std::string iommu_domain;  // how its DMA is translated: "identity", "DMA", "DMA-FQ"; "" unknown
  // Single root I/O virtualisation: virtual functions possible and in use; 0: none possible.
  unsigned virtual_functions_max = 0, virtual_functions = 0;
  std::string physical_function;  // a virtual function's parent, else ""
};

// Which CPUs serve one queue of an interface (Documentation/networking/scaling.rst).
struct NicQueue {
  std::string name;                        // "rx-0", "tx-3"
  std::optional<CpuSet> cpus;              // rps_cpus or xps_cpus; empty set: switched off
  std::optional<std::int64_t> flow_count;  // rps_flow_cnt, receive queues only
  std::optional<CpuSet> receive_queues;    // xps_rxqs, transmit queues only
};

// Documentation/networking/bonding.rst
struct Bond {
  std::string mode;    // "active-backup"
  std::string active;  // the member in use, with modes that have one
  std::vector<std::string> members;
  std::optional<std::int64_t> link_check_ms;  // miimon; 0: a dead link is not noticed
  std::string link_state;                     // mii_status: "up"
};

struct Vlan {
  std::optional<unsigned> id;
  std::string lower;  // the interface that carries it
};

struct Nic {
  std::string name;
  std::string target;  // stable: "pci-0000:00:04.0/0"; "virtual-NAME" when there is no device
  // "physical", "loopback", "veth", "bond", "team", "vlan", "bridge", "macvlan", "ipvlan", "vxlan",
  // "tun", "wireguard", "dummy", "virtual"
  std::string kind;
  std::string driver, firmware;
  std::string operstate;
  std::optional<std::int64_t> speed_mbps;
  std::optional<unsigned> mtu;
  std::optional<NodeId> node;
  std::string pci_address;
  unsigned rx_queues = 0, tx_queues = 0;
  // ethtool's answers, keys as core/queries.cpp names them; absent when the driver has no answer.
  std::map<std::string, std::string, std::less<>> ring, channels, coalesce, features, pause, eee,
      timestamping, rss;
  std::vector<std::string> irqs;  // numbers in Interrupts::irqs
  std::vector<NicQueue> queues;
  std::optional<std::int64_t> napi_defer_hard_irqs, gro_flush_timeout_ns, tx_queue_length;
  std::optional<bool> threaded_napi;
  std::string address_hash;  // of the MAC address, physical interfaces only
  std::optional<PcieLink> link;
  std::vector<std::string> masters;  // the bond or bridge above it
  std::vector<std::string> lowers;   // what it stands on: a bond's members, a VLAN's carrier
  std::optional<Bond> bond;
  std::optional<Vlan> vlan;
  std::string driver_version;
  std::optional<bool> carrier;
  std::string duplex;             // "full"; "" without link
  std::string ptp_clock;          // "ptp0": the clock that stamps its packets
  bool virtual_function = false;  // of SR-IOV
  std::vector<std::string> rdma;  // RDMA devices on the same function
  // More of ethtool's and the kernel's answers, keys as core/queries.cpp names them.
  std::map<std::string, std::string, std::less<>> link_mode, fec, flow_rules, qdisc, xdp;
  // Since the driver was loaded: "rx_dropped", "rx_missed_errors" ...; physical ones only.
  std::map<std::string, std::uint64_t, std::less<>> errors;
};

struct Partition {
  std::string name;  // "nvme0n1p1"
  Bytes start, size;
};

struct BlockDevice {
  std::string name;    // "nvme0n1"
  std::string target;  // stable: "pci-0000:00:02.0", "pci-.../ns1"; "virtual-NAME"
  std::string kind;  // "nvme", "virtio", "scsi", "mmc", "xen", "pmem", "optical", "floppy", "loop",
                     // "zram", "memory", "network", "dm", "md", "bcache", "other"
  // A drive to tune, rather than something stacked on one, in memory, or a medium to be put in.
  bool physical = false;
  std::string model, firmware;
  std::string serial_hash;  // never the serial number itself
  Bytes size;
  unsigned logical_block_bytes = 0, physical_block_bytes = 0;
  bool rotational = false, read_only = false;
  std::string scheduler;
  std::optional<std::int64_t> nr_requests, nomerges, rq_affinity, read_ahead_kb, wbt_lat_usec;
  std::optional<bool> io_poll, add_random, iostats;
  std::string write_cache;  // "write back" / "write through"
  unsigned queues = 0;      // hardware queues (mq/)
  std::optional<NodeId> node;
  std::string pci_address;
  std::optional<PcieLink> link;
  std::vector<std::string> irqs;  // numbers in Interrupts::irqs
  std::vector<std::string> partitions, holders, slaves;
  // dm: "lvm", "crypt", "multipath", "raid", "dm"; md: its level "raid1"; loop: "file"; else "".
  std::string layer;
  std::string mapped_name;   // dm's name, which outlives a reboot: "vg0-data"
  std::string backing_file;  // of a loop device
  // md: "clean", "active", "degraded" when members are missing.
  std::string array_state;
  std::vector<Partition> parts;
  bool removable = false;
  std::string zoned;  // "none", "host-managed", "host-aware"; "" unknown
  std::optional<bool> force_unit_access, direct_access;  // FUA writes; DAX
  std::optional<std::int64_t> max_transfer_kb, max_hardware_transfer_kb;
  // O_DIRECT memory alignment, and the sizes that the drive likes best; 0: no preference told.
  std::optional<std::int64_t> dma_alignment_bytes, minimum_io_bytes, optimal_io_bytes;
  std::optional<std::int64_t> discard_granularity_bytes;
  std::optional<std::int64_t> queue_tags;  // requests that one hardware queue takes
  std::optional<unsigned> poll_queues;     // root and debugfs only
};

// One of the ways in which a namespace can be formatted.
struct NvmeFormat {
  unsigned data_bytes = 0, metadata_bytes = 0;
  unsigned performance = 0;  // 0 is the drive's best, 3 its worst
};

struct NvmeNamespace {
  std::string name;  // "nvme0n1"
  std::optional<unsigned> id;
  Bytes size;
  unsigned block_bytes = 0;
  std::optional<unsigned> metadata_bytes;  // a block's
  std::optional<unsigned> format;          // the one in use, of `formats`
  std::vector<NvmeFormat> formats;         // root only
};

// A state that the drive saves power in; leaving it costs `exit`.
struct NvmePowerState {
  unsigned max_milliwatt = 0;
  std::chrono::microseconds entry{0}, exit{0};
  bool operational = true;  // false: the drive must leave it before it can work
};

struct NvmeHealth {
  unsigned critical_warning = 0;  // bits of the specification; 0: all well
  std::optional<double> temperature_celsius;
  unsigned spare_percent = 0, spare_threshold_percent = 0;
  unsigned used_percent = 0;  // of the endurance; may exceed 100
  std::uint64_t media_errors = 0, error_log_entries = 0, unsafe_shutdowns = 0;
  std::uint64_t power_on_hours = 0, power_cycles = 0;
  Bytes read, written;
  std::uint64_t warning_minutes = 0, critical_minutes = 0;  // spent too hot
};

struct NvmeController {
  std::string name;  // "nvme0"
  std::string model, firmware, serial_hash;
  std::string pci_address, transport, state;
  std::optional<NodeId> node;
  std::optional<PcieLink> link;
  unsigned queue_count = 0;
  std::vector<std::string> namespaces;
  // Autonomous power state transitions (APST): the latency that they may cost, as written.
  std::string latency_tolerance_us;
  std::optional<double> temperature_celsius;
  std::optional<unsigned> queue_depth;  // entries of a submission queue
  std::optional<unsigned> poll_queues;  // root and debugfs only
  std::string subsystem, multipath_policy;
  std::vector<NvmeNamespace> spaces;
  // From here on the drive itself was asked, which needs root. `identity_error` and `health_error`
  // hold the reason where it did not answer: "Permission denied", "Input/output error".
  std::string version;  // of the specification: "1.4"
  std::optional<std::uint64_t> max_transfer_bytes;
  std::optional<bool> volatile_write_cache, write_cache_on;
  std::optional<int> warning_celsius, critical_celsius;
  std::vector<NvmePowerState> power_states;
  std::optional<unsigned> power_state;  // the one that it is in
  std::optional<bool> apst_possible, apst_on;
  std::string apst_table;  // "0>3:100": from state 0 to 3 after 100 ms of idleness
  std::optional<NvmeHealth> health;
  std::string identity_error, health_error;
};

struct RdmaPort {
  unsigned number = 0;
  std::string state, physical_state;  // "active", "link up"
  std::string rate;                   // "100 Gb/sec (4X EDR)"
  std::string link_layer;             // "InfiniBand", "Ethernet"
  std::vector<std::string> interfaces;
};

// /sys/class/infiniband (ABI/stable/sysfs-class-infiniband)
struct RdmaDevice {
  std::string name;    // "mlx5_0"
  std::string target;  // "pci-0000:81:00.0"; "virtual-NAME" without a device
  std::string driver, firmware, board, node_type;  // "mlx5_core", "16.35", "MT_0000000008", "CA"
  bool software = false;                           // rxe or siw: RDMA's interface without its speed
  std::string pci_address;
  std::optional<NodeId> node;
  std::optional<PcieLink> link;
  std::vector<RdmaPort> ports;
};

struct Mount {
  std::string point, source, type, options;
  std::string block_device;  // name of the block device that is mounted, "" when none
  std::string drive;         // the same, or the whole drive when that is a partition
  // All block devices of a btrfs that spans several; otherwise empty.
  std::vector<std::string> members;
};

}  // namespace assay::probes
