// A lock for a few instructions, where a sleeping one would cost more than what it guards.
//
// Spins, telling the CPU so; after a while it gives the CPU away, since the holder may have been
// preempted. Not fair, not recursive, no priority inheritance: threads of unequal real-time
// priority must not share one. Satisfies Lockable.
#pragma once

#include <sched.h>

#include <atomic>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace assay::engine {

class SpinLock {
 public:
  bool try_lock() {
    return !locked_.load(std::memory_order_relaxed) &&
           !locked_.exchange(true, std::memory_order_acquire);
  }
  void lock() {
    for (unsigned tries = 0; !try_lock(); ++tries) {
      if (tries % kTriesBeforeYield == kTriesBeforeYield - 1) ::sched_yield();
#if defined(__x86_64__)
      _mm_pause();
#endif
    }
  }
  void unlock() { locked_.store(false, std::memory_order_release); }

 private:
  static constexpr unsigned kTriesBeforeYield = 128;
  std::atomic<bool> locked_{false};
};

}  // namespace assay::engine
