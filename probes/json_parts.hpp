// The pieces of the probe document. Internal to probes; pure functions, thread-safe.
//
// Rules of the document: units stand in the names ("size_bytes"), sets of CPUs are lists in the
// kernel's notation ("0-3,8"), null means that the host did not tell, "" that it told nothing.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "probes/inventory.hpp"

namespace assay::probes {

using Json = nlohmann::ordered_json;

// null for an absent value.
template <typename T>
Json optional_json(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}
inline Json optional_json(const std::optional<CpuSet>& value) {
  return value ? Json(value->to_list()) : Json(nullptr);
}
inline Json optional_json(const std::optional<NodeId>& value) {
  return value ? Json(value->value) : Json(nullptr);
}

// json_topology.cpp
Json topology_json(const Topology& topology);
Json huge_pages_json(const std::vector<HugePages>& sizes);
// json_devices.cpp
Json pci_json(const std::vector<PciDevice>& devices);
Json nics_json(const std::vector<Nic>& nics);
Json block_json(const std::vector<BlockDevice>& devices);
Json nvme_json(const std::vector<NvmeController>& controllers);
Json mounts_json(const std::vector<Mount>& mounts);
// json_system.cpp
Json memory_json(const Memory& memory);
Json interrupts_json(const Interrupts& interrupts);
Json kernel_json(const Kernel& kernel);
Json time_json(const TimeSync& time);
Json limits_json(const Limits& limits);
Json environment_json(const Environment& environment);

// The whole document but its digests.
Json document_json(const Inventory& inventory);

// --- digests.cpp ---

enum class Part : std::uint8_t { identity, configuration, state, none };
// The part of a document that belongs to one digest, in a form that is the same whatever names and
// numbers this boot gave to devices. Part::none is what no digest covers.
Json part_of(const Json& document, Part part);

}  // namespace assay::probes
