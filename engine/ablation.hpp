// An ablation: what each switch of a technique brings, alone, on top of those before it, and by its
// absence from all together.
//
// The plan is made beforehand: every combination is one series, all of them take turns in one run,
// and a combination that two steps need is measured once. A switch that this host cannot take is a
// step without a series, with the reason.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/bench.hpp"

namespace assay::engine {

enum class AblationKind : std::uint8_t {
  plain,       // every switch off: what all others are held against
  alone,       // one switch
  cumulative,  // one more than the step before
  all,         // the last of the cumulative ones
  without      // all but one
};
std::string_view to_string(AblationKind kind);

struct AblationStep {
  AblationKind kind = AblationKind::plain;
  std::string name;                    // the switch that it is about; empty: none
  std::vector<std::string> on;         // every switch that is on
  std::optional<std::size_t> series;   // into AblationPlan::series
  std::optional<std::size_t> against;  // the step that shows what the switch brought: the one
                                       // before (cumulative), or all (without); else plain
  std::string skipped, remedy;         // why it has no series
};

struct AblationPlan {
  std::string technique;
  std::vector<AblationStep> steps;
  std::vector<Series> series;
};

// The techniques that can be ablated, in words of their ids.
std::vector<std::string_view> ablation_ids();

// Errors: invalid (no such technique, or none with switches, with "did you mean").
Expected<AblationPlan> plan_ablation(const Host& host, const probes::Inventory& inventory,
                                     const BenchRequest& request, const std::string& technique);

// What plan_ablation() needs of one technique with switches; for it and for tests.
struct AblationFamily {
  std::string_view technique;
  std::vector<std::string_view> (*switches)();
  // Whether these switches can be on together here.
  Availability (*available)(const Host&, const probes::Inventory&, const Parameters&,
                            const std::vector<std::string>& on);
  // The parameters that turn them on; `common` are those of all combinations.
  Parameters (*with)(const Parameters& common, const std::vector<std::string>& on);
  // What all combinations share, so that they can be compared: a depth that a batch fits into.
  Parameters (*common)(const Parameters& asked, bool depth_given);
};
AblationPlan plan_family(const AblationFamily& family, const Technique& technique, const Host& host,
                         const probes::Inventory& inventory, const BenchRequest& request);

}  // namespace assay::engine
