// A log-linear histogram of durations in nanoseconds: the record of every operation of a block.
//
// 128 sub-buckets an octave: a bucket's width is at most 1/128 of its lower bound, so its midpoint
// is within 0.4 % of any value in it; values below 256 ns are exact. Above kMaxTracked an overflow
// bucket counts; min and max are always exact. Fixed size, no allocation after construction, no
// lock, no atomic: one writer, readers after it has stopped. (The layout follows the idea of
// HdrHistogram.)
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace assay::stats {

// One non-empty bucket, as stored in certificates: every value in [low_ns, high_ns] counted.
struct Bucket {
  std::uint64_t low_ns = 0;
  std::uint64_t high_ns = 0;
  std::uint64_t count = 0;
};

class Histogram {
 public:
  static constexpr unsigned kSubBucketBits = 7;  // 128 sub-buckets an octave
  static constexpr unsigned kMaxExponent = 40;   // tracked up to 2^40 ns, 18 minutes
  static constexpr std::uint64_t kMaxTracked = (1ULL << kMaxExponent) - 1;
  static constexpr std::size_t kBuckets =
      ((kMaxExponent - kSubBucketBits) << kSubBucketBits) + (1U << kSubBucketBits);

  Histogram() : counts_(kBuckets + 1) {}  // the last one is the overflow bucket

  // The hot path: ≤3 ns.
  void record(std::uint64_t value_ns) {
    min_ns_ = std::min(min_ns_, value_ns);
    max_ns_ = std::max(max_ns_, value_ns);
    sum_ns_ += value_ns;
    ++total_;
    ++counts_[index_of(value_ns)];
  }

  // The same value `times` times; not for the hot path.
  void record_many(std::uint64_t value_ns, std::uint64_t times);

  std::uint64_t count() const { return total_; }
  bool empty() const { return total_ == 0; }
  std::uint64_t min_ns() const { return total_ == 0 ? 0 : min_ns_; }
  std::uint64_t max_ns() const { return max_ns_; }
  std::uint64_t overflowed() const { return counts_[kBuckets]; }
  double mean_ns() const {
    return total_ == 0 ? 0.0 : static_cast<double>(sum_ns_) / static_cast<double>(total_);
  }

  // How many observations fell into the bucket with this index, ≤ kBuckets.
  std::uint64_t count_at(std::size_t index) const { return counts_[index]; }
  // The outermost non-empty buckets; meaningless when empty.
  std::size_t first_index() const { return index_of(min_ns_); }
  std::size_t last_index() const { return index_of(max_ns_); }

  // The value of the ceil(quantile * count)-th smallest observation (rank ≥ 1), as its bucket's
  // midpoint clamped to [min, max]; the first and the last are exact. `quantile` in [0, 1]. 0 when
  // empty.
  std::uint64_t quantile_ns(double quantile) const;
  // The rank-th smallest observation, 1-based; clamped to [1, count].
  std::uint64_t value_at_rank_ns(std::uint64_t rank) const;
  // How many observations are above `value_ns` (a bucket that holds it counts as not above).
  std::uint64_t count_above(std::uint64_t value_ns) const;

  void merge(const Histogram& other);
  void reset();

  // Non-empty buckets in ascending order (the overflow bucket last, high_ns = max).
  std::vector<Bucket> buckets() const;
  // Rebuilds from buckets() plus the exact extremes; unknown bucket bounds are put in by their
  // low_ns, extremes that contradict the buckets are moved into them. Everything but the mean
  // (within 0.4 %) is then as it was.
  static Histogram from_buckets(std::span<const Bucket> buckets, std::uint64_t min_ns,
                                std::uint64_t max_ns);

  static constexpr std::size_t index_of(std::uint64_t value_ns) {
    if (value_ns > kMaxTracked) return kBuckets;
    if (value_ns < (2ULL << kSubBucketBits)) return static_cast<std::size_t>(value_ns);
    const unsigned shift = static_cast<unsigned>(std::bit_width(value_ns)) - (kSubBucketBits + 1);
    return (static_cast<std::size_t>(shift) << kSubBucketBits) +
           static_cast<std::size_t>(value_ns >> shift);
  }
  // The smallest and the largest value of a bucket; the overflow bucket ends at 2^64 - 1.
  static std::uint64_t bucket_low_ns(std::size_t index);
  static std::uint64_t bucket_high_ns(std::size_t index);
  // Halfway between them, rounded down: what stands for every value in the bucket.
  static std::uint64_t bucket_middle_ns(std::size_t index);

 private:
  std::vector<std::uint64_t> counts_;
  std::uint64_t min_ns_ = ~0ULL;
  std::uint64_t max_ns_ = 0;
  std::uint64_t sum_ns_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace assay::stats
