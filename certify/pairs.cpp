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
    if (!block.service.empty()) all.push_back(engine::judged(block));
  }
  return all;
}

namespace {

// Blocks in which what is divided by was nothing have no ratio.
Expected<stats::RatioInterval> paired_amounts(const engine::Measurement& candidate,
                                              const engine::Measurement& baseline,
                                              double (*amount)(const engine::BlockResult&),
                                              double confidence) {
  std::vector<stats::BlockRate> left, right;
  for (const auto& [one, other] : pair_blocks(candidate, baseline)) {
    left.push_back({amount(*one), static_cast<double>(one->operations)});
    right.push_back({amount(*other), static_cast<double>(other->operations)});
  }
  return stats::rate_ratio(left, right, confidence);
}

}  // namespace

Expected<stats::RatioInterval> paired_cpu_ratio(const engine::Measurement& candidate,
                                                const engine::Measurement& baseline,
                                                double confidence) {
  return paired_amounts(
      candidate, baseline,
      [](const engine::BlockResult& block) {
        return std::chrono::duration<double>(block.cpu_time).count();
      },
      confidence);
}

Expected<stats::RatioInterval> paired_enters_ratio(const engine::Measurement& candidate,
                                                   const engine::Measurement& baseline,
                                                   double confidence) {
  return paired_amounts(
      candidate, baseline,
      [](const engine::BlockResult& block) { return static_cast<double>(block.enters); },
      confidence);
}

double samples_hold(const engine::Measurement& measurement) {
  return std::max(1U, measurement.operations_per_sample);
}

Expected<stats::RatioInterval> paired_quantile_ratio(const engine::Measurement& candidate,
                                                     const engine::Measurement& baseline,
                                                     double quantile, double confidence) {
  std::vector<stats::Histogram> left, right;
  for (const auto& [one, other] : pair_blocks(candidate, baseline)) {
    left.push_back(engine::judged(*one));
    right.push_back(engine::judged(*other));
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
