// What of a plan shall last over a reboot, and the files for it.
#pragma once

#include "profiles/profile.hpp"
#include "tuner/evaluate.hpp"
#include "tuner/persist.hpp"
#include "tuner/plan.hpp"

namespace assay::tuner {

// Puts the files into plan.lasting, and what a person should know (who will override a value, what
// has to be done by hand) into plan.notes. `rows` are the plan's in the order of the evaluation,
// those that are only recorded left out. Rows that are not applicable, kernel-managed, denied,
// waived, or left out for their disruption do not last. Errors: those of persist_changes().
Expected<void> add_lasting(const HostView& view, const Evaluation& evaluation,
                           const std::vector<PlanRow>& rows, const profiles::Profile& profile,
                           const PlanOptions& options, Plan& plan);

}  // namespace assay::tuner
