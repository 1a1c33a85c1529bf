// The queue on both back ends and in every task-run mode: data, order, ownership, safe updates,
// batching, and what it says when something is not to be had.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <map>
#include <thread>
#include <vector>

#include "counted_new.hpp"
#include "engine/io_batch.hpp"
#include "engine/io_queue.hpp"
#include "engine/scheduling.hpp"

namespace assay::engine {
namespace {

// An unlinked file that goes with its last descriptor.
UniqueFd scratch_file() {
  std::array<char, 32> name{"/tmp/assay-io-XXXXXX"};
  UniqueFd fd(::mkostemp(name.data(), O_CLOEXEC));
  EXPECT_TRUE(fd);
  ::unlink(name.data());
  return fd;
}

// On a drive, past the page cache where the filesystem has that: completions come later, by
// interrupt.
UniqueFd drive_file() {
  std::array<char, 32> name{"/var/tmp/assay-io-XXXXXX"};
  UniqueFd fd(::mkostemp(name.data(), O_CLOEXEC));
  EXPECT_TRUE(fd);
  auto direct = UniqueFd::open(name.data(), O_RDWR | O_DIRECT);
  ::unlink(name.data());
  return direct ? std::move(*direct) : std::move(fd);
}

struct Kind {
  const char* name;
  IoBackend backend;
  TaskRun task_run;
  bool poller = false;  // SQPOLL
};
constexpr std::array kKinds{Kind{"Deferred", IoBackend::uring, TaskRun::deferred},
                            Kind{"Cooperative", IoBackend::uring, TaskRun::cooperative},
                            Kind{"Interrupting", IoBackend::uring, TaskRun::interrupting},
                            Kind{"Poller", IoBackend::uring, TaskRun::deferred, true},
                            Kind{"Calls", IoBackend::calls, TaskRun::deferred}};

class IoQueues : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    auto pool = BufferPool::create({.buffer_size = 4096_B, .buffers_per_node = 64});
    ASSERT_TRUE(pool) << pool.error().message();
    pool_.emplace(std::move(*pool));
  }
  IoOptions options() const {
    IoOptions wanted;
    wanted.depth = 16;
    wanted.backend = GetParam().backend;
    wanted.ring.task_run = GetParam().task_run;
    wanted.ring.poller = GetParam().poller;
    wanted.ring.poller_idle = std::chrono::milliseconds(1);  // leaves the CPU to other tests
    return wanted;
  }
  // Skips the test where this host has no io_uring.
  void make() { make(options()); }
  void make(const IoOptions& wanted) {
    auto queue = IoQueue::create(wanted);
    if (!queue) GTEST_SKIP() << queue.error().message();
    queue_.emplace(std::move(*queue));
    auto file = queue_->add_file(scratch_file());
    ASSERT_TRUE(file) << file.error().message();
    file_ = *file;
  }
  Buffer filled(char letter) {
    Buffer buffer = pool_->take();
    EXPECT_TRUE(buffer);
    std::memset(buffer.data(), letter, buffer.size());
    return buffer;
  }
  // What the file has at an offset, seen from outside the queue.
  char at(off_t offset) const {
    char letter = 0;
    return ::pread(queue_->descriptor(file_), &letter, 1, offset) == 1 ? letter : '\0';
  }
  auto remember() {
    return [this](IoDone done) { results_[done.tag] = done.result; };
  }

  std::optional<BufferPool> pool_;
  std::optional<IoQueue> queue_;
  FileId file_;
  std::map<std::uint64_t, int> results_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, IoQueues, testing::ValuesIn(kKinds),
                         [](const auto& kind) { return std::string(kind.param.name); });

