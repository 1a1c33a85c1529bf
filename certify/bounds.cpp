#include "certify/bounds.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "stats/intervals.hpp"

namespace assay::certify {
namespace {

constexpr std::array kLadder{0.5, 0.9, 0.99, 0.999, 0.9999};

std::vector<double> rungs(double quantile, bool above) {
  std::vector<double> found;
  for (const double rung : kLadder) {
    if (above ? rung > quantile : rung < quantile) found.push_back(rung);
  }
  return found;
}

// The percentile's own share of the confidence: half of the error, or all when it stands alone.
double own_confidence(double confidence, std::size_t neighbours) {
  return neighbours == 0 ? confidence : 1.0 - (1.0 - confidence) / 2;
}

double neighbour_confidence(double confidence, std::size_t neighbours) {
  return 1.0 - (1.0 - confidence) / 2 / static_cast<double>(neighbours);
}

}  // namespace

TailBounds tail_bounds(std::span<const stats::Histogram> blocks, double quantile,
                       double confidence) {
  TailBounds bounds;
  const std::vector<double> above = rungs(quantile, true), below = rungs(quantile, false);
  const auto high =
      stats::quantile_upper_bound(blocks, quantile, own_confidence(confidence, above.size()));
  if (high) bounds.high_ns = high->ns;
  for (const double rung : above) {
    const auto bound =
        stats::quantile_upper_bound(blocks, rung, neighbour_confidence(confidence, above.size()));
    if (bound && (bounds.high_ns <= 0 || bound->ns < bounds.high_ns)) bounds.high_ns = bound->ns;
  }
  if (bounds.high_ns <= 0) bounds.lacking = high.error().cause + "; " + high.error().advice;

  const auto low =
      stats::quantile_lower_bound(blocks, quantile, own_confidence(confidence, below.size()));
  if (low) bounds.low_ns = low->ns;
  for (const double rung : below) {
    const auto bound =
        stats::quantile_lower_bound(blocks, rung, neighbour_confidence(confidence, below.size()));
    if (bound) bounds.low_ns = std::max(bounds.low_ns, bound->ns);
  }
  return bounds;
}

std::uint64_t samples_for_proof(double quantile, double confidence) {
  return stats::samples_to_prove(quantile,
                                 own_confidence(confidence, rungs(quantile, true).size()));
}

}  // namespace assay::certify
