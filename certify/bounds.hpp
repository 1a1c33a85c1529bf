// Confidence bounds of a tail percentile, for verdicts. Pure functions. Internal to certify/.
//
// The percentile's own bound is the sharp one, but it fails where the blocks disagree about the
// percentile itself: one block's p99 is 174 ns and the next one's 175 ns, thousands of times, which
// looks like strong dependence and says nothing about a limit of 1 ms. A bound of a higher
// percentile is an upper bound of this one, too, and that of a lower one a lower bound. So half of
// the error that is allowed goes to the percentile itself, the other half is shared by a fixed
// ladder of neighbours, and the best bound of all counts.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "stats/histogram.hpp"

namespace assay::certify {

struct TailBounds {
  double low_ns = 0;    // 0: there is none
  double high_ns = 0;   // 0: there is none
  std::string lacking;  // why there is no upper one, in words; empty: there is
};

// Each side holds with `confidence`, one-sided, in (0.5, 1).
TailBounds tail_bounds(std::span<const stats::Histogram> blocks, double quantile,
                       double confidence);

// Independent observations, none of them above a limit, that prove the quantile to be below it.
std::uint64_t samples_for_proof(double quantile, double confidence);

}  // namespace assay::certify
