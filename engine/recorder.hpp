// What a block writes down while it runs: one histogram per kind of latency, the slowest
// operations with what the kernel had counted by then, and counts. Never allocates, locks, logs or
// throws after construction. One writer.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/breach_recorder.hpp"
#include "stats/histogram.hpp"

namespace assay::engine {

// What the kernel had counted for one thread at one moment (getrusage(2) RUSAGE_THREAD,
// CLOCK_THREAD_CPUTIME_ID). Some 0.5 us: taken before a block and behind the slowest operations
// only, never behind each.
struct ThreadLook {
  std::uint64_t wall_ns = 0;                     // CLOCK_MONOTONIC
  std::uint64_t cpu_ns = 0;                      // that the thread was given
  std::uint64_t voluntary = 0, involuntary = 0;  // context switches
  std::uint64_t major_faults = 0, minor_faults = 0;
  std::uint64_t thread = 0;  // whose counts these are
  unsigned cpu = 0;          // where it runs
  static ThreadLook now();
};

// How these counts grew from the look before (the block's start, or the slow operation before) to
// just behind the operation. Longer than the operation itself: an upper limit of what happened in
// it.
struct EventEvidence {
  bool known = false;
  std::uint64_t window_ns = 0;
  std::uint64_t off_cpu_ns = 0;  // of the window: asleep, preempted, or taken by the hypervisor
  std::uint32_t voluntary = 0, involuntary = 0, major_faults = 0, minor_faults = 0;
  bool moved = false;  // to another CPU
};

// One of the slowest operations of a block.
struct SlowEvent {
  std::uint64_t at_ns = 0;  // end of the operation, on the run's clock
  std::uint64_t latency_ns = 0;
  unsigned cpu = 0;  // where the block's thread ran
  EventEvidence evidence = {};
};

// The n slowest seen, in any order; a value below the smallest kept costs one comparison.
class SlowEvents {
 public:
  static constexpr std::size_t kKept = 64;
  void offer(std::uint64_t at_ns, std::uint64_t latency_ns, unsigned cpu) {
    if (latency_ns > floor_ns_) insert(at_ns, latency_ns, cpu);
  }
  // From now on what is kept is told with the thread's counts since the event before: all but the
  // first 64 operations that took less than 100 us.
  // Called by the thread that will offer; `floor_ns`: what is no slower is not looked at.
  void watch(std::uint64_t floor_ns);
  void keep(const SlowEvent& event);      // with the evidence that it has
  std::vector<SlowEvent> sorted() const;  // slowest first
  void merge(const SlowEvents& other);

 private:
  void insert(std::uint64_t at_ns, std::uint64_t latency_ns, unsigned cpu);
  std::array<SlowEvent, kKept> kept_{};
  std::size_t size_ = 0;
  std::uint64_t floor_ns_ = 0;
  bool watching_ = false;
  ThreadLook last_;
};

class Recorder {
 public:
  // Closed loop, or the service part of an open loop: from submission to completion.
  void record_service(std::uint64_t at_ns, std::uint64_t latency_ns) {
    service.record(latency_ns);
    slow.offer(at_ns, latency_ns, cpu);
    if (breaches != nullptr) [[unlikely]]
      breaches->service(at_ns, latency_ns);
  }
  // Open loop, behind the same operation's service: from the intended start to completion, and how
  // late the generator itself was.
  void record_response(std::uint64_t response_ns, std::uint64_t lag_ns) {
    response.record(response_ns);
    lag.record(lag_ns);
    if (breaches != nullptr) [[unlikely]]
      breaches->response(response_ns);
  }
  // Adds what another thread of the same block wrote down.
  void merge(const Recorder& other);

  stats::Histogram service, response, lag;
  SlowEvents slow;
  BreachRecorder* breaches = nullptr;  // of whom the last records are kept; may be absent
  unsigned cpu = 0;
  std::uint64_t operations = 0;       // completed, good or bad
  std::uint64_t bytes = 0;            // moved
  std::uint64_t errors = 0;           // answered with an errno
  std::uint64_t short_transfers = 0;  // moved less than asked, not at the end of a file
  std::uint64_t enters = 0;           // system calls made to do the work
  std::uint64_t missed = 0;           // open loop: intended, but never started for lack of time
  int first_errno = 0;

  // One operation that the kernel answered with `sys_errno`. Off the usual path.
  void count_error(int sys_errno) {
    ++errors;
    if (first_errno == 0) first_errno = sys_errno;
  }
};

}  // namespace assay::engine
