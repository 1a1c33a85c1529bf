// How punctual a CPU is: the gaps in a loop that does nothing, and the lateness of timed sleeps.
//
// Both run on the measuring thread alone, in the scheduling class asked for, which is entered for
// the timed part only and read back while it holds. SCHED_FIFO never spins for longer than
// kFifoStint at a stretch: the kernel's real-time throttling is not run into, and the host's own
// threads get their turn.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

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

// Sleeps until fixed points in time (clock_nanosleep(2), TIMER_ABSTIME) and records how late it
// woke, as cyclictest does: a period that a late wake-up has overrun is left out and counted. At
// least one wake-up a block. Proof: affinity, policy and timer slack read back.
Expected<std::unique_ptr<Block>> make_wakeup_block(const BlockContext& context,
                                                   Sabotage sabotage = {});

}  // namespace assay::engine
