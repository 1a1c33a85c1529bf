#include "stats/steadiness.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "stats/block_table.hpp"
#include "stats/order_statistics.hpp"

namespace assay::stats {
namespace {

constexpr std::size_t kMinJudged = 8;

// Takes a copy: it is reordered.
double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

// Normal approximation with the corrections for ties and continuity; for few blocks it is on the
// safe side (larger than the exact value).
double mann_kendall_p(std::span<const double> values) {
  double score = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = i + 1; j < values.size(); ++j) {
      score += values[j] > values[i] ? 1.0 : (values[j] < values[i] ? -1.0 : 0.0);
    }
  }
  const auto n = static_cast<double>(values.size());
  double variance = n * (n - 1) * (2 * n + 5);
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  for (auto group = sorted.begin(); group != sorted.end();) {
    const auto end = std::upper_bound(group, sorted.end(), *group);
    const auto ties = static_cast<double>(end - group);
    variance -= ties * (ties - 1) * (2 * ties + 5);
    group = end;
  }
  if (variance <= 0 || score == 0) return 1.0;
  return normal_two_sided_p((std::abs(score) - 1.0) / std::sqrt(variance / 18.0));
}

// The slope per block that half of all pairs exceed.
double theil_sen_slope(std::span<const double> values) {
  std::vector<double> slopes;
  slopes.reserve(values.size() * (values.size() - 1) / 2);
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = i + 1; j < values.size(); ++j) {
      slopes.push_back((values[j] - values[i]) / static_cast<double>(j - i));
    }
  }
  return median(std::move(slopes));
}

}  // namespace

Steadiness judge_steadiness(std::span<const double> block_values, const SteadinessLimits& limits) {
  Steadiness result;
  const std::size_t blocks = block_values.size();
  if (blocks < kMinJudged) {
    result.reason = fmt::format("{} blocks are too few to see a trend", blocks);
    return result;
  }
  const double centre = median({block_values.begin(), block_values.end()});
  const double drift = theil_sen_slope(block_values) * static_cast<double>(blocks - 1);
  // Around 0 a share has no meaning; any drift of such a series is infinitely large.
  result.drift_fraction = drift == 0 ? 0 : drift / std::max(std::abs(centre), 1e-12);
  result.p_value = mann_kendall_p(block_values);
  const bool trend = result.p_value <= limits.significance;
  const bool far = std::abs(result.drift_fraction) > limits.drift_fraction;
  result.steady = !(trend && far);
  const std::string drifted =
      fmt::format("{:+.1f} % from the first to the last of {} blocks (p = {:.2g})",
                  100 * result.drift_fraction, blocks, result.p_value);
  if (!result.steady) {
    result.reason = fmt::format("the series drifts by {}; more than {:.0f} % is not steady",
                                drifted, 100 * limits.drift_fraction);
  } else if (trend) {
    result.reason = fmt::format("a small trend: {}", drifted);
  } else {
    result.reason = fmt::format("no trend: {}", drifted);
  }
  return result;
}

Steadiness judge_steadiness(std::span<const Histogram> blocks, const SteadinessLimits& limits) {
  std::vector<double> medians;
  for (const Histogram& block : blocks) {
    if (!block.empty()) medians.push_back(BlockTable({&block, 1}).quantile_ns(0.5));
  }
  return judge_steadiness(medians, limits);
}

}  // namespace assay::stats
