// How punctual a CPU is: the gaps in a loop that does nothing, the lateness of timed sleeps, and
// the clocks that both are told by.
//
// The first two run on the measuring thread alone, in the scheduling class asked for, which is
// entered for the timed part only and read back while it holds. SCHED_FIFO never spins for longer
// than kFifoStint at a stretch: the kernel's real-time throttling is not run into, and the host's
// own threads get their turn.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/technique.hpp"

namespace assay::engine {

// After this much spinning in SCHED_FIFO the thread sleeps, outside the timed part.
inline constexpr Nanoseconds kFifoStint{std::chrono::milliseconds(200)};
inline constexpr Nanoseconds kFifoRest{std::chrono::milliseconds(15)};

inline constexpr Nanoseconds kWakeIntervalMin{std::chrono::microseconds(20)};
inline constexpr Nanoseconds kWakeIntervalMax{std::chrono::seconds(1)};

// Error: invalid for an interval out of bounds.
Expected<void> check_interval(Nanoseconds interval);

// For the tests of the proof: called on the measuring thread when the block has set up what it
// needs, so that a test can undo it behind the block's back.
using Sabotage = std::function<void()>;

// Records every gap between two successive time stamps of a spinning loop: the median is the cost
// of the loop itself, the tail is what interrupted it. Proof: affinity and policy read back.
Expected<std::unique_ptr<Block>> make_jitter_block(const BlockContext& context,
                                                   Sabotage sabotage = {});

// Where, as what and how often a thread wakes up.
struct WakeupPlan {
  CpuSet cpus;  // where it may run; empty: as it is
  Policy policy = Policy::other;
  Nanoseconds interval{std::chrono::milliseconds(1)};
};
// As the parameters say, on the measuring CPU.
WakeupPlan wakeup_plan(const BlockContext& context);

// Sleeps until fixed points in time (clock_nanosleep(2), TIMER_ABSTIME) and records how late it
// woke, as cyclictest does: a period that a late wake-up has overrun is left out and counted. At
// least one wake-up a block. Proof: affinity, policy and timer slack read back.
Expected<std::unique_ptr<Block>> make_wakeup_block(const BlockContext& context,
                                                   Sabotage sabotage = {});
Expected<std::unique_ptr<Block>> make_wakeup_block(const BlockContext& context,
                                                   const WakeupPlan& plan, Sabotage sabotage);

// The parts of os.timer: what one reading of a clock costs ("tsc", "monotonic", "monotonic-raw",
// "realtime"), and how far apart the clocks of the CPUs are ("sync").
std::vector<std::string_view> timer_variants();
inline constexpr std::string_view kSyncVariant = "sync";
inline constexpr unsigned kReadingsPerSample = 64;
// Error: invalid (no such variant), unsupported (no TSC).
Expected<void> check_timer_variant(std::string_view variant);

enum class TimerFault : std::uint8_t {
  none,
  frozen,     // the clock stands still
  misplaced,  // the other side of an exchange runs on no CPU in particular
};

// One sample is kReadingsPerSample readings of the clock. Proof: it never went back, and it went on
// like the meter's own clock.
Expected<std::unique_ptr<Block>> make_clock_cost_block(const BlockContext& context,
                                                       TimerFault fault = TimerFault::none);

// Pairs of CPUs exchange time stamps through a cache line: a's before, b's, a's after. The one in
// the middle was taken between the other two, so each exchange bounds how far b's clock is ahead;
// the tightest bounds of all exchanges are kept. A sample is one exchange, there and back. Pairs
// take turns; a block gets through as many as its time allows, the next goes on from there. Proof:
// both sides' affinity read back. Error: invalid for fewer than two CPUs.
Expected<std::unique_ptr<Block>> make_clock_sync_block(const BlockContext& context,
                                                       TimerFault fault = TimerFault::none);

}  // namespace assay::engine
