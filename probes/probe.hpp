// Reads a host into an Inventory. Read-only; needs no privilege, sees more as root.
#pragma once

#include "core/host.hpp"
#include "probes/inventory.hpp"

namespace assay::probes {

// Never fails: what the host does not tell is left empty. Spawns nothing, writes nothing.
// Cost here: see docs/measurements.md (≤20 ms on two CPUs).
Inventory probe(const Host& host);

}  // namespace assay::probes
