// Is a series of blocks steady, or does it drift so far that one number cannot describe it?
//
// Unsteady needs both: a trend that is significant at 0.1 % (Mann 1945, Kendall 1975: signs of all
// pairs, so outliers do not matter) and a drift over the run (Sen 1968: median of all pairwise
// slopes, times its length) above 25 % of the median. A noisy series without a trend is steady, and
// so is a small trend that is certain. Pure functions, thread-safe.
#pragma once

#include <span>
#include <string>

#include "stats/histogram.hpp"

namespace assay::stats {

struct SteadinessLimits {
  double significance = 0.001;   // largest p-value that counts as a trend
  double drift_fraction = 0.25;  // largest drift over the run that is borne, share of the median
};

struct Steadiness {
  bool steady = true;
  double drift_fraction = 0;  // signed drift from first to last block, as a share of the median
  double p_value = 1;         // two-sided, of "no trend"
  std::string reason;         // one sentence for people, never empty
};

// From one value (a median latency, a rate) per block in the order in which they ran. Fewer than 8
// blocks cannot be judged unsteady (the p-value cannot get that small); the reason says so.
Steadiness judge_steadiness(std::span<const double> block_values,
                            const SteadinessLimits& limits = {});

// From the blocks' medians. Empty blocks are left out.
Steadiness judge_steadiness(std::span<const Histogram> blocks, const SteadinessLimits& limits = {});

}  // namespace assay::stats
