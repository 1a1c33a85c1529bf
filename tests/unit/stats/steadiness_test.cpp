#include "stats/steadiness.hpp"

#include <gtest/gtest.h>

#include "simulation.hpp"

namespace assay::stats {
namespace {

std::vector<double> series(std::size_t count, double slope_fraction, double noise,
                           std::uint64_t seed) {
  SplitMix64 random(seed);
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) {
    const double place = static_cast<double>(i) / static_cast<double>(count - 1) - 0.5;
    values.push_back(1000 * (1 + slope_fraction * place + noise * simulation::normal(random)));
  }
  return values;
}

TEST(Steadiness, ANoisySeriesIsSteady) {
  int unsteady = 0;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    const auto found = judge_steadiness(series(30, 0, 0.3, seed));
    unsteady += found.steady ? 0 : 1;
    EXPECT_FALSE(found.reason.empty());
  }
  EXPECT_LE(unsteady, 2);
}

TEST(Steadiness, ALargeDriftIsNot) {
  for (const double slope : {0.5, -0.5}) {
    const auto found = judge_steadiness(series(30, slope, 0.05, 3));
    EXPECT_FALSE(found.steady);
    EXPECT_NEAR(found.drift_fraction, slope, 0.1);
    EXPECT_LT(found.p_value, 0.001);
    EXPECT_NE(found.reason.find("drifts"), std::string::npos);
  }
}

TEST(Steadiness, ASmallCertainDriftIs) {
  const auto found = judge_steadiness(series(30, 0.1, 0.001, 4));
  EXPECT_TRUE(found.steady);
  EXPECT_LT(found.p_value, 0.001);
  EXPECT_NEAR(found.drift_fraction, 0.1, 0.01);
  EXPECT_NE(found.reason.find("small trend"), std::string::npos);
}

TEST(Steadiness, OutliersAreNoDrift) {
  auto values = series(30, 0, 0.02, 5);
  values[28] *= 50;
  values[29] *= 50;
  EXPECT_TRUE(judge_steadiness(values).steady);
}

TEST(Steadiness, AStepIsADrift) {
  auto values = series(30, 0, 0.02, 6);
  for (std::size_t i = 15; i < values.size(); ++i) values[i] *= 2;
  EXPECT_FALSE(judge_steadiness(values).steady);
}

TEST(Steadiness, KnownPValue) {
  // Ten rising values: S = 45, variance 125, z = 44 / sqrt(125).
  std::vector<double> rising;
  for (int i = 0; i < 10; ++i) rising.push_back(100 + i);
  EXPECT_NEAR(judge_steadiness(rising).p_value, 8.303e-5, 1e-7);
  EXPECT_NEAR(judge_steadiness(rising).drift_fraction, 9 / 104.5, 1e-12);
  // With ties: 1 1 2 2 3 3 4 4, S = 24, variance (8*7*21 - 4*2*1*9) / 18.
  const auto tied = judge_steadiness(std::vector<double>{1, 1, 2, 2, 3, 3, 4, 4});
  EXPECT_NEAR(tied.p_value, std::erfc(23 / std::sqrt((1176.0 - 72.0) / 18) / std::sqrt(2.0)),
              1e-12);
}

TEST(Steadiness, TooFewOrAllAlikeAreSteady) {
  EXPECT_TRUE(judge_steadiness(std::vector<double>{}).steady);
  const auto few = judge_steadiness(std::vector<double>{1, 2, 3, 4, 5, 6, 7});
  EXPECT_TRUE(few.steady);
  EXPECT_NE(few.reason.find("too few"), std::string::npos);
  const auto flat = judge_steadiness(std::vector<double>(20, 42.0));
  EXPECT_TRUE(flat.steady);
  EXPECT_EQ(flat.drift_fraction, 0.0);
  EXPECT_EQ(flat.p_value, 1.0);
  EXPECT_TRUE(judge_steadiness(std::vector<double>(20, 0.0)).steady);
  // Eight are enough.
  EXPECT_FALSE(judge_steadiness(std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8}).steady);
}

TEST(Steadiness, TakesTheMediansOfBlocks) {
  std::vector<Histogram> blocks(12);
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    if (b == 4) continue;  // an empty one is left out
    blocks[b].record_many(100 + 10 * b, 9);
    blocks[b].record_many(1'000'000, 4);  // its tail does not matter
  }
  const auto found = judge_steadiness(blocks);
  EXPECT_FALSE(found.steady);
  EXPECT_GT(found.drift_fraction, 0.5);
  EXPECT_TRUE(judge_steadiness(blocks, {.drift_fraction = 2.0}).steady);
}

}  // namespace
}  // namespace assay::stats
