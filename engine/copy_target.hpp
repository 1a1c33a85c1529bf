// Where copies into a file go: a file without a name beside the source, gone when it is closed.
#pragma once

#include "core/fd.hpp"
#include "engine/test_file.hpp"

namespace assay::engine {

// In the directory of the source, so that both lie on one filesystem; empty, mode 0600. Errors:
// invalid (no source, or one that is no regular file), denied, unsupported (a filesystem without
// files without names, O_TMPFILE).
Expected<UniqueFd> open_copy_target(const TestFile* source);

}  // namespace assay::engine
