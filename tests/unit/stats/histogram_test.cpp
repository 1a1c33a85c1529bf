#include "stats/histogram.hpp"

#include <gtest/gtest.h>

namespace assay::stats {
namespace {

TEST(Histogram, EmptyAnswersZero) {
  const Histogram histogram;
  EXPECT_TRUE(histogram.empty());
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.min_ns(), 0U);
  EXPECT_EQ(histogram.max_ns(), 0U);
  EXPECT_EQ(histogram.mean_ns(), 0.0);
  EXPECT_EQ(histogram.quantile_ns(0.5), 0U);
  EXPECT_EQ(histogram.value_at_rank_ns(1), 0U);
  EXPECT_EQ(histogram.count_above(0), 0U);
  EXPECT_TRUE(histogram.buckets().empty());
}

TEST(Histogram, BucketsTileTheRange) {
  for (std::size_t i = 0; i < Histogram::kBuckets; ++i) {
    const std::uint64_t low = Histogram::bucket_low_ns(i);
    const std::uint64_t high = Histogram::bucket_high_ns(i);
    ASSERT_LE(low, high);
    ASSERT_EQ(Histogram::index_of(low), i);
    ASSERT_EQ(Histogram::index_of(high), i);
    ASSERT_EQ(Histogram::index_of(high + 1), i + 1);
    ASSERT_EQ(Histogram::bucket_low_ns(i + 1), high + 1);
    // At most 1/128 of the lower bound wide, exact below 256 ns.
    ASSERT_LE((high - low) * 128, low);
    ASSERT_TRUE(low >= 256 || high == low);
  }
  EXPECT_EQ(Histogram::bucket_high_ns(Histogram::kBuckets - 1), Histogram::kMaxTracked);
  EXPECT_EQ(Histogram::bucket_high_ns(Histogram::kBuckets), ~0ULL);
}

TEST(Histogram, QuantileIsTheCeilingRank) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100; ++value) histogram.record(value);
  EXPECT_EQ(histogram.quantile_ns(0.0), 1U);
  EXPECT_EQ(histogram.quantile_ns(0.01), 1U);
  EXPECT_EQ(histogram.quantile_ns(0.011), 2U);
  EXPECT_EQ(histogram.quantile_ns(0.5), 50U);
  EXPECT_EQ(histogram.quantile_ns(0.501), 51U);
  EXPECT_EQ(histogram.quantile_ns(0.99), 99U);
  EXPECT_EQ(histogram.quantile_ns(1.0), 100U);
  EXPECT_EQ(histogram.quantile_ns(-3.0), 1U);
  EXPECT_EQ(histogram.quantile_ns(7.0), 100U);
}

TEST(Histogram, RanksAreClamped) {
  Histogram histogram;
  histogram.record(10);
  histogram.record(20);
  EXPECT_EQ(histogram.value_at_rank_ns(0), 10U);
  EXPECT_EQ(histogram.value_at_rank_ns(1), 10U);
  EXPECT_EQ(histogram.value_at_rank_ns(2), 20U);
  EXPECT_EQ(histogram.value_at_rank_ns(99), 20U);
}

TEST(Histogram, ExtremesAreExactWhereBucketsAreWide) {
  Histogram histogram;
  histogram.record(1'000'003);
  histogram.record(1'000'001);
  histogram.record(1'000'002);
  EXPECT_EQ(histogram.quantile_ns(0.0), 1'000'001U);
  EXPECT_EQ(histogram.quantile_ns(1.0), 1'000'003U);
  // All in one bucket: its midpoint, moved into the observed range.
  EXPECT_GE(histogram.quantile_ns(0.5), 1'000'001U);
  EXPECT_LE(histogram.quantile_ns(0.5), 1'000'003U);
  EXPECT_DOUBLE_EQ(histogram.mean_ns(), 1'000'002.0);
}

