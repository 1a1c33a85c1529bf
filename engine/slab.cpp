#include "engine/slab.hpp"

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <vector>

namespace assay::engine {
namespace {

constexpr std::size_t kHugeBytes = 2ULL << 20;
constexpr unsigned kNodesMax = 1024;
constexpr unsigned kWordBits = sizeof(unsigned long) * CHAR_BIT;
using NodeMask = std::array<unsigned long, kNodesMax / kWordBits>;

#ifndef MADV_POPULATE_WRITE
constexpr int kPopulateWrite = 23;  // linux/mman.h, since Linux 5.14
#else
constexpr int kPopulateWrite = MADV_POPULATE_WRITE;
#endif

std::size_t page_bytes() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

std::size_t round_up(std::size_t size, std::size_t unit) { return (size + unit - 1) / unit * unit; }

// A wish, not an order: see Slab::map(). No NUMA in the kernel, or a node that is gone, changes
// nothing.
void prefer_node(void* data, std::size_t size, NodeId node) {
  if (node.value >= kNodesMax) return;
  NodeMask mask{};
  mask[node.value / kWordBits] = 1UL << (node.value % kWordBits);
  ::syscall(SYS_mbind, data, size, MPOL_PREFERRED, mask.data(), kNodesMax, 0U);
}

// Every page written once, so that none is faulted in later. False: the kernel ran out of pages.
bool fault_in(void* data, std::size_t size) {
  if (::madvise(data, size, kPopulateWrite) == 0) return true;
  if (errno != EINVAL) return false;
  auto* bytes = static_cast<volatile char*>(data);  // an older kernel: by hand
  const std::size_t step = page_bytes();
  for (std::size_t at = 0; at < size; at += step) bytes[at] = 0;
  return true;
}

void* map_plain(std::size_t size, int flags) {
  void* data =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  return data == MAP_FAILED ? nullptr : data;
}

// Aligned to a huge page, so that the kernel can use one from the first byte on.
void* map_aligned(std::size_t size) {
  auto* whole = static_cast<std::byte*>(map_plain(size + kHugeBytes, 0));
  if (whole == nullptr) return nullptr;
  const auto address = reinterpret_cast<std::uintptr_t>(whole);
  const std::size_t before = round_up(address, kHugeBytes) - address;
  const std::size_t after = kHugeBytes - before;
  if (before > 0) ::munmap(whole, before);
  if (after > 0) ::munmap(whole + before + size, after);
  ::madvise(whole + before, size, MADV_HUGEPAGE);
  return whole + before;
}

void* map_kind(std::size_t size, PoolPages pages) {
  if (pages == PoolPages::reserved_huge)
    return map_plain(size, MAP_HUGETLB | (21 << MAP_HUGE_SHIFT));
  if (pages == PoolPages::transparent) return map_aligned(size);
  return map_plain(size, 0);
}

}  // namespace

CpuSet memory_nodes() {
  NodeMask mask{};
  CpuSet nodes;
  if (::syscall(SYS_get_mempolicy, nullptr, mask.data(), kNodesMax, nullptr, MPOL_F_MEMS_ALLOWED) ==
      0) {
    for (unsigned node = 0; node < kNodesMax; ++node) {
      if ((mask[node / kWordBits] >> (node % kWordBits) & 1) != 0) nodes.add(node);
    }
  }
  if (nodes.empty()) nodes.add(0);
  return nodes;
}

Place current_place() {
  Place place;
  ::getcpu(&place.cpu, &place.node);
  return place;
}

Slab::Slab(Slab&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      pages_(other.pages_) {}

Slab& Slab::operator=(Slab&& other) noexcept {
  if (this != &other) {
    if (data_ != nullptr) ::munmap(data_, size_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    pages_ = other.pages_;
  }
  return *this;
}

Slab::~Slab() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

Expected<Slab> Slab::map(Bytes size, NodeId node, PoolPages best) {
  for (const PoolPages pages :
       {PoolPages::reserved_huge, PoolPages::transparent, PoolPages::small}) {
    // Less than a huge page cannot be one.
    if (pages < best || (pages != PoolPages::small && size.count < kHugeBytes)) continue;
    const std::size_t bytes =
        round_up(size.count, pages == PoolPages::small ? page_bytes() : kHugeBytes);
    void* data = map_kind(bytes, pages);
    if (data == nullptr) continue;
    Slab slab;
    slab.data_ = static_cast<std::byte*>(data);
    slab.size_ = bytes;
    slab.pages_ = pages;
    prefer_node(data, bytes, node);
    if (fault_in(data, bytes)) return slab;
  }
  return fail(ErrorCode::exhausted, "map a slab of buffers", format_bytes(size),
              "there is not enough memory", "choose fewer or smaller buffers");
}

Expected<std::pair<std::uint64_t, std::uint64_t>> Slab::pages_on_node(NodeId node) const {
  const std::size_t step = page_bytes();
  std::vector<void*> addresses;
  for (std::size_t at = 0; at < size_; at += step) addresses.push_back(data_ + at);
  std::vector<int> where(addresses.size(), -1);
  // Without target nodes the call moves nothing: it answers where each page is.
  if (::syscall(SYS_move_pages, 0, addresses.size(), addresses.data(), nullptr, where.data(), 0) <
      0) {
    return fail_errno(errno, "move_pages");
  }
  const auto there = std::ranges::count(where, static_cast<int>(node.value));
  return std::pair{static_cast<std::uint64_t>(there), std::uint64_t{where.size()}};
}

}  // namespace assay::engine
