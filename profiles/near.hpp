// CPUs near a NIC or drive: those of the NUMA node that the device hangs on.
//
// A device is named by this boot's name ("eth1", "nvme0n1", "nvme0"), by its stable one
// ("pci-0000:41:00.0/ns1") or by its PCI address; a '*' stands for any part of a name, and several
// devices give the CPUs of all their nodes. "nic:" or "drive:" before it narrows the search. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/cpuset.hpp"
#include "core/error.hpp"
#include "probes/inventory.hpp"

namespace assay::profiles {

struct NamedDevice {
  std::string_view name;       // "eth1"; lives as long as the inventory
  std::optional<NodeId> node;  // absent: the firmware does not tell
};

// Every device that is meant; empty when there is none. A drive behind a controller ("nvme0n1" of
// "nvme0") and the controller are told once each.
std::vector<NamedDevice> find_devices(const probes::Inventory& inventory, std::string_view which);

// The online CPUs of their nodes; of a node without CPUs, those of the nearest one that has some.
// On a host with one node that is every CPU. Errors: invalid when no such device is there (the
// cause tells those that are), or when a node is not told.
Expected<CpuSet> cpus_near(const probes::Inventory& inventory, std::string_view which);

}  // namespace assay::profiles
