// Does a block device hold something? Looked at before it is written, however sure the user was.
#pragma once

#include <cstdint>
#include <string>

#include "core/error.hpp"

namespace assay::engine {

// What stands on the device in words ("an ext2/3/4 filesystem", "a GPT partition table"), "" when
// none of the known signatures is there. `size` in bytes. Reads at most 200 KiB and the last
// sectors. Errors: those of pread(2). The places are those of the formats' own documents, as
// libblkid has them.
Expected<std::string> find_signature(int fd, std::uint64_t size);

}  // namespace assay::engine
