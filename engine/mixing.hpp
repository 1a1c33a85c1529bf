// A cheap stream of well-mixed numbers for offsets: no lock, no allocation, the same everywhere.
#pragma once

#include <cstdint>

#include "engine/test_data.hpp"

namespace assay::engine {

// Numbers that follow from the seed alone, so that baseline and candidate see the same. One user.
class MixedNumbers final {
 public:
  explicit MixedNumbers(std::uint64_t seed) : state_(mix64(seed)) {}
  std::uint64_t next() { return mix64(state_++); }
  // In [0, bound), for bounds up to 2^32; the bias is below bound / 2^32.
  std::uint64_t below(std::uint64_t bound) { return ((next() >> 32) * bound) >> 32; }

 private:
  std::uint64_t state_;
};

}  // namespace assay::engine
