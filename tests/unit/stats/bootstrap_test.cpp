#include "stats/bootstrap.hpp"

#include <gtest/gtest.h>

#include "simulation.hpp"

namespace assay::stats {
namespace {

using simulation::Sampler;
using simulation::Shape;

// Blocks of a lognormal, scaled.
std::vector<Histogram> blocks_of(double factor, std::size_t count, std::uint64_t seed) {
  const Sampler sampler(Shape::lognormal);
  SplitMix64 random(seed);
  std::vector<Histogram> blocks(count);
  for (Histogram& block : blocks) {
    for (int i = 0; i < 400; ++i) {
      block.record(static_cast<std::uint64_t>(factor * sampler.draw(random)));
    }
  }
  return blocks;
}

TEST(QuantileRatio, FindsARealDifference) {
  const auto ratio = quantile_ratio(blocks_of(0.8, 30, 1), blocks_of(1.0, 30, 2), 0.5, 0.99);
  ASSERT_TRUE(ratio);
  EXPECT_TRUE(ratio->differs());
  EXPECT_LT(ratio->low, 0.8);
  EXPECT_GT(ratio->high, 0.8);
  EXPECT_NEAR(ratio->ratio, 0.8, 0.03);
  EXPECT_EQ(ratio->pairs, 30U);
  EXPECT_EQ(ratio->confidence, 0.99);
}

TEST(QuantileRatio, TheSameBlocksHaveRatioOne) {
  const auto blocks = blocks_of(1.0, 12, 5);
  const auto ratio = quantile_ratio(blocks, blocks, 0.9, 0.99);
  ASSERT_TRUE(ratio);
  EXPECT_EQ(ratio->ratio, 1.0);
  EXPECT_EQ(ratio->low, 1.0);
  EXPECT_EQ(ratio->high, 1.0);
  EXPECT_FALSE(ratio->differs());
}

TEST(QuantileRatio, ExactTicksHaveExactRatios) {
  std::vector<Histogram> slow(10);
  std::vector<Histogram> fast(10);
  for (Histogram& block : slow) block.record_many(60, 100);
  for (Histogram& block : fast) block.record_many(40, 100);
  const auto ratio = quantile_ratio(fast, slow, 0.5, 0.95);
  ASSERT_TRUE(ratio);
  EXPECT_DOUBLE_EQ(ratio->ratio, 40.0 / 60.0);
  // Immeasurably short times still have a ratio.
  for (Histogram& block : fast) {
    block.reset();
    block.record_many(0, 100);
  }
  EXPECT_DOUBLE_EQ(quantile_ratio(fast, fast, 0.5, 0.95)->ratio, 1.0);
  EXPECT_DOUBLE_EQ(quantile_ratio(fast, slow, 0.5, 0.95)->ratio, 0.5 / 60);
}

TEST(QuantileRatio, IsTheSameForASeedAndMirrorsWhenSwapped) {
  const auto a = blocks_of(1.0, 30, 1);
  const auto b = blocks_of(1.1, 30, 2);
  const auto first = quantile_ratio(a, b, 0.9, 0.95, 7);
  const auto again = quantile_ratio(a, b, 0.9, 0.95, 7);
  const auto other = quantile_ratio(a, b, 0.9, 0.95, 8);
  const auto swapped = quantile_ratio(b, a, 0.9, 0.95, 7);
  ASSERT_TRUE(first && again && other && swapped);
  EXPECT_EQ(first->low, again->low);
  EXPECT_EQ(first->high, again->high);
  EXPECT_NE(first->low, other->low);
  EXPECT_NEAR(first->low, other->low, 0.02);
  EXPECT_NEAR(swapped->high, 1 / first->low, 1e-9);
}

TEST(QuantileRatio, PairingTakesTheSharedDriftOut) {
  // The machine becomes four times slower during the run; both sides see it.
  const Sampler sampler(Shape::lognormal);
  SplitMix64 random(3);
  std::vector<Histogram> a(30);
  std::vector<Histogram> b(30);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double drift = 1.0 + 3.0 * static_cast<double>(i) / 30;
    for (int k = 0; k < 300; ++k) {
      a[i].record(static_cast<std::uint64_t>(drift * sampler.draw(random)));
      b[i].record(static_cast<std::uint64_t>(drift * sampler.draw(random)));
    }
  }
  const auto ratio = quantile_ratio(a, b, 0.5, 0.99);
  ASSERT_TRUE(ratio);
  EXPECT_FALSE(ratio->differs());
  EXPECT_LT(ratio->high - ratio->low, 0.2);
}

TEST(QuantileRatio, RejectsBadArguments) {
  const auto blocks = blocks_of(1.0, 8, 1);
  const std::span<const Histogram> all(blocks);
  EXPECT_FALSE(quantile_ratio(all, all.first(7), 0.5, 0.95));
  EXPECT_FALSE(quantile_ratio(all.first(5), all.first(5), 0.5, 0.95));
  EXPECT_TRUE(quantile_ratio(all.first(6), all.first(6), 0.5, 0.95));
  EXPECT_FALSE(quantile_ratio(all, all, 1.5, 0.95));
  EXPECT_FALSE(quantile_ratio(all, all, std::nan(""), 0.95));
  EXPECT_FALSE(quantile_ratio(all, all, 0.5, 1.0));
  EXPECT_FALSE(quantile_ratio(all, all, 0.5, 0.0));
  auto holed = blocks;
  holed[2].reset();
  const auto refused = quantile_ratio(blocks, holed, 0.5, 0.95);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid);
  EXPECT_FALSE(paired_quantile_difference(blocks, holed, 0.5, 0.95));
}

TEST(RateRatio, IsTheRatioOfSums) {
  std::vector<BlockRate> fast;
  std::vector<BlockRate> slow;
  for (int i = 0; i < 10; ++i) {
    const double length = 1.0 + i % 3;
    fast.push_back({150.0 * length + i % 2, length});
    slow.push_back({100.0 * length, length});
  }
  const auto ratio = rate_ratio(fast, slow, 0.95);
  ASSERT_TRUE(ratio);
  EXPECT_NEAR(ratio->ratio, 1.5, 0.01);
  EXPECT_TRUE(ratio->differs());
  EXPECT_LE(ratio->low, ratio->ratio);
  EXPECT_GE(ratio->high, ratio->ratio);
}

TEST(RateRatio, RejectsWhatHasNoRatio) {
  const std::vector<BlockRate> good(8, {5, 1});
  for (const BlockRate& bad : {BlockRate{0, 1}, BlockRate{1, 0}, BlockRate{-1, 1},
                               BlockRate{std::nan(""), 1}, BlockRate{1, HUGE_VAL}}) {
    auto rates = good;
    rates[3] = bad;
    EXPECT_FALSE(rate_ratio(rates, good, 0.95));
    EXPECT_FALSE(rate_ratio(good, rates, 0.95));
  }
  EXPECT_FALSE(rate_ratio(good, std::span(good).first(7), 0.95));
}

}  // namespace
}  // namespace assay::stats
