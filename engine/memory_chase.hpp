// A walk through memory that no prefetcher can run ahead of: every load tells the next address.
//
// The buffer is a power of two of cache lines; each starts with a pointer to the next of one cycle
// through all of them, in an order that looks random. The order is a bijection that can be turned
// round, so the buffer is written front to back in one pass, cheap enough to be built anew for
// every block. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/cpuset.hpp"
#include "core/error.hpp"
#include "core/host.hpp"
#include "core/units.hpp"
#include "engine/memory_mapping.hpp"

namespace assay::engine {

// A bijection of [0, 2^bits) that looks random; bits from 1 to 48.
class LineOrder final {
 public:
  LineOrder(unsigned bits, std::uint64_t seed);
  std::uint64_t line_at(std::uint64_t step) const;  // where the walk stands at this step
  std::uint64_t step_of(std::uint64_t line) const;  // the inverse

 private:
  std::uint64_t mask_, seed_;
  unsigned shift_;
};

struct ChaseOptions {
  Bytes size;                       // a power of two, at least two lines
  unsigned line_bytes = 64;         // a power of two; the distance between two nodes
  bool cold = false;                // leave nothing of it in the caches (x86: non-temporal stores)
  std::optional<NodeId> node = {};  // all pages on this NUMA node (mbind(2)); absent: first touch
  std::uint64_t seed = 0;
  PageKind pages = PageKind::advised;
  unsigned loads_per_sample = 16;  // behind one recorded latency
  bool sequential = false;  // for the tests of the proof: lines in their order, easily guessed
};

class ChaseBuffer final {
 public:
  // Maps and fills it. Errors: invalid (size), those of PageMapping::map().
  static Expected<ChaseBuffer> build(const ChaseOptions& options);

  std::size_t lines() const { return options_.size.count / options_.line_bytes; }
  Bytes size() const { return options_.size; }
  // Where the walk stands after this many loads from the start.
  const void* position(std::uint64_t loads) const;

  // The share of `steps` steps from `from` on that end within two lines of where they began: what
  // an adjacent-line or stride prefetcher could guess.
  double neighbour_share(const void* from, std::size_t steps) const;

  // The memory that it stands in: its pages, and where they lie.
  const PageMapping& mapping() const { return mapping_; }

 private:
  ChaseBuffer(const ChaseOptions& options, PageMapping mapping);
  void fill();
  std::byte* base() const { return mapping_.data(); }

  ChaseOptions options_;
  LineOrder order_;
  PageMapping mapping_;
};

// Follows `loads` pointers. Each load depends on the one before.
inline const void* chase(const void* at, unsigned loads) {
#pragma GCC unroll 16
  for (unsigned i = 0; i < loads; ++i) at = *static_cast<const void* const*>(at);
  return at;
}

}  // namespace assay::engine