TEST_P(IoQueues, WritesAndReadsBackWhatWasWritten) {
  make();
  if (IsSkipped()) return;
  ASSERT_TRUE(queue_->attach(*pool_));
  for (unsigned i = 0; i < 8; ++i) {
    Buffer buffer = filled(static_cast<char>('a' + i));
    ASSERT_TRUE(queue_->write(file_, std::move(buffer), 4096, i * 4096ULL, i));
    EXPECT_FALSE(buffer) << "the queue's until it is done";
  }
  ASSERT_TRUE(queue_->sync(file_, 99, {.barrier = true}));
  const auto done = queue_->drain(remember());
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(*done, 9U);
  EXPECT_EQ(results_[99], 0);
  for (unsigned i = 0; i < 8; ++i) EXPECT_EQ(results_[i], 4096);
  unsigned right = 0;
  for (unsigned i = 0; i < 8; ++i) {
    ASSERT_TRUE(queue_->read(file_, pool_->take(), 4096, i * 4096ULL, i));
  }
  ASSERT_TRUE(queue_->drain([&](IoDone one) {
    const auto letter = static_cast<std::byte>('a' + one.tag);
    right += one.result == 4096 && one.buffer && one.buffer.span()[4095] == letter ? 1 : 0;
  }));
  EXPECT_EQ(right, 8U);
  const bool ring = queue_->backend() == IoBackend::uring;
  EXPECT_EQ(queue_->counters().fixed_files, ring ? 17U : 0U);
  EXPECT_EQ(queue_->counters().completed, 17U);
}

TEST_P(IoQueues, SaysWhenItIsFullAndTakesNothingThen) {
  make();
  if (IsSkipped()) return;
  for (unsigned i = 0; i < 16; ++i) {
    ASSERT_TRUE(queue_->write(file_, filled('x'), 4096, i * 4096ULL, i));
  }
  EXPECT_TRUE(queue_->full());
  Buffer more = filled('y');
  EXPECT_FALSE(queue_->write(file_, std::move(more), 4096, 0, 77));
  EXPECT_TRUE(more) << "still the caller's";
  ASSERT_TRUE(queue_->drain(remember()));
  EXPECT_EQ(results_.size(), 16U);
  EXPECT_EQ(queue_->in_flight(), 0U);
}

TEST_P(IoQueues, LinkedOperationsRunInOrderAndStopAtAFailure) {
  make();
  if (IsSkipped()) return;
  ASSERT_TRUE(queue_->write(file_, filled('1'), 4096, 0, 1, {.then_next = true}));
  ASSERT_TRUE(queue_->write(file_, filled('2'), 4096, 0, 2, {.then_next = true}));
  ASSERT_TRUE(queue_->sync(file_, 3));
  ASSERT_TRUE(queue_->drain(remember()));
  EXPECT_EQ(at(0), '2');
  EXPECT_EQ(results_[3], 0);
  // A read beyond the end is short: what follows in its chain does not happen, what is outside
  // does.
  ASSERT_TRUE(queue_->read(file_, pool_->take(), 4096, 1 << 20, 4, {.then_next = true}));
  ASSERT_TRUE(queue_->write(file_, filled('3'), 4096, 0, 5, {.then_next = true}));
  ASSERT_TRUE(queue_->write(file_, filled('4'), 4096, 0, 6));
  ASSERT_TRUE(queue_->write(file_, filled('5'), 4096, 4096, 7));
  ASSERT_TRUE(queue_->drain(remember()));
  EXPECT_EQ(results_[4], 0);
  EXPECT_EQ(results_[5], -ECANCELED);
  EXPECT_EQ(results_[6], -ECANCELED);
  EXPECT_EQ(results_[7], 4096);
  EXPECT_EQ(at(0), '2');
  EXPECT_EQ(at(4096), '5');
}

// Waiting for all at once, when one of them begins only after the others: kernels with
// DEFER_TASKRUN sleep for ever over it, unless the queue sees to it.
TEST_P(IoQueues, AWaitThatSpansABarrierEnds) {
  IoOptions wanted = options();
  wanted.batch_max = 1;
  make(wanted);
  if (IsSkipped()) return;
  ASSERT_TRUE(queue_->replace_file(file_, drive_file()));
  for (unsigned round = 0; round < 30; ++round) {
    for (unsigned i = 0; i < 6; ++i) {
      ASSERT_TRUE(queue_->write(file_, filled('b'), 4096, (round * 6 + i) * 4096ULL, i));
    }
    ASSERT_TRUE(queue_->sync(file_, 99, {.barrier = true}));
    const auto done = queue_->wait(7, remember());
    ASSERT_TRUE(done);
    EXPECT_EQ(*done, 7U);
    EXPECT_EQ(results_[99], 0);
  }
}