TEST(Histogram, CountAboveLeavesOutTheValuesOwnBucket) {
  Histogram histogram;
  for (const std::uint64_t value : {100U, 101U, 1000U, 1001U, 5000U}) histogram.record(value);
  EXPECT_EQ(histogram.count_above(0), 5U);
  EXPECT_EQ(histogram.count_above(99), 5U);
  EXPECT_EQ(histogram.count_above(100), 4U);
  EXPECT_EQ(histogram.count_above(101), 3U);
  EXPECT_EQ(histogram.count_above(1000), 1U);  // 1001 shares a bucket with 1000
  EXPECT_EQ(histogram.count_above(4999), 0U);  // so does 5000 with 4999
  EXPECT_EQ(histogram.count_above(5000), 0U);
  EXPECT_EQ(histogram.count_above(~0ULL), 0U);
}

TEST(Histogram, OverflowIsCountedAndReportedAsTheMaximum) {
  Histogram histogram;
  histogram.record(Histogram::kMaxTracked);
  EXPECT_EQ(histogram.overflowed(), 0U);
  histogram.record(Histogram::kMaxTracked + 1);
  histogram.record(~0ULL);
  EXPECT_EQ(histogram.overflowed(), 2U);
  EXPECT_EQ(histogram.count(), 3U);
  EXPECT_EQ(histogram.max_ns(), ~0ULL);
  EXPECT_EQ(histogram.quantile_ns(1.0), ~0ULL);
  EXPECT_GT(histogram.quantile_ns(0.6), Histogram::kMaxTracked);
  EXPECT_EQ(histogram.count_above(Histogram::kMaxTracked), 2U);
  ASSERT_EQ(histogram.buckets().size(), 2U);
  EXPECT_EQ(histogram.buckets().back().low_ns, Histogram::kMaxTracked + 1);
  EXPECT_EQ(histogram.buckets().back().high_ns, ~0ULL);
}

TEST(Histogram, MergeAddsAndResetForgets) {
  Histogram a;
  Histogram b;
  a.record(10);
  a.record(3000);
  b.record(5);
  b.record(3000);
  b.record(~0ULL);
  a.merge(b);
  a.merge(Histogram());
  EXPECT_EQ(a.count(), 5U);
  EXPECT_EQ(a.min_ns(), 5U);
  EXPECT_EQ(a.max_ns(), ~0ULL);
  EXPECT_EQ(a.overflowed(), 1U);
  EXPECT_EQ(a.count_above(10), 3U);
  a.reset();
  EXPECT_TRUE(a.empty());
  EXPECT_TRUE(a.buckets().empty());
  a.record(7);
  EXPECT_EQ(a.min_ns(), 7U);
  EXPECT_EQ(a.max_ns(), 7U);
  EXPECT_EQ(a.buckets().size(), 1U);
}

TEST(Histogram, RecordManyIsRecordRepeated) {
  Histogram many;
  Histogram one_by_one;
  many.record_many(777, 5);
  many.record_many(3, 0);
  for (int i = 0; i < 5; ++i) one_by_one.record(777);
  EXPECT_EQ(many.count(), one_by_one.count());
  EXPECT_EQ(many.min_ns(), one_by_one.min_ns());
  EXPECT_EQ(many.mean_ns(), one_by_one.mean_ns());
}

TEST(Histogram, FromBucketsMendsDamagedDocuments) {
  const std::vector<Bucket> buckets{{1000, 1007, 5}, {90'000, 90'111, 0}, {2000, 2015, 1}};
  const Histogram histogram = Histogram::from_buckets(buckets, 5'000'000, 3);
  EXPECT_EQ(histogram.count(), 6U);
  EXPECT_EQ(Histogram::index_of(histogram.min_ns()), Histogram::index_of(1000));
  EXPECT_EQ(Histogram::index_of(histogram.max_ns()), Histogram::index_of(2000));
  EXPECT_EQ(histogram.count_above(1500), 1U);

  const std::vector<Bucket> huge{{10, 10, ~0ULL}, {20, 20, ~0ULL}};
  EXPECT_EQ(Histogram::from_buckets(huge, 10, 20).count(), ~0ULL);
  EXPECT_EQ(Histogram::from_buckets(huge, 10, 20).quantile_ns(0.5), 10U);
  EXPECT_TRUE(Histogram::from_buckets({}, 3, 9).empty());
}

}  // namespace
}  // namespace assay::stats
