// What a profile's text must be before a YAML parser sees it. Pure, thread-safe. Internal to
// profiles/.
#pragma once

#include <string_view>

#include "core/error.hpp"

namespace assay::profiles {

// Checks size, encoding (UTF-8 without control characters other than tab and line ends) and that no
// line is indented with a tab. yaml-cpp ends a file silently at a 0x04 byte, guesses UTF-16 from
// leading bytes and reads tabs in its own way: here each is an error with its place. Lines and
// columns count from 1, columns in bytes. Error: invalid, at the first offending byte.
Expected<void> check_text(std::string_view text, std::string_view file_name);

}  // namespace assay::profiles
