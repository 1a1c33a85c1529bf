// The parameters that a budget may give its technique, as far as their form goes. What a parameter
// does, and which technique takes it, is the engine's to say (see Vocabulary::check_budget).
// Pure, thread-safe. Internal to profiles/.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "profiles/loader.hpp"
#include "profiles/yaml_tree.hpp"

namespace assay::profiles {

// Reads one entry of `parameters:`; returns the value in its one canonical spelling ("4096" and
// "4KiB" are the same block, "true" and "on" the same flag), so that equal budgets merge and equal
// profiles have equal digests. Error: invalid for an unknown name or a malformed value.
Expected<std::string> read_parameter(const YamlNode& key, const YamlNode& value,
                                     const Vocabulary& vocabulary);

}  // namespace assay::profiles
