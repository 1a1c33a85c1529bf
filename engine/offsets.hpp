// Which block of a file comes next: two policies that a hot loop is compiled for.
//
// Both are told the number of blocks and a seed, and follow from them alone: baseline and candidate
// that get the same seed see the same order. No memory, no allocation. One user at a time.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "engine/test_data.hpp"

namespace assay::engine {

// Every block once in a scrambled order before any comes twice, so that a run over an evicted file
// never meets what it has cached itself. A keyed permutation of k bits (multiply by an odd number,
// fold the upper half down, twice), walked past the values beyond the end: some 3 ns.
class RandomBlocks {
 public:
  RandomBlocks(std::uint64_t blocks, std::uint64_t seed)
      : blocks_(std::max<std::uint64_t>(1, blocks)) {
    const auto bits = static_cast<unsigned>(std::bit_width(blocks_ - 1));
    mask_ = bits == 0 ? 0 : ~0ULL >> (64 - bits);
    fold_ = std::max(1U, (bits + 1) / 2);
    first_ = mix64(seed) | 1;
    second_ = mix64(seed + 1) | 1;
    counter_ = mix64(seed + 2);
  }
  std::uint64_t next() {
    while (true) {
      std::uint64_t x = counter_++ & mask_;
      x ^= x >> fold_;
      x = (x * first_) & mask_;
      x ^= x >> fold_;
      x = (x * second_) & mask_;
      x ^= x >> fold_;
      if (x < blocks_) return x;
    }
  }

 private:
  std::uint64_t blocks_, mask_, first_, second_, counter_;
  unsigned fold_;
};

// From a place that the seed chooses to the end, then from the start.
class SequentialBlocks {
 public:
  SequentialBlocks(std::uint64_t blocks, std::uint64_t seed)
      : blocks_(std::max<std::uint64_t>(1, blocks)), next_(mix64(seed) % blocks_) {}
  std::uint64_t next() {
    const std::uint64_t block = next_;
    next_ = block + 1 == blocks_ ? 0 : block + 1;
    return block;
  }

 private:
  std::uint64_t blocks_, next_;
};

}  // namespace assay::engine
