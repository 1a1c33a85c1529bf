// Tune, measure, keep: applies a plan one group of settings at a time, measures the profile's
// budgets without and with the group, keeps what helps or is required, and takes the rest back.
//
// The whole is one transaction with one journal (tuner/transaction.hpp): a process that is killed
// at any point leaves one that `assay rollback` undoes, a stop or a failure puts everything back,
// and what is kept at the end is undone by one rollback.
//
//   required by the profile   kept, whatever it does; the ledger says what that is
//   merely advised            kept when it helps some percentile and hurts none, else taken back
//
// A comparison helps or hurts when its whole interval does. All comparisons of a proof (groups x
// budgeted percentiles) share the profile's alpha (Bonferroni): the chance that any of the settings
// that do nothing is called helpful or harmful is at most that.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "certify/prove_effects.hpp"
#include "certify/prove_groups.hpp"
#include "core/error.hpp"
#include "core/host.hpp"
#include "core/units.hpp"
#include "profiles/profile.hpp"
#include "tuner/apply.hpp"
#include "tuner/journal.hpp"
#include "tuner/plan.hpp"

namespace assay::certify {

class ProofMeter;  // certify/prove_meter.hpp

enum class Decision : std::uint8_t {
  kept_helps,           // helps, and hurts nothing
  kept_required,        // the profile requires it, and it does not help beyond doubt
  undone_hurts,         // advised, and hurts at least one percentile
  undone_no_effect,     // advised, and nothing could be told from no effect
  undone_inconclusive,  // advised, and nothing could be compared
  not_applied,          // the host did not take it
  put_back              // everything was put back before it was decided, or afterwards
};
std::string_view to_string(Decision decision);  // "kept-helps", "undone-hurts", ...

struct LedgerEntry {
  ProofGroup group;
  Decision decision = Decision::put_back;
  std::string reason = {};  // in words, with figures
  std::vector<Effect> effects = {};
  Nanoseconds took{0};

  bool has(EffectKind kind) const;
  // Nothing of it could be compared.
  bool inconclusive() const;
};

struct ProveOptions {
  tuner::ApplyOptions apply;
  tuner::PlanOptions plan;  // as the plan was made; `persist` keeps what is kept over a reboot
  // One line for a terminal: which group is at work.
  std::function<void(std::string_view)> on_progress;
};

struct ProveReport {
  tuner::ApplyReport tuned;  // every row, and the journal of what was kept
  std::vector<LedgerEntry> ledger;
  double confidence = 0, confidence_each = 0;  // of all comparisons, of each
  std::size_t comparisons = 0;                 // groups x percentiles that can be measured
  Nanoseconds took{0};

  // 0 all required values are as wanted, each proven; else, first that holds: 130 stopped; 4
  // something failed, and all was put back; 1 a required value is not as wanted, or is kept
  // although it hurts; 3 one is denied; 2 a group could not be compared at all.
  int exit_code() const;
  std::string exit_reason() const;
};

// `plan` was made for this host and profile, and the caller holds the lock. `meter` may be null
// where the plan changes no setting. Needs root. Errors: only when nothing was changed: the journal
// could not be written.
Expected<ProveReport> prove(Host& host, tuner::Plan plan, const profiles::Profile& profile,
                            tuner::JournalFolder& folder, ProofMeter* meter,
                            const ProveOptions& options);

// The time of a group, unless somebody chooses another: a certificate's, but no more than this.
inline constexpr Nanoseconds kProveTimeMost = std::chrono::seconds(60);

// What a proof would do.
struct ProofPlan {
  tuner::Plan plan;
  std::vector<ProofGroup> groups;
  std::vector<ProofLimit> limits;
  unsigned rounds = 0;       // of each side
  Nanoseconds per_group{0};  // at most
  double confidence = 0, confidence_each = 0;
  Nanoseconds about{0}, at_most{0};  // of the whole
};
// Errors: invalid, for a budget that cannot be understood, or a profile without budgets.
Expected<ProofPlan> describe_proof(const Host& host, const probes::Inventory& inventory,
                                   const profiles::Profile& profile, tuner::Plan plan,
                                   Nanoseconds per_group);

// {"schema":"assay.prove",...} and {"schema":"assay.prove-plan",...}; described by
// docs/schemas/prove.schema.json and prove-plan.schema.json.
nlohmann::ordered_json to_json(const ProveReport& report);
nlohmann::ordered_json to_json(const ProofPlan& plan);
// For people; end with a newline. Pure.
std::string render_proof(const ProveReport& report);
std::string render_proof_plan(const ProofPlan& plan);

}  // namespace assay::certify
