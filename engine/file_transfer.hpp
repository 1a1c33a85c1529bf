// Copies a file so that it can be trusted and so that an interruption costs little.
//
// The file goes in chunks through an io_uring pipeline: read, checksum (XXH3), write, read back,
// compare, record. Several chunks are on their way at once, so that the drive and the CPU work at
// the same time. The target grows under the name TARGET.assay-part beside TARGET.assay-state; only
// a whole, verified file gets the target's name. A transfer that was killed goes on where it
// stopped: chunks that the state records are read from the target once more, kept when they are
// still right, and copied again when not. A source that changed since (size, time, inode) starts
// from the beginning. Where io_uring is not allowed the same steps go through pread and pwrite, and
// the report says so.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "core/error.hpp"
#include "core/fd.hpp"
#include "core/host.hpp"
#include "core/units.hpp"
#include "engine/transfer_state.hpp"

namespace assay::engine {

inline constexpr Bytes kTransferChunkMin{4096}, kTransferChunkMax{16ULL << 20};
inline constexpr unsigned kTransferDepthMax = 64;

struct TransferOptions {
  Bytes chunk{1ULL << 20};  // a multiple of 4 KiB
  unsigned depth = 8;       // chunks on their way at once
  bool replace = false;     // a target that exists is replaced, when the copy is whole
  bool sync = true;         // data reaches the drive (fdatasync) before the target gets its name
  bool use_ring = true;     // false: pread and pwrite
  const std::atomic<bool>* stop = nullptr;            // ends after the chunks under way
  std::function<void(Bytes done, Bytes total)> tell;  // after each chunk
  // For the tests of the check: a byte of this chunk changes between its checksum and its write.
  std::uint64_t spoil_chunk = ~0ULL;
};

struct TransferReport {
  Bytes size, copied;          // of the file, and what this call moved of it
  std::uint64_t chunks = 0;    // of the file
  std::uint64_t resumed = 0;   // found right from an earlier call
  std::uint64_t redone = 0;    // recorded by an earlier call, but no longer right
  std::uint64_t verified = 0;  // read back and right: chunks, when all went well
  std::uint64_t checksum = 0;  // XXH3 over the checksums of the chunks, in order
  std::uint64_t calls = 0;     // system calls for data
  bool by_ring = false;
  std::string how;  // "io_uring, 8 chunks in flight", "pread and pwrite: io_uring_setup: ..."
};

// Copies `from` to `to`. Blocks until done. Errors: absent, denied, exhausted (no room); invalid
// (options; something that is no regular file; both names are one file); busy (the target exists
// and `replace` is off; another transfer to it is under way; the source changed meanwhile);
// interrupted (`stop`; the state stays, call again to go on); io (a chunk is not what was written).
// After any error but success the part and the state stay for the next call.
Expected<TransferReport> transfer_file(const Host& host, const std::string& from,
                                       const std::string& to, const TransferOptions& options = {});

// The same between open files, for callers that keep names themselves: into `to`, as `state` tells.
Expected<TransferReport> transfer_chunks(const Host& host, const UniqueFd& from, const UniqueFd& to,
                                         TransferState& state, const TransferOptions& options);

// Error: invalid, with what was expected.
Expected<void> check_transfer_options(const TransferOptions& options);

}  // namespace assay::engine
