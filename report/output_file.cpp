#include "report/output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "core/fd.hpp"

namespace assay::report {
namespace {

Expected<void> write_and_sync(const UniqueFd& file, std::string_view content,
                              const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(file.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, "write", path);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.get()) != 0) return fail_errno(errno, "fsync", path);
  return {};
}

}  // namespace

Expected<void> prepare_output_directory(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return fail_errno(error.value(), "create directory", directory);
  if (!std::filesystem::is_directory(directory, error)) {
    return fail(ErrorCode::invalid, "use as output directory", directory, "it is no directory");
  }
  if (::access(directory.c_str(), W_OK | X_OK) != 0) {
    return fail_errno(errno, "write into", directory, "give a writable directory");
  }
  return {};
}

Expected<void> write_output_file(const std::string& directory, const std::string& name,
                                 std::string_view content, mode_t mode) {
  const std::string path = directory + "/" + name;
  const std::string temporary = fmt::format("{}/.{}.{}.tmp", directory, name, ::getpid());
  auto file = UniqueFd::open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  if (!file) return std::unexpected(file.error());
  auto written = write_and_sync(*file, content, path);
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) {
    written = fail_errno(errno, "rename to", path);
  }
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  // The name itself lasts only once its directory is on disk.
  auto folder = UniqueFd::open(directory, O_RDONLY | O_DIRECTORY);
  if (folder && ::fsync(folder->get()) != 0) return fail_errno(errno, "fsync", directory);
  return {};
}

}  // namespace assay::report
