// What is applied and measured together: the rows of one setting, with those of settings that move
// it or must be set before it. Internal to certify/; pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tuner/plan.hpp"

namespace assay::certify {

struct ProofGroup {
  std::vector<std::string_view> settings;  // ids, in the order in which they are changed
  std::vector<std::size_t> rows;           // of the plan, in their order
  // The profile requires at least one of them: what depends on each other is kept as a whole.
  bool required = false;
  tuner::Disruption disruption = tuner::Disruption::none;
  // Switched on and off between the blocks of a measurement; false: measured before, then after.
  bool interleaved = true;
  std::string how;  // "on and off by turns", or why not: "before, then after: a link-reset"
};

// Every row of the plan that will be changed is in exactly one group; groups come in the order in
// which a tune makes their first rows.
std::vector<ProofGroup> proof_groups(const tuner::Plan& plan);

// "memory.swappiness", "block.scheduler + block.nr-requests".
std::string group_name(const std::vector<std::string_view>& settings);

}  // namespace assay::certify
