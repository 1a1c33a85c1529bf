// Blocks of two series, matched by the round that they ran in. Internal to certify/ and report/.
#pragma once

#include <vector>

#include "core/error.hpp"
#include "engine/measurement.hpp"
#include "stats/bootstrap.hpp"
#include "stats/histogram.hpp"

namespace assay::certify {

// The histograms that are judged (of an open loop the responses) of all blocks that recorded
// something.
std::vector<stats::Histogram> block_histograms(const engine::Measurement& measurement);

// How many operations one recorded latency covers; at least 1.
double samples_hold(const engine::Measurement& measurement);

// Ratio candidate/baseline of a latency quantile per operation; of operations per second. Rounds in
// which either side has no block are left out. Error: invalid for fewer than 6 rounds in common.
Expected<stats::RatioInterval> paired_quantile_ratio(const engine::Measurement& candidate,
                                                     const engine::Measurement& baseline,
                                                     double quantile, double confidence);
Expected<stats::RatioInterval> paired_rate_ratio(const engine::Measurement& candidate,
                                                 const engine::Measurement& baseline,
                                                 double confidence);

// Ratios of CPU time and of kernel enters for each operation. Error as above, and where a block had
// none.
Expected<stats::RatioInterval> paired_cpu_ratio(const engine::Measurement& candidate,
                                                const engine::Measurement& baseline,
                                                double confidence);
Expected<stats::RatioInterval> paired_enters_ratio(const engine::Measurement& candidate,
                                                   const engine::Measurement& baseline,
                                                   double confidence);

}  // namespace assay::certify
