// What the reports of a plan and of its application share. Pure, thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tuner/plan.hpp"

namespace assay::tuner {

// How many required rows ended in which way: what exit codes are made of.
struct RowCounts {
  unsigned to_change = 0, failed = 0, denied = 0;
  unsigned pending = 0;    // only a boot or a login brings them
  unsigned as_before = 0;  // differ, and were not or could not be changed
};
RowCounts required_rows(const Plan& plan);
// "required values: 2 failed, 1 denied"; "" when all are as wanted.
std::string count_words(const RowCounts& counts);

// The rows as a table; rows of one setting that say the same share a line.
std::string rows_table(const Plan& plan);
// "\nNotes\n  ...", or "".
std::string notes_text(const Plan& plan);
// "12 values: 3 changed, 9 already-ok\n".
std::string counts_line(const Plan& plan);
nlohmann::ordered_json rows_json(const Plan& plan);

}  // namespace assay::tuner
