#include "certify/pairs.hpp"

#include <algorithm>
#include <map>

namespace assay::certify {
namespace {

using Pair = std::pair<const engine::BlockResult*, const engine::BlockResult*>;

std::vector<Pair> pair_blocks(const engine::Measurement& candidate,
                              const engine::Measurement& baseline) {
  std::map<unsigned, const engine::BlockResult*> by_round;
  for (const engine::BlockResult& block : baseline.blocks) {
    if (!block.service.empty()) by_round.emplace(block.round, &block);
  }
  std::vector<Pair> pairs;
  for (const engine::BlockResult& block : candidate.blocks) {
    const auto other = by_round.find(block.round);
    if (block.service.empty() || other == by_round.end()) continue;
    pairs.emplace_back(&block, other->second);
  }
  return pairs;
}

stats::BlockRate rate_of(const engine::BlockResult& block) {
  return {static_cast<double>(block.operations - std::min(block.errors, block.operations)),
          std::chrono::duration<double>(block.duration).count()};
}

}  // namespace

std::vector<stats::Histogram> block_histograms(const engine::Measurement& measurement) {
  std::vector<stats::Histogram> all;
  for (const engine::BlockResult& block : measurement.blocks) {
    if (!block.service.empty()) all.push_back(block.service);
  }
  return all;
}

double samples_hold(const engine::Measurement& measurement) {
  return std::max(1U, measurement.operations_per_sample);
}

Expected<stats::RatioInterval> paired_quantile_ratio(const engine::Measurement& candidate,
                                                     const engine::Measurement& baseline,
                                                     double quantile, double confidence) {
  std::vector<stats::Histogram> left, right;
  for (const auto& [one, other] : pair_blocks(candidate, baseline)) {
    left.push_back(one->service);
    right.push_back(other->service);
  }
  auto ratio = stats::quantile_ratio(left, right, quantile, confidence);
  if (!ratio) return ratio;
  const double scale = samples_hold(baseline) / samples_hold(candidate);
  ratio->ratio *= scale;
  ratio->low *= scale;
  ratio->high *= scale;
  return ratio;
}

Expected<stats::RatioInterval> paired_rate_ratio(const engine::Measurement& candidate,
                                                 const engine::Measurement& baseline,
                                                 double confidence) {
  std::vector<stats::BlockRate> left, right;
  for (const auto& [one, other] : pair_blocks(candidate, baseline)) {
    left.push_back(rate_of(*one));
    right.push_back(rate_of(*other));
  }
  return stats::rate_ratio(left, right, confidence);
}

}  // namespace assay::certify
