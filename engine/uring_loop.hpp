// The hot loop of every io_uring technique: keeps operations in flight, submits them in batches,
// and records the latency of each one.
//
// A latency runs from just before the io_uring_enter(2) that submitted the operation to when its
// completion was seen: the first look at the completion queue after an enter returned. Operations
// of one batch share the first stamp, those reaped together the second; each is recorded on its
// own. Nothing allocates, locks, logs or throws between the first and the last stamp.
//
// Compiled for an Op (what is submitted), a clock and an order of offsets. An Op has
//   void prepare(io_uring_sqe*, unsigned slot, std::uint64_t offset)   user_data is set by the loop
//   std::uint64_t unit_bytes() const                                    a full result; 0: any
// and may have
//   int finish(unsigned slot, unsigned part, int result)   what a completion means: bytes, -errno
//   kEntries = 2 for two linked entries (a write and its fsync), whose finish() answers kUnfinished
//   to the first, and void prepare_second(io_uring_sqe*, unsigned slot)
// One user at a time; ring and op belong to it.
#pragma once

#include <algorithm>
#include <cerrno>
#include <limits>
#include <vector>

#include "engine/clock.hpp"
#include "engine/recorder.hpp"
#include "engine/ring.hpp"
#include "engine/schedule.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {

// Where each operation in flight stands. Allocated once, before the first stamp.
class UringSlots {
 public:
  explicit UringSlots(unsigned depth)
      : started_(depth),
        intended_(depth),
        ready_(depth),
        offsets_(depth, kUnused),
        free_(depth),
        free_count_(depth) {
    for (unsigned slot = 0; slot < depth; ++slot) free_[slot] = slot;
  }
  // The offset of a slot that never carried an operation.
  static constexpr std::uint64_t kUnused = ~0ULL;
  unsigned depth() const { return static_cast<unsigned>(free_.size()); }
  unsigned free() const { return free_count_; }
  unsigned in_flight() const { return depth() - free_count_; }
  unsigned take() { return free_[--free_count_]; }
  void give_back(unsigned slot) { free_[free_count_++] = slot; }
  std::uint64_t& started(unsigned slot) { return started_[slot]; }
  std::uint64_t& intended(unsigned slot) { return intended_[slot]; }
  std::uint64_t& ready(unsigned slot) { return ready_[slot]; }
  std::uint64_t& offset(unsigned slot) { return offsets_[slot]; }

 private:
  std::vector<std::uint64_t> started_, intended_, ready_, offsets_;
  std::vector<unsigned> free_;  // a stack: the slot used last is the warmest
  unsigned free_count_;
};

// How long a hybrid wait looks before it sleeps: above what a drive's cache takes to answer, below
// what is worth a CPU.
inline constexpr Nanoseconds kHybridLook = std::chrono::microseconds(20);
// What Op::finish() answers while the other entry of a pair is still out.
inline constexpr int kUnfinished = std::numeric_limits<int>::min();

// Whether the result of a completion is not simply the bytes moved.
template <typename Op>
constexpr bool has_finish = requires(Op& op) { op.finish(0U, 0U, 0); };

// Queue entries behind one operation.
template <typename Op>
constexpr unsigned entries_of() {
  if constexpr (requires { Op::kEntries; }) return Op::kEntries;
  return 1;
}

template <typename Ticks, typename Op>
class UringLoop {
 public:
  // `batch` operations are handed over in one call, at most `slots.depth()`. `completion`: sleep in
  // the kernel until enough are done, look without pause, or look for kHybridLook and then sleep.
  UringLoop(Ring& ring, Op& op, UringSlots& slots, unsigned batch, const Clock& clock,
            Recorder& recorder, Completion completion = Completion::block)
      : ring_(ring),
        op_(op),
        slots_(slots),
        batch_(std::clamp(batch, 1U, slots.depth())),
        clock_(clock),
        scale_(clock.scale()),
        recorder_(recorder),
        completion_(completion),
        hybrid_ticks_(ticks_of(kHybridLook)),
        taken_(batch_) {}

  // Keeps the depth up until the time is over, then waits for what is in flight. Error: io_uring_
  // enter(2) failed for good.
  template <typename Offsets>
  Expected<void> closed(Offsets& offsets, Nanoseconds duration) {
    return counting_enters([&] { return keep_depth(offsets, duration); });
  }

