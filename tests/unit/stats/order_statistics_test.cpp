#include "stats/order_statistics.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace assay::stats {
namespace {

// P(at least `rank` of n are below the quantile), summed term by term.
double binomial_at_least(int rank, int n, double q) {
  double sum = 0;
  for (int k = rank; k <= n; ++k) {
    sum += std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) +
                    k * std::log(q) + (n - k) * std::log1p(-q));
  }
  return sum;
}

TEST(OrderStatistics, RanksMatchTheBinomial) {
  for (const int n : {20, 100, 1000}) {
    for (const double q : {0.1, 0.5, 0.9}) {
      for (const double tail : {0.1, 0.025, 0.005}) {
        const auto low = rank_below(n, q, tail);
        const auto high = rank_above(n, q, tail);
        if (low) {
          // The whole rank below keeps the promise, the one above does not.
          EXPECT_GE(binomial_at_least(static_cast<int>(std::floor(*low)), n, q), 1 - tail - 1e-6);
          EXPECT_LT(binomial_at_least(static_cast<int>(std::floor(*low)) + 1, n, q), 1 - tail);
        }
        if (high) {
          EXPECT_LE(binomial_at_least(static_cast<int>(std::ceil(*high)), n, q), tail + 1e-6);
          EXPECT_GT(binomial_at_least(static_cast<int>(std::ceil(*high)) - 1, n, q), tail);
        }
        EXPECT_EQ(low.has_value(), std::pow(1 - q, n) <= tail);
        EXPECT_EQ(high.has_value(), std::pow(q, n) <= tail);
      }
    }
  }
}

TEST(OrderStatistics, RanksMirror) {
  for (const double n : {50.5, 3000.0, 1e6}) {
    const auto low = rank_below(n, 0.3, 0.01);
    const auto high = rank_above(n, 0.7, 0.01);
    ASSERT_TRUE(low && high);
    EXPECT_NEAR(*low + *high, n + 1, 1e-3 * std::sqrt(n));
  }
}

TEST(OrderStatistics, LargeSamplesApproachTheNormal) {
  const double n = 1e9;
  const double deviation = std::sqrt(n * 0.999 * 0.001);
  EXPECT_NEAR((*rank_above(n, 0.999, 0.025) - 0.999 * n) / deviation, 1.95996, 0.005);
  EXPECT_NEAR((*rank_below(n, 0.999, 0.025) - 0.999 * n) / deviation, -1.95996, 0.005);
}

TEST(OrderStatistics, NoRankForTooFew) {
  EXPECT_FALSE(rank_above(0.5, 0.5, 0.1));
  EXPECT_FALSE(rank_below(0, 0.5, 0.1));
  EXPECT_FALSE(rank_above(29'955, 0.9999, 0.05));
  EXPECT_TRUE(rank_above(29'956, 0.9999, 0.05));
}

TEST(OrderStatistics, PointsMatchTheTables) {
  EXPECT_NEAR(normal_point(0.025), 1.959964, 1e-6);
  EXPECT_NEAR(student_point(0.025, 29), 2.045230, 1e-6);
  EXPECT_NEAR(student_point(0.005, 5), 4.032143, 1e-6);
  EXPECT_NEAR(normal_two_sided_p(-1.959964), 0.05, 1e-6);
}

TEST(OrderStatistics, SafeDesignEffectIsNeverBelowOne) {
  EXPECT_EQ(safe_design_effect(0.0, 29, 0.025), 1.0);
  EXPECT_EQ(safe_design_effect(0.9, 29, 0.025), 1.0);
  EXPECT_GT(safe_design_effect(1.3, 29, 0.025), 1.0);
  // Of much dependence the whole stretch remains.
  const double stretch = 2.045230 / 1.959964;
  EXPECT_NEAR(safe_design_effect(1000, 29, 0.025) / 1000, stretch * stretch, 1e-3);
}

}  // namespace
}  // namespace assay::stats
