// What a file transfer has done so far, in a file that outlives the process: which chunks stand
// verified in the target, with the checksum of each.
//
// A header that says which source and which chunk size, then 16 bytes a chunk: its checksum, and a
// word that makes half a record or a foreign one show. A record is one write(2) of an aligned 16
// bytes after the chunk was read back: whatever kills the process, a record that is there tells the
// truth about what was in the target then. What a power failure took is found on resuming, because
// every recorded chunk is read again. One user at a time: the file is locked (flock(2)).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/fd.hpp"
#include "core/units.hpp"

namespace assay::engine {

// Which file is copied and how it is cut: a state of anything else is no use.
struct TransferSource {
  std::uint64_t size = 0, chunk_bytes = 0;
  std::uint64_t inode = 0, device = 0, mtime_ns = 0;
  bool operator==(const TransferSource&) const = default;
  std::uint64_t chunks() const {
    return chunk_bytes == 0 ? 0 : (size + chunk_bytes - 1) / chunk_bytes;
  }
  // Of an open file. Error: io.
  static Expected<TransferSource> of(const UniqueFd& file, Bytes chunk);
};

class TransferState final {
 public:
  // Takes an open file of its own, locks it, and takes over what it says of `source`; anything else
  // in it is thrown away. Errors: busy (another process holds the lock), exhausted (no room), io.
  static Expected<TransferState> open(UniqueFd file, const TransferSource& source);

  const TransferSource& source() const { return source_; }
  // The checksum that a chunk was recorded with; nothing: not done.
  std::optional<std::uint64_t> recorded(std::uint64_t chunk) const { return sums_[chunk]; }
  std::uint64_t recorded_count() const;
  // Records a chunk that was verified. Error: io, exhausted.
  Expected<void> record(std::uint64_t chunk, std::uint64_t checksum);
  // Forgets everything, here and in the file.
  Expected<void> reset();

 private:
  TransferState(UniqueFd file, const TransferSource& source)
      : file_(std::move(file)), source_(source), sums_(source.chunks()) {}
  bool load();

  UniqueFd file_;
  TransferSource source_;
  std::vector<std::optional<std::uint64_t>> sums_;
};

}  // namespace assay::engine
