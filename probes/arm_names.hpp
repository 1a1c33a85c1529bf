// Names of Arm CPUs: the kernel tells only the numbers of the MIDR register. Internal to probes.
#pragma once

#include <string>
#include <string_view>

namespace assay::probes {

// "Arm" of "0x41"; "" for an implementer that is not in the table. Source: the MIDR_EL1 register,
// Arm Architecture Reference Manual, and the vendors' technical reference manuals.
std::string_view arm_vendor(std::string_view implementer);
// "Neoverse-N1" of "0x41", "0xd0c"; "" when unknown.
std::string_view arm_model(std::string_view implementer, std::string_view part);

}  // namespace assay::probes
