#include "engine/memory_chase.hpp"

#include <bit>
#include <utility>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace assay::engine {
namespace {

constexpr std::uint64_t kNear = 2;  // lines; within them a prefetcher may have guessed

// Odd numbers with well-spread bits, and their inverses modulo 2^64.
constexpr std::uint64_t kFirst = 0x9e37'79b9'7f4a'7c15ULL, kSecond = 0xd1b5'4a32'd192'ed03ULL;

constexpr std::uint64_t inverse_of(std::uint64_t odd) {
  std::uint64_t inverse = odd;  // right in the lowest three bits; every step doubles them
  for (int i = 0; i < 5; ++i) inverse *= 2 - odd * inverse;
  return inverse;
}
static_assert(kFirst * inverse_of(kFirst) == 1 && kSecond * inverse_of(kSecond) == 1);

// Writes a whole line so that no cache keeps it: the next load has to go to memory.
void store_uncached(std::byte* line, const void* value, unsigned line_bytes) {
#if defined(__x86_64__)
  for (unsigned at = 0; at < line_bytes; at += sizeof(long long)) {
    _mm_stream_si64(reinterpret_cast<long long*>(line + at), reinterpret_cast<long long>(value));
  }
#else
  // Without such stores the size alone has to do: a cold buffer is a multiple of the caches.
  static_cast<void>(line_bytes);
  *reinterpret_cast<const void**>(line) = value;
#endif
}

}  // namespace

LineOrder::LineOrder(unsigned bits, std::uint64_t seed)
    : mask_((1ULL << bits) - 1), seed_((seed * kSecond) & mask_), shift_((bits + 1) / 2) {}

// Multiplications carry low bits up, shifts bring high bits down; each step can be undone.
std::uint64_t LineOrder::line_at(std::uint64_t step) const {
  std::uint64_t x = (step * kFirst) & mask_;
  x ^= x >> shift_;
  x = ((x ^ seed_) * kSecond) & mask_;
  return x ^ (x >> shift_);
}

std::uint64_t LineOrder::step_of(std::uint64_t line) const {
  std::uint64_t x = line ^ (line >> shift_);  // its own inverse: twice the shift is all bits
  x = ((x * inverse_of(kSecond)) & mask_) ^ seed_;
  x ^= x >> shift_;
  return (x * inverse_of(kFirst)) & mask_;
}

ChaseBuffer::ChaseBuffer(const ChaseOptions& options, PageMapping mapping)
    : options_(options),
      order_(static_cast<unsigned>(std::bit_width(options.size.count / options.line_bytes) - 1),
             options.seed),
      mapping_(std::move(mapping)) {}

Expected<ChaseBuffer> ChaseBuffer::build(const ChaseOptions& options) {
  const std::uint64_t size = options.size.count;
  const bool whole = std::has_single_bit(size) && std::has_single_bit(options.line_bytes) &&
                     options.line_bytes >= sizeof(void*) && size >= 2ULL * options.line_bytes;
  if (!whole) {
    return fail(ErrorCode::invalid, "build a pointer chase", format_bytes(options.size),
                "expected a power of two of at least two lines");
  }
  auto mapping =
      PageMapping::map({.size = options.size, .pages = options.pages, .node = options.node});
  if (!mapping) return std::unexpected(mapping.error());
  ChaseBuffer buffer(options, std::move(*mapping));
  buffer.fill();
  return buffer;
}

void ChaseBuffer::fill() {
  const std::size_t count = lines();
  for (std::size_t line = 0; line < count; ++line) {
    const std::uint64_t next =
        options_.sequential ? (line + 1) % count : order_.line_at(order_.step_of(line) + 1);
    std::byte* const here = base() + line * options_.line_bytes;
    const void* const there = base() + next * options_.line_bytes;
    if (options_.cold) {
      store_uncached(here, there, options_.line_bytes);
    } else {
      *reinterpret_cast<const void**>(here) = there;
    }
  }
#if defined(__x86_64__)
  if (options_.cold) _mm_sfence();
#endif
}

const void* ChaseBuffer::position(std::uint64_t loads) const {
  const std::uint64_t line = options_.sequential ? loads % lines() : order_.line_at(loads);
  return base() + line * options_.line_bytes;
}

double ChaseBuffer::neighbour_share(const void* from, std::size_t steps) const {
  std::size_t near = 0;
  for (std::size_t i = 0; i < steps; ++i) {
    const void* const to = chase(from, 1);
    const std::ptrdiff_t bytes =
        static_cast<const std::byte*>(to) - static_cast<const std::byte*>(from);
    const auto distance = static_cast<std::uint64_t>(bytes < 0 ? -bytes : bytes);
    if (distance <= kNear * options_.line_bytes) ++near;
    from = to;
  }
  return steps == 0 ? 0.0 : static_cast<double>(near) / static_cast<double>(steps);
}

}  // namespace assay::engine
