// What the rings in shared memory have in common: their shape, and the header that states it.
//
// A ring lies at the start of a memory range that several processes may map: a header with the
// shape, counters a pair of cache lines apart, then slots of one size. Whoever makes it calls
// create() once, the others attach() and are refused when they do not find the ring they expect.
// Everything in the memory is position-independent. See spsc_ring.hpp and broadcast_ring.hpp.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "core/error.hpp"

namespace assay::engine {

struct RingShape {
  std::uint64_t slots = 1024;     // messages that fit; a power of two from 2 to 2^20
  std::uint64_t slot_bytes = 64;  // the largest message, from 1 to 1 MiB
};

// Counters that different threads write lie this far apart: processors fetch lines in pairs.
inline constexpr std::size_t kRingLine = 128;

// One word of shared memory. The alignment that a page or kRingLine gives is enough for it.
inline std::atomic_ref<std::uint64_t> ring_word(std::byte* at) {
  return std::atomic_ref<std::uint64_t>(*reinterpret_cast<std::uint64_t*>(at));
}

// The part of a ring that does not change after create(), as one view of the memory sees it.
// Values only; copies are cheap.
class RingLayout final {
 public:
  // Bytes that a ring takes with `counters` pairs of lines between header and slots. The shape must
  // be valid.
  static std::size_t bytes_for(const RingShape& shape, std::size_t counters);
  // Why there can be no such ring: invalid with what was expected.
  static Expected<void> check(const RingShape& shape);

  // Writes the header of a new ring of a `kind` (any number but 0) into zeroed memory that is
  // aligned to kRingLine. Errors: invalid (shape, alignment, memory too small).
  static Expected<RingLayout> create(std::span<std::byte> memory, std::uint64_t kind,
                                     std::size_t counters, const RingShape& shape);
  // Finds one that was made before, by another process say. Errors: absent (no ring of this kind
  // here, or not made yet), invalid (alignment, or the header promises more than the memory holds).
  static Expected<RingLayout> attach(std::span<std::byte> memory, std::uint64_t kind,
                                     std::size_t counters);

  const RingShape& shape() const { return shape_; }
  // The n-th counter, each on lines of its own.
  std::byte* counter(std::size_t n) const { return base_ + kRingLine * (1 + n); }
  // The slot of the n-th message: its length in a word, then its bytes.
  std::byte* slot(std::uint64_t n) const { return slots_ + (n & (shape_.slots - 1)) * stride_; }

  static constexpr std::size_t kLengthBytes = sizeof(std::uint64_t);

 private:
  RingLayout(std::byte* base, std::size_t counters, const RingShape& shape);
  std::byte* base_;
  std::byte* slots_;
  std::size_t stride_;
  RingShape shape_;
};

// The message in a slot. A length that cannot be (another process wrote nonsense) is cut, so that a
// reader never leaves the slot.
inline std::span<const std::byte> ring_message(const RingLayout& layout, std::uint64_t n) {
  const std::byte* slot = layout.slot(n);
  std::uint64_t length = 0;
  std::memcpy(&length, slot, sizeof length);
  const std::uint64_t most = layout.shape().slot_bytes;
  return {slot + RingLayout::kLengthBytes, static_cast<std::size_t>(length < most ? length : most)};
}

// States the length of the message in a slot, before it is published.
inline void set_ring_length(const RingLayout& layout, std::uint64_t n, std::uint64_t length) {
  std::memcpy(layout.slot(n), &length, sizeof length);
}

}  // namespace assay::engine
