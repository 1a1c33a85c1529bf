// The language of values: how a wanted and an actual text compare, by meaning and never by
// spelling.
//
// kind        texts                                              at_least / at_most
// word        "none"; a wanted "a|b" accepts either              not allowed
// number      "10", "-1", "0.5", "unlimited"                     by size
// bytes       "64MiB", "4K", "0", "unlimited"                    by size
// duration    "10us", "1.5ms", "0", "unlimited"                  by size
// frequency   "3.2GHz", "800MHz", "3200000kHz", bare kHz         by size
// flag        yes/on/true/1/enabled and their opposites          not allowed
// cpu_list    "0-3,8", "0xff", "none"                            contains all of / only those of
//
// Pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "core/cpuset.hpp"
#include "core/error.hpp"
#include "profiles/profile.hpp"
#include "tuner/setting.hpp"

namespace assay::tuner {

// Whether an actual value is as wanted. Match::keep agrees with everything.
// Error: invalid, when either text is not a value of this kind (the message names the text).
Expected<bool> agrees(ValueKind kind, profiles::Match match, std::string_view wanted,
                      std::string_view actual);

// Whether a text is a value of this kind at all, and the match one that the kind has.
// Error: invalid, with what was expected.
Expected<void> check_value(ValueKind kind, profiles::Match match, std::string_view wanted);

// For people: "≥ 10s", "≤ 2us", "within 0-1", "contains 2-3", "recorded".
std::string show_wanted(ValueKind kind, profiles::Match match, std::string_view wanted);

// "0-3", "0x0f" or "none" as a set. Error: invalid.
Expected<CpuSet> parse_cpus(std::string_view text);
// The list form; the empty set is "none", so that a table never shows a hole.
std::string show_cpus(const CpuSet& cpus);

// The kernel's bare number with its unit, in the form that people and profiles write: ("250", "us",
// duration) → "250us"; ("128", "KiB", bytes) → "128KiB"; ("-1", "us", duration) → "unlimited".
// A text that is no whole number is returned as it is.
std::string with_unit(ValueKind kind, std::string_view unit, std::string_view raw);

// with_unit() backwards: what is written for a wanted value. ("10s", "s", duration) → "10";
// ("unlimited", "us", duration) → "-1"; flags are 1 and 0; of the words "a|b" the first. Errors:
// invalid, when it is no value of the kind; unsupported, when it is no whole number of the unit.
Expected<std::string> without_unit(ValueKind kind, std::string_view unit, std::string_view shown);

}  // namespace assay::tuner
