// Pieces of the script that a plan becomes (tuner/plan_script.cpp). Pure. Internal to tuner/.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "tuner/change.hpp"

namespace assay::tuner {

// As one word that a shell takes for itself, whatever stands in it.
std::string quoted(std::string_view text);

// A request of Host::change() as a call of one of the functions below, by the programs that people
// have for it: ethtool(8), taskset(1), swapon(8).
std::string request_lines(const Change& change);
// The functions that these changes need.
std::string request_functions(std::span<const Change> changes);

}  // namespace assay::tuner
