// An Inventory as a drawing of the machine.
#pragma once

#include <string>

#include "probes/inventory.hpp"

namespace assay::probes {

// A whole SVG 1.1 document: packages, NUMA nodes with memory and huge pages, caches above the CPUs
// that share them, cores with their hardware threads, CPUs coloured by role (isolated, not
// isolated, forbidden to this process, offline), and NICs and drives below the node where they
// hang, with their PCIe link. A degraded link and a NIC whose interrupts or isolated CPUs are on
// another node are marked. Every CPU and every physical device is drawn exactly once, as a group
// with an id ("cpu-12", "nic-0", "drive-3", "nvme-1": its place in the JSON document's list, a
// CPU's number) and a tooltip. No scripts; every name is escaped. Pure, thread-safe.
std::string to_svg(const Inventory& inventory);

}  // namespace assay::probes
