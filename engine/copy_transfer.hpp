// A file into a socket or another file: through user space with read and write, or inside the
// kernel with sendfile(2), splice(2) or copy_file_range(2).
//
// One operation is a chunk of `block` bytes. Into a socket ("unix", "tcp") it ends when a peer
// thread that drains the other end has the last byte; into a file ("file"), when it stands there
// for every reader, in the page cache. All techniques share everything but the call that moves the
// data. What arrived is compared with the source outside the timed part.
#pragma once

#include <memory>

#include "engine/technique.hpp"

namespace assay::engine {

enum class CopyMethod : std::uint8_t { read_write, sendfile, splice, copy_file_range };

// The read-and-write loop goes through a buffer of this many bytes at most: as cp(1) does, and as
// C libraries' stdio once did. A smaller block makes a smaller buffer.
inline constexpr Bytes kCopyBufferMax{128ULL << 10}, kCopyBufferSmall{8ULL << 10};
inline constexpr Bytes kCopyBlockMin{512}, kCopyBlockMax{16ULL << 20};
// What a copy technique moves at once when nothing else is asked for.
inline constexpr Bytes kCopyBlockDefault{128ULL << 10};
// Copies into a file go round in this much of it, so that they fill neither memory nor drive.
inline constexpr Bytes kCopyWindow{16ULL << 20};

struct CopyOptions {
  CopyMethod method = CopyMethod::sendfile;
  Bytes buffer = kCopyBufferMax;  // of the loop
  // For the tests of the proof: the kernel's call answers EINVAL, as for a file that it cannot
  // move, and the loop takes its place, as in programs that fall back silently.
  bool refuse = false;
  // For the tests of the check: a byte of what arrived is changed.
  bool corrupt = false;
  // For the tests of the time limit: the peer ends after this many bytes; 0: never.
  std::uint64_t peer_dies_after_bytes = 0;
  // For the tests of telling reflink from copy: this many bytes are said to be shared.
  std::optional<std::uint64_t> pretend_shared_bytes = {};
};

// Into a socket ("", "unix", "tcp"): opens the file and the socket and starts the peer. Into a file
// ("file"; copy_file_range: "", "copy", "reflink"): also makes an unnamed file beside the source.
// Errors: invalid (block, variant, a file smaller than one block), exhausted, denied (no file can
// be made there), unsupported (a reflink on a filesystem that shares no blocks).
Expected<std::unique_ptr<Block>> make_copy_block(const BlockContext& context,
                                                 const CopyOptions& options);

// The half of it that copies into a file. Called by make_copy_block() with checked parameters.
Expected<std::unique_ptr<Block>> make_copy_to_file_block(const BlockContext& context,
                                                         const CopyOptions& options);

// Whether the block size and the variant make sense for a method. Error: invalid.
Expected<void> check_copy_parameters(const Parameters& parameters, CopyMethod method);

}  // namespace assay::engine
