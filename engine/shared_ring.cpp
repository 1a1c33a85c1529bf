#include "engine/shared_ring.hpp"

#include <fmt/format.h>

#include <bit>

namespace assay::engine {
namespace {

constexpr std::uint64_t kSlotsMin = 2, kSlotsMax = 1ULL << 20, kSlotBytesMax = 1ULL << 20;
constexpr std::size_t kSlotAlign = 64;
constexpr std::string_view kRingOperation = "ring in shared memory";

// The header's words. The kind is written last: who sees it sees the rest.
constexpr std::size_t kKindAt = 0, kSlotsAt = 8, kSlotBytesAt = 16;

std::size_t stride_of(const RingShape& shape) {
  return (RingLayout::kLengthBytes + shape.slot_bytes + kSlotAlign - 1) / kSlotAlign * kSlotAlign;
}

Expected<void> check_memory(std::span<std::byte> memory, std::size_t needed) {
  if (reinterpret_cast<std::uintptr_t>(memory.data()) % kRingLine != 0) {
    return fail(ErrorCode::invalid, kRingOperation, {},
                fmt::format("the memory is not aligned to {} bytes", kRingLine));
  }
  if (memory.size() < needed) {
    return fail(ErrorCode::invalid, kRingOperation, {},
                fmt::format("it takes {} bytes, the memory has {}", needed, memory.size()));
  }
  return {};
}

}  // namespace

RingLayout::RingLayout(std::byte* base, std::size_t counters, const RingShape& shape)
    : base_(base),
      slots_(base + kRingLine * (1 + counters)),
      stride_(stride_of(shape)),
      shape_(shape) {}

std::size_t RingLayout::bytes_for(const RingShape& shape, std::size_t counters) {
  return kRingLine * (1 + counters) + shape.slots * stride_of(shape);
}

Expected<void> RingLayout::check(const RingShape& shape) {
  if (shape.slots < kSlotsMin || shape.slots > kSlotsMax || !std::has_single_bit(shape.slots)) {
    return fail(ErrorCode::invalid, kRingOperation, fmt::format("{} slots", shape.slots),
                fmt::format("expected a power of two from {} to {}", kSlotsMin, kSlotsMax));
  }
  if (shape.slot_bytes == 0 || shape.slot_bytes > kSlotBytesMax) {
    return fail(ErrorCode::invalid, kRingOperation,
                fmt::format("{} bytes a slot", shape.slot_bytes),
                fmt::format("expected 1 to {}", kSlotBytesMax));
  }
  return {};
}

Expected<RingLayout> RingLayout::create(std::span<std::byte> memory, std::uint64_t kind,
                                        std::size_t counters, const RingShape& shape) {
  if (auto good = check(shape); !good) return std::unexpected(good.error());
  if (auto fits = check_memory(memory, bytes_for(shape, counters)); !fits) {
    return std::unexpected(fits.error());
  }
  std::byte* base = memory.data();
  ring_word(base + kSlotsAt).store(shape.slots, std::memory_order_relaxed);
  ring_word(base + kSlotBytesAt).store(shape.slot_bytes, std::memory_order_relaxed);
  ring_word(base + kKindAt).store(kind, std::memory_order_release);
  return RingLayout(base, counters, shape);
}

Expected<RingLayout> RingLayout::attach(std::span<std::byte> memory, std::uint64_t kind,
                                        std::size_t counters) {
  if (auto fits = check_memory(memory, kRingLine); !fits) return std::unexpected(fits.error());
  std::byte* base = memory.data();
  const std::uint64_t found = ring_word(base + kKindAt).load(std::memory_order_acquire);
  if (found != kind) {
    return fail(ErrorCode::absent, kRingOperation, {},
                found == 0 ? "nothing has been made here yet" : "something else lies here",
                "let the process that makes the ring start first");
  }
  const RingShape shape{ring_word(base + kSlotsAt).load(std::memory_order_relaxed),
                        ring_word(base + kSlotBytesAt).load(std::memory_order_relaxed)};
  if (auto good = check(shape); !good) return std::unexpected(good.error());
  if (auto fits = check_memory(memory, bytes_for(shape, counters)); !fits) {
    return std::unexpected(fits.error());
  }
  return RingLayout(base, counters, shape);
}

}  // namespace assay::engine
