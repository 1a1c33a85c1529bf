// A check as a table for people: what differs first, equal targets in one line.
#pragma once

#include <string>
#include <vector>

#include "tuner/check.hpp"

namespace assay::tuner {

// Rows of one setting that say the same: "cpu.governor  cpu0-63  performance  ok".
struct CheckGroup {
  CheckRow row;         // what they share; target and local are the first one's
  std::string targets;  // "cpu0-63", "vda and 3 more"
  unsigned count = 1;
};

// Groups equal neighbours, in the order that people want: differs, pending-reboot, denied, waived,
// kernel-managed, ok, not-applicable; within each the order of the settings table. Pure.
std::vector<CheckGroup> group_rows(const CheckReport& report);

// The whole text with header, notes, counts and "exit code N: why". Ends with a newline. Pure.
std::string render_table(const CheckReport& report);

}  // namespace assay::tuner
