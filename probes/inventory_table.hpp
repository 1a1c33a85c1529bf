// An Inventory as a page that a person reads at a glance.
#pragma once

#include <string>

#include "probes/inventory.hpp"
#include "probes/inventory_view.hpp"

namespace assay::probes {

// Sections with aligned columns, at most 100 columns wide, ending in a newline. What the host did
// not tell is left out or shown as "-". CPUs with the same settings share a line, and so do queues
// and interrupts, so the page stays short on a host with hundreds of them. Pure, thread-safe; no
// colours.
std::string to_table(const Inventory& inventory);
// The sections of the view's areas only.
std::string to_table(const Inventory& inventory, const InventoryView& view);

}  // namespace assay::probes
