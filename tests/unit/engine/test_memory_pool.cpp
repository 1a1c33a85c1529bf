// memory.pool and its baselines: the proof counts, and sees a pool that is none.
#include <gmock/gmock.h>

#include "engine/memory_pool.hpp"
#include "tests/unit/engine/technique_fixture.hpp"

namespace assay::engine {
namespace {

using testing::HasSubstr;

class MemoryPool : public TechniqueTest {
 protected:
  MemoryPool() { parameters_ = resolve_buffers(parameters_); }
};

TEST_F(MemoryPool, EverySourceWorks) {
  for (const char* id : {"memory.pool", "memory.aligned-alloc", "memory.malloc"}) {
    SCOPED_TRACE(id);
    const Technique* row = find_technique(id);
    ASSERT_NE(row, nullptr);
    expect_clean(run_block(row->make(context_)), operations_per_sample(*row, parameters_));
  }
}

TEST_F(MemoryPool, ProvesThatNothingIsAllocated) {
  const Outcome outcome = run_block(make_buffers_block(context_, BufferSource::pool));
  EXPECT_TRUE(outcome.engagement.engaged);
  EXPECT_THAT(outcome.engagement.evidence, HasSubstr(" 0 allocations"));
  EXPECT_THAT(outcome.engagement.evidence, HasSubstr("buffers of 4KiB"));
}

TEST_F(MemoryPool, BuffersOfTheHeapAreNoPool) {
  const Outcome outcome =
      run_block(make_buffers_block(context_, BufferSource::pool, PoolFault::from_heap));
  EXPECT_FALSE(outcome.engagement.engaged);
  EXPECT_THAT(outcome.engagement.evidence, HasSubstr("0 of "));
}

TEST_F(MemoryPool, APoolWithoutThreadCacheIsNotEngaged) {
  const Outcome outcome =
      run_block(make_buffers_block(context_, BufferSource::pool, PoolFault::no_cache));
  EXPECT_FALSE(outcome.engagement.engaged) << outcome.engagement.evidence;
}

TEST_F(MemoryPool, OtherSizesAndNumbers) {
  for (const Bytes block : {512_B, 64_KiB, 1_MiB}) {
    parameters_.block = block;
    parameters_.depth = 8;
    const Outcome outcome = run_block(make_buffers_block(context_, BufferSource::pool));
    EXPECT_TRUE(outcome.engagement.engaged) << outcome.engagement.evidence;
  }
}

}  // namespace
}  // namespace assay::engine
