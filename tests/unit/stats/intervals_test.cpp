#include "stats/intervals.hpp"

#include <gtest/gtest.h>

#include "simulation.hpp"

namespace assay::stats {
namespace {

std::vector<Histogram> uniform_blocks(std::size_t blocks, int each, std::uint64_t seed) {
  SplitMix64 random(seed);
  std::vector<Histogram> made(blocks);
  for (Histogram& block : made) {
    for (int i = 0; i < each; ++i) block.record(10'000 + random.below(90'000));
  }
  return made;
}

TEST(SamplesToProve, KnownNumbers) {
  EXPECT_EQ(samples_to_prove(0.9999, 0.95), 29'956U);
  EXPECT_EQ(samples_to_prove(0.999, 0.95), 2'995U);
  EXPECT_EQ(samples_to_prove(0.99, 0.95), 299U);
  EXPECT_EQ(samples_to_prove(0.95, 0.95), 59U);
  EXPECT_EQ(samples_to_prove(0.5, 0.5), 1U);
  EXPECT_EQ(samples_to_prove(1.0, 0.95), ~0ULL);
  EXPECT_EQ(samples_to_prove(0.99, 1.0), ~0ULL);
  EXPECT_EQ(samples_to_prove(0.0, 0.95), 1U);
}

TEST(SamplesForInterval, TwoSidedNeedsHalfTheTail) {
  EXPECT_EQ(samples_for_interval(0.5, 0.95), 6U);
  EXPECT_EQ(samples_for_interval(0.99, 0.95), 368U);
  EXPECT_EQ(samples_for_interval(0.01, 0.95), 368U);
  EXPECT_EQ(samples_for_interval(0.999, 0.95), 3'688U);
}

TEST(QuantileInterval, HoldsThePercentileThatIsPrinted) {
  for (const int each : {100, 20'000}) {  // the second is narrower than a bucket
    const auto blocks = uniform_blocks(30, each, 3);
    Histogram merged;
    for (const Histogram& block : blocks) merged.merge(block);
    for (const double q : {0.5, 0.9, 0.99}) {
      const auto interval = quantile_interval(blocks, q, 0.95);
      ASSERT_TRUE(interval) << interval.error().message();
      EXPECT_LE(interval->low_ns, static_cast<double>(merged.quantile_ns(q)));
      EXPECT_GE(interval->high_ns, static_cast<double>(merged.quantile_ns(q)));
      EXPECT_EQ(interval->n, merged.count());
      EXPECT_LE(interval->n_effective, static_cast<double>(interval->n));
      EXPECT_GT(interval->n_effective, 0.4 * static_cast<double>(interval->n));
      EXPECT_EQ(interval->confidence, 0.95);
    }
  }
}

TEST(QuantileInterval, ExactBelow256Nanoseconds) {
  std::vector<Histogram> blocks(10);
  for (Histogram& block : blocks) block.record_many(41, 1000);
  const auto interval = quantile_interval(blocks, 0.9, 0.99);
  ASSERT_TRUE(interval);
  EXPECT_EQ(interval->low_ns, 41.0);
  EXPECT_EQ(interval->high_ns, 41.0);
}

TEST(QuantileInterval, WidensWithConfidenceAndDependence) {
  auto blocks = uniform_blocks(30, 200, 9);
  const auto narrow = quantile_interval(blocks, 0.5, 0.90);
  const auto wide = quantile_interval(blocks, 0.5, 0.99);
  ASSERT_TRUE(narrow && wide);
  EXPECT_LT(wide->low_ns, narrow->low_ns);
  EXPECT_GT(wide->high_ns, narrow->high_ns);

  // A tenth of the blocks slow altogether: far fewer independent observations.
  for (std::size_t b = 0; b < blocks.size(); b += 10) blocks[b].record_many(500'000, 200);
  const auto dependent = quantile_interval(blocks, 0.5, 0.90);
  ASSERT_TRUE(dependent);
  EXPECT_LT(dependent->n_effective, 0.5 * narrow->n_effective);
  EXPECT_LT(effective_sample_size(blocks, 0.5),
            0.7 * effective_sample_size(uniform_blocks(30, 200, 9), 0.5));
}

TEST(QuantileInterval, SaysHowManySamplesAreMissing) {
  const auto blocks = uniform_blocks(30, 100, 1);
  const auto interval = quantile_interval(blocks, 0.9999, 0.95);
  ASSERT_FALSE(interval);
  EXPECT_EQ(interval.error().code, ErrorCode::invalid);
  EXPECT_NE(interval.error().message().find("3000 samples"), std::string::npos);
  EXPECT_NE(interval.error().advice.find("take at least"), std::string::npos);
}

TEST(QuantileInterval, OneBadBlockIsNotATail) {
  // All that exceeds p99 sits in one block: that happened once, however many operations it hit.
  auto blocks = uniform_blocks(30, 1000, 4);
  blocks[7].record_many(5'000'000, 400);
  const auto interval = quantile_interval(blocks, 0.99, 0.95);
  ASSERT_FALSE(interval);
  EXPECT_NE(interval.error().message().find("independent"), std::string::npos);
}

TEST(QuantileInterval, RejectsBadArguments) {
  const auto blocks = uniform_blocks(30, 100, 1);
  for (const double q : {-0.1, 0.0, 1.0, 1.1, std::nan("")}) {
    EXPECT_FALSE(quantile_interval(blocks, q, 0.95)) << q;
    EXPECT_FALSE(quantile_interval_iid(blocks[0], q, 0.95)) << q;
  }
  for (const double confidence : {-1.0, 0.0, 1.0, 2.0, std::nan("")}) {
    EXPECT_FALSE(quantile_interval(blocks, 0.5, confidence)) << confidence;
    EXPECT_FALSE(quantile_upper_bound(blocks, 0.5, confidence)) << confidence;
    EXPECT_FALSE(quantile_lower_bound(blocks, 0.5, confidence)) << confidence;
    EXPECT_FALSE(quantile_interval_iid(blocks[0], 0.5, confidence)) << confidence;
  }
  EXPECT_FALSE(quantile_interval(std::span(blocks).first(5), 0.5, 0.95));
  EXPECT_TRUE(quantile_interval(std::span(blocks).first(6), 0.5, 0.95));
  EXPECT_FALSE(quantile_interval({}, 0.5, 0.95));
  // Empty blocks do not count.
  std::vector<Histogram> padded(40);
  padded[3] = blocks[0];
  EXPECT_FALSE(quantile_interval(padded, 0.5, 0.95));
  EXPECT_FALSE(quantile_interval_iid(Histogram(), 0.5, 0.95));
}

TEST(QuantileBounds, AreTheSidesOfTheInterval) {
  const auto blocks = uniform_blocks(40, 500, 8);
  const auto interval = quantile_interval(blocks, 0.9, 0.95);
  const auto upper = quantile_upper_bound(blocks, 0.9, 0.975);
  const auto lower = quantile_lower_bound(blocks, 0.9, 0.975);
  ASSERT_TRUE(interval && upper && lower);
  EXPECT_NEAR(upper->ns, interval->high_ns, 1e-6 * upper->ns);
  EXPECT_NEAR(lower->ns, interval->low_ns, 1e-6 * lower->ns);
  EXPECT_EQ(upper->n, interval->n);
}

TEST(QuantileBounds, UpperOneNeedsTheProof) {
  std::vector<Histogram> blocks(30);
  for (Histogram& block : blocks) block.record_many(100, 998);
  EXPECT_FALSE(quantile_upper_bound(blocks, 0.9999, 0.95));  // 29,940
  EXPECT_TRUE(quantile_lower_bound(blocks, 0.9999, 0.95));
  for (Histogram& block : blocks) block.record(100);
  EXPECT_TRUE(quantile_upper_bound(blocks, 0.9999, 0.95));  // 29,970
}

TEST(EffectiveSampleSize, IsNeverMoreThanTheSample) {
  EXPECT_EQ(effective_sample_size({}, 0.5), 0.0);
  for (std::uint64_t seed = 1; seed < 50; ++seed) {
    const auto blocks = uniform_blocks(10, 20, seed);
    EXPECT_LE(effective_sample_size(blocks, 0.5), 200.0);
    EXPECT_GT(effective_sample_size(blocks, 0.5), 40.0);
  }
}

}  // namespace
}  // namespace assay::stats
