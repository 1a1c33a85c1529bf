// Round trips through rings in shared memory, where no message may be lost.
//
// "spsc": one subscriber, an SpscRing there and one back. "one-to-many": a BroadcastRing to two
// subscribers, each with an SpscRing back; an operation ends when both have answered. Publisher and
// subscribers each use a mapping of their own, as processes would. In the warm-up the publisher
// also streams as fast as the rings take it. Every subscriber counts every sequence number, from
// the first to the last. No system call takes part where each side has a CPU of its own; on fewer
// they yield while they wait.
#pragma once

#include <memory>

#include "engine/technique.hpp"

namespace assay::engine {

inline constexpr Bytes kRingMessageMin{8}, kRingMessageMax{4096};

// What goes wrong: for the tests of the proof.
enum class RingFault : std::uint8_t {
  none,
  overruns,  // the publisher does not wait for a full ring: messages are lost
  corrupts,  // a subscriber changes a byte of what it sends back
  dies,      // the subscribers end after the stream
};

// Why a message of this size or a variant of this name cannot be: invalid.
Expected<void> check_ring_parameters(const Parameters& parameters);

// Maps the memory and starts the subscribers. Errors: invalid, exhausted.
Expected<std::unique_ptr<Block>> make_shm_ring_block(const BlockContext& context,
                                                     RingFault fault = RingFault::none);

}  // namespace assay::engine
