#include "engine/memory_pool.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <type_traits>
#include <vector>

#include "engine/buffer_pool.hpp"
#include "engine/peer_thread.hpp"
#include "engine/scheduling.hpp"
#include "engine/slab.hpp"

namespace assay::engine {
namespace {

constexpr unsigned kHeldDefault = 64;
constexpr std::size_t kLineBytes = 64;
constexpr std::size_t kAlignment = 4096;  // what the pool gives

std::uint64_t faults_of_thread() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return static_cast<std::uint64_t>(usage.ru_minflt);
}

// A buffer of the allocator, given back by it.
struct HeapBuffer {
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> memory;
  std::byte* data() const { return memory.get(); }
};

// Each source has take() and the type that it returns, which gives back when it is destroyed.
struct FromMalloc {
  using Held = HeapBuffer;
  std::size_t size;
  std::uint64_t taken = 0;
  Held take() {
    ++taken;
    return {
        std::unique_ptr<std::byte, HeapBuffer::Free>(static_cast<std::byte*>(std::malloc(size)))};
  }
};

struct FromAlignedAlloc {
  using Held = HeapBuffer;
  std::size_t size;  // a multiple of kAlignment
  std::uint64_t taken = 0;
  Held take() {
    ++taken;
    return {std::unique_ptr<std::byte, HeapBuffer::Free>(
        static_cast<std::byte*>(std::aligned_alloc(kAlignment, size)))};
  }
};

struct FromPool {
  using Held = Buffer;
  BufferPool* pool;
  Held take() { return pool->take(); }
};

template <typename Source>
class BuffersBlock final : public Block {
 public:
  BuffersBlock(const BlockContext& context, Source source, std::optional<BufferPool> pool)
      : context_(context),
        size_(context.parameters->block.count),
        pool_(std::move(pool)),
        source_(std::move(source)),
        held_(context.parameters->depth) {
    if constexpr (std::is_same_v<Source, FromPool>) source_.pool = &*pool_;
  }

  Expected<void> warm_up() override {
    const auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return Failure(pin.error());
    for (std::size_t i = 0; i < 2 * held_.size(); ++i) exchange();
    if (pool_) before_ = pool_->counters();
    operations_ = missing_ = 0;
    return {};
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    const auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return Failure(pin.error());
    const std::uint64_t faults_before = faults_of_thread();
    with_ticks(*context_.clock, [&]<typename Ticks>(Ticks) { loop<Ticks>(duration, recorder); });
    faults_ = faults_of_thread() - faults_before;
    if (missing_ > 0) recorder.errors += missing_;
    return {};
  }

  Engagement engagement() override {
    if (!pool_) {
      return {operations_ > 0 && missing_ == 0,
              fmt::format("{} buffers from the allocator, {} page faults", operations_, faults_)};
    }
    return pool_proof();
  }

 private:
  // Zero allocations, nearly all without a lock, and every page on the node of this thread.
  Engagement pool_proof() const {
    const BufferPoolCounters now = pool_->counters();
    const std::uint64_t taken = now.taken - before_.taken;
    const std::uint64_t cached = now.from_cache - before_.from_cache;
    const std::uint64_t allocations = now.allocations - before_.allocations;
    const bool counted = taken >= operations_ && operations_ > 0;
    const bool fast = cached * 10 >= taken * 9;
    std::uint64_t local = 0, pages = 0;
    bool asked = true;
    for (unsigned slab = 0; slab < pool_->slabs().size(); ++slab) {
      const auto where = pool_->pages_on_node(slab);
      asked = asked && where.has_value();
      if (!where) continue;
      local += where->first;
      pages += where->second;
    }
    const bool near = !asked || local == pages;
    return {counted && fast && near && allocations == 0,
            fmt::format("{} of {} taken from the pool, {} of them from the thread's cache, {} "
                        "allocations, {} page faults; {}; {}",
                        taken, operations_, cached, allocations, faults_,
                        asked ? fmt::format("{} of {} pages on its node", local, pages)
                              : std::string("no NUMA in this kernel"),
                        pool_->description())};
  }

  void exchange() {
    auto& oldest = held_[next_];
    next_ = next_ + 1 == held_.size() ? 0 : next_ + 1;
    oldest = typename Source::Held();  // back first: the pool need be no larger than what is held
    oldest = source_.take();
    if (oldest.data() == nullptr) {
      ++missing_;
      return;
    }
    auto* bytes = static_cast<volatile std::byte*>(oldest.data());
    bytes[0] = std::byte{1};
    bytes[size_ > kLineBytes ? size_ - kLineBytes : 0] = std::byte{2};
    ++operations_;
  }

  template <typename Ticks>
  void loop(Nanoseconds duration, Recorder& recorder) {
    const TickScale scale = context_.clock->scale();
    const std::uint64_t deadline =
        Ticks::now() + context_.clock->ns_to_ticks(static_cast<std::uint64_t>(duration.count()));
    while (true) {
      const std::uint64_t start = Ticks::now();
      if (start >= deadline) return;
      for (unsigned i = 0; i < kBuffersPerSample; ++i) exchange();
      const std::uint64_t end = Ticks::now();
      recorder.operations += kBuffersPerSample;
      recorder.record_service(scale.to_ns(end), scale.to_ns(end - start));
    }
  }

  const BlockContext context_;
  const std::size_t size_;
  std::optional<BufferPool> pool_;  // outlives what is held
  Source source_;
  std::vector<typename Source::Held> held_;
  std::size_t next_ = 0;
  std::uint64_t operations_ = 0, missing_ = 0, faults_ = 0;
  BufferPoolCounters before_;
};

std::size_t whole_units(std::size_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

Expected<BufferPool> pool_here(const BlockContext& context, PoolFault fault) {
  const Parameters& parameters = *context.parameters;
  // The slabs lie on the node of the CPU that measures.
  const auto pin = ScopedAffinity::pin(measuring_cpu(context.cpus));
  if (!pin) return Failure(pin.error());
  const CpuSet allowed = memory_nodes();
  const unsigned node = current_place().node;
  BufferPoolOptions options;
  options.buffer_size = parameters.block;
  options.buffers_per_node = std::max(64U, 4 * parameters.depth);
  options.nodes = allowed.contains(node) ? CpuSet{node} : CpuSet{*allowed.first()};
  if (fault == PoolFault::no_cache) options.cached_per_thread = 0;
  return BufferPool::create(options);
}

}  // namespace

Expected<std::unique_ptr<Block>> make_buffers_block(const BlockContext& context,
                                                    BufferSource source, PoolFault fault) {
  const std::size_t size = context.parameters->block.count;
  if (source == BufferSource::malloc) {
    return std::make_unique<BuffersBlock<FromMalloc>>(context, FromMalloc{size}, std::nullopt);
  }
  const FromAlignedAlloc aligned{whole_units(size)};
  if (source == BufferSource::aligned_alloc) {
    return std::make_unique<BuffersBlock<FromAlignedAlloc>>(context, aligned, std::nullopt);
  }
  auto pool = pool_here(context, fault);
  if (!pool) return Failure(pool.error());
  if (fault == PoolFault::from_heap) {
    return std::make_unique<BuffersBlock<FromAlignedAlloc>>(context, aligned, std::move(*pool));
  }
  return std::make_unique<BuffersBlock<FromPool>>(context, FromPool{nullptr}, std::move(*pool));
}

Parameters resolve_buffers(const Parameters& parameters) {
  Parameters resolved = parameters;
  if (!resolved.depth_given) resolved.depth = kHeldDefault;
  resolved.depth_given = true;
  return resolved;
}

}  // namespace assay::engine
