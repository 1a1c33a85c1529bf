// The hot loop of techniques that keep operations in flight by other means than io_uring: keeps the
// depth up, hands operations over in batches, and records the latency of each one, from just before
// it was handed over to when its completion was seen. uring_loop.hpp tells the same of io_uring.
//
// Compiled for a Queue, a clock and an order of offsets. A Queue has
//   void prepare(unsigned slot, std::uint64_t offset)     untimed part of starting one
//   int submit()                                          hands over what was prepared: 0, -errno
//   template <typename Done> int reap(unsigned wanted, Done done)
//       waits for `wanted` completions (0: only looks), calls done(slot, bytes or -errno) for each
//       that it finds; 0 or -errno
//   std::uint64_t calls() const                           system calls made so far
// One user at a time. Nothing allocates, locks, logs or throws between first and last stamp.
#pragma once

#include <algorithm>
#include <cerrno>
#include <vector>

#include "engine/clock.hpp"
#include "engine/recorder.hpp"
#include "engine/schedule.hpp"
#include "engine/uring_loop.hpp"

namespace assay::engine {

template <typename Ticks, typename Queue>
class QueueLoop {
 public:
  QueueLoop(Queue& queue, UringSlots& slots, unsigned batch, std::uint64_t unit_bytes,
            const Clock& clock, Recorder& recorder)
      : queue_(queue),
        slots_(slots),
        batch_(std::clamp(batch, 1U, slots.depth())),
        unit_(unit_bytes),
        clock_(clock),
        scale_(clock.scale()),
        recorder_(recorder),
        taken_(batch_) {}

  // As UringLoop::closed(). Error: the queue refused for good.
  template <typename Offsets>
  Expected<void> closed(Offsets& offsets, Nanoseconds duration) {
    std::uint64_t now = Ticks::now();
    const std::uint64_t end = now + ticks_of(duration);
    while (now < end) {
      if (slots_.free() >= batch_) {
        for (unsigned i = 0; i < batch_; ++i) taken_[i] = add(offsets.next() * unit_);
        if (auto sent = submit_batch(batch_); !sent) return sent;
      }
      const unsigned free = slots_.free();
      if (auto seen = reap<false>(free >= batch_ ? 0 : batch_ - free); !seen) return seen;
      now = now_;
    }
    return drain<false>();
  }

  // As UringLoop::open().
  template <typename Offsets>
  Expected<void> open(Offsets& offsets, Nanoseconds duration, Schedule schedule) {
    const std::uint64_t length = ticks_of(duration), begin = Ticks::now();
    std::uint64_t now = begin;
    not_full_since_ = begin;
    while (schedule.due() < length && now < begin + 2 * length) {
      unsigned added = 0;
      while (added < batch_ && slots_.free() > 0 && schedule.due() < length &&
             begin + schedule.due() <= now) {
        const unsigned slot = add(offsets.next() * unit_);
        slots_.intended(slot) = begin + schedule.due();
        slots_.ready(slot) = std::max(slots_.intended(slot), not_full_since_);
        taken_[added++] = slot;
        schedule.advance();
      }
      if (added > 0) {
        if (auto sent = submit_batch(added); !sent) return sent;
      }
      if (slots_.in_flight() > 0) {
        if (auto seen = reap<true>(slots_.free() == 0 ? 1 : 0); !seen) return seen;
      }
      now = Ticks::now();
    }
    for (; schedule.due() < length; schedule.advance()) ++recorder_.missed;
    return drain<true>();
  }

  std::uint64_t submitted() const { return submitted_; }

 private:
  std::uint64_t ticks_of(Nanoseconds duration) const {
    return clock_.ns_to_ticks(static_cast<std::uint64_t>(duration.count()));
  }

  unsigned add(std::uint64_t offset) {
    const unsigned slot = slots_.take();
    slots_.offset(slot) = offset;
    queue_.prepare(slot, offset);
    return slot;
  }

  Expected<void> submit_batch(unsigned count) {
    submitted_ += count;
    const std::uint64_t now = Ticks::start();
    for (unsigned i = 0; i < count; ++i) slots_.started(taken_[i]) = now;
    if (const int failed = queue_.submit(); failed < 0) return fail_errno(-failed, "submit");
    return {};
  }

  template <bool kOpen>
  Expected<void> reap(unsigned wanted) {
    const bool was_full = slots_.free() == 0;
    unsigned seen = 0;
    now_ = 0;
    const int failed = queue_.reap(wanted, [&](unsigned slot, long result) {
      // One look at the queue has one time: that of the first completion that it found.
      if (seen++ == 0) now_ = Ticks::now();
      finish<kOpen>(slot, result);
    });
    if (seen == 0) now_ = Ticks::now();
    if (was_full && seen > 0) not_full_since_ = now_;
    if (failed < 0 && failed != -EINTR) return fail_errno(-failed, "wait for completions");
    return {};
  }

  template <bool kOpen>
  void finish(unsigned slot, long result) {
    const std::uint64_t at = scale_.to_ns(now_);
    recorder_.record_service(at, scale_.to_ns(now_ - slots_.started(slot)));
    if constexpr (kOpen) {
      const std::uint64_t started = slots_.started(slot), ready = slots_.ready(slot);
      recorder_.record_response(scale_.to_ns(now_ - slots_.intended(slot)),
                                scale_.to_ns(started > ready ? started - ready : 0));
    }
    ++recorder_.operations;
    if (result < 0) {
      recorder_.count_error(static_cast<int>(-result));
    } else {
      recorder_.bytes += static_cast<std::uint64_t>(result);
      if (static_cast<std::uint64_t>(result) != unit_) ++recorder_.short_transfers;
    }
    slots_.give_back(slot);
  }

  template <bool kOpen>
  Expected<void> drain() {
    while (slots_.in_flight() > 0) {
      if (auto seen = reap<kOpen>(1); !seen) return seen;
    }
    return {};
  }

  Queue& queue_;
  UringSlots& slots_;
  const unsigned batch_;
  const std::uint64_t unit_;
  const Clock& clock_;
  const TickScale scale_;
  Recorder& recorder_;
  std::uint64_t submitted_ = 0, now_ = 0, not_full_since_ = 0;
  std::vector<unsigned> taken_;
};

}  // namespace assay::engine
