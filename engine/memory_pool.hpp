// memory.pool and its baselines: what it costs to get a buffer and to give it back.
#pragma once

#include <memory>

#include "engine/technique.hpp"

namespace assay::engine {

// Where the buffers come from.
enum class BufferSource : std::uint8_t { pool, aligned_alloc, malloc };

// What goes wrong: for the tests of the proof.
enum class PoolFault : std::uint8_t {
  none,
  from_heap,  // the buffers come from the allocator all the same
  no_cache,   // every buffer takes a shard's lock
};

// Holds `depth` buffers of `block` bytes, gives the oldest back, takes another, and writes to its
// first and last line. One sample is kBuffersPerSample of that. Errors: those of BufferPool.
Expected<std::unique_ptr<Block>> make_buffers_block(const BlockContext& context,
                                                    BufferSource source,
                                                    PoolFault fault = PoolFault::none);

inline constexpr unsigned kBuffersPerSample = 16;

// Fills in how many are held (64).
Parameters resolve_buffers(const Parameters& parameters);

}  // namespace assay::engine
