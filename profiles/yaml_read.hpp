// Typed reading of one YAML value: each function says where the value stands and what was expected.
//
// `what` names the field in messages ("time_limit"). Errors are always `invalid`, in one form:
// "WHAT: expected ..., found ...". Values are returned as copies. Pure, thread-safe. Internal to
// profiles/.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/units.hpp"
#include "profiles/yaml_tree.hpp"

namespace assay::profiles {

// The inclusive bounds of a whole number.
struct CountRange {
  std::uint64_t low = 0, high = 0;
};

// "a map", "a list", "nothing", or the scalar itself in quotes: the "found" half of a message.
std::string describe(const YamlNode& node);

// The node is a map, with no key outside `allowed` (with "did you mean"). `what` may be "a budget".
Expected<void> expect_map(const YamlNode& node, std::string_view what,
                          std::span<const std::string_view> allowed);
// The node is a list; its items are the caller's to check.
Expected<void> expect_list(const YamlNode& node, std::string_view what);

// One line of text, not empty, at most 1,000 bytes, no control characters.
Expected<std::string> read_text(const YamlNode& node, std::string_view what);
// The same, or a list of such texts, joined with commas: CPU lists and comma-separated options.
Expected<std::string> read_text_or_list(const YamlNode& node, std::string_view what);
// A name of a profile or role: a-z, 0-9, '.', '_' and '-', starting with a letter, up to 64 bytes.
Expected<std::string> read_name(const YamlNode& node, std::string_view what);

Expected<bool> read_flag(const YamlNode& node, std::string_view what);  // true or false
// Decimal digits only: no sign, no 0x, no 1e3.
Expected<std::uint64_t> read_count(const YamlNode& node, std::string_view what, CountRange range);
// A decimal number; the caller checks its range.
Expected<double> read_number(const YamlNode& node, std::string_view what);
// In the notation of parse_duration(), so with its unit; above 0.
Expected<Nanoseconds> read_duration(const YamlNode& node, std::string_view what);
// In the notation of parse_bytes(); above 0.
Expected<Bytes> read_size(const YamlNode& node, std::string_view what);

// "one, two or three": for "expected ..." in messages.
std::string one_of(std::span<const std::string_view> words);

}  // namespace assay::profiles
