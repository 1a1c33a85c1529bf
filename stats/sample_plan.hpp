// How many samples a budget needs, said before the run, and the verdict that they allow.
//
// A budget "the q-quantile stays below x" is met when an upper confidence bound of the quantile
// lies below x, missed when a lower one lies above, and undecided otherwise; then more samples are
// taken. Looking again and again at 95 % errs 15 % of the time after five looks (Armitage,
// McPherson, Rowe 1969), so the number of looks K is fixed beforehand and each of them, for each of
// the m required budgets, may err with alpha / (K m) (Bonferroni). Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "stats/histogram.hpp"

namespace assay::stats {

struct PlanRequest {
  double quantile = 0.99;
  double confidence = 0.95;  // of all verdicts together: alpha = 1 - confidence
  unsigned looks = 3;        // K, at least 1
  unsigned budgets = 1;      // m, the required budgets that share alpha, at least 1
};

struct SamplePlan {
  // Of one look at one budget: 1 - alpha / (K m).
  double confidence_per_look = 0;
  // Below this nothing can be proven, even when no sample exceeds the budget: samples_to_prove() at
  // the confidence of one look. p99.99 at 95 %, one look, one budget: 29,956.
  std::uint64_t samples_min = 0;
  // From here on the bound is close to the percentile: about 100 observations lie beyond it.
  // p99.99: 1,000,000.
  std::uint64_t samples_useful = 0;
  // Total samples at each look, doubling; the last one is samples_useful, or samples_min if larger.
  std::vector<std::uint64_t> samples_at_look;
};

// Error: invalid for a quantile or confidence outside (0, 1) or no look or budget.
Expected<SamplePlan> plan_samples(const PlanRequest& request);

enum class BudgetSide : std::uint8_t { below, above, undecided };
// "below", "above", "undecided".
std::string_view to_string(BudgetSide side);

// What the samples say about a budget, with its evidence.
struct BudgetFinding {
  BudgetSide side = BudgetSide::undecided;
  double quantile_ns = 0;  // the percentile itself, pooled
  // The bound that decided; of an undecided finding the upper one, 0 when it does not exist.
  double bound_ns = 0;
  double confidence = 0;
  std::uint64_t n = 0;
  double n_effective = 0;
  // Undecided: total samples to take before looking again is worthwhile; else 0. It grows with the
  // dependence that the blocks show, and with how close the percentile is to the budget.
  std::uint64_t samples_needed = 0;
  std::string reason;  // one sentence for people, never empty
};

// Judges "quantile below budget_ns" from the blocks of one run; both sides at `confidence`
// (one-sided, in (0.5, 1)). Too few samples are an undecided finding, not an error. A quantile that
// equals the budget is not below it. Error: invalid for arguments outside their ranges.
Expected<BudgetFinding> judge_budget(std::span<const Histogram> blocks, double quantile,
                                     double budget_ns, double confidence);

}  // namespace assay::stats
