#include "probes/hwloc_witness.hpp"

#include <fmt/format.h>
#include <hwloc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace assay::probes {
namespace {

// What the user has set in the environment for other programs must not change what hwloc tells us,
// so all of it is set aside for the moment.
class HwlocEnvironment {
 public:
  HwlocEnvironment() {
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (const char* value = std::getenv(kNames[i])) saved_[i] = value;
      ::unsetenv(kNames[i]);
    }
    ::setenv("HWLOC_HIDE_ERRORS", "2", 1);  // it would print what it finds odd
  }
  HwlocEnvironment(const HwlocEnvironment&) = delete;
  HwlocEnvironment& operator=(const HwlocEnvironment&) = delete;
  ~HwlocEnvironment() {
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (saved_[i]) {
        ::setenv(kNames[i], saved_[i]->c_str(), 1);
      } else {
        ::unsetenv(kNames[i]);
      }
    }
  }

 private:
  static constexpr std::array<const char*, 7> kNames{
      "HWLOC_FSROOT",     "HWLOC_THISSYSTEM", "HWLOC_XMLFILE",    "HWLOC_SYNTHETIC",
      "HWLOC_COMPONENTS", "HWLOC_CPUID_PATH", "HWLOC_HIDE_ERRORS"};
  std::array<std::optional<std::string>, kNames.size()> saved_;
};

struct Destroy {
  void operator()(hwloc_topology* topology) const { hwloc_topology_destroy(topology); }
};
using HwlocTopology = std::unique_ptr<hwloc_topology, Destroy>;

HwlocTopology load() {
  const HwlocEnvironment environment;
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) return nullptr;
  HwlocTopology topology(raw);
  // Forbidden CPUs count as well. Distances and memory attributes are not looked at.
  unsigned long flags = HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED;
#if HWLOC_API_VERSION >= 0x00020800
  flags |= HWLOC_TOPOLOGY_FLAG_NO_DISTANCES | HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS;
#endif
  hwloc_topology_set_flags(raw, flags);
  hwloc_topology_set_all_types_filter(raw, HWLOC_TYPE_FILTER_KEEP_NONE);
  for (const hwloc_obj_type_t type : {HWLOC_OBJ_PACKAGE, HWLOC_OBJ_CORE}) {
    hwloc_topology_set_type_filter(raw, type, HWLOC_TYPE_FILTER_KEEP_ALL);
  }
  // The x86 back end asks CPUID on every CPU by moving this process there: slow, and it would
  // disturb isolated CPUs.
  hwloc_topology_set_components(raw, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
  if (hwloc_topology_load(raw) != 0) return nullptr;
  return topology;
}

unsigned count(hwloc_topology_t topology, hwloc_obj_type_t type) {
  const int number = hwloc_get_nbobjs_by_type(topology, type);
  return number > 0 ? static_cast<unsigned>(number) : 0;
}

void compare(std::string_view what, unsigned ours, unsigned theirs, Topology& topology) {
  // No package or core at all is hwloc's way to say that it was not told.
  if (theirs == 0 || ours == theirs) return;
  topology.notes.push_back(
      fmt::format("hwloc counts {} {}, the kernel's files say {}", theirs, what, ours));
}

bool tells_kinds_apart(hwloc_topology_t topology, unsigned kind) {
  hwloc_info_s* infos = nullptr;
  unsigned number = 0;
  int efficiency = -1;
  if (hwloc_cpukinds_get_info(topology, kind, nullptr, &efficiency, &number, &infos, 0) != 0) {
    return false;
  }
  // Maximum frequencies alone differ between favoured cores of one kind as well.
  for (unsigned i = 0; i < number; ++i) {
    const std::string_view name = infos[i].name;
    if (name == "CoreType" || name == "FrequencyBaseMHz" || name == "LinuxCapacity") {
      return efficiency >= 0;
    }
  }
  return false;
}

void take_kinds(hwloc_topology_t topology, Topology& ours) {
  const int kinds = hwloc_cpukinds_get_nr(topology, 0);
  if (kinds < 2) return;
  const std::unique_ptr<hwloc_bitmap_s, decltype(&hwloc_bitmap_free)> cpus(hwloc_bitmap_alloc(),
                                                                           hwloc_bitmap_free);
  if (!cpus) return;
  for (unsigned kind = 0; kind < static_cast<unsigned>(kinds); ++kind) {
    if (!tells_kinds_apart(topology, kind)) return;
  }
  for (unsigned kind = 0; kind < static_cast<unsigned>(kinds); ++kind) {
    hwloc_cpukinds_get_info(topology, kind, cpus.get(), nullptr, nullptr, nullptr, 0);
    // Kinds are ranked: the first is the most efficient, the last the fastest.
    const bool last = kind + 1 == static_cast<unsigned>(kinds);
    const char* name = kind == 0 ? "efficiency" : last ? "performance" : "middle";
    for (Cpu& cpu : ours.cpus) {
      if (cpu.kind.empty() && hwloc_bitmap_isset(cpus.get(), cpu.id.value)) cpu.kind = name;
    }
  }
}

}  // namespace

bool in_doubt(const Topology& topology) {
  if (!topology.notes.empty()) return true;
  std::uint64_t least = UINT64_MAX;
  std::uint64_t most = 0;
  for (const Cpu& cpu : topology.cpus) {
    if (!cpu.kind.empty()) return false;
    const std::uint64_t khz = cpu.frequency ? cpu.frequency->hardware_max_khz : 0;
    if (khz == 0) continue;
    least = std::min(least, khz);
    most = std::max(most, khz);
  }
  // Favoured cores of one kind are a few percent faster.
  return most > 0 && least * 5 < most * 4;
}

void ask_hwloc(const Host& host, Topology& topology) {
  // Only the kernel's own answers are shown to it. A captured tree may come from anybody, and hwloc
  // follows its links out of the tree, opens its FIFOs and believes its numbers.
  if (!host.is_this_system()) return;
  const HwlocTopology theirs = load();
  if (!theirs) {
    topology.notes.emplace_back("hwloc could not read this host");
    return;
  }
  const Counts& ours = topology.counts;
  compare("CPUs", ours.cpus, count(theirs.get(), HWLOC_OBJ_PU), topology);
  compare("cores", ours.cores, count(theirs.get(), HWLOC_OBJ_CORE), topology);
  compare("packages", ours.packages, count(theirs.get(), HWLOC_OBJ_PACKAGE), topology);
  compare("NUMA nodes", ours.nodes, count(theirs.get(), HWLOC_OBJ_NUMANODE), topology);
  take_kinds(theirs.get(), topology);
}

}  // namespace assay::probes
