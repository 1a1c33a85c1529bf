// The devices of the drawing: what each says, and where it hangs. Internal to probes; pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "probes/inventory.hpp"

namespace assay::probes {

struct Chip {
  std::string id;     // "nic-0", "drive-3", "nvme-1": its place in the inventory's list
  std::string style;  // "nic" or "drive"
  std::string name;
  std::string detail;                 // driver or model
  std::string facts;                  // speed, link
  std::vector<std::string> warnings;  // a degraded link, far from the CPUs that use it
  std::string tooltip;
  std::optional<NodeId> node;
};

// Physical NICs, drives, and NVMe controllers without a drive, in the inventory's order.
std::vector<Chip> device_chips(const Inventory& inventory);

}  // namespace assay::probes