  // Starts operations when the schedule says; see schedule.hpp. Spins while nothing is due. What
  // could not be started within twice the time is counted as missed.
  template <typename Offsets>
  Expected<void> open(Offsets& offsets, Nanoseconds duration, Schedule schedule) {
    return counting_enters([&] { return keep_schedule(offsets, duration, schedule); });
  }

  std::uint64_t submitted() const { return submitted_; }
  // Calls that handed operations over; others only looked for completions.
  std::uint64_t handed_over() const { return handed_over_; }

 private:
  // A ring that refuses this often in a row will not recover.
  static constexpr unsigned kRefusalsMax = 1000;

  // The ring counts its calls, since with a poller there is none for most operations.
  template <typename Body>
  Expected<void> counting_enters(const Body& body) {
    const std::uint64_t before = ring_.enters();
    Expected<void> ran = body();
    recorder_.enters += ring_.enters() - before;
    return ran;
  }

  template <typename Offsets>
  Expected<void> keep_depth(Offsets& offsets, Nanoseconds duration) {
    const std::uint64_t unit = op_.unit_bytes();
    std::uint64_t now = Ticks::now();
    const std::uint64_t end = now + ticks_of(duration);
    while (now < end) {
      if (slots_.free() >= batch_) {
        for (unsigned i = 0; i < batch_; ++i) taken_[i] = add(offsets.next() * unit);
        stamp_batch(batch_);
      }
      const unsigned free = slots_.free();
      // Waits for as many as make the next batch possible, and for no more.
      const int entered = enter(free >= batch_ ? 0 : batch_ - free);
      now = Ticks::now();
      if (entered < 0 && !may_repeat(entered)) return failed(entered);
      reap<false>(now);
    }
    return drain<false>();
  }

  template <typename Offsets>
  Expected<void> keep_schedule(Offsets& offsets, Nanoseconds duration, Schedule& schedule) {
    const std::uint64_t unit = op_.unit_bytes(), length = ticks_of(duration);
    const std::uint64_t begin = Ticks::now();
    std::uint64_t now = begin;
    not_full_since_ = begin;
    while (schedule.due() < length && now < begin + 2 * length) {
      unsigned added = 0;
      while (added < batch_ && slots_.free() > 0 && schedule.due() < length &&
             begin + schedule.due() <= now) {
        const unsigned slot = add(offsets.next() * unit);
        slots_.intended(slot) = begin + schedule.due();
        // While every slot was taken the technique was late, not the generator.
        slots_.ready(slot) = std::max(slots_.intended(slot), not_full_since_);
        taken_[added++] = slot;
        schedule.advance();
      }
      if (added > 0) stamp_batch(added);
      if (added > 0 || slots_.in_flight() > 0) {
        const int entered = enter(slots_.free() == 0 ? 1 : 0);
        if (entered < 0 && !may_repeat(entered)) return failed(entered);
      }
      now = Ticks::now();
      if (slots_.in_flight() > 0) reap<true>(now);
    }
    for (; schedule.due() < length; schedule.advance()) ++recorder_.missed;
    return drain<true>();
  }

  // In user_data: the second entry of a pair.
  static constexpr std::uint64_t kSecond = 1ULL << 32;

  std::uint64_t ticks_of(Nanoseconds duration) const {
    return clock_.ns_to_ticks(static_cast<std::uint64_t>(duration.count()));
  }

  unsigned add(std::uint64_t offset) {
    const unsigned slot = slots_.take();
    io_uring_sqe* sqe = ring_.next_entry();
    slots_.offset(slot) = offset;
    op_.prepare(sqe, slot, offset);
    sqe->user_data = slot;
    if constexpr (entries_of<Op>() == 2) {
      sqe = ring_.next_entry();
      op_.prepare_second(sqe, slot);
      sqe->user_data = slot | kSecond;
      outstanding_ += 2;
    }
    return slot;
  }

  void stamp_batch(unsigned count) {
    submitted_ += count;
    ++handed_over_;
    const std::uint64_t now = Ticks::start();
    for (unsigned i = 0; i < count; ++i) slots_.started(taken_[i]) = now;
  }

