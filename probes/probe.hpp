// Reads a host into an Inventory. Read-only; needs no privilege, sees more as root.
#pragma once

#include <atomic>
#include <chrono>

#include "core/host.hpp"
#include "probes/areas.hpp"
#include "probes/inventory.hpp"

namespace assay::probes {

struct ProbeOptions {
  // What to read; the rest of the inventory stays empty, or holds what these look at.
  // Default: everything.
  Areas areas = all_areas();
  // Interrupts are counted twice, this long apart, for their rates. Default: 0, once only.
  std::chrono::nanoseconds window{0};
  // Ends the window early when it becomes true; may be null.
  const std::atomic<bool>* stop = nullptr;
};

// Never fails: what the host does not tell is left empty. Spawns nothing, writes nothing.
// Cost here: see docs/measurements.md (≤15 ms on two CPUs, without a window).
Inventory probe(const Host& host, const ProbeOptions& options);
// Everything, without a window.
Inventory probe(const Host& host);

}  // namespace assay::probes
