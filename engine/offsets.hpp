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
// never meets what it has cached itself. A keyed permutation of k bits: three rounds of adding a
// key, multiplying by an odd number that spreads well at any width (the top bits of the golden
// ratio's and of SplitMix64's constants) and folding the upper half down; values beyond the last
// block are walked past. Some 5 ns, most of it hidden behind the operation before.
class RandomBlocks {
 public:
  // Of the `blocks` blocks from `first` on.
  RandomBlocks(std::uint64_t blocks, std::uint64_t seed, std::uint64_t first = 0)
      : blocks_(std::max<std::uint64_t>(1, blocks)), first_block_(first) {
    const auto bits = static_cast<unsigned>(std::bit_width(blocks_ - 1));
    const unsigned spare = bits == 0 ? 63 : 64 - bits;
    mask_ = bits == 0 ? 0 : ~0ULL >> spare;
    fold_ = std::max(1U, (bits + 1) / 2);
    first_ = (0x9e3779b97f4a7c15ULL >> spare) | 1;
    second_ = (0xbf58476d1ce4e5b9ULL >> spare) | 1;
    third_ = (0x94d049bb133111ebULL >> spare) | 1;
    key_ = mix64(seed);
    counter_ = mix64(seed + 1);
  }
  std::uint64_t next() {
    while (true) {
      std::uint64_t x = counter_++;
      x = round(x + key_, first_);
      x = round(x + (key_ >> 21), second_);
      x = round(x + (key_ >> 42), third_);
      if (x < blocks_) return first_block_ + x;
    }
  }

 private:
  std::uint64_t round(std::uint64_t x, std::uint64_t multiplier) const {
    x = (x * multiplier) & mask_;
    return x ^ (x >> fold_);
  }

  std::uint64_t blocks_, first_block_, mask_, first_, second_, third_, key_, counter_;
  unsigned fold_;
};

// From a place that the seed chooses to the end, then from the start.
class SequentialBlocks {
 public:
  SequentialBlocks(std::uint64_t blocks, std::uint64_t seed, std::uint64_t first = 0)
      : blocks_(std::max<std::uint64_t>(1, blocks)),
        first_block_(first),
        next_(mix64(seed) % blocks_) {}
  std::uint64_t next() {
    const std::uint64_t block = next_;
    next_ = block + 1 == blocks_ ? 0 : block + 1;
    return first_block_ + block;
  }

 private:
  std::uint64_t blocks_, first_block_, next_;
};

}  // namespace assay::engine