  int enter(unsigned wanted) {
    // Of pairs, one half may have come already: no more can be waited for than are out.
    if constexpr (entries_of<Op>() == 2) wanted = std::min(2 * wanted, outstanding_);
    // A ring that polls the drive does so inside the call, for as long as it takes.
    const bool kernel_waits =
        completion_ == Completion::block || (ring_.polls_device() && !ring_.has_poller());
    if (wanted == 0 || kernel_waits) return ring_.submit_and_wait(wanted);
    const int submitted = ring_.submit_and_wait(0);
    const std::uint64_t begun = Ticks::now();
    int looked = 0;
    while (submitted >= 0 && io_uring_cq_ready(ring_.get()) < wanted) {
      if (completion_ == Completion::hybrid && Ticks::now() - begun > hybrid_ticks_) {
        return ring_.submit_and_wait(wanted);
      }
      spin_pause();
      looked = ring_.look();
      if (looked < 0) return looked;
    }
    return submitted;
  }

  // 0 where a start was taken a few ticks before the end that it followed; see clock.hpp.
  static std::uint64_t since(std::uint64_t earlier, std::uint64_t later) {
    return later > earlier ? later - earlier : 0;
  }

  // A signal, or a queue that must be emptied first: what was prepared stays and goes next time.
  static bool may_repeat(int entered) {
    return entered == -EINTR || entered == -EAGAIN || entered == -EBUSY;
  }
  static Failure failed(int entered) { return fail_errno(-entered, "io_uring_enter"); }

  template <bool kOpen>
  void reap(std::uint64_t now) {
    io_uring_cqe* cqe = nullptr;
    unsigned head = 0, seen = 0, done = 0;
    const std::uint64_t unit = op_.unit_bytes(), now_ns = scale_.to_ns(now);
    const bool was_full = slots_.free() == 0;
    io_uring_for_each_cqe(ring_.get(), head, cqe) {
      ++seen;
      const auto slot = static_cast<unsigned>(cqe->user_data & ~kSecond);
      int result = cqe->res;
      if constexpr (has_finish<Op>) {
        result = op_.finish(slot, (cqe->user_data & kSecond) == 0 ? 0 : 1, result);
        if (result == kUnfinished) continue;
      }
      ++done;
      recorder_.record_service(now_ns, scale_.to_ns(now - slots_.started(slot)));
      if constexpr (kOpen) {
        recorder_.record_response(scale_.to_ns(now - slots_.intended(slot)),
                                  scale_.to_ns(since(slots_.ready(slot), slots_.started(slot))));
      }
      count(result, unit);
      slots_.give_back(slot);
    }
    io_uring_cq_advance(ring_.get(), seen);
    if constexpr (entries_of<Op>() == 2) outstanding_ -= seen;
    recorder_.operations += done;
    if (was_full && done > 0) not_full_since_ = now;
  }

  void count(int result, std::uint64_t unit) {
    if (result >= 0) [[likely]] {
      recorder_.bytes += static_cast<std::uint64_t>(result);
      if (static_cast<std::uint64_t>(result) != unit) ++recorder_.short_transfers;
    } else {
      recorder_.count_error(-result);
    }
  }

  template <bool kOpen>
  Expected<void> drain() {
    unsigned refusals = 0;
    while (slots_.in_flight() > 0) {
      const int entered = enter(1);
      refusals = entered == -EAGAIN || entered == -EBUSY ? refusals + 1 : 0;
      if (entered < 0 && (!may_repeat(entered) || refusals > kRefusalsMax)) return failed(entered);
      reap<kOpen>(Ticks::now());
    }
    return {};
  }

  Ring& ring_;
  Op& op_;
  UringSlots& slots_;
  const unsigned batch_;
  const Clock& clock_;
  const TickScale scale_;
  Recorder& recorder_;
  const Completion completion_;
  const std::uint64_t hybrid_ticks_;
  std::uint64_t submitted_ = 0, handed_over_ = 0, not_full_since_ = 0;
  unsigned outstanding_ = 0;     // completions of pairs
  std::vector<unsigned> taken_;  // the slots of the batch that is being put together
};

}  // namespace assay::engine
