#include "stats/block_table.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace assay::stats {

BlockTable::BlockTable(std::span<const Histogram> blocks)
    : sizes_(blocks.size()), ones_(blocks.size(), 1.0) {
  std::size_t first = Histogram::kBuckets;
  std::size_t last = 0;
  std::uint64_t min_ns = ~0ULL;
  std::uint64_t max_ns = 0;
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    if (blocks[b].empty()) continue;
    sizes_[b] = static_cast<double>(blocks[b].count());
    total_ += sizes_[b];
    first = std::min(first, blocks[b].first_index());
    last = std::max(last, blocks[b].last_index());
    min_ns = std::min(min_ns, blocks[b].min_ns());
    max_ns = std::max(max_ns, blocks[b].max_ns());
  }
  if (total_ == 0) return;

  counts_.reserve((last - first + 1) * blocks.size());
  std::vector<double> running(blocks.size(), 0.0);
  for (std::size_t i = first; i <= last; ++i) {
    std::uint64_t in_cell = 0;
    for (std::size_t b = 0; b < blocks.size(); ++b) {
      const std::uint64_t count = blocks[b].count_at(i);
      running[b] += static_cast<double>(count);
      in_cell |= count;
    }
    if (in_cell == 0) continue;
    const std::uint64_t low = Histogram::bucket_low_ns(i);
    const std::uint64_t high = std::min(Histogram::bucket_high_ns(i), std::max(low, max_ns));
    lows_.push_back(static_cast<double>(low));
    highs_.push_back(static_cast<double>(high));
    middles_.push_back(
        static_cast<double>(std::clamp(Histogram::bucket_middle_ns(i), min_ns, max_ns)));
    counts_.insert(counts_.end(), running.begin(), running.end());
    pooled_.push_back(std::accumulate(running.begin(), running.end(), 0.0));
  }
  lows_.front() = static_cast<double>(min_ns);
  highs_.back() = static_cast<double>(max_ns);
}

std::size_t BlockTable::filled_blocks() const {
  return static_cast<std::size_t>(
      std::count_if(sizes_.begin(), sizes_.end(), [](double size) { return size > 0; }));
}

double BlockTable::weighted_count(std::span<const double> weights, std::size_t cell) const {
  const std::size_t columns = sizes_.size();
  const double* row = counts_.data() + cell * columns;
  const double* weight = weights.data();
  double sum = 0;
  for (std::size_t b = 0; b < columns; ++b) sum += weight[b] * row[b];
  return sum;
}

std::size_t BlockTable::cell_of(std::span<const double> weights, double target,
                                double weighted_total) const {
  std::size_t low = 0;
  std::size_t high = pooled_.size() - 1;
  // Guess from the pooled counts, which any weighting resembles: two or three steps instead of the
  // nine of a plain bisection. What goes wrong with the guess, the bisection mends.
  const double scale = total_ / weighted_total;
  double rank = target * scale;
  for (int guess = 0; low < high; ++guess) {
    std::size_t middle = low + (high - low) / 2;
    if (guess < 4) middle = std::clamp(cell_of_rank(rank), low, high - 1);
    const double count = weighted_count(weights, middle);
    if (count >= target) {
      high = middle;
      if (middle > low && guess < 4 && weighted_count(weights, middle - 1) < target) return middle;
    } else {
      low = middle + 1;
    }
    rank += (target - count) * scale;
  }
  return low;
}

double BlockTable::weighted_quantile_ns(std::span<const double> weights, double quantile) const {
  if (total_ == 0) return 0;
  const double weighted_total = weighted_count(weights, pooled_.size() - 1);
  if (weighted_total <= 0) return 0;
  const double target = quantile * weighted_total;
  const std::size_t cell = cell_of(weights, target, weighted_total);
  const double before = cell == 0 ? 0.0 : weighted_count(weights, cell - 1);
  const double inside = weighted_count(weights, cell) - before;
  const double share = inside <= 0 ? 0.5 : std::clamp((target - before) / inside, 0.0, 1.0);
  return lows_[cell] + share * (highs_[cell] - lows_[cell]);
}

