// An Inventory as a document, and its digests.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "probes/inventory.hpp"
#include "probes/inventory_view.hpp"

namespace assay::probes {

// {"schema":"assay.probe","version":1,"topology":{"counts":{...},"nodes":[...]},"net":[...],
//  "block":[...],...}; the published schema is docs/schemas/probe.schema.json.
nlohmann::ordered_json to_json(const Inventory& inventory);
// The same with the view's areas only: they stand in "areas", and there are no digests.
nlohmann::ordered_json to_json(const Inventory& inventory, const InventoryView& view);

// Digest of each part: equal on two hosts (or two days) exactly when that part is the same.
struct InventoryDigests {
  std::string identity;  // "sha256:..."
  std::string configuration;
  std::string state;
};
InventoryDigests digests(const Inventory& inventory);

}  // namespace assay::probes
