// `assay tune --prove`: shows what would be proven, and proves it.
#pragma once

#include <string>

#include "cli/command.hpp"
#include "core/error.hpp"
#include "core/host.hpp"
#include "profiles/profile.hpp"
#include "tuner/apply.hpp"
#include "tuner/journal.hpp"
#include "tuner/plan.hpp"

namespace assay::cli {

// How long each group of settings is measured: `text`, or what the profile says where that is
// empty. Error: invalid.
Expected<Nanoseconds> prove_time(const std::string& text, const profiles::Profile& profile);

// What would be proven, for whoever decides. Errors: those of certify::describe_proof().
Expected<std::string> proof_plan_text(const Host& host, const profiles::Profile& profile,
                                      tuner::Plan plan, Nanoseconds per_group, bool json);

struct ProveRun {
  tuner::ApplyOptions apply;
  tuner::PlanOptions plan;
  Nanoseconds per_group{0};
  bool json = false;
};
// Measures, keeps and prints the ledger. The caller holds the lock; needs root. Returns the exit
// code.
int prove_host(Host& host, tuner::Plan plan, const profiles::Profile& profile,
               tuner::JournalFolder& folder, const ProveRun& run, const Context& context);

}  // namespace assay::cli
