// Where a curve of latency against load has its knee: the operating point up to which more load
// still buys more throughput than it costs in latency.
//
// Kleinrock's power (1979, "Power and deterministic rules of thumb for probabilistic problems in
// computer communications"): throughput divided by mean latency; the knee is where it is largest.
// For a device whose latency is flat until it is saturated that is the point of saturation; for an
// M/M/1 queue it is a load of one half. It needs no parameter and no fitted curve. Of points within
// 2 % of the largest power the one with the least load counts, so that noise does not drive the
// answer up a flat top. Pure, thread-safe.
#pragma once

#include <cstddef>
#include <span>

namespace assay::stats {

struct LoadPoint {
  double throughput = 0;    // operations per second
  double mean_latency = 0;  // in any unit; the same for all points
};

enum class KneePlace : unsigned char {
  found,        // inside the range: load below it is wasted capacity, above it is queueing
  at_start,     // the first point: latency grows faster than throughput from the start
  not_reached,  // the last point: throughput still grew faster than latency
  none          // fewer than three usable points
};

struct Knee {
  KneePlace place = KneePlace::none;
  std::size_t index = 0;  // into the points; meaningless for none
  double power = 0;
};

// The points stand in the order of rising load. Those without throughput or latency are passed
// over.
Knee find_knee(std::span<const LoadPoint> points);

}  // namespace assay::stats
