// The start-up units, and what starts them again when a device appears. Internal to persist.cpp
// and its tests. Pure, thread-safe.
#pragma once

#include <string>

#include "tuner/persist.hpp"

namespace assay::tuner {

// Error: invalid for a profile's name or a program's path that a unit has no place for.
Expected<void> check_profile(const PersistedProfile& profile);

// assay-tune@.service applies the profile of its name once at boot.
std::string boot_unit(const PersistedProfile& profile);
// assay-tune-device@.service applies it again for a device; nothing that disturbs running work.
std::string device_unit(const PersistedProfile& profile);
// A drop-in of multi-user.target that wants the first of them: no link has to be made.
std::string target_drop_in(const PersistedProfile& profile);
// udev rules that start the second one for a NIC, a drive or a CPU that comes.
std::string device_rules(const PersistedProfile& profile);
// What a network manager runs when a link comes up. `skip` is shell that leaves early, or "".
std::string link_hook(const PersistedProfile& profile, std::string_view skip);

}  // namespace assay::tuner
