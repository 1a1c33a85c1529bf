// Writing results to files.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "core/error.hpp"

namespace assay::report {

// Makes the directory when it is missing and checks that this process may create files in it, so
// that a long run does not end with nowhere to put its result. Errors: denied, invalid (something
// else has the name), io.
Expected<void> prepare_output_directory(const std::string& directory);

// Creates or replaces DIRECTORY/NAME: temporary file beside it, fsync, rename. After an error the
// old file, if any, stands as it was and no temporary file is left. `mode` is cut by the umask.
// Errors: denied, exhausted, io.
Expected<void> write_output_file(const std::string& directory, const std::string& name,
                                 std::string_view content, mode_t mode = 0644);

}  // namespace assay::report
