// A merged profile as one file that extends nothing.
#pragma once

#include <string>

#include "profiles/profile.hpp"

namespace assay::profiles {

// Loads to the same profile: same name, same digest. Whoever keeps it (the start-up unit, which
// must not change when a file that was extended does) needs no other file. Texts are quoted, so
// none of them can be anything but text. Pure, thread-safe.
std::string profile_yaml(const Profile& profile);

}  // namespace assay::profiles
