// The host as it will be once SMT is off: only the first thread of each core.
//
// Rows are planned for that host. Otherwise an interrupt would be sent to a thread that the same
// plan switches off, and the next check would find it wrong.
#pragma once

#include "probes/inventory.hpp"
#include "profiles/profile.hpp"

namespace assay::tuner {

// The profile wants SMT off, it is on, and this host can switch it.
bool wants_single_threads(const profiles::Profile& profile, const probes::Inventory& inventory);

// Pure. The kernel keeps the first thread of each core (Documentation/ABI/testing/
// sysfs-devices-system-cpu, smt/control).
probes::Inventory without_siblings(const probes::Inventory& inventory);

}  // namespace assay::tuner