TEST_P(IoQueues, FilesAreNotReplacedWhileInUse) {
  make();
  if (IsSkipped()) return;
  ASSERT_TRUE(queue_->write(file_, filled('o'), 4096, 0, 1));
  const auto refused = queue_->replace_file(file_, scratch_file());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::busy) << refused.error().message();
  EXPECT_FALSE(queue_->remove_file(file_));
  ASSERT_TRUE(queue_->drain(remember()));
  EXPECT_EQ(at(0), 'o');
  ASSERT_TRUE(queue_->replace_file(file_, scratch_file()));
  EXPECT_EQ(at(0), '\0') << "another, empty file";
  ASSERT_TRUE(queue_->write(file_, filled('n'), 4096, 0, 2));
  ASSERT_TRUE(queue_->drain(remember()));
  EXPECT_EQ(at(0), 'n');
  ASSERT_TRUE(queue_->remove_file(file_));
  ASSERT_TRUE(queue_->write(file_, filled('z'), 4096, 0, 3));
  ASSERT_TRUE(queue_->drain(remember()));
  EXPECT_EQ(results_[3], -EBADF);
  EXPECT_FALSE(queue_->replace_file({99}, scratch_file()));
}

TEST_P(IoQueues, FileSlotsRunOutAndComeBack) {
  make();
  if (IsSkipped()) return;
  std::vector<FileId> more;
  while (auto added = queue_->add_file(scratch_file())) more.push_back(*added);
  EXPECT_EQ(more.size(), 15U);
  ASSERT_TRUE(queue_->remove_file(more[3]));
  const auto again = queue_->add_file(scratch_file());
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, more[3]);
}

TEST_P(IoQueues, MemoryIsNotReplacedWhileInUse) {
  make();
  if (IsSkipped()) return;
  auto memory = Mapping::anonymous(64_KiB);
  auto other = Mapping::anonymous(64_KiB);
  ASSERT_TRUE(memory && other);
  const auto id = queue_->add_memory({memory->as<std::byte>(), 65536});
  if (!id) GTEST_SKIP() << id.error().message();
  ASSERT_TRUE(
      queue_->write(file_, std::span<const std::byte>(memory->as<std::byte>(), 4096), 0, 1, *id));
  const auto refused = queue_->replace_memory(*id, {other->as<std::byte>(), 65536});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::busy);
  ASSERT_TRUE(queue_->drain(remember()));
  EXPECT_EQ(results_[1], 4096);
  ASSERT_TRUE(queue_->replace_memory(*id, {other->as<std::byte>(), 65536}));
  ASSERT_TRUE(queue_->read(file_, std::span(other->as<std::byte>(), 4096), 0, 2, *id));
  // Memory that this slot had before is none of its now.
  ASSERT_TRUE(queue_->read(file_, std::span(memory->as<std::byte>(), 4096), 0, 3, *id));
  ASSERT_TRUE(queue_->drain(remember()));
  EXPECT_EQ(results_[2], 4096);
  if (queue_->backend() == IoBackend::uring) {
    EXPECT_EQ(queue_->counters().fixed_memory, 3U);
    EXPECT_EQ(results_[3], -EFAULT) << "the table is what serves";
  }
  ASSERT_TRUE(queue_->remove_memory(*id));
  EXPECT_FALSE(queue_->replace_memory({99}, {}));
}

