// Did a quantile change between two separate runs? Batch means with an allowance for slow drift.
//
// Each run is cut into consecutive blocks; the blocks are taken together until each batch holds
// enough observations beyond the quantile, and the logarithm of each batch's quantile is one value.
// Values of neighbouring batches resemble each other when the machine drifts (temperature, a
// neighbour on the same host), which makes their mean less certain than their number suggests: the
// variance is multiplied by the sum of their autocorrelations, estimated on the safe side from lags
// 1 and 2. By simulation, 95 % intervals of two runs of one process contain 0 in at least 93 % of
// cases up to a correlation time of four blocks, with or without noise on top.
//
// What no block of a run sees, because it is fixed when the run starts (placement of memory and
// code; Mytkowicz et al. 2009 measured several percent), is an option. Pure functions.
#pragma once

#include <span>

#include "core/error.hpp"
#include "stats/histogram.hpp"

namespace assay::stats {

struct DifferenceInterval {
  double difference_ns = 0;
  double low_ns = 0;
  double high_ns = 0;
  double confidence = 0;
  // The two values: of separate runs the typical batch (geometric mean), which unlike a pooled
  // quantile is not carried away by one disturbed block; of paired blocks the pooled quantiles.
  double earlier_ns = 0;
  double later_ns = 0;
  bool contains_zero() const { return low_ns <= 0.0 && high_ns >= 0.0; }
};

struct DifferenceOptions {
  // Standard deviation between runs, as a fraction of the value, of what is fixed for a whole run.
  // Default: 1 %, which at 95 % confidence adds 2.8 % to the interval's half-width at most.
  double between_run_fraction = 0.01;
  // Added on both sides: what the instrument cannot tell apart. Default: the histogram's unit; give
  // the clock's resolution where it is coarser.
  double resolution_ns = 1.0;
};

// Difference of a quantile between two separate runs (a later one minus an earlier one), in
// nanoseconds, from the blocks of each in the order in which they ran. Not paired: the runs may
// have been days apart. Error: invalid for fewer than 6 batches in either run (more samples are
// needed for a high quantile: the message says how many), a quantile or confidence outside (0, 1),
// or options that are negative or not finite.
Expected<DifferenceInterval> quantile_difference(std::span<const Histogram> earlier,
                                                 std::span<const Histogram> later, double quantile,
                                                 double confidence,
                                                 const DifferenceOptions& options = {});

}  // namespace assay::stats
