// The pieces of the probe document. Internal to probes; pure functions, thread-safe.
//
// Rules of the document: units stand in the names ("size_bytes"), sets of CPUs are lists in the
// kernel's notation ("0-3,8"), null means that the host did not tell, "" that it told nothing.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "probes/areas.hpp"
#include "probes/inventory.hpp"
#include "probes/storage.hpp"

namespace assay::probes {

using Json = nlohmann::ordered_json;

// An object of these members, in this order; their keys differ. nlohmann's own braces make a list
// of two for each member first, copy it, and look every key up: five times the work, and the
// document of a large host has a hundred thousand members.
struct Member {
  const char* key;
  mutable Json value;  // moved out of the list, whose elements are const
};
inline Json object(std::initializer_list<Member> members) {
  Json::object_t map;
  map.reserve(members.size());
  std::vector<Json::object_t::value_type>& in_order = map;
  for (const Member& member : members) in_order.emplace_back(member.key, std::move(member.value));
  return map;
}

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
Json link_json(const std::optional<PcieLink>& link);
Json pci_json(const std::vector<PciDevice>& devices);
Json rdma_json(const std::vector<RdmaDevice>& devices);
Json mounts_json(const std::vector<Mount>& mounts);
// json_net.cpp, json_block.cpp, json_nvme.cpp
Json nics_json(const std::vector<Nic>& nics);
Json block_json(const std::vector<BlockDevice>& devices);
Json storage_path_json(const StoragePath& path);
Json storage_json(const std::vector<StoragePath>& paths);
Json nvme_json(const std::vector<NvmeController>& controllers);
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
// The part of a document that belongs to one digest, as compact JSON that is the same whatever
// names and numbers this boot gave to devices: the same facts give the same bytes. Part::none is
// what no digest covers.
std::string part_text(const Json& document, Part part);

}  // namespace assay::probes
