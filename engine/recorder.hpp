// What a block writes down while it runs: one histogram per kind of latency, the slowest
// operations, and counts. Never allocates, locks, logs or throws after construction. One writer.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "stats/histogram.hpp"

namespace assay::engine {

// One of the slowest operations of a block.
struct SlowEvent {
  std::uint64_t at_ns = 0;  // end of the operation, on the run's clock
  std::uint64_t latency_ns = 0;
  unsigned cpu = 0;  // where the block's thread ran
};

// The n slowest seen, in any order; a value below the smallest kept costs one comparison.
class SlowEvents {
 public:
  static constexpr std::size_t kKept = 64;
  void offer(std::uint64_t at_ns, std::uint64_t latency_ns, unsigned cpu) {
    if (latency_ns > floor_ns_) insert({at_ns, latency_ns, cpu});
  }
  std::vector<SlowEvent> sorted() const;  // slowest first
  void merge(const SlowEvents& other);

 private:
  void insert(SlowEvent event);
  std::array<SlowEvent, kKept> kept_{};
  std::size_t size_ = 0;
  std::uint64_t floor_ns_ = 0;
};

class Recorder {
 public:
  // Closed loop, or the service part of an open loop: from submission to completion.
  void record_service(std::uint64_t at_ns, std::uint64_t latency_ns) {
    service.record(latency_ns);
    slow.offer(at_ns, latency_ns, cpu);
  }
  // Open loop: from the intended start to completion, and how late the generator itself was.
  void record_response(std::uint64_t response_ns, std::uint64_t lag_ns) {
    response.record(response_ns);
    lag.record(lag_ns);
  }

  stats::Histogram service, response, lag;
  SlowEvents slow;
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
