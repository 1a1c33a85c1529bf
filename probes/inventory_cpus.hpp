// CPUs, memory and interrupts of a host: part of the Inventory (probes/inventory.hpp), whose rules
// hold here. Values only; sizes in bytes, frequencies in kHz, times in std::chrono.
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
  std::string kind;  // hybrid: "performance", "efficiency", "middle", "low-power"; else ""
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
  unsigned dies = 0, clusters = 0;  // 0: the kernel tells none
};

struct HugePages {
  Bytes size;
  std::uint64_t total = 0, free = 0, surplus = 0;
  // Of the whole host only: promised to mappings but not yet used, and how many may be added on
  // demand (nr_overcommit_hugepages).
  std::uint64_t reserved = 0, overcommit = 0;
};

// What firmware (HMAT) tells of a node's memory, seen from the nodes that reach it best
// (Documentation/admin-guide/mm/numaperf.rst). Class 0: best of all initiators; class 1: best of
// those with CPUs.
struct NodeAccess {
  unsigned access_class = 0;
  std::vector<NodeId> initiators;
  std::optional<std::uint64_t> read_latency_ns, write_latency_ns;
  std::optional<std::uint64_t> read_bandwidth_mbps, write_bandwidth_mbps;  // MB/s
};

struct Node {
  NodeId id;
  bool allowed = true;  // this process may take memory here (Mems_allowed)
  CpuSet cpus;          // online ones
  Bytes memory;
  Bytes memory_free;
  std::vector<unsigned> distances;  // to every node, in the order of Topology::nodes
  std::vector<HugePages> huge_pages;
  std::string kind;              // "ordinary", "memory-only" (no CPU), "cpu-only", "empty"
  std::optional<unsigned> tier;  // number of its memory tier; a smaller one is faster
  std::vector<NodeAccess> access;
  Bytes side_cache;  // memory-side cache in front of it; 0: none told
};

// Nodes of like speed; the kernel demotes pages from a tier to the next
// (ABI/testing/sysfs-kernel-mm-memory-tiers).
struct MemoryTier {
  unsigned number = 0;
  std::vector<NodeId> nodes;
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
  // What the first CPU's frequency driver offers to choose from.
  std::vector<std::string> governors, energy_preferences;
  std::vector<Uncore> uncore;
  std::vector<Cpu> cpus;  // present ones, by id
  std::vector<Cache> caches;
  std::vector<Node> nodes;
  std::vector<MemoryTier> memory_tiers;  // fastest first; empty: the kernel tells none
  std::vector<std::string> notes;        // what contradicts itself in the kernel's answers
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
  std::optional<std::int64_t> ksm_run;  // 0: same pages are not merged
  Bytes default_huge_page;              // what MAP_HUGETLB gives; 0: none
  std::string thp_shmem;                // shared memory's own word; empty: no file
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
  // Which of the device's queues: "req.0", "TxRx-5", "q3"; "" for what is no queue's.
  std::string queue;
  std::vector<std::string> serves;  // interfaces and drives behind it: "eth0", "nvme0n1"
  std::vector<double> rates;        // a second, as counts; empty without a window
};

struct Interrupts {
  std::vector<CpuId> cpus;  // the columns
  std::vector<Irq> irqs;
  std::map<std::string, std::vector<std::uint64_t>> named;  // "LOC" → counts per column
  std::optional<CpuSet> default_affinity;
  bool irqbalance_running = false;
  // How long was watched for the rates; 0: not at all. Both readings stand `window` apart.
  std::chrono::nanoseconds window{0};
  std::map<std::string, std::vector<double>> named_rates;  // a second, as `named`
};

}  // namespace assay::probes
