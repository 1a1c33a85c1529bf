// Memory into a pipe: write(2), which copies, or vmsplice(2) with SPLICE_F_GIFT, which hands the
// pages themselves over.
//
// One operation is a block of memory that a peer thread has read out of the pipe. The proof that
// pages moved: after the run, pages are handed over, changed while they are in the pipe, and read;
// a reader that sees the change was given the page, one that does not, a copy.
#pragma once

#include <memory>

#include "engine/technique.hpp"

namespace assay::engine {

struct PipeCopyOptions {
  bool vmsplice = true;
  // For the tests of the proof: vmsplice answers EINVAL, and write takes its place silently.
  bool refuse = false;
  // For the tests of the proof: it writes, and counts that as pages handed over.
  bool pretend = false;
  bool corrupt = false;                     // a byte of what arrived is changed
  std::uint64_t peer_dies_after_bytes = 0;  // 0: never
};

// Makes the pipe and its memory and starts the peer. Errors: invalid (block), exhausted.
Expected<std::unique_ptr<Block>> make_pipe_copy_block(const BlockContext& context,
                                                      const PipeCopyOptions& options);

// Pages are handed over whole: with `vmsplice` the block must be a multiple of a page. Error:
// invalid.
Expected<void> check_pipe_copy_block(Bytes block, bool vmsplice);

}  // namespace assay::engine
