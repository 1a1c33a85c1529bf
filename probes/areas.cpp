#include "probes/areas.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/suggest.hpp"

namespace assay::probes {
namespace {

constexpr auto kRows = std::to_array<AreaRow>({
    {Area::topology, "topology", "CPUs, cores, caches, NUMA nodes, frequency and idle states"},
    {Area::memory, "memory", "sizes, huge pages, swap"},
    {Area::interrupts, "interrupts", "what each serves, where it may go, counts and rates"},
    {Area::pci, "pci", "devices with links, IOMMU groups, virtual functions"},
    {Area::net, "net", "interfaces with queues, rings, offloads, timestamping"},
    {Area::block, "block", "drives and what is stacked on them"},
    {Area::nvme, "nvme", "controllers with namespaces, power states, health"},
    {Area::rdma, "rdma", "RDMA devices and their ports"},
    {Area::storage, "storage", "from each mounted file system down to its drives"},
    {Area::mounts, "mounts", "mounted file systems"},
    {Area::kernel, "kernel", "version, boot line, build options, mitigations, io_uring"},
    {Area::time, "time", "what keeps the clock right, PTP clocks"},
    {Area::limits, "limits", "of this process and of asynchronous I/O"},
    {Area::environment, "environment", "hypervisor, container, control groups, who else tunes"},
});
static_assert(kRows.size() == kAreaCount);

struct Need {
  Area area, of;
};
// What an area looks at besides itself; a need's own needs stand in rows after it.
constexpr auto kNeeds = std::to_array<Need>({{Area::storage, Area::mounts},
                                             {Area::environment, Area::mounts},
                                             {Area::mounts, Area::block},
                                             {Area::nvme, Area::block},
                                             {Area::time, Area::net},
                                             {Area::rdma, Area::net},
                                             {Area::interrupts, Area::net},
                                             {Area::interrupts, Area::block},
                                             {Area::block, Area::interrupts},
                                             {Area::net, Area::interrupts},
                                             {Area::block, Area::pci},
                                             {Area::net, Area::pci},
                                             {Area::topology, Area::memory}});

}  // namespace

std::span<const AreaRow> area_rows() { return kRows; }

Expected<Areas> parse_areas(const std::vector<std::string>& names) {
  if (names.empty()) return all_areas();
  Areas areas;
  for (const std::string& name : names) {
    const auto row = std::find_if(kRows.begin(), kRows.end(),
                                  [&](const AreaRow& candidate) { return candidate.name == name; });
    if (row == kRows.end()) {
      std::array<std::string_view, kAreaCount> known;
      std::transform(kRows.begin(), kRows.end(), known.begin(),
                     [](const AreaRow& candidate) { return candidate.name; });
      const std::string hint = did_you_mean(name, known);
      return fail(ErrorCode::invalid, "probe", name,
                  hint.empty() ? fmt::format("there is no such area: {}", fmt::join(known, ", "))
                               : "there is no such area" + hint);
    }
    areas.set(static_cast<std::size_t>(row->area));
  }
  return areas;
}

Areas with_needs(Areas areas) {
  const Areas asked = areas;
  for (const Need& need : kNeeds) {
    // Interrupts need devices for their names, devices interrupts for theirs: only what was asked
    // for pulls in the other side's details.
    const bool circular = need.area == Area::interrupts && !has(asked, Area::interrupts);
    if (has(areas, need.area) && !circular) areas.set(static_cast<std::size_t>(need.of));
  }
  return areas;
}

}  // namespace assay::probes
