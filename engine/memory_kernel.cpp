#include <fmt/format.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <ctime>

#include "core/fd.hpp"
#include "engine/memory_blocks.hpp"
#include "engine/peer_thread.hpp"
#include "engine/scheduling.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

constexpr unsigned kWarmUpSamples = 64;

// A cheap call that leaves a trace: every lseek moves a file's position by one, so that the
// position afterwards counts the calls that the kernel really served.
class SyscallBlock final : public Block {
 public:
  SyscallBlock(const BlockContext& context, UniqueFd file, MemoryFault fault)
      : context_(context),
        file_(std::move(file)),
        per_sample_(memory_operations_per_sample("syscall")),
        in_kernel_(fault != MemoryFault::no_kernel) {}

  Expected<void> warm_up() override {
    for (unsigned i = 0; i < kWarmUpSamples; ++i) sample();
    return {};
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return std::unexpected(pin.error());
    with_ticks(*context_.clock, [&]<typename Ticks>(Ticks) { loop<Ticks>(duration, recorder); });
    return {};
  }

  Engagement engagement() override {
    const off_t served = ::lseek(file_.get(), 0, SEEK_CUR);
    return {calls_ > 0 && served >= 0 && static_cast<std::uint64_t>(served) == calls_,
            fmt::format("the kernel served {} of {} calls (lseek)", served, calls_)};
  }

 private:
  void sample() {
    for (unsigned i = 0; i < per_sample_; ++i) {
      if (in_kernel_) ::syscall(SYS_lseek, file_.get(), 1L, SEEK_CUR);
    }
    calls_ += per_sample_;
  }

  template <typename Ticks>
  void loop(Nanoseconds duration, Recorder& recorder) {
    const TickScale scale = context_.clock->scale();
    const std::uint64_t length = static_cast<std::uint64_t>(duration.count());
    const std::uint64_t deadline = Ticks::now() + context_.clock->ns_to_ticks(length);
    while (true) {
      const std::uint64_t start = Ticks::now();
      if (start >= deadline) return;
      sample();
      const std::uint64_t end = Ticks::now();
      recorder.operations += per_sample_;
      recorder.enters += per_sample_;
      recorder.record_service(scale.to_ns(end), scale.to_ns(end - start));
    }
  }

  const BlockContext context_;
  const UniqueFd file_;
  const unsigned per_sample_;
  const bool in_kernel_;
  std::uint64_t calls_ = 0;
};

// The word that two threads on one CPU take turns on.
enum Turn : std::uint32_t { kOurs = 0, kTheirs = 1, kOver = 2 };

// Waits while the word holds `value`; false after kPeerTimeout.
bool wait_while(std::atomic<std::uint32_t>& word, std::uint32_t value) {
  const timespec limit{0, static_cast<long>(kPeerTimeout.count())};
  while (word.load(std::memory_order_acquire) == value) {
    const long answer = ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, &limit, nullptr, 0);
    if (answer != 0 && errno == ETIMEDOUT) return word.load(std::memory_order_acquire) != value;
  }
  return true;
}

void hand_over(std::atomic<std::uint32_t>& word, std::uint32_t value) {
  word.store(value, std::memory_order_release);
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

std::uint64_t switches_so_far() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return static_cast<std::uint64_t>(usage.ru_nvcsw + usage.ru_nivcsw);
}

// Two threads on one CPU wake each other through a futex: neither goes on before the kernel has
// switched to the other and back. A sample is two switches; waking and sleeping are part of them.
class SwitchBlock final : public Block {
 public:
  SwitchBlock(const BlockContext& context, CpuId cpu, MemoryFault fault)
      : context_(context), cpu_(cpu), with_peer_(fault != MemoryFault::no_kernel) {}
  ~SwitchBlock() override {
    peer_.request_stop();
    hand_over(turn_, kOver);
    peer_.stop();
  }

  Expected<void> start() {
    if (!with_peer_) return {};
    return peer_.start(cpu_, [this](const std::atomic<bool>& stop) {
      while (!stop.load(std::memory_order_acquire)) {
        if (!wait_while(turn_, kOurs)) continue;
        std::uint32_t theirs = kTheirs;
        if (!turn_.compare_exchange_strong(theirs, kOurs)) continue;  // it is over
        ::syscall(SYS_futex, &turn_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
      }
    });
  }

  Expected<void> warm_up() override {
    auto pin = ScopedAffinity::pin(CpuSet::of(cpu_));
    if (!pin) return std::unexpected(pin.error());
    for (unsigned i = 0; i < kWarmUpSamples; ++i) {
      if (!there_and_back()) return timed_out();
    }
    return {};
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    auto pin = ScopedAffinity::pin(CpuSet::of(cpu_));
    if (!pin) return std::unexpected(pin.error());
    const std::uint64_t before = switches_so_far();
    const bool complete = with_ticks(
        *context_.clock, [&]<typename Ticks>(Ticks) { return loop<Ticks>(duration, recorder); });
    switches_ += switches_so_far() - before;
    if (!complete) return timed_out();
    return {};
  }

  // This thread leaves the CPU once a round, by sleeping or because the other one it woke took
  // over.
  Engagement engagement() override {
    return {rounds_ > 0 && switches_ * 10 >= rounds_ * 9,
            fmt::format("this thread was switched out {} times in {} rounds on CPU {}", switches_,
                        rounds_, cpu_.value)};
  }

 private:
  bool there_and_back() {
    if (!with_peer_) return true;
    hand_over(turn_, kTheirs);
    return wait_while(turn_, kTheirs);
  }

  template <typename Ticks>
  bool loop(Nanoseconds duration, Recorder& recorder) {
    const TickScale scale = context_.clock->scale();
    const std::uint64_t length = static_cast<std::uint64_t>(duration.count());
    const std::uint64_t deadline = Ticks::now() + context_.clock->ns_to_ticks(length);
    while (true) {
      const std::uint64_t start = Ticks::now();
      if (start >= deadline) return true;
      const bool done = there_and_back();
      const std::uint64_t end = Ticks::now();
      recorder.operations += 2;
      recorder.enters += 2;
      if (!done) {
        recorder.errors += 2;
        recorder.first_errno = ETIMEDOUT;
        return false;
      }
      recorder.record_service(scale.to_ns(end), scale.to_ns(end - start));
      ++rounds_;
    }
  }

  static Failure timed_out() {
    return fail(ErrorCode::io, "switch between two threads", {}, "the peer thread did not answer");
  }

  const BlockContext context_;
  const CpuId cpu_;
  const bool with_peer_;
  std::atomic<std::uint32_t> turn_{kOurs};
  std::uint64_t rounds_ = 0, switches_ = 0;
  PeerThread peer_;  // last: its body uses everything above
};

}  // namespace

Expected<std::unique_ptr<Block>> make_syscall_block(const BlockContext& context,
                                                    MemoryFault fault) {
  UniqueFd file(::memfd_create("assay-syscall", MFD_CLOEXEC));
  if (!file) return fail_errno(errno, "memfd_create");
  return std::make_unique<SyscallBlock>(context, std::move(file), fault);
}

Expected<std::unique_ptr<Block>> make_switch_block(const BlockContext& context, MemoryFault fault) {
  // Both threads need the same CPU, whichever it is.
  const auto asked = context.cpus.first();
  const CpuId cpu{asked ? *asked : static_cast<unsigned>(::sched_getcpu())};
  auto block = std::make_unique<SwitchBlock>(context, cpu, fault);
  if (auto started = block->start(); !started) return std::unexpected(started.error());
  return block;
}

}  // namespace assay::engine
