#include <gtest/gtest.h>
// gtest first: rapidcheck's header needs it.
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "stats/histogram.hpp"

namespace assay::stats {
namespace {

// Values of every magnitude, many of them around the borders of buckets and octaves.
rc::Gen<std::vector<std::uint64_t>> values() {
  const auto around_border = rc::gen::map(
      rc::gen::tuple(rc::gen::inRange(0, 46), rc::gen::inRange(0, 130), rc::gen::inRange(-2, 3)),
      [](const std::tuple<int, int, int>& parts) {
        const auto& [octave, step, offset] = parts;
        const std::uint64_t base = 1ULL << octave;
        const std::uint64_t value = base + base / 128 * static_cast<std::uint64_t>(step);
        return offset < 0 ? value - std::min<std::uint64_t>(value, 2) : value + 1;
      });
  const auto anywhere = rc::gen::map(
      rc::gen::pair(rc::gen::arbitrary<std::uint64_t>(), rc::gen::inRange(20, 64)),
      [](const std::pair<std::uint64_t, int>& parts) { return parts.first >> parts.second; });
  return rc::gen::nonEmpty(
      rc::gen::container<std::vector<std::uint64_t>>(rc::gen::oneOf(around_border, anywhere)));
}

Histogram of(const std::vector<std::uint64_t>& observed) {
  Histogram histogram;
  for (const std::uint64_t value : observed) histogram.record(value);
  return histogram;
}

void expect_same(const Histogram& a, const Histogram& b) {
  RC_ASSERT(a.count() == b.count());
  RC_ASSERT(a.min_ns() == b.min_ns());
  RC_ASSERT(a.max_ns() == b.max_ns());
  for (std::size_t i = 0; i <= Histogram::kBuckets; ++i) RC_ASSERT(a.count_at(i) == b.count_at(i));
}

RC_GTEST_PROP(HistogramProperty, EveryRankIsWithinFourPerMille, ()) {
  auto observed = *values();
  const Histogram histogram = of(observed);
  std::sort(observed.begin(), observed.end());
  for (std::size_t rank = 1; rank <= observed.size(); ++rank) {
    const auto truth = static_cast<double>(observed[rank - 1]);
    const auto found = static_cast<double>(histogram.value_at_rank_ns(rank));
    if (observed[rank - 1] > Histogram::kMaxTracked) continue;  // only its count is kept
    RC_ASSERT(std::abs(found - truth) <= 0.004 * truth);
    if (truth < 256) RC_ASSERT(found == truth);
  }
}

RC_GTEST_PROP(HistogramProperty, QuantilesAgreeWithTheSortedValues, ()) {
  auto observed = *values();
  const double quantile = *rc::gen::map(rc::gen::inRange(0, 10001), [](int n) { return n / 1e4; });
  const Histogram histogram = of(observed);
  std::sort(observed.begin(), observed.end());
  const double exact_rank = std::ceil(quantile * static_cast<double>(observed.size()));
  const auto rank = std::max<std::size_t>(1, static_cast<std::size_t>(exact_rank));
  const std::uint64_t truth = observed[rank - 1];
  if (truth > Histogram::kMaxTracked) return;
  const auto found = static_cast<double>(histogram.quantile_ns(quantile));
  RC_ASSERT(std::abs(found - static_cast<double>(truth)) <= 0.004 * static_cast<double>(truth));
}

RC_GTEST_PROP(HistogramProperty, CountAboveMissesAtMostTheBucket, ()) {
  const auto observed = *values();
  const std::uint64_t limit = *rc::gen::elementOf(observed);
  const Histogram histogram = of(observed);
  const auto bucket = Histogram::index_of(limit);
  const auto beyond = std::count_if(observed.begin(), observed.end(), [&](std::uint64_t value) {
    return Histogram::index_of(value) > bucket;
  });
  RC_ASSERT(histogram.count_above(limit) == static_cast<std::uint64_t>(beyond));
}

RC_GTEST_PROP(HistogramProperty, BucketsRoundTrip, ()) {
  const Histogram histogram = of(*values());
  const auto buckets = histogram.buckets();
  std::uint64_t total = 0;
  std::uint64_t above = 0;
  for (const Bucket& bucket : buckets) {
    RC_ASSERT(bucket.count > 0U);
    RC_ASSERT(total == 0U || bucket.low_ns > above);
    above = bucket.high_ns;
    total += bucket.count;
  }
  RC_ASSERT(total == histogram.count());
  const Histogram rebuilt =
      Histogram::from_buckets(buckets, histogram.min_ns(), histogram.max_ns());
  expect_same(histogram, rebuilt);
}

RC_GTEST_PROP(HistogramProperty, MergingIsRecordingBoth, ()) {
  const auto first = *values();
  auto both = first;
  const auto second = *values();
  both.insert(both.end(), second.begin(), second.end());
  Histogram merged = of(first);
  merged.merge(of(second));
  expect_same(merged, of(both));
}

RC_GTEST_PROP(HistogramProperty, ResetLeavesNothing, ()) {
  Histogram histogram = of(*values());
  histogram.reset();
  const auto again = *values();
  for (const std::uint64_t value : again) histogram.record(value);
  expect_same(histogram, of(again));
}

}  // namespace
}  // namespace assay::stats
