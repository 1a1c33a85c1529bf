// The likeliest cause of a slow operation, from what the kernel counted; and "unknown" where that
// does not single one out.
//
// Two kinds of evidence: the thread's own counts, from the slow operation before it (or the block's
// start) to just behind it, and the host's counts over the whole block. The first can name a cause;
// the second only when it leaves a single candidate. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/block_counters.hpp"
#include "engine/recorder.hpp"

namespace assay::engine {

enum class SlowCause : std::uint8_t {
  unknown,
  preempted,   // another thread ran on its CPU
  waited,      // it slept until the completion came: the device, or the other side
  page_fault,  // a page had to be read, or mapped
  migrated,    // it was moved to another CPU
  throttled,   // its cgroup had no CPU quota left
  steal,       // the hypervisor ran something else
  interrupt,   // of a device
  softirq,
  ipi,  // another CPU's call: TLB flush, function call, ...
};
std::string_view to_string(SlowCause cause);

struct Explanation {
  SlowCause cause = SlowCause::unknown;
  std::string because;  // the evidence, in words
};

// `fired` as the block's counters tell; `cpu` the block's own.
Explanation explain(const SlowEvent& event, const BlockCounters& block);

struct ExplainedEvent : SlowEvent {
  Nanoseconds since_start{0};  // from the run's first timed block to its end
  Explanation why;
};

}  // namespace assay::engine
