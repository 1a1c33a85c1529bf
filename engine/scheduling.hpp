// What a block changes about its own thread, and puts back: affinity, scheduling class, timer
// slack.
//
// Each guard changes the calling thread when it is made and restores it when it is destroyed, which
// must happen on the same thread. Move-only. Reading back is the proof of engagement: a kernel may
// take a request and still do something else.
#pragma once

#include <optional>

#include "core/cpuset.hpp"
#include "core/error.hpp"
#include "engine/parameters.hpp"

namespace assay::engine {

// The calling thread's affinity, as the kernel has it (sched_getaffinity(2)).
Expected<CpuSet> current_affinity();

// The scheduling class of the calling thread as the kernel has it: "SCHED_OTHER",
// "SCHED_FIFO 50" (sched(7)).
std::string current_scheduling();

// Pins the calling thread for a lifetime. An empty set changes nothing.
class ScopedAffinity final {
 public:
  // Error: invalid when none of the CPUs is online and allowed.
  static Expected<ScopedAffinity> pin(const CpuSet& cpus);
  ScopedAffinity(ScopedAffinity&& other) noexcept;
  ScopedAffinity& operator=(ScopedAffinity&&) = delete;
  ~ScopedAffinity();

 private:
  ScopedAffinity() = default;
  std::optional<CpuSet> before_;
};

// The priority that real-time blocks run at: above ordinary work, below the kernel's own watchdog
// and migration threads (99) and below interrupt threads' customary place on tuned hosts.
inline constexpr int kFifoPriority = 40;

// Runs the calling thread in a scheduling class for a lifetime.
class ScopedPolicy final {
 public:
  // Error: denied without CAP_SYS_NICE or RLIMIT_RTPRIO, and where a cgroup has no real-time share.
  static Expected<ScopedPolicy> enter(Policy policy);
  ScopedPolicy(ScopedPolicy&& other) noexcept;
  ScopedPolicy& operator=(ScopedPolicy&&) = delete;
  ~ScopedPolicy();

 private:
  ScopedPolicy() = default;
  bool changed_ = false;
  int policy_before_ = 0, priority_before_ = 0;
};

// Whether a thread of this process may run SCHED_FIFO now: tried on a thread of its own.
Expected<void> fifo_allowed();

// Asks for timers as exact as the kernel has them (prctl(2) PR_SET_TIMERSLACK, 1 ns) for a
// lifetime. Real-time classes have no slack; there it changes nothing that matters.
class ScopedTimerSlack final {
 public:
  ScopedTimerSlack();
  ScopedTimerSlack(const ScopedTimerSlack&) = delete;
  ScopedTimerSlack& operator=(const ScopedTimerSlack&) = delete;
  ~ScopedTimerSlack();
  static long current_ns();  // of the calling thread; 0 for real-time classes on newer kernels

 private:
  long before_ns_ = 0;
};

}  // namespace assay::engine
