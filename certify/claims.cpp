#include "certify/claims.hpp"

#include <optional>

#include "certify/judge.hpp"
#include "certify/pairs.hpp"
#include "stats/intervals.hpp"

namespace assay::certify {
namespace {

bool has_figures(const engine::Claim& claim) {
  return claim.latency_ratio_max || claim.throughput_ratio_min || claim.latency_ns_max ||
         claim.bytes_per_s_min;
}

bool is_confirmed(const engine::Claim& claim, const ClaimRow& row,
                  const engine::Measurement& measurement, double confidence) {
  if (claim.latency_ratio_max &&
      (row.latency_p50.pairs == 0 || row.latency_p50.high > *claim.latency_ratio_max)) {
    return false;
  }
  if (claim.throughput_ratio_min &&
      (row.throughput.pairs == 0 || row.throughput.low < *claim.throughput_ratio_min)) {
    return false;
  }
  if (claim.latency_ns_max) {
    const auto median = stats::quantile_interval(block_histograms(measurement), 0.5, confidence);
    const double limit = static_cast<double>(*claim.latency_ns_max) * samples_hold(measurement);
    if (!median || median->high_ns > limit) return false;
  }
  if (claim.bytes_per_s_min) {
    const double seconds = std::chrono::duration<double>(measurement.duration).count();
    if (static_cast<double>(measurement.bytes) < *claim.bytes_per_s_min * seconds) return false;
  }
  return true;
}

// Better in one respect beyond doubt, and in no other worse beyond doubt.
bool is_improved(const ClaimRow& row) {
  const bool faster = row.latency_p50.pairs > 0 && row.latency_p50.high < 1;
  const bool slower = row.latency_p50.pairs > 0 && row.latency_p50.low > 1;
  const bool more = row.throughput.pairs > 0 && row.throughput.low > 1;
  const bool less = row.throughput.pairs > 0 && row.throughput.high < 1;
  return (faster && !less) || (more && !slower);
}

void compare(ClaimRow& row, const engine::Measurement& candidate,
             const engine::Measurement& baseline, double confidence) {
  if (auto ratio = paired_quantile_ratio(candidate, baseline, 0.5, confidence)) {
    row.latency_p50 = *ratio;
  }
  if (auto ratio = paired_quantile_ratio(candidate, baseline, 0.99, confidence)) {
    row.latency_p99 = *ratio;
  }
  if (auto ratio = paired_rate_ratio(candidate, baseline, confidence)) row.throughput = *ratio;
}

std::string verdict_of(const engine::Claim& claim, const ClaimRow& row,
                       const engine::Measurement& measurement, bool compared, double confidence) {
  if (has_figures(claim) && is_confirmed(claim, row, measurement, confidence)) return "confirmed";
  if (!compared) return "not confirmed on this host";
  if (!is_improved(row)) return "no improvement";
  return has_figures(claim) ? "not confirmed on this host" : "improved";
}

}  // namespace

std::vector<ClaimRow> judge_claims(const Expansion& expansion,
                                   std::span<const engine::Measurement> measurements,
                                   double confidence) {
  std::vector<ClaimRow> rows;
  for (std::size_t i = 0; i < expansion.series.size(); ++i) {
    const ExpandedSeries& series = expansion.series[i];
    const engine::Claim claim = engine::claim_of(*series.technique, series.parameters);
    if (!series.baseline && !has_figures(claim)) continue;
    ClaimRow row;
    row.technique = series.technique->id;
    row.target = series.target;
    row.parameters = parameters_of(*series.technique, series.parameters);
    row.claim = claim.text;
    const engine::Measurement& measurement = measurements[i];
    const engine::Measurement* baseline =
        series.baseline ? &measurements[*series.baseline] : nullptr;
    if (baseline != nullptr) row.baseline = baseline->technique;
    const auto counts = [](const engine::Measurement& one) {
      return one.skipped.empty() && !one.service.empty() && void_reason(one).empty();
    };
    if (!counts(measurement) || (baseline != nullptr && !counts(*baseline))) {
      row.verdict = "not measured";
    } else {
      if (baseline != nullptr) compare(row, measurement, *baseline, confidence);
      row.verdict = verdict_of(claim, row, measurement, baseline != nullptr, confidence);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace assay::certify
