// The knee of known curves.
#include "stats/knee.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace assay::stats {
namespace {

// Latency flat at 100 us until eight are served at once, then a queue (Little's law).
std::vector<LoadPoint> saturating(const std::vector<double>& depths) {
  std::vector<LoadPoint> points;
  for (const double depth : depths) {
    const double throughput = std::min(depth, 8.0) / 100e-6;
    points.push_back({throughput, depth / throughput});
  }
  return points;
}

TEST(Knee, OfASaturatingDeviceIsWhereItSaturates) {
  const Knee knee = find_knee(saturating({1, 2, 4, 8, 16, 32, 64}));
  EXPECT_EQ(knee.place, KneePlace::found);
  EXPECT_EQ(knee.index, 3U);
}

TEST(Knee, OfAnMm1QueueIsAtHalfTheLoad) {
  std::vector<LoadPoint> points;
  for (int load = 1; load <= 9; ++load) points.push_back({load * 0.1, 1 / (1 - load * 0.1)});
  const Knee knee = find_knee(points);
  EXPECT_EQ(knee.place, KneePlace::found);
  EXPECT_EQ(knee.index, 4U);  // 0.5
  EXPECT_NEAR(knee.power, 0.25, 1e-9);
}

TEST(Knee, IsNotInventedOutsideTheRange) {
  EXPECT_EQ(find_knee(saturating({1, 2, 4})).place, KneePlace::not_reached);
  EXPECT_EQ(find_knee(saturating({16, 32, 64})).place, KneePlace::at_start);
  EXPECT_EQ(find_knee(saturating({1, 8})).place, KneePlace::none);
  EXPECT_EQ(find_knee({}).place, KneePlace::none);
}

TEST(Knee, PassesOverPointsThatWereNotMeasured) {
  std::vector<LoadPoint> points = saturating({1, 2, 4, 8, 16, 32});
  points[1] = {};
  const Knee knee = find_knee(points);
  EXPECT_EQ(knee.place, KneePlace::found);
  EXPECT_EQ(knee.index, 3U);
}

TEST(Knee, OfAFlatTopIsTheLeastLoad) {
  const std::vector<LoadPoint> points{{1, 10}, {20, 10}, {20.1, 10}, {20.2, 10}, {5, 100}};
  EXPECT_EQ(find_knee(points).index, 1U);
}

}  // namespace
}  // namespace assay::stats
