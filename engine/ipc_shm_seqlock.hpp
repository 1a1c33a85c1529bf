// Round trips through a seqlock in shared memory, with a check for torn values under load.
//
// Two seqlocks in one memfd, mapped twice: the publisher and the subscriber each use a mapping of
// their own, as two processes would. One operation: a value is published, seen by the peer, copied
// to the other seqlock and seen here. No system call takes part. Needs two CPUs to be fast; on one
// both sides yield while they wait.
#pragma once

#include <memory>

#include "engine/technique.hpp"

namespace assay::engine {

inline constexpr Bytes kSeqlockMessageMin{8}, kSeqlockMessageMax{4096};

// What goes wrong: for the tests of the proof.
enum class SeqlockFault : std::uint8_t {
  none,
  unguarded_reader,  // the reader under load ignores the sequence: torn values get through
  dies,              // the peer ends after the load phase
};

// Error: invalid for a message that is not whole 64-bit words or out of bounds.
Expected<void> check_seqlock_message(Bytes message);

// Maps the memory and starts the peer. Errors: invalid, exhausted.
Expected<std::unique_ptr<Block>> make_seqlock_block(const BlockContext& context,
                                                    SeqlockFault fault = SeqlockFault::none);

}  // namespace assay::engine