double BlockTable::quantile_ns(double quantile) const {
  return weighted_quantile_ns(ones_, quantile);
}

std::size_t BlockTable::cell_of_rank(double rank) const {
  const auto found = std::lower_bound(pooled_.begin(), pooled_.end(), rank);
  return std::min(static_cast<std::size_t>(found - pooled_.begin()), pooled_.size() - 1);
}

double BlockTable::whole_rank_ns(double rank) const {
  if (rank <= 1) return lows_.front();
  if (rank >= total_) return highs_.back();
  const std::size_t cell = cell_of_rank(rank);
  const double before = cell == 0 ? 0.0 : pooled_[cell - 1];
  const double share = (rank - before - 0.5) / (pooled_[cell] - before);
  return lows_[cell] + share * (highs_[cell] - lows_[cell]);
}

double BlockTable::at_rank_ns(double rank) const {
  if (total_ == 0) return 0;
  const double clamped = std::clamp(rank, 1.0, total_);
  const double whole = std::floor(clamped);
  const double share = clamped - whole;
  const double below = whole_rank_ns(whole);
  return share == 0 ? below : below + share * (whole_rank_ns(whole + 1) - below);
}

double BlockTable::reported_quantile_ns(double quantile) const {
  if (total_ == 0) return 0;
  const double rank = std::ceil(quantile * total_);
  if (rank <= 1) return lows_.front();
  return rank >= total_ ? highs_.back() : middles_[cell_of_rank(rank)];
}

Spread BlockTable::spread(double quantile) const {
  Spread spread;
  if (total_ == 0) return spread;
  const double target = quantile * total_;
  const std::size_t cell = cell_of_rank(target);
  const double before = cell == 0 ? 0.0 : pooled_[cell - 1];
  const double inside = pooled_[cell] - before;
  const double share_above = std::clamp((pooled_[cell] - target) / inside, 0.0, 1.0);

  const double p_above = 1.0 - pooled_[cell] / total_;
  const double p_inside = inside / total_;
  const double p = p_above + share_above * p_inside;
  const double variance = p_above + share_above * share_above * p_inside - p * p;

  double squares = 0;
  double sizes_squared = 0;
  double expected = 0;
  spread.residuals.resize(blocks());
  for (std::size_t b = 0; b < blocks(); ++b) {
    const double up_to = counts_[cell * blocks() + b];
    const double below = cell == 0 ? 0.0 : counts_[(cell - 1) * blocks() + b];
    const double above = sizes_[b] - up_to + share_above * (up_to - below);
    spread.residuals[b] = above - p * sizes_[b];
    squares += spread.residuals[b] * spread.residuals[b];
    sizes_squared += sizes_[b] * sizes_[b];
    // The quantile is itself estimated from the blocks: a block of share s explains s of its own.
    expected += variance * sizes_[b] * (1.0 - sizes_[b] / total_);
  }
  spread.variance_per_observation = variance;
  // All in one cell, or a single block: nothing to compare.
  spread.design_effect = expected <= 1e-12 * total_ ? 1.0 : squares / expected;
  const double by_blocks = std::max(1.0, total_ * total_ / sizes_squared - 1.0);
  // Two standard errors above 1 are nothing to conclude from.
  const double chance = 1.0 + 2.0 * std::sqrt(2.0 / by_blocks);
  const double dependent_share = 1.0 - 1.0 / std::max(1.0, spread.design_effect / chance);
  const double beyond = std::min(p, 1.0 - p) * total_ / std::max(1.0, spread.design_effect);
  spread.degrees_of_freedom = 1.0 / (1.0 / by_blocks + dependent_share / std::max(1.0, beyond));
  return spread;
}

}  // namespace assay::stats
