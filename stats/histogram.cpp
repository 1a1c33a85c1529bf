#include "stats/histogram.hpp"

#include <cmath>

namespace assay::stats {
namespace {

// Halfway without overflow, rounded down.
std::uint64_t midpoint(std::uint64_t low, std::uint64_t high) { return low + (high - low) / 2; }

}  // namespace

std::uint64_t Histogram::bucket_low_ns(std::size_t index) {
  if (index >= kBuckets) return kMaxTracked + 1;
  if (index < (2ULL << kSubBucketBits)) return index;
  // index = (shift << 7) + (value >> shift), and value >> shift lies in [128, 256).
  const std::size_t shift = (index >> kSubBucketBits) - 1;
  const std::uint64_t mantissa = index - (shift << kSubBucketBits);
  return mantissa << shift;
}

std::uint64_t Histogram::bucket_high_ns(std::size_t index) {
  if (index >= kBuckets) return ~0ULL;
  if (index + 1 == kBuckets) return kMaxTracked;
  return bucket_low_ns(index + 1) - 1;
}

std::uint64_t Histogram::bucket_middle_ns(std::size_t index) {
  return midpoint(bucket_low_ns(index), bucket_high_ns(index));
}

void Histogram::record_many(std::uint64_t value_ns, std::uint64_t times) {
  if (times == 0) return;
  min_ns_ = std::min(min_ns_, value_ns);
  max_ns_ = std::max(max_ns_, value_ns);
  sum_ns_ += value_ns * times;
  total_ += times;
  counts_[index_of(value_ns)] += times;
}

std::uint64_t Histogram::quantile_ns(double quantile) const {
  if (total_ == 0) return 0;
  const double rank = std::ceil(std::clamp(quantile, 0.0, 1.0) * static_cast<double>(total_));
  return value_at_rank_ns(static_cast<std::uint64_t>(rank));
}

std::uint64_t Histogram::value_at_rank_ns(std::uint64_t rank) const {
  if (total_ == 0) return 0;
  if (rank <= 1) return min_ns_;
  if (rank >= total_) return max_ns_;
  std::uint64_t seen = 0;
  std::size_t i = first_index();
  while (i < kBuckets && (seen += counts_[i]) < rank) ++i;
  return std::clamp(bucket_middle_ns(i), min_ns_, max_ns_);
}

std::uint64_t Histogram::count_above(std::uint64_t value_ns) const {
  if (total_ == 0 || value_ns >= max_ns_) return 0;
  if (value_ns < min_ns_) return total_;
  std::uint64_t above = 0;
  for (std::size_t i = index_of(value_ns) + 1; i <= last_index(); ++i) above += counts_[i];
  return above;
}

void Histogram::merge(const Histogram& other) {
  if (other.total_ == 0) return;
  for (std::size_t i = other.first_index(); i <= other.last_index(); ++i) {
    counts_[i] += other.counts_[i];
  }
  min_ns_ = std::min(min_ns_, other.min_ns_);
  max_ns_ = std::max(max_ns_, other.max_ns_);
  sum_ns_ += other.sum_ns_;
  total_ += other.total_;
}

void Histogram::reset() {
  if (total_ == 0) return;
  const auto begin = counts_.begin();
  std::fill(begin + static_cast<std::ptrdiff_t>(first_index()),
            begin + static_cast<std::ptrdiff_t>(last_index()) + 1, 0);
  min_ns_ = ~0ULL;
  max_ns_ = 0;
  sum_ns_ = 0;
  total_ = 0;
}

std::vector<Bucket> Histogram::buckets() const {
  std::vector<Bucket> found;
  if (total_ == 0) return found;
  for (std::size_t i = first_index(); i <= last_index(); ++i) {
    if (counts_[i] == 0) continue;
    const std::uint64_t high = i == kBuckets ? max_ns_ : bucket_high_ns(i);
    found.push_back({bucket_low_ns(i), high, counts_[i]});
  }
  return found;
}

Histogram Histogram::from_buckets(std::span<const Bucket> buckets, std::uint64_t min_ns,
                                  std::uint64_t max_ns) {
  Histogram histogram;
  std::size_t first = kBuckets;
  std::size_t last = 0;
  for (const Bucket& bucket : buckets) {
    if (bucket.count == 0) continue;
    // Damaged counts must not wrap the total.
    const std::uint64_t count = std::min<std::uint64_t>(bucket.count, ~0ULL - histogram.total_);
    const std::size_t i = index_of(bucket.low_ns);
    first = std::min(first, i);
    last = std::max(last, i);
    const std::uint64_t high = i == kBuckets ? std::max(max_ns, kMaxTracked) : bucket_high_ns(i);
    histogram.sum_ns_ += midpoint(bucket_low_ns(i), high) * count;
    histogram.total_ += count;
    histogram.counts_[i] += count;
  }
  if (histogram.total_ == 0) return Histogram();
  // Stored extremes may come from a damaged document: they must lie in the outermost buckets,
  // which all other functions rely on.
  histogram.min_ns_ = std::clamp(min_ns, bucket_low_ns(first), bucket_high_ns(first));
  histogram.max_ns_ = std::clamp(max_ns, bucket_low_ns(last), bucket_high_ns(last));
  histogram.max_ns_ = std::max(histogram.max_ns_, histogram.min_ns_);
  return histogram;
}

}  // namespace assay::stats
