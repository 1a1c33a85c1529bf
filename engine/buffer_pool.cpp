// The pool's shape: shards (locked lists of free buffers, each with a slab of its own) and, in
// front of them, one cache for each thread. Pools have a small number, by which a thread finds its
// cache of a pool in an array; the cache names the pool's core, so that a number that is used again
// does not lead astray.
#include "engine/buffer_pool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <mutex>

#include "engine/slab.hpp"
#include "engine/spin_lock.hpp"

namespace assay::engine {

namespace detail {
namespace {

constexpr std::size_t kPoolsMax = 16;
constexpr unsigned kCachedMax = 256;
constexpr std::size_t kLineBytes = 64;

}  // namespace

struct FreeBuffer {
  std::byte* data = nullptr;
  std::uint16_t shard = 0, node = 0;
};

// Written by one thread, read by whoever asks for the counters: no read-modify-write needed.
class OwnCounter {
 public:
  void add(std::uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }
  void reset() { value_.store(0, std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct ThreadCounters {
  OwnCounter taken, given_back, from_cache, refills, remote, exhausted;
  void reset() {
    for (OwnCounter* each : {&taken, &given_back, &from_cache, &refills, &remote, &exhausted}) {
      each->reset();
    }
  }
};

// Belongs to one thread, which alone touches `items` while `core` lives. Under the registry's lock:
// `core` is set and cleared, and the thread's end hands the items back.
struct alignas(kLineBytes) ThreadCache {
  PoolCore* core = nullptr;
  unsigned count = 0, capacity = 0;
  unsigned shard = 0, node = 0;  // where it is filled from; chosen anew at each refill
  std::array<FreeBuffer, kCachedMax> items{};
  ThreadCounters counters;
};

struct alignas(kLineBytes) Shard {
  SpinLock lock;
  std::vector<FreeBuffer> free;  // its capacity is every buffer of the slab: never grows
  NodeId node;
  Slab slab;
};

struct PoolCore {
  std::size_t number = 0;
  std::size_t stride = 0;
  unsigned cache_capacity = 0;
  unsigned total = 0;
  std::vector<std::unique_ptr<Shard>> shards;
  std::vector<std::span<std::byte>> slabs;
  std::vector<ThreadCache*> caches;  // under the registry's lock
  bool closed = false;               // the pool is gone, some buffers are not; likewise
  ThreadCounters ended;              // of threads that are gone; under the registry's lock
  std::atomic<std::uint64_t> allocations{0};

  static Buffer buffer(PoolCore* core, const FreeBuffer& free) {
    return Buffer(core, free.data, free.shard, free.node);
  }
  void put(const FreeBuffer& free) {
    Shard& home = *shards[free.shard];
    const std::scoped_lock held(home.lock);
    home.free.push_back(free);
  }
};

namespace {

// Which pools live, by number. Its lock is taken when a pool or a thread's cache comes or goes.
struct Registry {
  std::mutex lock;
  std::array<PoolCore*, kPoolsMax> pools{};
};
Registry& registry() {
  static auto* one = new Registry;  // outlives the thread caches of the main thread
  return *one;
}

void add_up(ThreadCounters& sum, const ThreadCounters& part) {
  sum.taken.add(part.taken.get());
  sum.given_back.add(part.given_back.get());
  sum.from_cache.add(part.from_cache.get());
  sum.refills.add(part.refills.get());
  sum.remote.add(part.remote.get());
  sum.exhausted.add(part.exhausted.get());
}

// Trivially made and destroyed: reading it costs no guard.
thread_local constinit std::array<ThreadCache*, kPoolsMax> own_caches{};

// Touched once by each thread that has a cache: gives everything back when the thread ends.
struct CacheReturner {
  ~CacheReturner() {
    const std::scoped_lock held(registry().lock);
    for (ThreadCache*& cache : own_caches) {
      if (cache != nullptr && cache->core != nullptr) {
        PoolCore& core = *cache->core;
        for (unsigned i = 0; i < cache->count; ++i) core.put(cache->items[i]);
        add_up(core.ended, cache->counters);
        std::erase(core.caches, cache);
      }
      delete cache;
      cache = nullptr;
    }
  }
  void touch() {}
};
thread_local CacheReturner returner;

void choose_shard(const PoolCore& core, ThreadCache& cache) {
  const Place place = current_place();
  unsigned local = 0;
  for (const auto& shard : core.shards) local += shard->node.value == place.node ? 1 : 0;
  cache.node = local > 0 ? place.node : core.shards.front()->node.value;
  unsigned skip = local > 0 ? place.cpu % local : place.cpu;
  for (unsigned i = 0; i < core.shards.size(); ++i) {
    if (local > 0 && core.shards[i]->node.value != place.node) continue;
    cache.shard = i;
    if (skip-- == 0) break;
  }
}

// This thread's cache of the pool, made at its first use. Null: the pool is gone.
ThreadCache* own_cache(PoolCore& core) {
  ThreadCache*& slot = own_caches[core.number];
  if (slot != nullptr && slot->core == &core) return slot;
  returner.touch();
  const std::scoped_lock held(registry().lock);
  if (core.closed) return nullptr;
  if (slot == nullptr) {
    slot = new ThreadCache;
    core.allocations.fetch_add(1, std::memory_order_relaxed);
  }
  slot->core = &core;
  slot->count = 0;
  slot->capacity = core.cache_capacity;
  slot->counters.reset();
  core.caches.push_back(slot);
  choose_shard(core, *slot);
  return slot;
}

// Up to `wanted` buffers from a shard; into the cache as far as they are of its node.
unsigned draw(Shard& shard, ThreadCache& cache, unsigned wanted) {
  const std::scoped_lock held(shard.lock);
  const auto got = std::min<std::size_t>(wanted, shard.free.size());
  for (std::size_t i = 0; i < got; ++i) {
    cache.items[cache.count++] = shard.free.back();
    shard.free.pop_back();
  }
  return static_cast<unsigned>(got);
}

// Fills half of the cache from the thread's shard, or from the first that has any: local ones
// first. A remote buffer comes alone, so that the cache stays local.
bool refill(PoolCore& core, ThreadCache& cache) {
  choose_shard(core, cache);
  cache.counters.refills.add(1);
  const unsigned wanted = std::max(1U, cache.capacity / 2);
  if (draw(*core.shards[cache.shard], cache, wanted) > 0) return true;
  for (const bool local : {true, false}) {
    for (const auto& shard : core.shards) {
      if ((shard->node.value == cache.node) != local) continue;
      if (draw(*shard, cache, local ? wanted : 1) == 0) continue;
      if (!local) cache.counters.remote.add(1);
      return true;
    }
  }
  return false;
}

// Makes room by giving the older half back, each to its own shard.
void spill(PoolCore& core, ThreadCache& cache) {
  cache.counters.refills.add(1);
  const unsigned given = std::max(1U, cache.count / 2);
  for (unsigned i = 0; i < given; ++i) core.put(cache.items[i]);
  std::copy(cache.items.begin() + given, cache.items.begin() + cache.count, cache.items.begin());
  cache.count -= given;
}

Expected<void> fill_shard(PoolCore& core, const BufferPoolOptions& options, NodeId node,
                          unsigned buffers) {
  auto shard = std::make_unique<Shard>();
  const PoolPages best = options.huge_pages ? PoolPages::reserved_huge : PoolPages::small;
  auto slab = Slab::map(Bytes{core.stride * buffers}, node, best);
  if (!slab) return Failure(slab.error());
  shard->slab = std::move(*slab);
  shard->node = node;
  shard->free.reserve(buffers);
  const auto number = static_cast<std::uint16_t>(core.shards.size());
  // Backwards, so that the first to be taken is the first in memory.
  for (unsigned i = buffers; i-- > 0;) {
    shard->free.push_back({shard->slab.memory().data() + i * core.stride, number,
                           static_cast<std::uint16_t>(node.value)});
  }
  core.slabs.push_back(shard->slab.memory());
  core.shards.push_back(std::move(shard));
  core.total += buffers;
  return {};
}

Expected<void> check(const BufferPoolOptions& options, const CpuSet& allowed) {
  const auto refuse = [](std::string_view what, std::string_view expected) {
    return fail(ErrorCode::invalid, "make a buffer pool", what,
                fmt::format("expected {}", expected));
  };
  constexpr std::uint64_t kSlabMax = 1ULL << 30;  // what one registered buffer may have
  const std::uint64_t alignment = options.alignment.count;
  if (!std::has_single_bit(alignment) || alignment < 4096 || alignment > (2ULL << 20)) {
    return refuse("alignment", "a power of two from 4KiB to 2MiB");
  }
  if (options.buffer_size.count == 0 || options.buffer_size.count > kSlabMax) {
    return refuse("buffer_size", "1 byte to 1GiB");
  }
  if (options.buffers_per_node == 0) return refuse("buffers_per_node", "1 or more");
  if (options.shards_per_node == 0 || options.shards_per_node > options.buffers_per_node) {
    return refuse("shards_per_node", "1 to buffers_per_node");
  }
  if (options.cached_per_thread > kCachedMax) {
    return refuse("cached_per_thread", fmt::format("at most {}", kCachedMax));
  }
  if (!options.nodes.is_subset_of(allowed)) {
    return refuse("nodes",
                  fmt::format("nodes with memory for this process: {}", allowed.to_list()));
  }
  const std::uint64_t in_shard =
      (options.buffers_per_node + options.shards_per_node - 1) / options.shards_per_node;
  const std::uint64_t stride = (options.buffer_size.count + alignment - 1) / alignment * alignment;
  if (in_shard * stride > kSlabMax) {
    return refuse("buffers_per_node", "at most 1GiB in a shard; choose more shards");
  }
  return {};
}

}  // namespace
}  // namespace detail

std::string_view to_string(PoolPages pages) {
  if (pages == PoolPages::reserved_huge) return "reserved huge pages";
  return pages == PoolPages::transparent ? "transparent huge pages" : "base pages";
}

std::size_t Buffer::size() const { return core_ == nullptr ? 0 : core_->stride; }

void Buffer::give_back() {
  using namespace detail;
  PoolCore& core = *core_;
  const FreeBuffer free{std::exchange(data_, nullptr), shard_, node_};
  core_ = nullptr;
  ThreadCache* own = own_cache(core);
  if (own == nullptr) return;
  ThreadCache& cache = *own;
  cache.counters.given_back.add(1);
  if (free.node != cache.node || cache.capacity == 0) {
    cache.counters.refills.add(1);
    core.put(free);
    return;
  }
  if (cache.count == cache.capacity) spill(core, cache);
  cache.items[cache.count++] = free;
}

Expected<BufferPool> BufferPool::create(const BufferPoolOptions& options) {
  using namespace detail;
  const CpuSet allowed = memory_nodes();
  if (auto fine = check(options, allowed); !fine) return Failure(fine.error());
  auto core = std::make_unique<PoolCore>();
  const std::uint64_t alignment = options.alignment.count;
  core->stride = (options.buffer_size.count + alignment - 1) / alignment * alignment;
  const CpuSet nodes = options.nodes.empty() ? allowed : options.nodes;
  unsigned smallest = options.buffers_per_node;
  for (const unsigned node : nodes.to_vector()) {
    for (unsigned shard = 0; shard < options.shards_per_node; ++shard) {
      // The first shards take what does not divide.
      const unsigned buffers = options.buffers_per_node / options.shards_per_node +
                               (shard < options.buffers_per_node % options.shards_per_node ? 1 : 0);
      smallest = std::min(smallest, buffers);
      auto filled = fill_shard(*core, options, NodeId{node}, buffers);
      if (!filled) return Failure(filled.error());
    }
  }
  core->cache_capacity = std::min(options.cached_per_thread, smallest / 4);
  Registry& all = registry();
  const std::scoped_lock held(all.lock);
  const auto place = std::ranges::find(all.pools, nullptr);
  if (place == all.pools.end()) {
    return fail(ErrorCode::exhausted, "make a buffer pool", "",
                fmt::format("there are {} pools in this process", kPoolsMax),
                "share a pool between users");
  }
  core->number = static_cast<std::size_t>(place - all.pools.begin());
  *place = core.get();
  return BufferPool(std::move(core));
}

BufferPool::BufferPool(std::unique_ptr<detail::PoolCore> core) : core_(std::move(core)) {}
BufferPool::BufferPool(BufferPool&& other) noexcept = default;

BufferPool& BufferPool::operator=(BufferPool&& other) noexcept {
  if (this != &other) {
    close();
    core_ = std::move(other.core_);
  }
  return *this;
}

BufferPool::~BufferPool() { close(); }

void BufferPool::close() {
  using namespace detail;
  if (core_ == nullptr) return;
  std::size_t home = 0;
  {
    const std::scoped_lock held(registry().lock);
    for (ThreadCache* cache : core_->caches) {
      home += cache->count;
      cache->core = nullptr;
      cache->count = 0;
    }
    core_->caches.clear();
    core_->closed = true;
    registry().pools[core_->number] = nullptr;
  }
  for (const auto& shard : core_->shards) home += shard->free.size();
  // Some are out, perhaps in flight: their memory must stay where it is.
  if (home != core_->total) static_cast<void>(core_.release());
  core_.reset();
}

Buffer BufferPool::take() {
  using namespace detail;
  PoolCore& core = *core_;
  ThreadCache& cache = *own_cache(core);
  if (cache.count > 0) {
    cache.counters.from_cache.add(1);
  } else if (!refill(core, cache)) {
    cache.counters.exhausted.add(1);
    return {};
  }
  cache.counters.taken.add(1);
  return PoolCore::buffer(&core, cache.items[--cache.count]);
}

Bytes BufferPool::buffer_size() const { return Bytes{core_->stride}; }
unsigned BufferPool::buffers() const { return core_->total; }

PoolPages BufferPool::pages() const {
  PoolPages worst = PoolPages::reserved_huge;
  for (const auto& shard : core_->shards) worst = std::max(worst, shard->slab.pages());
  return worst;
}

std::string BufferPool::description() const {
  CpuSet nodes;
  for (const auto& shard : core_->shards) nodes.add(shard->node.value);
  return fmt::format("{} buffers of {} in {} shards on node {}, {}", core_->total,
                     format_bytes(buffer_size()), core_->shards.size(), nodes.to_list(),
                     to_string(pages()));
}

std::span<const std::span<std::byte>> BufferPool::slabs() const { return core_->slabs; }

Expected<std::pair<std::uint64_t, std::uint64_t>> BufferPool::pages_on_node(unsigned slab) const {
  if (slab >= core_->shards.size()) {
    return fail(ErrorCode::invalid, "ask where a slab is", std::to_string(slab), "no such slab");
  }
  const detail::Shard& shard = *core_->shards[slab];
  return shard.slab.pages_on_node(shard.node);
}

BufferPoolCounters BufferPool::counters() const {
  detail::ThreadCounters sum;
  {
    const std::scoped_lock held(detail::registry().lock);
    detail::add_up(sum, core_->ended);
    for (const detail::ThreadCache* cache : core_->caches) detail::add_up(sum, cache->counters);
  }
  return {.taken = sum.taken.get(),
          .given_back = sum.given_back.get(),
          .from_cache = sum.from_cache.get(),
          .refills = sum.refills.get(),
          .remote = sum.remote.get(),
          .exhausted = sum.exhausted.get(),
          .allocations = core_->allocations.load(std::memory_order_relaxed)};
}

}  // namespace assay::engine
