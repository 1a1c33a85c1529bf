#include "engine/techniques_pool.hpp"

#include <array>

#include "engine/memory_pool.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

constexpr std::string_view kBufferKeys = "block,depth";

Availability buffers_available(const Host& host, const probes::Inventory&, const Parameters&) {
  return measurable(host);
}

template <BufferSource kSource>
Expected<std::unique_ptr<Block>> make_buffers(const BlockContext& context) {
  return make_buffers_block(context, kSource);
}

unsigned buffers_per_sample(const Parameters&) { return kBuffersPerSample; }

constexpr std::array kPoolRows{
    Technique{
        .id = "memory.malloc",
        .summary = "A buffer by malloc and back by free, with --depth (64) held at a time",
        .proof = "buffers counted, page faults counted",
        .parameters = kBufferKeys,
        .operations_per_sample = buffers_per_sample,
        .available = buffers_available,
        .make = make_buffers<BufferSource::malloc>,
        .resolve = resolve_buffers,
    },
    Technique{
        .id = "memory.aligned-alloc",
        .summary = "A buffer aligned for O_DIRECT by aligned_alloc and back by free",
        .baseline = "memory.malloc",
        .claim = {.text = "what the alignment costs"},
        .proof = "buffers counted, page faults counted",
        .parameters = kBufferKeys,
        .operations_per_sample = buffers_per_sample,
        .available = buffers_available,
        .make = make_buffers<BufferSource::aligned_alloc>,
        .resolve = resolve_buffers,
    },
    Technique{
        .id = "memory.pool",
        .summary =
            "A buffer from a thread's cache in front of a sharded, node-local pool, and back",
        .baseline = "memory.aligned-alloc",
        .claim = {.text = "~50 ns; O(1), no atomics", .latency_ns_max = 50},
        .proof = "no allocation in the timed part, nine in ten from the thread's cache, every page "
                 "on its node",
        .parameters = kBufferKeys,
        .operations_per_sample = buffers_per_sample,
        .available = buffers_available,
        .make = make_buffers<BufferSource::pool>,
        .resolve = resolve_buffers,
    },
};

}  // namespace

std::span<const Technique> pool_techniques() { return kPoolRows; }

}  // namespace assay::engine