TEST_P(IoQueues, HandsOverFewTimesForManyOperations) {
  make();
  if (IsSkipped()) return;
  const auto burst = [&](unsigned size) {
    for (unsigned i = 0; i < size; ++i) {
      ASSERT_TRUE(queue_->read(file_, pool_->take(), 4096, 0, i));
    }
    ASSERT_TRUE(queue_->wait(size, remember()));
  };
  for (unsigned i = 0; i < 40; ++i) burst(8);  // learns
  const IoCounters before = queue_->counters();
  for (unsigned i = 0; i < 100; ++i) burst(8);
  const IoCounters after = queue_->counters();
  const auto enters = static_cast<double>(after.enters - before.enters);
  EXPECT_EQ(after.completed - before.completed, 800U);
  // One call hands eight over and waits for them; on a busy machine it may come back early.
  EXPECT_LE(enters, 200) << "for 100 bursts";
  EXPECT_GT(queue_->batch_target(), 8U);
  for (unsigned i = 0; i < 40; ++i) burst(1);
  EXPECT_LE(queue_->batch_target(), 2U) << "a lone operation does not wait for others";
}

TEST_P(IoQueues, OperationsAndCompletionsAllocateNothing) {
  make();
  if (IsSkipped()) return;
  ASSERT_TRUE(queue_->attach(*pool_));
  const auto burst = [&] {
    for (unsigned i = 0; i < 8; ++i) {
      if (!queue_->write(file_, pool_->take(), 4096, i * 4096ULL, i)) return false;
    }
    return queue_->drain([](IoDone) {}).has_value();
  };
  ASSERT_TRUE(burst());
  const std::uint64_t before = allocations_of_this_thread();
  bool fine = true;
  for (unsigned i = 0; i < 50; ++i) fine = fine && burst();
  EXPECT_EQ(allocations_of_this_thread(), before);
  EXPECT_TRUE(fine);
}

TEST_P(IoQueues, CancelledOperationsComeBack) {
  make();
  if (IsSkipped()) return;
  if (queue_->backend() == IoBackend::calls) {
    ASSERT_TRUE(queue_->write(file_, filled('c'), 4096, 0, 5));
    ASSERT_TRUE(queue_->write(file_, filled('d'), 4096, 4096, 6));
    EXPECT_EQ(queue_->cancel(5), 1U);
    ASSERT_TRUE(queue_->drain(remember()));
    EXPECT_EQ(results_[5], -ECANCELED);
    EXPECT_EQ(results_[6], 4096);
    return;
  }
  // Reads of an empty pipe would wait for ever.
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const auto pipe = queue_->add_file(UniqueFd(ends[0]));
  const UniqueFd writer(ends[1]);
  ASSERT_TRUE(pipe);
  std::array<std::byte, 8> byte{};
  ASSERT_TRUE(queue_->read(*pipe, std::span(byte).subspan(0, 1), 0, 5));
  ASSERT_TRUE(queue_->read(*pipe, std::span(byte).subspan(1, 1), 0, 5));
  ASSERT_TRUE(queue_->read(*pipe, std::span(byte).subspan(2, 1), 0, 6));
  EXPECT_EQ(queue_->cancel(5), 2U);
  ASSERT_TRUE(queue_->wait(2, remember()));
  EXPECT_EQ(results_[5], -ECANCELED);
  EXPECT_EQ(results_.count(6), 0U);
  EXPECT_EQ(queue_->in_flight(), 1U);
  EXPECT_FALSE(queue_->remove_file(*pipe)) << "still in use";
  EXPECT_EQ(queue_->cancel(777), 0U);
}

// The destructor of a queue with a read that never ends cancels it, and gives the buffer back.
TEST_P(IoQueues, GoesWithOperationsInFlight) {
  make();
  if (IsSkipped() || queue_->backend() == IoBackend::calls) return;
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const UniqueFd writer(ends[1]);
  const auto pipe = queue_->add_file(UniqueFd(ends[0]));
  ASSERT_TRUE(queue_->read(*pipe, pool_->take(), 4096, 0, 1));
  ASSERT_TRUE(queue_->submit());
  EXPECT_EQ(pool_->counters().taken - pool_->counters().given_back, 1U);
  queue_.reset();
  EXPECT_EQ(pool_->counters().taken, pool_->counters().given_back);
}

