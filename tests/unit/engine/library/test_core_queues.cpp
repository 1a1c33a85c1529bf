// One queue a CPU: routing, sharing between threads, and that nobody waits for a tick.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

#include "engine/core_queues.hpp"
#include "engine/scheduling.hpp"

namespace assay::engine {
namespace {

class CoreQueuesTest : public testing::TestWithParam<IoBackend> {
 protected:
  void SetUp() override {
    auto pool = BufferPool::create({.buffer_size = 4096_B, .buffers_per_node = 128});
    ASSERT_TRUE(pool);
    pool_.emplace(std::move(*pool));
    auto queues = CoreQueues::create({}, {.depth = 8, .backend = GetParam()});
    if (!queues) GTEST_SKIP() << queues.error().message();
    queues_.emplace(std::move(*queues));
    std::array<char, 32> name{"/tmp/assay-core-XXXXXX"};
    fd_ = UniqueFd(::mkostemp(name.data(), O_CLOEXEC));
    ::unlink(name.data());
    const auto file = queues_->add_file(fd_);
    ASSERT_TRUE(file) << file.error().message();
    file_ = *file;
    ASSERT_TRUE(queues_->attach(*pool_));
  }
  std::optional<BufferPool> pool_;
  std::optional<CoreQueues> queues_;
  UniqueFd fd_;
  FileId file_;
};

INSTANTIATE_TEST_SUITE_P(Backends, CoreQueuesTest,
                         testing::Values(IoBackend::uring, IoBackend::calls),
                         [](const auto& backend) {
                           return backend.param == IoBackend::uring ? "Ring" : "Calls";
                         });

TEST_P(CoreQueuesTest, RoutesToTheCpuOfTheCaller) {
  const std::vector<unsigned> cpus = queues_->cpus().to_vector();
  ASSERT_EQ(queues_->size(), cpus.size());
  for (std::size_t i = 0; i < cpus.size(); ++i) {
    const auto pinned = ScopedAffinity::pin(CpuSet{cpus[i]});
    ASSERT_TRUE(pinned);
    IoQueue* mine = &*queues_->here();
    EXPECT_EQ(mine, &*queues_->at(i));
  }
}

// Threads on every CPU write blocks of their own; whoever polls sees to everybody's completions.
TEST_P(CoreQueuesTest, ThreadsShareTheQueues) {
  constexpr unsigned kThreads = 4, kBlocks = 100;
  std::atomic<unsigned> done{0}, wrong{0};
  const auto count = [&](IoDone one, IoQueue&) {
    ++done;
    if (one.result != 4096) ++wrong;
  };
  const auto work = [&](unsigned number) {
    for (unsigned i = 0; i < kBlocks; ++i) {
      const std::uint64_t block = number * kBlocks + i;
      Buffer buffer = pool_->take();
      while (!buffer) {
        if (!queues_->poll_all(count)) return;
        buffer = pool_->take();
      }
      std::ranges::fill(buffer.span(), static_cast<std::byte>(block));
      while (buffer) {
        {
          const CoreQueues::Lease queue = queues_->here();
          static_cast<void>(queue->write(file_, std::move(buffer), 4096, block * 4096, block));
        }
        if (!queues_->poll_all(count)) return;
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  // The threads that handed over are gone: what they left is finished all the same.
  for (std::size_t i = 0; i < queues_->size(); ++i) {
    const CoreQueues::Lease queue = queues_->at(i);
    ASSERT_TRUE(queue->drain([&](IoDone one) { count(std::move(one), *queue); }));
  }
  EXPECT_EQ(done.load(), kThreads * kBlocks);
  EXPECT_EQ(wrong.load(), 0U);
  for (unsigned block = 0; block < kThreads * kBlocks; ++block) {
    unsigned char last = 0;
    ASSERT_EQ(::pread(fd_.get(), &last, 1, block * 4096 + 4095), 1);
    ASSERT_EQ(last, block % 256);
  }
}

// The thread that handed a read over is busy elsewhere, in user space, and makes no system call;
// the data comes from a third; the completion must show to whoever polls.
TEST_P(CoreQueuesTest, ACompletionShowsToAnotherThreadWhileItsOwnIsBusy) {
  if (GetParam() == IoBackend::calls) return;
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const UniqueFd reader(ends[0]), writer(ends[1]);
  const auto pipe = queues_->add_file(reader);
  ASSERT_TRUE(pipe);
  std::array<std::byte, 1> byte{};
  std::atomic<bool> handed_over{false}, seen{false};
  std::thread busy([&] {
    {
      const CoreQueues::Lease queue = queues_->at(0);
      EXPECT_TRUE(queue->read(*pipe, std::span(byte), 0, 1));
      EXPECT_TRUE(queue->submit());
    }
    handed_over = true;
    while (!seen) std::atomic_signal_fence(std::memory_order_seq_cst);  // no system call
  });
  while (!handed_over) std::this_thread::yield();
  ASSERT_EQ(::write(writer.get(), "x", 1), 1);
  unsigned found = 0;
  while (found == 0) {
    const auto some = queues_->poll_all([](IoDone, IoQueue&) {});
    ASSERT_TRUE(some);
    found = *some;
    std::this_thread::yield();
  }
  seen = true;
  busy.join();
  EXPECT_EQ(found, 1U);
}

}  // namespace
}  // namespace assay::engine
