// File to socket: sendfile(2), or the read-and-write loop that it replaces.
//
// One operation is a chunk of `block` bytes that has fully arrived: a peer thread drains the other
// end of the socket into its own memory, and the operation ends when it has the last byte. Both
// techniques share everything but the call that moves the data. What arrived is compared with the
// file outside the timed part.
#pragma once

#include <memory>

#include "engine/technique.hpp"

namespace assay::engine {

enum class CopyMethod : std::uint8_t { read_write, sendfile };

// The read-and-write loop goes through a buffer of this many bytes at most, as cp(1) and most
// servers do; a smaller block makes a smaller buffer.
inline constexpr Bytes kCopyBufferMax{128ULL << 10};
inline constexpr Bytes kCopyBlockMin{512}, kCopyBlockMax{16ULL << 20};

struct CopyOptions {
  CopyMethod method = CopyMethod::sendfile;
  // For the tests of the proof: sendfile answers EINVAL, as for a file that cannot be spliced, and
  // the loop takes its place, as programs do that fall back silently.
  bool refuse_sendfile = false;
  // For the tests of the check: the peer changes a byte of what it received.
  bool corrupt = false;
  // For the tests of the time limit: the peer ends after this many bytes; 0: never.
  std::uint64_t peer_dies_after_bytes = 0;
};

// Opens the file and a socket ("unix": AF_UNIX stream pair; "tcp": a loopback connection; "": unix)
// and starts the peer. Errors: invalid (block, variant, a file smaller than one block), exhausted.
Expected<std::unique_ptr<Block>> make_copy_block(const BlockContext& context,
                                                 const CopyOptions& options);

// Whether the block size and the variant make sense. Error: invalid.
Expected<void> check_copy_parameters(const Parameters& parameters);

}  // namespace assay::engine
