#include "probes/inventory_json.hpp"

#include <array>

#include "core/digest.hpp"
#include "probes/json_parts.hpp"

namespace assay::probes {
namespace {

InventoryDigests digests_of(const Json& document) {
  return {sha256(part_text(document, Part::identity)),
          sha256(part_text(document, Part::configuration)),
          sha256(part_text(document, Part::state))};
}

Json area_json(const Inventory& inventory, Area area) {
  switch (area) {
    case Area::topology:
      return topology_json(inventory.topology);
    case Area::memory:
      return memory_json(inventory.memory);
    case Area::interrupts:
      return interrupts_json(inventory.interrupts);
    case Area::pci:
      return pci_json(inventory.pci);
    case Area::net:
      return nics_json(inventory.nics);
    case Area::block:
      return block_json(inventory.block);
    case Area::nvme:
      return nvme_json(inventory.nvme);
    case Area::rdma:
      return rdma_json(inventory.rdma);
    case Area::storage:
      return storage_json(mounted_storage(inventory));
    case Area::mounts:
      return mounts_json(inventory.mounts);
    case Area::kernel:
      return kernel_json(inventory.kernel);
    case Area::time:
      return time_json(inventory.time);
    case Area::limits:
      return limits_json(inventory.limits);
    case Area::environment:
      return environment_json(inventory.environment);
  }
  return nullptr;
}

// Room for every member from the start: when nlohmann's ordered map grows, it copies what it holds.
Json roomy_document() {
  constexpr std::size_t kOthers = 8;  // schema, version, areas, host, unreadable, digests
  Json::object_t members;
  members.reserve(area_rows().size() + kOthers);
  return members;
}

Json view_json(const Inventory& inventory, const InventoryView& view) {
  Json document = roomy_document();
  document["schema"] = "assay.probe";
  document["version"] = 1;
  if (!view.everything()) {
    document["areas"] = Json::array();
    for (const AreaRow& row : area_rows()) {
      if (has(view.areas, row.area)) document["areas"].push_back(row.name);
    }
  }
  document["host"] = object({{"name", inventory.host_name}, {"load_1m", inventory.load_1m}});
  for (const AreaRow& row : area_rows()) {
    if (!has(view.areas, row.area)) continue;
    const bool one_path = row.area == Area::storage && view.storage;
    document[std::string(row.name)] =
        one_path ? Json::array({storage_path_json(*view.storage)}) : area_json(inventory, row.area);
  }
  document["unreadable"] = inventory.unreadable;
  return document;
}

}  // namespace

Json document_json(const Inventory& inventory) { return view_json(inventory, InventoryView{}); }

nlohmann::ordered_json to_json(const Inventory& inventory) {
  Json document = document_json(inventory);
  const InventoryDigests digests = digests_of(document);
  document["digests"] = object({{"identity", digests.identity},
                                {"configuration", digests.configuration},
                                {"state", digests.state}});
  return document;
}

nlohmann::ordered_json to_json(const Inventory& inventory, const InventoryView& view) {
  // A digest of some areas would look like one of the host.
  return view.everything() ? to_json(inventory) : view_json(inventory, view);
}

InventoryDigests digests(const Inventory& inventory) {
  return digests_of(document_json(inventory));
}

}  // namespace assay::probes
