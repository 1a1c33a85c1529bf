#include "stats/difference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "stats/block_table.hpp"
#include "stats/intervals.hpp"
#include "stats/order_statistics.hpp"

namespace assay::stats {
namespace {

// A batch's quantile is hardly biased once this many observations lie beyond it on either side.
constexpr double kMinBeyondBatch = 10.0;
// Beyond this an autocorrelation cannot be told from a trend in a few dozen batches; below the
// other one its decay is nothing but noise.
constexpr double kMaxCorrelation = 0.95;
constexpr double kMinCorrelation = 0.05;

// A mean with what is known of its error.
struct Estimate {
  double mean = 0;
  double variance = 0;  // of the mean
  double degrees_of_freedom = 1;
};

Failure bad_comparison(std::string_view what) {
  return fail(ErrorCode::invalid, "compare runs", {}, what);
}

// Logarithms of the quantile of consecutive batches, each with enough observations; what is left at
// the end joins the last batch.
std::vector<double> batch_log_quantiles(std::span<const Histogram> blocks, double quantile) {
  const double needed = kMinBeyondBatch / std::min(quantile, 1.0 - quantile);
  double left = 0;
  for (const Histogram& block : blocks) left += static_cast<double>(block.count());
  std::vector<double> values;
  std::size_t first = 0;
  double held = 0;
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    held += static_cast<double>(blocks[b].count());
    const bool last = b + 1 == blocks.size();
    if (held < needed || (left - held < needed && !last)) continue;
    const BlockTable batch(blocks.subspan(first, b + 1 - first));
    // Times below the histogram's unit count as half of it.
    values.push_back(std::log(std::max(0.5, batch.quantile_ns(quantile))));
    left -= held;
    held = 0;
    first = b + 1;
  }
  return values;
}

// How much the variance of a mean grows because neighbouring values resemble each other, and how
// fast that resemblance decays.
struct Correlation {
  double inflation = 1;
  double decay = 0;
};

// Drift with independent noise on top starts with a low autocorrelation and keeps it for long
// (ARMA(1,1)), so the decay is taken from lags 1 and 2, not from lag 1 alone. Both are corrected
// for their bias (Kendall 1954) and taken half a standard error high.
Correlation correlation_of(std::span<const double> deviations, double squares) {
  double lag_one = 0;
  double lag_two = 0;
  for (std::size_t i = 1; i < deviations.size(); ++i) {
    lag_one += deviations[i] * deviations[i - 1];
    if (i > 1) lag_two += deviations[i] * deviations[i - 2];
  }
  const auto n = static_cast<double>(deviations.size());
  const double bias = (1.0 + 3.0 * lag_one / squares) / n;
  const double first = lag_one / squares + bias;
  const double error = std::sqrt(std::max(0.0, 1.0 - first * first) / n);
  const double safe_first = std::clamp(first + 0.5 * error, 0.0, kMaxCorrelation);
  const double safe_second = lag_two / squares + bias + 0.5 / std::sqrt(n);
  Correlation correlation;
  correlation.decay = safe_first;
  if (safe_first > kMinCorrelation) {
    correlation.decay = std::clamp(safe_second / safe_first, safe_first, kMaxCorrelation);
  }
  correlation.inflation = 1.0 + 2.0 * safe_first / (1.0 - correlation.decay);
  return correlation;
}

// The mean of a series that may drift slowly.
Estimate mean_of_series(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  Estimate estimate;
  for (const double value : values) estimate.mean += value / n;
  estimate.degrees_of_freedom = n - 1;
  std::vector<double> deviations(values.begin(), values.end());
  double squares = 0;
  for (double& value : deviations) {
    value -= estimate.mean;
    squares += value * value;
  }
  if (squares == 0) return estimate;
  const Correlation correlation = correlation_of(deviations, squares);
  // A correlated series also underestimates its own variance, and that from fewer values.
  const double shortfall = std::max(0.3, 1.0 - (correlation.inflation - 1.0) / (n - 1.0));
  estimate.variance = squares / (n - 1.0) * correlation.inflation / n / shortfall;
  const double decay_squared = correlation.decay * correlation.decay;
  estimate.degrees_of_freedom =
      std::max(2.0, (n - 1.0) * (1.0 - decay_squared) / (1.0 + decay_squared));
  return estimate;
}

// Student's point for a sum of variances of which only two are estimated (Welch, Satterthwaite).
double half_width(const Estimate& a, const Estimate& b, double known_variance, double tail) {
  const double total = a.variance + b.variance + known_variance;
  const double divisor = a.variance * a.variance / a.degrees_of_freedom +
                         b.variance * b.variance / b.degrees_of_freedom;
  if (total == 0) return 0;
  const double point =
      divisor == 0 ? normal_point(tail) : student_point(tail, total * total / divisor);
  return point * std::sqrt(total);
}

Expected<Estimate> estimate_run(std::span<const Histogram> blocks, double quantile,
                                std::string_view which) {
  const std::vector<double> values = batch_log_quantiles(blocks, quantile);
  if (values.size() >= kMinBlocks) return mean_of_series(values);
  const double beyond = std::min(quantile, 1.0 - quantile);
  return fail(ErrorCode::invalid, "compare runs", {},
              fmt::format("the {} run has {} batches with {:.0f} observations beyond the quantile, "
                          "at least {} are needed",
                          which, values.size(), kMinBeyondBatch, kMinBlocks),
              fmt::format("take at least {:.0f} samples in {} blocks or more",
                          std::ceil(kMinBeyondBatch / beyond * kMinBlocks), kMinBlocks));
}

}  // namespace

Expected<DifferenceInterval> quantile_difference(std::span<const Histogram> earlier,
                                                 std::span<const Histogram> later, double quantile,
                                                 double confidence,
                                                 const DifferenceOptions& options) {
  if (!(quantile > 0.0 && quantile < 1.0)) return bad_comparison("the quantile is not in (0, 1)");
  if (!(confidence > 0.0 && confidence < 1.0))
    return bad_comparison("the confidence is not in (0, 1)");
  const auto usable = [](double value) { return value >= 0.0 && std::isfinite(value); };
  if (!usable(options.between_run_fraction) || !usable(options.resolution_ns)) {
    return bad_comparison("an allowance is negative or not a number");
  }
  const auto before = estimate_run(earlier, quantile, "earlier");
  if (!before) return std::unexpected(before.error());
  const auto after = estimate_run(later, quantile, "later");
  if (!after) return std::unexpected(after.error());

  const double fixed = 2.0 * options.between_run_fraction * options.between_run_fraction;
  const double half = half_width(*before, *after, fixed, (1.0 - confidence) / 2);
  const double log_ratio = after->mean - before->mean;
  DifferenceInterval interval;
  interval.earlier_ns = std::exp(before->mean);
  interval.later_ns = std::exp(after->mean);
  interval.difference_ns = interval.later_ns - interval.earlier_ns;
  interval.low_ns = interval.earlier_ns * std::expm1(log_ratio - half) - options.resolution_ns;
  interval.high_ns = interval.earlier_ns * std::expm1(log_ratio + half) + options.resolution_ns;
  interval.confidence = confidence;
  return interval;
}

}  // namespace assay::stats
