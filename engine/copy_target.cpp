#include "engine/copy_target.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace assay::engine {

Expected<UniqueFd> open_copy_target(const TestFile* source) {
  if (source == nullptr || source->kind() != FileKindUsed::regular) {
    return fail(ErrorCode::invalid, "copy to a file", source == nullptr ? "" : source->path(),
                "it is no regular file",
                "name a regular file, or name none and assay makes its own");
  }
  const std::string& path = source->path();
  struct stat about{};
  const bool is_directory = ::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
  const std::size_t slash = path.rfind('/');
  const std::string directory = is_directory                 ? path
                                : slash == std::string::npos ? "."
                                                             : path.substr(0, slash + 1);
  auto fd = UniqueFd::open(directory, O_TMPFILE | O_RDWR, 0600);
  if (!fd) fd.error().advice = "copy a file that lies in a directory where files can be made";
  return fd;
}

}  // namespace assay::engine
