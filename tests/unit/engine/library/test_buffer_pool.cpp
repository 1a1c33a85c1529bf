// The pool: every buffer has one owner, comes from where it should, and costs no allocation.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "counted_new.hpp"
#include "engine/buffer_pool.hpp"

namespace assay::engine {
namespace {

BufferPool pool_of(unsigned buffers, unsigned cached = 32, unsigned shards = 2) {
  auto pool = BufferPool::create({.buffer_size = 4096_B,
                                  .buffers_per_node = buffers,
                                  .nodes = CpuSet{0},
                                  .shards_per_node = shards,
                                  .cached_per_thread = cached});
  EXPECT_TRUE(pool) << pool.error().message();
  return std::move(*pool);
}

TEST(BufferPool, HandsOutEachBufferOnceAlignedAndInItsSlab) {
  BufferPool pool = pool_of(64);
  std::vector<Buffer> held;
  std::set<std::byte*> seen;
  while (Buffer buffer = pool.take()) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 4096, 0U);
    EXPECT_EQ(buffer.size(), 4096U);
    EXPECT_TRUE(seen.insert(buffer.data()).second) << "handed out twice";
    const auto slab = pool.slabs()[buffer.slab()];
    EXPECT_GE(buffer.data(), slab.data());
    EXPECT_LE(buffer.data() + buffer.size(), slab.data() + slab.size());
    buffer.span()[0] = std::byte{1};
    buffer.span()[4095] = std::byte{1};
    held.push_back(std::move(buffer));
  }
  EXPECT_EQ(held.size(), 64U) << "all of them, whatever the shards";
  EXPECT_EQ(pool.counters().exhausted, 1U);
  held.clear();
  EXPECT_TRUE(pool.take());
}

TEST(BufferPool, SizesAreRoundedToTheAlignment) {
  auto pool = BufferPool::create({.buffer_size = 5000_B, .buffers_per_node = 8});
  ASSERT_TRUE(pool);
  EXPECT_EQ(pool->buffer_size().count, 8192U);
  EXPECT_NE(pool->description().find("8KiB"), std::string::npos) << pool->description();
}

TEST(BufferPool, RefusesWhatCannotBe) {
  const auto refused = [](const BufferPoolOptions& options, std::string_view word) {
    const auto pool = BufferPool::create(options);
    ASSERT_FALSE(pool);
    EXPECT_EQ(pool.error().code, ErrorCode::invalid);
    EXPECT_NE(pool.error().message().find(word), std::string::npos) << pool.error().message();
  };
  refused({.alignment = 512_B}, "alignment");
  refused({.alignment = 12288_B}, "alignment");
  refused({.buffer_size = 0_B}, "buffer_size");
  refused({.buffers_per_node = 0}, "buffers_per_node");
  refused({.buffers_per_node = 2, .shards_per_node = 3}, "shards_per_node");
  refused({.nodes = CpuSet{1000}}, "nodes with memory");
  refused({.cached_per_thread = 1000}, "cached_per_thread");
  refused({.buffer_size = 1_GiB, .buffers_per_node = 4, .shards_per_node = 1}, "more shards");
}

TEST(BufferPool, TheHotPathAllocatesNothing) {
  BufferPool pool = pool_of(256);
  std::array<Buffer, 64> held;
  pool.take().reset();  // makes this thread's cache
  const BufferPoolCounters before = pool.counters();
  const std::uint64_t allocated = allocations_of_this_thread();
  for (unsigned round = 0; round < 1000; ++round) {
    // More than the cache holds, so that shards are visited as well.
    for (unsigned i = 0; i < (round % 8 == 0 ? 64U : 8U); ++i) held[i] = pool.take();
    for (Buffer& buffer : held) buffer.reset();
  }
  EXPECT_EQ(allocations_of_this_thread(), allocated);
  const BufferPoolCounters after = pool.counters();
  EXPECT_EQ(after.allocations, before.allocations);
  EXPECT_EQ(after.taken - before.taken, after.given_back - before.given_back);
  EXPECT_GT(after.refills, before.refills);
  // Nearly all of them without a lock.
  EXPECT_GT(after.from_cache - before.from_cache, (after.taken - before.taken) * 9 / 10);
}

TEST(BufferPool, PagesAreWhereTheyWereAskedFor) {
  BufferPool pool = pool_of(1024);
  for (unsigned slab = 0; slab < pool.slabs().size(); ++slab) {
    const auto pages = pool.pages_on_node(slab);
    if (!pages) GTEST_SKIP() << pages.error().message();
    EXPECT_EQ(pages->first, pages->second);
    EXPECT_GT(pages->second, 0U);
  }
  EXPECT_FALSE(pool.pages_on_node(99));
}

// Buffers go from thread to thread, each written by its holder alone. ThreadSanitizer sees a buffer
// with two owners; the pattern does too.
TEST(BufferPool, BuffersWanderBetweenThreads) {
  BufferPool pool = pool_of(128);
  std::mutex lock;
  std::deque<Buffer> passed;
  std::atomic<unsigned> wrong{0};
  const auto work = [&](unsigned number) {
    const auto mark = static_cast<std::byte>(number + 1);
    for (unsigned i = 0; i < 4000; ++i) {
      Buffer mine = pool.take();
      if (mine) {
        mine.span()[0] = mine.span()[4095] = mark;
        if (mine.span()[0] != mark || mine.span()[4095] != mark) ++wrong;
      }
      const std::scoped_lock held(lock);
      if (mine) passed.push_back(std::move(mine));
      if (passed.size() > 40) passed.pop_front();  // given back by whoever is here
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  passed.clear();
  EXPECT_EQ(wrong.load(), 0U);
  // The threads are gone and their caches with them: everything can be had again.
  std::vector<Buffer> all;
  while (Buffer buffer = pool.take()) all.push_back(std::move(buffer));
  EXPECT_EQ(all.size(), 128U);
  const BufferPoolCounters counters = pool.counters();
  EXPECT_EQ(counters.taken - counters.given_back, 128U);
}

TEST(BufferPool, APoolThatGoesFirstLeavesItsBuffersMapped) {
  Buffer late;
  {
    BufferPool pool = pool_of(16);
    late = pool.take();
    ASSERT_TRUE(late);
  }
  late.span()[0] = std::byte{7};  // would be a fault, were it unmapped
  BufferPool next = pool_of(16);  // takes the number of the one that is gone
  Buffer other = next.take();
  EXPECT_NE(other.pool(), late.pool());
  late.reset();
  other.reset();
  std::vector<Buffer> all;
  while (Buffer buffer = next.take()) all.push_back(std::move(buffer));
  EXPECT_EQ(all.size(), 16U) << "the late one is not among them";
}

TEST(BufferPool, SeventeenPoolsAreTooMany) {
  std::vector<BufferPool> pools;
  for (unsigned i = 0; i < 20; ++i) {
    auto pool = BufferPool::create({.buffer_size = 4096_B, .buffers_per_node = 4});
    if (!pool) {
      EXPECT_EQ(pool.error().code, ErrorCode::exhausted);
      EXPECT_EQ(pools.size(), 16U);
      return;
    }
    pools.push_back(std::move(*pool));
  }
  FAIL() << "no limit";
}

}  // namespace
}  // namespace assay::engine
