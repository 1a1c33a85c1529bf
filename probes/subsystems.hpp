// One function per subsystem; probe.cpp calls them in this order. Internal to probes.
//
// Each fills its part of the inventory from the host and from the parts that stand before it, never
// fails, and leaves empty what the host does not tell. None needs a privilege; none is thread-safe
// with regard to the same inventory or reader.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "probes/inventory.hpp"
#include "probes/reader.hpp"

namespace assay::probes {

// Which CPUs there are, and how they form cores, dies and packages (sysfs cpuN/topology, else
// /proc/cpuinfo). Sources: Documentation/admin-guide/cputopology.rst, ABI/stable/sysfs-devices-
// system-cpu.
void read_topology(Reader& reader, Inventory& inventory);
// Model name, flags, microcode, from /proc/cpuinfo; returns what it says of each CPU's place, for
// kernels without cpuN/topology.
struct CpuInfoPlace {
  std::optional<unsigned> package, core;
};
std::map<unsigned, CpuInfoPlace> read_cpu_model(Reader& reader, Topology& topology);
// NUMA nodes (sysfs nodeN): CPUs, memory, distances, huge pages; one made-up node without them.
void read_nodes(Reader& reader, Inventory& inventory);
// Which nodes have memory without CPUs, tiers, access classes and side caches; after the nodes.
void read_memory_tiers(Reader& reader, Topology& topology);
// Dies and clusters; after the CPUs.
void count_cpu_groups(Topology& topology);
// Caches of the online CPUs (sysfs cpuN/cache/indexM).
void read_caches(Reader& reader, Topology& topology);
// Frequency and idle states of each of these CPUs, in their order (cpufreq, cpuidle). Half of all
// files of a large host, and nothing else looks at them: probe.cpp reads them beside the rest.
struct CpuPower {
  std::optional<Frequency> frequency = {};
  std::vector<IdleState> idle_states = {};
  std::optional<std::int64_t> energy_perf_bias = {};
  std::string resume_latency_limit = {};
};
std::vector<CpuPower> read_power_of(Reader& reader, const std::vector<unsigned>& cpus);
// Hands them to the online CPUs, in order.
void set_power(std::vector<CpuPower> powers, Topology& topology);
// What all CPUs share: governors to choose from, boost, drivers, uncore (intel_pstate ...).
void read_power_of_all(Reader& reader, Topology& topology);
// Performance and efficiency cores of hybrid machines.
void read_cpu_kinds(Reader& reader, Topology& topology);

// Huge pages below `directory` ("/sys/kernel/mm/hugepages" or a node's), by ascending size.
std::vector<HugePages> read_huge_pages(Reader& reader, const std::string& directory);
void read_memory(Reader& reader, Inventory& inventory);

// PCI devices with their links. Before interrupts, NICs, block and NVMe, which refer to them.
void read_pci(Reader& reader, Inventory& inventory);
// The last PCI address in a resolved device path, or "".
std::string pci_address_in(std::string_view path);
const PciDevice* find_pci(const Inventory& inventory, std::string_view address);

void read_interrupts(Reader& reader, Inventory& inventory);
// What /proc/interrupts says: columns, counts, chips and actions; no affinity, no device.
void parse_interrupts(std::string_view table, Interrupts& interrupts);
// Rates out of a second /proc/interrupts that was read `window` after the first.
void add_interrupt_rates(std::string_view later_table, std::chrono::nanoseconds window,
                         Interrupts& interrupts);
// Which queue each interrupt serves, and of what; after NICs and block devices.
void name_interrupt_queues(Inventory& inventory);
// Numbers of the interrupts of a PCI device.
std::vector<std::string> irqs_of(const Interrupts& interrupts, std::string_view pci_address);

void read_nics(Reader& reader, Inventory& inventory);
// What stands above and below an interface: bond, VLAN, bridge. `base` is its directory with "/".
void read_nic_relations(Reader& reader, const std::string& base, Nic& nic);
// What only a device of metal has: FEC, flow rules, error counters, queue discipline.
void read_nic_hardware(Reader& reader, const std::string& base, Nic& nic);
void read_block(Reader& reader, Inventory& inventory);
// What a device mapper, md or loop device is made of, and the partitions of any. `base` is the
// device's directory with "/".
void read_block_layers(Reader& reader, const std::string& base, BlockDevice& device);
void read_nvme(Reader& reader, Inventory& inventory);
// Asks the drive itself (identify, SMART, its namespaces' formats), which needs root.
void ask_nvme(Reader& reader, NvmeController& nvme);
void read_rdma(Reader& reader, Inventory& inventory);
void read_mounts(Reader& reader, Inventory& inventory);
void read_kernel(Reader& reader, Inventory& inventory);
// The CPUs whose RCU callbacks are offloaded, out of the kernel's threads.
void note_rcu_threads(const std::set<std::string>& running, Kernel& kernel);
// True for the sysctls that settings and techniques look at ("vm.swappiness").
bool is_watched_sysctl(std::string_view name);
// The build options of the running kernel that settings and techniques look at.
void read_kernel_config(Reader& reader, Kernel& kernel);
void read_limits(Reader& reader, Inventory& inventory);

// Names of the programs that run now (/proc/N/comm), each once: what else tunes, what keeps time.
std::set<std::string> running_programs(Reader& reader);
void read_time(Reader& reader, const std::set<std::string>& running, Inventory& inventory);
// Name and load; both change by themselves.
void read_host(Reader& reader, Inventory& inventory);
void read_environment(Reader& reader, const std::set<std::string>& running, Inventory& inventory);
// Files of others that set what settings rows set, with file, line, key and value.
void read_provenance(Reader& reader, Environment& environment);
// Programs and files that change the same settings, for better or worse.
void read_tuners(Reader& reader, const std::set<std::string>& running, Inventory& inventory);
// The control group of this process and the CPUs and nodes that it allows; empty without cpuset.
struct CgroupView {
  std::string version;    // "v2", "v1", "hybrid", "none"
  std::string path;       // in the hierarchy that limits CPUs
  std::string directory;  // where that is mounted, with the path: "/sys/fs/cgroup/user.slice"
  std::string root;       // the mount point itself
  std::optional<CpuSet> cpus, nodes;
  // Where each controller of v1 ("memory", "pids") and v2 (all of them, as "") keeps this process.
  struct Place {
    std::string directory, root;
  };
  std::map<std::string, Place, std::less<>> places;
};
CgroupView read_cgroup(Reader& reader);
// Memory, process, I/O and huge page limits of this process's groups.
GroupLimits read_group_limits(Reader& reader, const CgroupView& view);

}  // namespace assay::probes
