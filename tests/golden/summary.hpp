// What the golden files hold of an inventory: the facts that probes derive, without the bulk.
#pragma once

#include <nlohmann/json.hpp>

#include "probes/inventory.hpp"

namespace assay::probes {

// Counts, sets, cores and packages as CPU lists, caches by level, nodes, devices, the interrupts of
// devices, what ethtool and the NVMe drives answered, kernel, notes.
nlohmann::ordered_json summary(const Inventory& inventory);

}  // namespace assay::probes
