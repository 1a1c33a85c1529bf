// How much of a file shares its blocks with another file: a reflink told from a copy.
#pragma once

#include <cstdint>
#include <string>

#include "core/fd.hpp"

namespace assay::engine {

struct SharedExtents {
  bool known = false;       // false: the filesystem has no map of its blocks to ask for
  std::uint64_t bytes = 0;  // in extents that the filesystem marks as shared

  // "reflinked: all 16MiB lie in blocks shared with the source", "copied: no shared block".
  std::string words(std::uint64_t of_bytes) const;
};

// Asks the filesystem for the map of the first `size` bytes (FS_IOC_FIEMAP; linux/fiemap.h). Needs
// no privilege; writes nothing out: blocks that are still to be placed are shared with nobody.
SharedExtents shared_extents(const UniqueFd& file, std::uint64_t size);

}  // namespace assay::engine
