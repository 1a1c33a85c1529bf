// Buffers for I/O that are there before they are needed: aligned for O_DIRECT, on the node of the
// thread that takes them, in huge pages where the host has them, and never allocated twice.
//
// The pool maps its memory once, in slabs, one for each shard; every shard is bound to a NUMA node.
// A thread takes from and gives back to a cache of its own, which costs no lock and no atomic
// operation; the cache is filled from and emptied into a shard in bulk. A buffer of another node
// goes back to its own shard, so that a cache holds local memory only.
//
// A Buffer is an owner: whoever holds it may use the memory, nobody else has it, and it returns to
// the pool when it is destroyed, on whichever thread. Hand it to an IoQueue and it is out of reach
// until the operation is done: a buffer cannot be used again while in flight.
//
// take() and giving back are thread-safe, allocate nothing (but once for each thread and pool, its
// cache) and do not throw. The pool must outlive its buffers; a pool that is destroyed while some
// are still out keeps their memory mapped for good, rather than unmap it under a device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/cpuset.hpp"
#include "core/error.hpp"
#include "core/units.hpp"

namespace assay::engine {

namespace detail {
struct PoolCore;
}

// One buffer, or none. Move-only; a moved-from one is none.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        shard_(other.shard_),
        node_(other.node_) {}
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      reset();
      core_ = std::exchange(other.core_, nullptr);
      data_ = std::exchange(other.data_, nullptr);
      shard_ = other.shard_;
      node_ = other.node_;
    }
    return *this;
  }
  ~Buffer() { reset(); }

  explicit operator bool() const { return data_ != nullptr; }
  // What it holds is whatever the last owner left there.
  std::byte* data() const { return data_; }
  std::size_t size() const;  // bytes; 0 for none
  std::span<std::byte> span() const { return {data_, size()}; }
  // Which of BufferPool::slabs() it lies in, and on which node that was asked for.
  unsigned slab() const { return shard_; }
  NodeId node() const { return {node_}; }
  // Which pool it came from: BufferPool::identity() of that one; nullptr for none.
  const void* pool() const { return core_; }
  // Gives it back now.
  void reset() {
    if (data_ != nullptr) give_back();
  }

 private:
  friend class BufferPool;
  friend struct detail::PoolCore;
  Buffer(detail::PoolCore* core, std::byte* data, std::uint16_t shard, std::uint16_t node)
      : core_(core), data_(data), shard_(shard), node_(node) {}
  void give_back();

  detail::PoolCore* core_ = nullptr;
  std::byte* data_ = nullptr;
  std::uint16_t shard_ = 0, node_ = 0;
};

// What the slabs are made of.
enum class PoolPages : std::uint8_t {
  reserved_huge,  // 2 MiB pages from the kernel's pool (vm.nr_hugepages)
  transparent,    // asked for with madvise(2): the kernel gives what it can
  small           // the host's base pages
};
std::string_view to_string(PoolPages pages);

struct BufferPoolOptions {
  // Rounded up to a multiple of `alignment`. Default: 64KiB.
  Bytes buffer_size{64ULL << 10};
  // Of every buffer's address; a power of two from 4096, which O_DIRECT takes on every drive with
  // blocks of at most that size. Default: 4KiB.
  Bytes alignment{4096};
  // How many buffers each node gets. Default: 256.
  unsigned buffers_per_node = 256;
  // The nodes that get memory. Default: empty, every node that this process may allocate on.
  CpuSet nodes = {};
  // Threads on different CPUs of a node use different shards as far as there are some. Default: 2.
  unsigned shards_per_node = 2;
  // How many a thread's cache holds at most; what is cached is nobody else's. 0: none is cached.
  // Default: 32, and at most a quarter of a shard.
  unsigned cached_per_thread = 32;
  // Ask for huge pages; without them the next smaller kind is taken, and pages() says which.
  // Default: on.
  bool huge_pages = true;
};

// What happened since the pool was made, by all threads together.
struct BufferPoolCounters {
  std::uint64_t taken = 0, given_back = 0;
  std::uint64_t from_cache = 0;   // of those taken: without lock or atomic operation
  std::uint64_t refills = 0;      // a cache was filled from a shard, or emptied into one
  std::uint64_t remote = 0;       // taken from another node, for want of a local one
  std::uint64_t exhausted = 0;    // take() had nothing to give
  std::uint64_t allocations = 0;  // the pool asked the allocator: once for each thread's cache
};

class BufferPool {
 public:
  // Maps, binds and faults all memory in. Errors: invalid (sizes, alignment, a node that has no
  // memory), exhausted (memory; more than 16 pools at once).
  static Expected<BufferPool> create(const BufferPoolOptions& options);

  BufferPool(BufferPool&&) noexcept;
  BufferPool& operator=(BufferPool&&) noexcept;
  ~BufferPool();

  // A buffer of this thread's node if there is one, else of another. None: all are taken, or lie in
  // other threads' caches; give some back and try again.
  [[nodiscard]] Buffer take();

  // Tells pools apart; for comparisons only.
  const void* identity() const { return core_.get(); }
  Bytes buffer_size() const;
  unsigned buffers() const;  // in all
  PoolPages pages() const;
  // "512 buffers of 64KiB in 2 shards on node 0, transparent huge pages".
  std::string description() const;
  // The memory of each shard, to be registered with a ring; valid as long as the pool.
  std::span<const std::span<std::byte>> slabs() const;
  // Asks the kernel where the pages of a slab are (move_pages(2)): how many lie on its node, of how
  // many. Error: unsupported (no NUMA in the kernel).
  Expected<std::pair<std::uint64_t, std::uint64_t>> pages_on_node(unsigned slab) const;
  BufferPoolCounters counters() const;

 private:
  explicit BufferPool(std::unique_ptr<detail::PoolCore> core);
  void close();
  std::unique_ptr<detail::PoolCore> core_;
};

}  // namespace assay::engine
