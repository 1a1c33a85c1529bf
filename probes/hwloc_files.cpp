#include "probes/hwloc_files.hpp"

#include <array>
#include <string>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

constexpr auto kHostFiles = std::to_array<const char*>(
    {"/proc/meminfo", "/proc/cpuinfo", "/sys/devices/system/cpu/online",
     "/sys/devices/system/cpu/possible", "/sys/devices/system/node/online",
     "/sys/fs/cgroup/cgroup.controllers", "/sys/devices/cpu_core/cpus",
     "/sys/devices/cpu_atom/cpus", "/sys/devices/virtual/dmi/id/sys_vendor",
     "/sys/devices/virtual/dmi/id/product_name", "/sys/devices/virtual/dmi/id/product_version",
     "/sys/devices/virtual/dmi/id/board_vendor", "/sys/devices/virtual/dmi/id/board_name",
     "/sys/devices/virtual/dmi/id/chassis_type", "/sys/devices/virtual/dmi/id/bios_vendor"});

constexpr auto kCpuFiles = std::to_array<const char*>(
    {"topology/core_cpus", "topology/thread_siblings", "topology/package_cpus",
     "topology/core_siblings", "topology/die_cpus", "topology/cluster_cpus", "topology/core_id",
     "topology/die_id", "topology/cluster_id", "topology/physical_package_id", "topology/book_id",
     "topology/book_siblings", "topology/drawer_id", "topology/drawer_siblings", "cpu_capacity",
     "cpufreq/cpuinfo_max_freq", "cpufreq/base_frequency"});

constexpr auto kCacheFiles =
    std::to_array<const char*>({"shared_cpu_map", "type", "size", "physical_line_partition",
                                "number_of_sets", "level", "id", "coherency_line_size"});

constexpr auto kNodeFiles = std::to_array<const char*>({"cpumap", "meminfo", "distance"});

template <std::size_t kSize>
void touch(const Host& host, const std::string& base, const std::array<const char*, kSize>& names) {
  for (const char* name : names) (void)host.read(base + name);
}

}  // namespace

void touch_hwloc_files(const Host& host) {
  touch(host, "", kHostFiles);
  const std::string cpus = "/sys/devices/system/cpu";
  for (const std::string& name : host.list(cpus).value_or(std::vector<std::string>{})) {
    if (!number_after(name, "cpu")) continue;
    const std::string base = cpus + "/" + name + "/";
    touch(host, base, kCpuFiles);
    for (const std::string& index :
         host.list(base + "cache").value_or(std::vector<std::string>{})) {
      if (number_after(index, "index")) touch(host, base + "cache/" + index + "/", kCacheFiles);
    }
  }
  const std::string nodes = "/sys/devices/system/node";
  for (const std::string& name : host.list(nodes).value_or(std::vector<std::string>{})) {
    if (number_after(name, "node")) touch(host, nodes + "/" + name + "/", kNodeFiles);
  }
}

}  // namespace assay::probes
