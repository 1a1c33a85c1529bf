// The names that profiles may use, gathered from the tables of settings and techniques.
#pragma once

#include <string>

#include "core/error.hpp"
#include "profiles/profile.hpp"

namespace assay::cli {

// profiles::load_profile() with every setting and technique that this build knows.
Expected<profiles::Profile> load_profile(const std::string& name_or_path);

}  // namespace assay::cli
