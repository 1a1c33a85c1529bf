#include "stats/sample_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/units.hpp"
#include "stats/block_table.hpp"
#include "stats/intervals.hpp"

namespace assay::stats {
namespace {

constexpr double kUsefulBeyond = 100.0;
// More than this is not a plan that anyone carries out.
constexpr double kMostSamples = 1e15;

bool inside(double value, double low, double high) { return value > low && value < high; }

std::uint64_t whole(double samples) {
  return static_cast<std::uint64_t>(std::ceil(std::min(samples, kMostSamples) - 1e-6));
}

// "p99.9"
std::string percentile_name(double quantile) { return fmt::format("p{:.6g}", 100 * quantile); }

// The bound approaches the quantile with the root of the number of samples: how many would bring it
// below the budget, if the percentile stays where it is? At least half as many again.
std::uint64_t samples_to_separate(const BudgetFinding& finding, double budget_ns) {
  const auto n = static_cast<double>(finding.n);
  const double gap = std::abs(budget_ns - finding.quantile_ns);
  const double reach = std::abs(finding.bound_ns - finding.quantile_ns);
  const double growth = gap <= 0 ? 16.0 : std::clamp((reach / gap) * (reach / gap), 1.5, 16.0);
  return whole(n * growth);
}

BudgetFinding& decide(BudgetFinding& finding, BudgetSide side, const Bound& bound) {
  finding.side = side;
  finding.bound_ns = bound.ns;
  finding.n_effective = bound.n_effective;
  return finding;
}

}  // namespace

Expected<SamplePlan> plan_samples(const PlanRequest& request) {
  if (!inside(request.quantile, 0, 1) || !inside(request.confidence, 0, 1) || request.looks == 0 ||
      request.budgets == 0) {
    return fail(
        ErrorCode::invalid, "plan samples", percentile_name(request.quantile),
        "the quantile and the confidence must lie in (0, 1), with one look and budget or more");
  }
  SamplePlan plan;
  const double shares = static_cast<double>(request.looks) * static_cast<double>(request.budgets);
  plan.confidence_per_look = 1.0 - (1.0 - request.confidence) / shares;
  plan.samples_min = samples_to_prove(request.quantile, plan.confidence_per_look);
  plan.samples_useful = whole(kUsefulBeyond / (1.0 - request.quantile));
  const std::uint64_t last = std::max(plan.samples_min, plan.samples_useful);
  for (unsigned look = request.looks; look > 0; --look) {
    const unsigned halvings = std::min(look - 1, 62U);
    plan.samples_at_look.push_back(std::max(plan.samples_min, last >> halvings));
  }
  return plan;
}

std::string_view to_string(BudgetSide side) {
  switch (side) {
    case BudgetSide::below:
      return "below";
    case BudgetSide::above:
      return "above";
    case BudgetSide::undecided:
      break;
  }
  return "undecided";
}

Expected<BudgetFinding> judge_budget(std::span<const Histogram> blocks, double quantile,
                                     double budget_ns, double confidence) {
  if (!inside(quantile, 0, 1) || !inside(confidence, 0.5, 1) || !(budget_ns > 0) ||
      !std::isfinite(budget_ns)) {
    return fail(ErrorCode::invalid, "judge budget", percentile_name(quantile),
                "the quantile must lie in (0, 1), the confidence in (0.5, 1), the budget above 0");
  }
  const BlockTable table(blocks);
  BudgetFinding finding;
  finding.quantile_ns = table.reported_quantile_ns(quantile);
  finding.confidence = confidence;
  finding.n = static_cast<std::uint64_t>(table.total());
  finding.n_effective = effective_sample_size(blocks, quantile);
  const std::string name = percentile_name(quantile);
  const std::string budget = format_ns_short(budget_ns);

  const auto upper = quantile_upper_bound(blocks, quantile, confidence);
  if (upper && upper->ns < budget_ns) {
    decide(finding, BudgetSide::below, *upper);
    finding.reason = fmt::format("{} is below {} with {:.4g} % confidence, within {}", name,
                                 format_ns_short(upper->ns), 100 * confidence, budget);
    return finding;
  }
  // When the tail has no bound of its own, the median's is one, too: the tail lies above it.
  auto lower = quantile_lower_bound(blocks, quantile, confidence);
  if (!lower && quantile > 0.5) lower = quantile_lower_bound(blocks, 0.5, confidence);
  if (lower && lower->ns > budget_ns) {
    decide(finding, BudgetSide::above, *lower);
    finding.reason = fmt::format("{} is above {} with {:.4g} % confidence, beyond {}", name,
                                 format_ns_short(lower->ns), 100 * confidence, budget);
    return finding;
  }
  if (upper) {
    decide(finding, BudgetSide::undecided, *upper);
    finding.samples_needed = samples_to_separate(finding, budget_ns);
    finding.reason = fmt::format("{} may lie on either side of {}: {} samples do not decide", name,
                                 budget, finding.n);
    return finding;
  }
  // No bound: as many samples as a proof takes, times what the dependence costs.
  const auto n = static_cast<double>(finding.n);
  const double cost = finding.n_effective > 0 ? n / finding.n_effective : 1.0;
  const auto proof = static_cast<double>(samples_to_prove(quantile, confidence));
  finding.samples_needed = whole(std::max(1.25 * proof * cost, 1.5 * n));
  finding.reason = fmt::format("{} samples are too few for {} at {:.4g} % confidence", finding.n,
                               name, 100 * confidence);
  return finding;
}

}  // namespace assay::stats
