// The parts of an inventory that can be asked for one by one. Names are the document's own.
//
// An explicit table; values only, thread-safe.
#pragma once

#include <bitset>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace assay::probes {

enum class Area : std::uint8_t {
  topology,
  memory,
  interrupts,
  pci,
  net,
  block,
  nvme,
  rdma,
  storage,
  mounts,
  kernel,
  time,
  limits,
  environment,
};
inline constexpr std::size_t kAreaCount = 14;

// A set of areas.
using Areas = std::bitset<kAreaCount>;
inline bool has(const Areas& areas, Area area) { return areas[static_cast<std::size_t>(area)]; }
inline Areas all_areas() { return Areas().set(); }

struct AreaRow {
  Area area;
  std::string_view name;   // a top-level part of the document
  std::string_view about;  // for the help
};
// Every row, in the order of the enum and of the document.
std::span<const AreaRow> area_rows();

// The areas of these names; every one for an empty list. Error: invalid, with a suggestion.
Expected<Areas> parse_areas(const std::vector<std::string>& names);

// The areas and what has to be read for their sake: a NIC's link stands with its PCI device.
Areas with_needs(Areas areas);

}  // namespace assay::probes
