// What this host is: every fact that the settings and techniques need, as plain values.
//
// Three parts with a digest each (see inventory_json.hpp): identity (board, CPU model, firmware,
// serial hashes), configuration (kernel, boot line, settings that persist) and state (counters,
// temperatures, load: never in a configuration digest). A fact that the host does not tell is an
// empty optional or an empty list: absent is not an error. What could not be read for lack of
// privilege is listed in `unreadable`. Values only: copyable, thread-safe to read.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/cpuset.hpp"
#include "core/units.hpp"

namespace assay::probes {

// --- CPUs ---

enum class CacheType : std::uint8_t { data, instruction, unified };

struct Cache {
  unsigned level = 0;
  CacheType type = CacheType::unified;
  Bytes size;
  unsigned line_bytes = 0;
  unsigned ways = 0;  // 0: not told
  CpuSet shared_by;   // every CPU behind it
};

// An idle state of cpuidle (Documentation/admin-guide/pm/cpuidle.rst).
struct IdleState {
  unsigned index = 0;
  std::string name;
  std::chrono::microseconds exit_latency{0};
  bool disabled = false;
};

struct Frequency {  // cpufreq; kHz as the kernel has it
  std::string driver;
  std::string governor;
  std::uint64_t min_khz = 0, max_khz = 0;                    // limits in force
  std::uint64_t hardware_min_khz = 0, hardware_max_khz = 0;  // cpuinfo_min/max_freq
  std::optional<std::uint64_t> current_khz;
  std::string energy_preference;  // empty: not offered
};

struct Cpu {
  CpuId id;
  bool online = true;
  bool allowed = true;    // this process may run here (cgroup cpuset, affinity)
  bool isolated = false;  // in /sys/devices/system/cpu/isolated
  bool nohz_full = false;
  // The kernel's own ids; where its package ids are missing or repeat, packages are numbered by
  // their first CPUs.
  std::optional<unsigned> package, die, cluster, core;
  NodeId node;
  CpuSet siblings;   // online hardware threads of the same core, itself included
  std::string kind;  // hybrid machines: "performance", "efficiency", "middle"; else empty
  std::optional<Frequency> frequency;
  std::vector<IdleState> idle_states;
  std::optional<std::int64_t> energy_perf_bias;  // 0 (performance) to 15 (power saving)
  // power/pm_qos_resume_latency_us as written: "0" is no constraint, "n/a" is zero latency.
  std::string resume_latency_limit;
};

// One uncore (mesh, fabric) domain of the intel_uncore_frequency driver.
struct Uncore {
  std::string name;                                          // "package_00_die_00"
  std::uint64_t min_khz = 0, max_khz = 0;                    // limits in force
  std::uint64_t hardware_min_khz = 0, hardware_max_khz = 0;  // initial_min/max_freq_khz
};

struct Counts {  // of online CPUs, those that cgroups forbid included
  unsigned cpus = 0, cores = 0, packages = 0, nodes = 0;
};

struct HugePages {
  Bytes size;
  std::uint64_t total = 0, free = 0, surplus = 0;
};

struct Node {
  NodeId id;
  bool allowed = true;  // this process may take memory here (Mems_allowed)
  CpuSet cpus;          // online ones
  Bytes memory;
  Bytes memory_free;
  std::vector<unsigned> distances;  // to every node, in the order of Topology::nodes
  std::vector<HugePages> huge_pages;
};

struct Topology {
  std::string architecture;  // uname -m
  std::string vendor, model_name;
  std::string family, model, stepping;  // the numbers behind the name; empty: not told
  std::string microcode;
  // The first CPU's clock as /proc/cpuinfo tells it: all that guests and old kernels say.
  std::optional<std::uint64_t> clock_khz;
  std::vector<std::string> flags;  // sorted
  CpuSet possible, present, online, offline, isolated, nohz_full, allowed;
  Counts counts;
  std::string smt_control;  // "on", "off", "notsupported", ...; empty: no file
  bool smt_active = false;
  std::optional<bool> boost;
  std::string frequency_mode;              // intel_pstate or amd_pstate: "active", "passive", ...
  std::string idle_driver, idle_governor;  // of cpuidle; "none" in most guests
  std::vector<Uncore> uncore;
  std::vector<Cpu> cpus;  // present ones, by id
  std::vector<Cache> caches;
  std::vector<Node> nodes;
  std::vector<std::string> notes;  // what contradicts itself in the kernel's answers
  const Cpu* find(CpuId id) const;
};

// --- memory ---

// One line of /proc/swaps.
struct Swap {
  std::string path, type;  // "/dev/zram0", "partition"
  Bytes size, used;
};

struct Memory {
  Bytes total, free, available;
  Bytes swap_total, swap_free;
  std::vector<Swap> swaps;              // active ones
  std::string thp_enabled, thp_defrag;  // the chosen word
  std::vector<HugePages> huge_pages;    // of the whole host, per size
  std::optional<std::int64_t> swappiness;
};

// --- interrupts ---

struct Irq {
  std::string number;                // "24"; named ones (NMI, LOC) are in Interrupts::named
  std::string target;                // stable: "msix1@pci-0000:00:02.0", "IO-APIC/5@ttyS0"
  std::string chip;                  // "PCI-MSIX-0000:00:02.0"
  std::string hardware_number;       // the chip's own: "1" of "1-edge"
  std::vector<std::string> actions;  // "virtio1-req.0"
  std::string device;                // PCI address or "" when not a device's
  CpuSet asked;                      // smp_affinity_list
  std::optional<CpuSet> effective;   // effective_affinity_list
  bool affinity_readable = true;
  std::optional<bool>
      managed;  // kernel-managed: an affinity write gives EIO; unknown without debugfs
  std::vector<std::uint64_t> counts;  // since boot, in the order of Interrupts::cpus
};

struct Interrupts {
  std::vector<CpuId> cpus;  // the columns
  std::vector<Irq> irqs;
  std::map<std::string, std::vector<std::uint64_t>> named;  // "LOC" → counts per column
  std::optional<CpuSet> default_affinity;
  bool irqbalance_running = false;
};

// --- devices ---

struct PcieLink {
  double speed_gts = 0, speed_max_gts = 0;  // now, and what the device can
  unsigned width = 0, width_max = 0;
  double slot_speed_max_gts = 0;  // what the port above it can; 0: not told
  unsigned slot_width_max = 0;
  bool degraded() const { return speed_gts < speed_max_gts || width < width_max; }
};

struct PciDevice {
  std::string address;                         // "0000:00:02.0"
  std::string vendor_id, device_id, class_id;  // "0x1af4"
  std::string driver;
  std::optional<NodeId> node;
  std::optional<PcieLink> link;  // read for storage, network and accelerators only
  std::string iommu_group;       // "" without an IOMMU; VFIO needs one
};

// Which CPUs serve one queue of an interface (Documentation/networking/scaling.rst).
struct NicQueue {
  std::string name;                        // "rx-0", "tx-3"
  std::optional<CpuSet> cpus;              // rps_cpus or xps_cpus; empty set: switched off
  std::optional<std::int64_t> flow_count;  // rps_flow_cnt, receive queues only
};

struct Nic {
  std::string name;
  std::string target;  // stable: "pci-0000:00:04.0/0"; "virtual-NAME" when there is no device
  std::string kind;    // "physical", "loopback", "veth", "bond", "vlan", "bridge", "virtual"
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
};

struct BlockDevice {
  std::string name;    // "nvme0n1"
  std::string target;  // stable: "pci-0000:00:02.0", "pci-.../ns1"; "virtual-NAME"
  std::string kind;    // "nvme", "virtio", "scsi", "mmc", "xen", "pmem", "loop", "zram", "memory",
                       // "dm", "md", "other"
  bool physical = false;  // a drive, rather than something stacked on one or in memory
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
};

struct Mount {
  std::string point, source, type, options;
  std::string block_device;  // name of the block device that is mounted, "" when none
  std::string drive;         // the same, or the whole drive when that is a partition
};

// --- kernel, limits, environment ---

struct Vulnerability {
  std::string name, state;
};

struct Kernel {
  std::string release, version;
  std::string preempt_model;  // "PREEMPT_RT", "PREEMPT_DYNAMIC", "PREEMPT", "voluntary or none"
  std::string preempt_mode;   // in force with PREEMPT_DYNAMIC: "full", ...; root and debugfs only
  bool realtime = false;
  std::string command_line;
  // The sysctls that settings and techniques look at: "vm.swappiness" → "60".
  std::map<std::string, std::string, std::less<>> sysctls;
  // Module parameters, the same way: "nvme.poll_queues" → "0".
  std::map<std::string, std::string, std::less<>> module_parameters;
  std::optional<CpuSet> workqueue_cpus;  // unbound work queues may run here
  std::string security_modules;          // "lockdown,capability,apparmor"
  std::vector<Vulnerability> vulnerabilities;
  std::string clocksource;
  std::vector<std::string> clocksources;
  bool tsc_constant = false, tsc_nonstop = false;
  std::optional<std::uint64_t> tsc_hz;            // as CPUID tells; many CPUs do not
  std::optional<std::int64_t> io_uring_disabled;  // sysctl; absent: the kernel has no such switch
  bool io_uring = false;                          // the setup call works for this process
  std::vector<std::string> io_uring_ops;
  std::string boot_id;
};

// What keeps the clock right.
struct TimeSync {
  std::optional<bool> synchronized;       // the kernel's view (adjtimex: not STA_UNSYNC)
  std::optional<std::int64_t> offset_ns;  // the kernel's remaining correction
  std::optional<std::int64_t> estimated_error_us, maximum_error_us;
  std::vector<std::string> daemons;     // running: "chronyd", "ptp4l", ...
  std::vector<std::string> ptp_clocks;  // "ptp0: KVM virtual PTP"
};

struct Limit {
  std::string name;        // "memlock"
  std::string soft, hard;  // number or "unlimited"; bytes for memlock
};

struct Limits {
  std::vector<Limit> process;  // of this process
  std::optional<std::int64_t> aio_max_nr, nr_open;
};

struct Environment {
  std::string hypervisor;      // "KVM", ""; from CPUID and DMI
  std::string container;       // "docker", "lxc", "" ...
  std::string cgroup_version;  // "v2", "v1", "hybrid", "none"
  std::string cgroup;  // this process's, in the hierarchy that limits its CPUs: "/user.slice"
  std::optional<double> cpu_quota_cpus;
  std::optional<CpuSet> cpuset_isolated;  // CPUs in isolated cgroup v2 partitions
  bool sys_writable = true;
  bool privileged = false;   // this process is root
  double steal_percent = 0;  // of CPU time since boot, taken by the hypervisor
  std::string board_vendor, product_name, bios_version;
  std::string machine_id_hash;
  // What else tunes, with the file that says so: "irqbalance: running, /etc/default/irqbalance".
  std::vector<std::string> tuners;
  std::optional<bool> fstrim_timer;  // enabled at boot; absent without systemd units
};

struct Inventory {
  std::string host_name;
  Topology topology;
  Memory memory;
  Interrupts interrupts;
  std::vector<PciDevice> pci;
  std::vector<Nic> nics;
  std::vector<BlockDevice> block;
  std::vector<NvmeController> nvme;
  std::vector<Mount> mounts;
  Kernel kernel;
  TimeSync time;
  Limits limits;
  Environment environment;
  double load_1m = 0;
  std::vector<std::string> unreadable;  // "path: Permission denied"
};

}  // namespace assay::probes
