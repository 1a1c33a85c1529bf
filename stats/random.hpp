// A small, fast pseudo-random generator whose sequence is the same on every machine and library.
//
// SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators"): for
// resampling and test data, never for secrets. One instance is for one thread.
#pragma once

#include <cstdint>

namespace assay::stats {

class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t seed) : state_(seed) {}

  // 64 uniform bits.
  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
    return mixed ^ (mixed >> 31);
  }

  // Uniform in [0, bound), bound ≤ 2^32; the bias of bound / 2^32 does not matter here.
  std::uint64_t below(std::uint64_t bound) { return ((next() >> 32) * bound) >> 32; }

  // Uniform in (0, 1).
  double uniform() { return (static_cast<double>(next() >> 11) + 0.5) * 0x1.0p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace assay::stats
