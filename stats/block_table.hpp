// The blocks of one run side by side: what every interval of this folder is computed from.
//
// Rows ("cells") are the buckets that any of the blocks uses, columns are the blocks; an entry is
// how many observations the block has in the cells up to this one. Quantiles of any weighting of
// the blocks, and how far the blocks disagree about a quantile, then cost a few multiplications.
// Immutable after construction; safe to read from many threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stats/histogram.hpp"

namespace assay::stats {

// How unevenly the observations above a quantile are spread over the blocks.
struct Spread {
  // For each block: its observations above the quantile minus the number that its size predicts.
  // (Observations in the quantile's own cell count with the share that lies above.)
  std::vector<double> residuals;
  // The variance of one observation's contribution if all were independent.
  double variance_per_observation = 0;
  // The design effect (Kish 1965): the variance between blocks over what independent observations
  // would show. 1 in expectation when they are independent; not clamped.
  double design_effect = 1;
  // Degrees of freedom of that estimate: of a variance between so many blocks (one less than their
  // number, fewer when they differ in size: (Σn)² / Σn² - 1), and, as far as it shows a dependence,
  // no more than there are effective observations beyond the quantile.
  double degrees_of_freedom = 1;
};

class BlockTable {
 public:
  // Empty blocks are kept (their column is zero), so that paired tables stay paired.
  explicit BlockTable(std::span<const Histogram> blocks);

  std::size_t blocks() const { return sizes_.size(); }
  // Blocks with at least one observation.
  std::size_t filled_blocks() const;
  double total() const { return total_; }
  std::span<const double> sizes() const { return sizes_; }

  // The quantile of all observations, in nanoseconds, when block b counts weights[b] times: the
  // value below which the share `quantile` lies, linear inside a bucket wider than 1 ns.
  double weighted_quantile_ns(std::span<const double> weights, double quantile) const;
  // The same with every block once.
  double quantile_ns(double quantile) const;

  // An order statistic of all observations, 1 ≤ rank ≤ total, linear between whole ranks. Only the
  // bucket is known of an observation: they are taken as evenly spread over it. The first and the
  // last are exact.
  double at_rank_ns(double rank) const;
  // The pooled quantile as Histogram::quantile_ns gives it for the merged blocks (a midpoint).
  double reported_quantile_ns(double quantile) const;

  // How the blocks disagree about the quantile.
  Spread spread(double quantile) const;

 private:
  // The first cell at whose end the weighted count reaches `target`.
  std::size_t cell_of(std::span<const double> weights, double target, double weighted_total) const;
  double weighted_count(std::span<const double> weights, std::size_t cell) const;
  double whole_rank_ns(double rank) const;
  std::size_t cell_of_rank(double rank) const;

  std::vector<double> lows_;     // of each cell, ns; the outermost edges are the exact extremes
  std::vector<double> highs_;    // of each cell, ns
  std::vector<double> middles_;  // of each cell, ns, as Histogram reports it
  std::vector<double> counts_;   // [cell * blocks + block], cumulative over the cells
  std::vector<double> pooled_;   // [cell], cumulative, all blocks
  std::vector<double> sizes_;    // [block]
  std::vector<double> ones_;     // [block]
  double total_ = 0;
};

}  // namespace assay::stats
