// What a PCI function's configuration space tells of its link. Internal to probes; pure.
//
// Kernels before 4.13 have no max_link_speed and current_link_speed in sysfs; lspci reads the same
// registers. Source: PCI Express Base Specification, 7.5.3 (PCI Express capability structure).
#pragma once

#include <optional>
#include <string_view>

#include "probes/inventory.hpp"

namespace assay::probes {

// `config` is the content of sysfs `config`: 64 bytes for an ordinary user, who cannot see the
// capabilities, 256 or 4096 for root. Absent when there is no PCI Express capability in it, or
// when that claims a speed or width that no generation has. The slot's part is left 0.
std::optional<PcieLink> link_in_config(std::string_view config);

}  // namespace assay::probes
