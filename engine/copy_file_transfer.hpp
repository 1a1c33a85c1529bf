// Whole files copied and checked: the transfer of file_transfer.hpp, and what cp(1) and a checksum
// tool do in its place.
//
// One operation is the whole test file, into a file without a name beside it that is emptied before
// each. Both sides use the same checksum (XXH3) and write into the page cache. The target is
// compared with the source, byte by byte, after the timed part.
#pragma once

#include <memory>

#include "engine/ring.hpp"
#include "engine/technique.hpp"

namespace assay::engine {

// For the tests of the proof and of the check.
struct FileTransferFault {
  bool without_ring = false;  // the ring is refused, and plain calls take its place
  bool spoil = false;         // a byte changes between its checksum and its write
};

Expected<void> check_file_transfer_parameters(const Parameters& parameters);
// Fills in the chunk size and the depth where nothing was asked for: 1 MiB, 8.
Parameters resolve_file_transfer(const Parameters& given);

// Errors: invalid (no regular file; block, depth), denied (no file can be made beside the source).
Expected<std::unique_ptr<Block>> make_file_transfer_block(const BlockContext& context,
                                                          const FileTransferFault& fault);
Expected<std::unique_ptr<Block>> make_copy_and_check_block(const BlockContext& context,
                                                           const FileTransferFault& fault);

}  // namespace assay::engine
