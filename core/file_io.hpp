// File calls that RealHost and ReplayHost share. Internal to core: nobody else includes this.
//
// Every function works relative to a directory descriptor that the caller resolved safely, and
// takes the host's own path only to name it in errors. All are thread-safe, retry EINTR, and need
// no privilege beyond the file's own.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/fd.hpp"
#include "core/host.hpp"

namespace assay::file_io {

// openat(2) with O_CLOEXEC.
Expected<UniqueFd> open_at(int directory, const std::string& name, int flags,
                           std::string_view path);

// The whole of an open file. Error: invalid when it is no regular file or is longer than `limit`.
// Reads to the end whatever size the file claims: procfs claims 0, sysfs one page.
Expected<std::string> read_all(const UniqueFd& fd, Bytes limit, std::string_view path);

// The same for a file of which a read that is cut short is the end: not procfs. One system call
// for nearly every file.
Expected<std::string> read_plain(const UniqueFd& fd, Bytes limit, std::string_view path);

// Names without "." and "..", in Host::list()'s order.
Expected<std::vector<std::string>> list_names(UniqueFd directory, std::string_view path);

// Text order, except that runs of digits compare by value: "cpu2" before "cpu10".
bool natural_less(std::string_view a, std::string_view b);

// readlinkat(2) with a buffer that is large enough. `name` may be "" for an O_PATH descriptor.
Expected<std::string> read_link_at(int directory, const std::string& name, std::string_view path);

FileStatus to_status(const struct stat& raw);
// fstatat(2) without following the last component.
Expected<FileStatus> status_at(int directory, const std::string& name, std::string_view path);

// One write(2) of the whole content to an open file; a short write is an error. With `trim` the
// file ends after the content (ordinary files); kernel files must not be truncated.
Expected<void> write_once(const UniqueFd& fd, std::string_view content, bool trim,
                          std::string_view path);

// Replaces or creates `name`: temporary file beside it, fchmod, write, fsync, rename, fsync of the
// directory. After an error the old file stands as it was and no temporary file is left.
Expected<void> replace_at(int directory, const std::string& name, std::string_view content,
                          std::uint32_t mode, std::string_view path);

Expected<void> remove_at(int directory, const std::string& name, std::string_view path);

// mkdirat(2) and chmod to exactly `mode`; a directory that is there already is success and keeps
// its mode. Error: invalid when something else has the name.
Expected<void> make_directory_at(int directory, const std::string& name, std::uint32_t mode,
                                 std::string_view path);

// Absolute, without NUL bytes. Error: invalid.
Expected<void> check_path(std::string_view operation, std::string_view path);

}  // namespace assay::file_io
