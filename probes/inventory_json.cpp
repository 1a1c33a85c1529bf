#include "probes/inventory_json.hpp"

#include "core/digest.hpp"
#include "probes/json_parts.hpp"

namespace assay::probes {
namespace {

std::string digest_of(const Json& document, Part part) {
  // Compact text of an ordered document: the same facts give the same bytes.
  return sha256(part_of(document, part).dump(-1, ' ', true, Json::error_handler_t::replace));
}

InventoryDigests digests_of(const Json& document) {
  return {digest_of(document, Part::identity), digest_of(document, Part::configuration),
          digest_of(document, Part::state)};
}

}  // namespace

Json document_json(const Inventory& inventory) {
  return {{"schema", "assay.probe"},
          {"version", 1},
          {"host", {{"name", inventory.host_name}, {"load_1m", inventory.load_1m}}},
          {"topology", topology_json(inventory.topology)},
          {"memory", memory_json(inventory.memory)},
          {"interrupts", interrupts_json(inventory.interrupts)},
          {"pci", pci_json(inventory.pci)},
          {"net", nics_json(inventory.nics)},
          {"block", block_json(inventory.block)},
          {"nvme", nvme_json(inventory.nvme)},
          {"mounts", mounts_json(inventory.mounts)},
          {"kernel", kernel_json(inventory.kernel)},
          {"time", time_json(inventory.time)},
          {"limits", limits_json(inventory.limits)},
          {"environment", environment_json(inventory.environment)},
          {"unreadable", inventory.unreadable}};
}

nlohmann::ordered_json to_json(const Inventory& inventory) {
  Json document = document_json(inventory);
  const InventoryDigests digests = digests_of(document);
  document["digests"] = {{"identity", digests.identity},
                         {"configuration", digests.configuration},
                         {"state", digests.state}};
  return document;
}

InventoryDigests digests(const Inventory& inventory) {
  return digests_of(document_json(inventory));
}

}  // namespace assay::probes
