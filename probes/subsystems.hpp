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
// Caches of the online CPUs (sysfs cpuN/cache/indexM).
void read_caches(Reader& reader, Topology& topology);
// Frequency, idle states, SMT, boost and uncore (cpufreq, cpuidle, intel_pstate ...).
void read_cpu_power(Reader& reader, Topology& topology);
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
// Numbers of the interrupts of a PCI device.
std::vector<std::string> irqs_of(const Interrupts& interrupts, std::string_view pci_address);

void read_nics(Reader& reader, Inventory& inventory);
void read_block(Reader& reader, Inventory& inventory);
void read_nvme(Reader& reader, Inventory& inventory);
void read_mounts(Reader& reader, Inventory& inventory);
void read_kernel(Reader& reader, Inventory& inventory);
void read_limits(Reader& reader, Inventory& inventory);

// Names of the programs that run now (/proc/N/comm), each once: what else tunes, what keeps time.
std::set<std::string> running_programs(Reader& reader);
void read_time(Reader& reader, const std::set<std::string>& running, Inventory& inventory);
void read_environment(Reader& reader, const std::set<std::string>& running, Inventory& inventory);
// Programs and files that change the same settings, for better or worse.
void read_tuners(Reader& reader, const std::set<std::string>& running, Inventory& inventory);
// The control group of this process and the CPUs and nodes that it allows; empty without cpuset.
struct CgroupView {
  std::string version;    // "v2", "v1", "hybrid", "none"
  std::string path;       // in the hierarchy that limits CPUs
  std::string directory;  // where that is mounted, with the path: "/sys/fs/cgroup/user.slice"
  std::string root;       // the mount point itself
  std::optional<CpuSet> cpus, nodes;
};
CgroupView read_cgroup(Reader& reader);

}  // namespace assay::probes
