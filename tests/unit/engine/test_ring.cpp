// Rings: modes, registrations, and the words for hosts that forbid them. What changes limits or
// forbids system calls runs in a child process.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>

#include "core/memory_host.hpp"
#include "core/real_host.hpp"
#include "engine/offsets.hpp"
#include "engine/scheduling.hpp"
#include "engine/uring_loop.hpp"

namespace assay::engine {
namespace {

// Runs a check in a child and hands back what it printed; a death of the child fails the test.
std::string in_child(const std::function<std::string()>& body) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string words = body();
    const ssize_t put = ::write(ends[1], words.data(), words.size());
    ::_exit(put == static_cast<ssize_t>(words.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string words;
  std::array<char, 4096> part{};
  for (ssize_t got = 0; (got = ::read(ends[0], part.data(), part.size())) > 0;) {
    words.append(part.data(), static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "child: " << status;
  return words;
}

// From here on io_uring_setup answers `sys_errno`, as a container's filter makes it.
bool forbid_setup(int sys_errno) {
  const auto answer = static_cast<std::uint32_t>(SECCOMP_RET_ERRNO | (sys_errno & 0xffff));
  std::array<sock_filter, 4> program{{
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, 0},  // seccomp_data.nr
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, static_cast<std::uint32_t>(SYS_io_uring_setup)},
      {BPF_RET | BPF_K, 0, 0, answer},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  }};
  sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

std::string setup_answer(const Host& host, int sys_errno) {
  return in_child([&host, sys_errno] {
    if (!forbid_setup(sys_errno)) return std::string("no seccomp here");
    const auto allowed = ring_allowed(host);
    return allowed ? std::string("allowed") : allowed.error().message();
  });
}

TEST(RingForbidden, BySysctlNamesTheSwitchAndTheWayOut) {
  MemoryHost host;
  host.put("/proc/sys/kernel/io_uring_disabled", "2\n");
  const std::string words = setup_answer(host, EPERM);
  if (words == "no seccomp here") GTEST_SKIP() << words;
  EXPECT_EQ(words,
            "io_uring_setup: Operation not permitted; kernel.io_uring_disabled is 2; set it to 0 "
            "or run `assay tune`");
}

TEST(RingForbidden, ByAFilterNamesTheFilter) {
  MemoryHost host;
  host.put("/proc/sys/kernel/io_uring_disabled", "0\n");
  const std::string words = setup_answer(host, EPERM);
  if (words == "no seccomp here") GTEST_SKIP() << words;
  EXPECT_NE(words.find("seccomp"), std::string::npos) << words;
}

TEST(RingForbidden, ByTheKernelItself) {
  const std::string words = setup_answer(MemoryHost(), ENOSYS);
  if (words == "no seccomp here") GTEST_SKIP() << words;
  EXPECT_NE(words.find("this kernel has no io_uring"), std::string::npos) << words;
}

class Rings : public testing::Test {
 protected:
  void SetUp() override {
    host_ = make_real_host();
    if (const auto allowed = ring_allowed(*host_); !allowed) {
      GTEST_SKIP() << allowed.error().message();
    }
  }
  std::unique_ptr<Host> host_;
};

TEST_F(Rings, EveryModeWorksAndIsNamed) {
  for (const TaskRun mode : {TaskRun::deferred, TaskRun::cooperative, TaskRun::interrupting}) {
    auto ring = Ring::create(*host_, {.entries = 8, .task_run = mode});
    ASSERT_TRUE(ring) << ring.error().message();
    EXPECT_GE(ring->task_run(), mode) << "never a better one than was asked for";
    EXPECT_FALSE(ring->description().empty());
    io_uring_prep_nop(io_uring_get_sqe(ring->get()));
    EXPECT_EQ(ring->submit_and_wait(1), 1);
    io_uring_cqe* cqe = nullptr;
    EXPECT_EQ(io_uring_peek_cqe(ring->get(), &cqe), 0);
  }
}

TEST_F(Rings, RegistrationsAreTakenBackOnlyWhenThere) {
  auto ring = Ring::create(*host_, {.entries = 2});
  ASSERT_TRUE(ring);
  EXPECT_FALSE(ring->unregister_buffers());
  EXPECT_FALSE(ring->unregister_files());
  std::array<std::byte, 4096> memory{};
  const iovec all{memory.data(), memory.size()};
  ASSERT_TRUE(ring->register_buffers({&all, 1}));
  EXPECT_TRUE(ring->unregister_buffers());
  EXPECT_FALSE(ring->unregister_buffers());
}

TEST_F(Rings, LowMemlockIsNamed) {
  const std::string words = in_child([this]() -> std::string {
    // The limit binds ordinary users only.
    if (::geteuid() == 0 && ::setuid(65534) != 0) return "cannot drop root";
    const rlimit low{16384, 16384};
    if (::setrlimit(RLIMIT_MEMLOCK, &low) != 0) return "cannot lower the limit";
    auto ring = Ring::create(*host_, {.entries = 2});
    if (!ring) return "skip: " + ring.error().message();
    const auto memory = Mapping::anonymous(1_MiB);
    const iovec all{memory->data(), memory->size().count};
    const auto registered = ring->register_buffers({&all, 1});
    return registered ? "skip: registered all the same" : registered.error().message();
  });
  if (words.starts_with("skip") || words.starts_with("cannot")) GTEST_SKIP() << words;
  EXPECT_NE(words.find("the memlock limit is 16KiB; raise it"), std::string::npos) << words;
}

// Completions of a pipe read arrive when another thread writes, from another CPU where there is
// one: with nobody polling, the deferred work must be run by the call that asks for events.
TEST_F(Rings, CompletionsFromAnotherCpuAreSeenOnEveryCpu) {
  const auto allowed = current_affinity();
  ASSERT_TRUE(allowed);
  for (const unsigned cpu : allowed->to_vector()) {
    const auto pinned = ScopedAffinity::pin(CpuSet{cpu});
    ASSERT_TRUE(pinned);
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    auto ring = Ring::create(*host_, {.entries = 4});
    ASSERT_TRUE(ring);
    char byte = 0;
    io_uring_prep_read(io_uring_get_sqe(ring->get()), ends[0], &byte, 1, 0);
    ASSERT_EQ(ring->submit_and_wait(0), 1);
    const pid_t writer = ::fork();
    if (writer == 0) ::_exit(::write(ends[1], "x", 1) == 1 ? 0 : 1);
    ::waitpid(writer, nullptr, 0);
    // The data is there: one look that asks for events must show it, without waiting for any.
    io_uring_cqe* cqe = nullptr;
    EXPECT_GE(ring->submit_and_wait(0), 0);
    EXPECT_EQ(io_uring_peek_cqe(ring->get(), &cqe), 0) << "CPU " << cpu;
    ::close(ends[0]);
    ::close(ends[1]);
  }
}

// The loop itself, on operations that do nothing: counts add up for every depth and batch.
struct NopOp {
  void prepare(io_uring_sqe* sqe, unsigned, std::uint64_t) { io_uring_prep_nop(sqe); }
  std::uint64_t unit_bytes() const { return 0; }
};

TEST_F(Rings, LoopKeepsItsBooks) {
  const auto clock = Clock::calibrate(*host_, std::chrono::milliseconds(20));
  ASSERT_TRUE(clock);
  for (const unsigned depth : {1U, 3U, 32U}) {
    for (const unsigned batch : {1U, 2U, 32U, 100U}) {
      auto ring = Ring::create(*host_, {.entries = depth});
      ASSERT_TRUE(ring);
      NopOp op;
      UringSlots slots(depth);
      Recorder recorder;
      RandomBlocks offsets(1000, 1);
      UringLoop<MonotonicTicks, NopOp> loop(*ring, op, slots, batch, *clock, recorder);
      ASSERT_TRUE(loop.closed(offsets, std::chrono::milliseconds(2)));
      EXPECT_EQ(slots.in_flight(), 0U);
      EXPECT_EQ(recorder.operations, loop.submitted());
      EXPECT_EQ(recorder.service.count(), recorder.operations);
      EXPECT_GT(recorder.enters, 0U);
      EXPECT_EQ(recorder.errors, 0U);
    }
  }
}

// Every operation refused: errors are counted, recorded, and do not end the loop.
struct BadOp {
  void prepare(io_uring_sqe* sqe, unsigned, std::uint64_t) {
    io_uring_prep_read(sqe, -1, nullptr, 4096, 0);
  }
  std::uint64_t unit_bytes() const { return 4096; }
};

TEST_F(Rings, LoopCountsErrors) {
  const auto clock = Clock::calibrate(*host_, std::chrono::milliseconds(20));
  ASSERT_TRUE(clock);
  auto ring = Ring::create(*host_, {.entries = 4});
  ASSERT_TRUE(ring);
  BadOp op;
  UringSlots slots(4);
  Recorder recorder;
  SequentialBlocks offsets(10, 1);
  UringLoop<MonotonicTicks, BadOp> loop(*ring, op, slots, 2, *clock, recorder);
  ASSERT_TRUE(loop.closed(offsets, std::chrono::milliseconds(2)));
  EXPECT_GT(recorder.errors, 0U);
  EXPECT_EQ(recorder.errors, recorder.operations);
  EXPECT_EQ(recorder.first_errno, EBADF);
  EXPECT_EQ(recorder.bytes, 0U);
}

}  // namespace
}  // namespace assay::engine
