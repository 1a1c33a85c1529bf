#include "engine/memory_chase.hpp"

#include <fmt/format.h>
#include <numaif.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace assay::engine {
namespace {

constexpr std::size_t kHugePage = 2ULL << 20;
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

// The two addresses of a mapping in smaps' "start-end perms ..." line; false for other lines.
bool mapping_line(std::string_view line, std::uintptr_t& start, std::uintptr_t& end) {
  const char* const last = line.data() + line.size();
  const auto first = std::from_chars(line.data(), last, start, 16);
  if (first.ec != std::errc() || first.ptr == last || *first.ptr != '-') return false;
  return std::from_chars(first.ptr + 1, last, end, 16).ec == std::errc();
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

ChaseBuffer::ChaseBuffer(const ChaseOptions& options)
    : options_(options),
      order_(static_cast<unsigned>(std::bit_width(options.size.count / options.line_bytes) - 1),
             options.seed) {}

ChaseBuffer::ChaseBuffer(ChaseBuffer&& other) noexcept
    : options_(other.options_),
      order_(other.order_),
      mapping_(std::exchange(other.mapping_, nullptr)),
      mapped_bytes_(other.mapped_bytes_),
      base_(std::exchange(other.base_, nullptr)) {}

ChaseBuffer::~ChaseBuffer() {
  if (mapping_ != nullptr) ::munmap(mapping_, mapped_bytes_);
}

Expected<ChaseBuffer> ChaseBuffer::build(const ChaseOptions& options) {
  const std::uint64_t size = options.size.count;
  const bool whole = std::has_single_bit(size) && std::has_single_bit(options.line_bytes) &&
                     options.line_bytes >= sizeof(void*) && size >= 2ULL * options.line_bytes;
  if (!whole) {
    return fail(ErrorCode::invalid, "build a pointer chase", format_bytes(options.size),
                "expected a power of two of at least two lines");
  }
  ChaseBuffer buffer(options);
  // Not populated by mmap: the advice about huge pages and the node must come before first touch.
  const std::size_t used = std::max<std::size_t>(size, kHugePage);
  buffer.mapped_bytes_ = used + kHugePage;
  void* mapping = ::mmap(nullptr, buffer.mapped_bytes_, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return fail_errno(errno, "map memory", format_bytes(options.size));
  buffer.mapping_ = mapping;
  const auto address = reinterpret_cast<std::uintptr_t>(mapping);
  buffer.base_ = static_cast<std::byte*>(mapping) + (kHugePage - address % kHugePage) % kHugePage;
  // A host that has no huge pages to give refuses; in_huge_pages() tells what came of it.
  ::madvise(buffer.base_, used, MADV_HUGEPAGE);
  if (auto bound = buffer.bind(); !bound) return std::unexpected(bound.error());
  buffer.fill();
  return buffer;
}

Expected<void> ChaseBuffer::bind() {
  if (!options_.node) return {};
  const unsigned node = options_.node->value;
  constexpr unsigned kWordBits = 8 * sizeof(unsigned long);
  std::vector<unsigned long> nodes(node / kWordBits + 1);
  nodes.back() = 1UL << (node % kWordBits);
  // The kernel reads one bit less than it is told of.
  const unsigned long bits = nodes.size() * kWordBits + 1;
  if (::mbind(base_, options_.size.count, MPOL_BIND, nodes.data(), bits, 0) != 0) {
    return fail_errno(errno, "bind memory to node", std::to_string(node),
                      "the node must have memory that this process's cgroup may use");
  }
  return {};
}

void ChaseBuffer::fill() {
  const std::size_t count = lines();
  for (std::size_t line = 0; line < count; ++line) {
    const std::uint64_t next =
        options_.sequential ? (line + 1) % count : order_.line_at(order_.step_of(line) + 1);
    std::byte* const here = base_ + line * options_.line_bytes;
    const void* const there = base_ + next * options_.line_bytes;
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
  return base_ + line * options_.line_bytes;
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

std::optional<Bytes> ChaseBuffer::in_huge_pages(const Host& host) const {
  const auto smaps = host.read("/proc/self/smaps", Bytes{64ULL << 20});
  if (!smaps) return std::nullopt;
  const auto first = reinterpret_cast<std::uintptr_t>(base_);
  const std::uintptr_t last = first + options_.size.count;
  constexpr std::string_view kKey = "AnonHugePages:";
  std::uintptr_t start = 0, end = 0;
  std::uint64_t total = 0;
  std::string_view rest = *smaps;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    // The advice splits the mapping, and neighbours with the same advice are merged: every part
    // that overlaps counts.
    if (mapping_line(line, start, end) || !line.starts_with(kKey)) continue;
    if (end <= first || start >= last) continue;
    const std::size_t digit = line.find_first_of("0123456789");
    std::uint64_t kib = 0;
    if (digit == std::string_view::npos) continue;
    std::from_chars(line.data() + digit, line.data() + line.size(), kib);
    total += kib << 10;
  }
  return Bytes{std::min(total, options_.size.count)};
}

Expected<ChaseBuffer::Pages> ChaseBuffer::pages_on(NodeId node) const {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<void*> pages;
  for (std::size_t at = 0; at < options_.size.count; at += page) pages.push_back(base_ + at);
  std::vector<int> status(pages.size(), -1);
  if (::move_pages(0, pages.size(), pages.data(), nullptr, status.data(), 0) != 0) {
    return fail_errno(errno, "ask where pages lie (move_pages)");
  }
  const auto wanted = static_cast<int>(node.value);
  return Pages{static_cast<std::size_t>(std::ranges::count(status, wanted)), pages.size()};
}

}  // namespace assay::engine
