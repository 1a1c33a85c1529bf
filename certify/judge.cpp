#include "certify/judge.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "certify/bounds.hpp"
#include "certify/judge_words.hpp"
#include "certify/pairs.hpp"
#include "stats/intervals.hpp"

namespace assay::certify {
namespace {

void set_outcome(BudgetVerdict& verdict, BudgetOutcome outcome, std::string reason) {
  verdict.outcome = outcome;
  verdict.reason = std::move(reason);
}

// Decides from the bounds, whichever of them exist (0: it does not).
void decide(BudgetVerdict& verdict, double limit, unsigned look) {
  verdict.outcome = BudgetOutcome::inconclusive;
  if (verdict.low_ns > limit) verdict.outcome = BudgetOutcome::fail;
  if (verdict.high_ns > 0 && verdict.high_ns <= limit) verdict.outcome = BudgetOutcome::pass;
  if (verdict.outcome != BudgetOutcome::inconclusive) verdict.look = look;
  verdict.reason = reason_words(verdict);
}

void judge_absolute(const Evidence& evidence, const ExpandedLimit& limit, unsigned look,
                    BudgetVerdict& verdict) {
  const engine::Measurement& measurement = evidence.measurements[limit.series];
  const auto blocks = block_histograms(measurement);
  const double per_sample = samples_hold(measurement);
  verdict.n = engine::judged(measurement).count();
  verdict.observed_ns =
      static_cast<double>(engine::judged(measurement).quantile_ns(verdict.quantile)) / per_sample;
  verdict.n_effective = stats::effective_sample_size(blocks, verdict.quantile);
  // The two bounds stand on their own: too few samples to prove may be enough to disprove.
  const TailBounds bounds = tail_bounds(blocks, verdict.quantile, verdict.confidence);
  verdict.low_ns = bounds.low_ns / per_sample;
  verdict.high_ns = bounds.high_ns / per_sample;
  decide(verdict, static_cast<double>(limit.limit.at_most->count()), look);
  if (verdict.outcome == BudgetOutcome::inconclusive && verdict.high_ns <= 0) {
    verdict.reason = fmt::format(
        "{} of {} has no upper bound with {} confidence: {}", quantile_name(verdict.quantile),
        format_ns_short(verdict.observed_ns), percent(verdict.confidence), bounds.lacking);
  }
}

void judge_ratio(const Evidence& evidence, const ExpandedLimit& limit, unsigned look,
                 BudgetVerdict& verdict) {
  const ExpandedSeries& series = evidence.expansion->series[limit.series];
  const engine::Measurement& candidate = evidence.measurements[limit.series];
  const engine::Measurement& baseline = evidence.measurements[*series.baseline];
  if (!baseline.skipped.empty()) {
    return set_outcome(
        verdict, BudgetOutcome::skipped,
        fmt::format("its baseline {} did not run: {}", baseline.technique, baseline.skipped));
  }
  if (const std::string reason = void_reason(baseline); !reason.empty()) {
    return set_outcome(
        verdict, BudgetOutcome::invalid,
        fmt::format("its baseline {} does not count: {}", baseline.technique, reason));
  }
  verdict.n = engine::judged(candidate).count();
  // Two-sided at twice the tail: each side errs as seldom as a one-sided bound.
  const auto ratio =
      paired_quantile_ratio(candidate, baseline, verdict.quantile, 2 * verdict.confidence - 1);
  if (!ratio) {
    return set_outcome(verdict, BudgetOutcome::inconclusive, ratio.error().message());
  }
  verdict.n_effective = static_cast<double>(ratio->pairs);
  verdict.observed_ns = ratio->ratio;
  verdict.low_ns = ratio->low;
  verdict.high_ns = ratio->high;
  decide(verdict, *limit.limit.ratio_at_most, look);
}

bool is_decided(const BudgetVerdict& verdict) {
  return verdict.look > 0 &&
         (verdict.outcome == BudgetOutcome::pass || verdict.outcome == BudgetOutcome::fail);
}

}  // namespace

std::string void_reason(const engine::Measurement& measurement) {
  std::string all;
  for (const std::string& reason : measurement.invalid) all += (all.empty() ? "" : "; ") + reason;
  if (all.empty() && !measurement.engaged) return "not engaged: " + measurement.evidence;
  return all;
}

std::vector<BudgetVerdict> open_verdicts(const Expansion& expansion, double confidence) {
  std::vector<BudgetVerdict> verdicts;
  for (const ExpandedLimit& limit : expansion.limits) {
    const ExpandedSeries& series = expansion.series[limit.series];
    BudgetVerdict verdict;
    verdict.technique = series.technique->id;
    verdict.target = series.target;
    verdict.parameters = parameters_of(*series.technique, series.parameters);
    verdict.quantile = limit.limit.quantile;
    verdict.limit = limit_words(limit.limit, series.technique->baseline);
    verdict.required = limit.required;
    verdict.is_ratio = !limit.limit.at_most;
    verdict.confidence = confidence;
    verdict.needed = samples_for_proof(limit.limit.quantile, confidence);
    verdict.reason = "not measured";
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

void judge(const Evidence& evidence, unsigned look, std::vector<BudgetVerdict>& verdicts) {
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    const ExpandedLimit& limit = evidence.expansion->limits[i];
    const engine::Measurement& measurement = evidence.measurements[limit.series];
    BudgetVerdict& verdict = verdicts[i];
    if (!measurement.skipped.empty()) {
      const std::string remedy = measurement.remedy.empty() ? "" : "; " + measurement.remedy;
      set_outcome(verdict, BudgetOutcome::skipped, measurement.skipped + remedy);
      continue;
    }
    if (std::string reason = void_reason(measurement); !reason.empty()) {
      set_outcome(verdict, BudgetOutcome::invalid, std::move(reason));
      continue;
    }
    if (is_decided(verdict)) continue;
    if (measurement.service.empty()) {
      set_outcome(verdict, BudgetOutcome::inconclusive, "no operation was measured");
    } else if (verdict.is_ratio) {
      judge_ratio(evidence, limit, look, verdict);
    } else {
      judge_absolute(evidence, limit, look, verdict);
    }
  }
}

void void_by_clock(const engine::ClockReport& clock, std::vector<BudgetVerdict>& verdicts) {
  if (clock.valid) return;
  for (BudgetVerdict& verdict : verdicts) {
    if (verdict.outcome == BudgetOutcome::skipped) continue;
    set_outcome(
        verdict, BudgetOutcome::invalid,
        fmt::format("the clock was {:.0f} ppm off at the end, 50 are allowed", clock.error_ppm));
  }
}

bool wants_another_look(const Evidence& evidence, const std::vector<BudgetVerdict>& verdicts) {
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    if (!verdicts[i].required) continue;
    const auto& measurement = evidence.measurements[evidence.expansion->limits[i].series];
    if (verdicts[i].outcome == BudgetOutcome::inconclusive) return true;
    // Unsteadiness may go away with more blocks; a fast path that did not engage stays so.
    if (verdicts[i].outcome == BudgetOutcome::invalid && measurement.engaged &&
        measurement.errors == 0) {
      return true;
    }
  }
  return false;
}

}  // namespace assay::certify