// A completion that arrives on whichever CPU shows at the next look. That no tick is waited for is
// seen from the calls: a poll that has to be repeated would be counted.
TEST_P(IoQueues, CompletionsFromAnotherCpuAreSeenOnEveryCpu) {
  const auto allowed = current_affinity();
  ASSERT_TRUE(allowed);
  for (const unsigned cpu : allowed->to_vector()) {
    const auto pinned = ScopedAffinity::pin(CpuSet{cpu});
    ASSERT_TRUE(pinned);
    make();
    if (IsSkipped() || queue_->backend() == IoBackend::calls) return;
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const UniqueFd writer(ends[1]);
    const auto pipe = queue_->add_file(UniqueFd(ends[0]));
    std::array<std::byte, 1> byte{};
    for (unsigned round = 0; round < 20; ++round) {
      ASSERT_TRUE(queue_->read(*pipe, std::span(byte), 0, round));
      ASSERT_TRUE(queue_->submit());
      std::thread other([&] {
        // Any CPU but ours, where there is one.
        const auto elsewhere = ScopedAffinity::pin(*allowed - CpuSet{cpu});
        EXPECT_EQ(::write(writer.get(), "x", 1), 1);
      });
      other.join();
      const std::uint64_t before = queue_->counters().enters;
      auto seen = queue_->poll(remember());
      // A poller is a thread of its own, which has to come and see.
      while (GetParam().poller && seen && *seen == 0) seen = queue_->poll(remember());
      ASSERT_TRUE(seen);
      ASSERT_EQ(*seen, 1U) << "CPU " << cpu << ", " << queue_->description();
      EXPECT_LE(queue_->counters().enters - before, GetParam().poller ? 1000U : 1U);
    }
  }
}

TEST(IoQueue, RefusesADepthThatCannotBe) {
  EXPECT_FALSE(IoQueue::create({.depth = 0}));
  EXPECT_FALSE(IoQueue::create({.depth = 100'000}));
}

// Anybody may be told what is done instead; who does not ask to be told gets the error.
TEST(IoQueue, WhatCannotBePolledIsAnnounced) {
  IoOptions options{.depth = 4};
  options.ring.poller = true;
  options.ring.poller_cpu = 100'000;  // no such CPU
  const auto silent = IoQueue::create(options);
  ASSERT_FALSE(silent);
  std::string why, what;
  options.announce = [&](const Error& error, std::string_view instead) {
    why += error.message();
    what += instead;
  };
  const auto told = IoQueue::create(options);
  ASSERT_TRUE(told) << told.error().message();
  EXPECT_FALSE(why.empty());
  if (told->backend() == IoBackend::uring) {
    EXPECT_EQ(what, "io_uring without kernel poller and device polling");
  } else {
    EXPECT_NE(what.find("preadv2"), std::string::npos) << what;
  }
}

TEST(IoQueue, SecondPoolIsRefused) {
  auto queue = IoQueue::create({.backend = IoBackend::calls});
  auto pool = BufferPool::create({.buffers_per_node = 8});
  ASSERT_TRUE(queue && pool);
  EXPECT_TRUE(queue->attach(*pool));
  EXPECT_FALSE(queue->attach(*pool));
}

TEST(BatchPolicy, FollowsWhatComesBetweenTwoPolls) {
  BatchPolicy policy(32);
  EXPECT_EQ(policy.target(), 1U) << "eager at first";
  const auto burst = [&](unsigned size) {
    for (unsigned i = 0; i < size; ++i) policy.prepared();
    policy.polled();
  };
  for (int i = 0; i < 30; ++i) burst(8);
  EXPECT_EQ(policy.target(), 9U);
  for (int i = 0; i < 30; ++i) burst(1000);
  EXPECT_EQ(policy.target(), 32U) << "no more than the limit";
  for (int i = 0; i < 30; ++i) burst(1);
  EXPECT_EQ(policy.target(), 2U);
  for (int i = 0; i < 100; ++i) policy.polled();
  EXPECT_EQ(policy.target(), 2U) << "polls alone say nothing";
  BatchPolicy single(1);
  for (int i = 0; i < 30; ++i) single.prepared();
  EXPECT_EQ(single.target(), 1U);
}

}  // namespace
}  // namespace assay::engine
