#include "core/fd.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace assay {

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    // close(2) is never repeated: on Linux the descriptor is gone even after EINTR.
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) ::close(fd_);
}

Expected<UniqueFd> UniqueFd::open(const std::string& path, int flags, mode_t mode) {
  while (true) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return UniqueFd(fd);
    if (errno != EINTR) return fail_errno(errno, "open", path);
  }
}

Expected<UniqueFd> UniqueFd::reopen(const UniqueFd& fd, int flags) {
  const std::string path = fmt::format("/proc/self/fd/{}", fd.get());
  while (true) {
    const int copy = ::open(path.c_str(), flags | O_CLOEXEC);
    if (copy >= 0) return UniqueFd(copy);
    if (errno != EINTR) return fail_errno(errno, "open again", path);
  }
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  if (this != &other) {
    if (data_ != nullptr) ::munmap(data_, size_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

Expected<Mapping> Mapping::anonymous(Bytes size, int extra_flags) {
  // MAP_SHARED in the extra flags takes the place of MAP_PRIVATE: the kernel wants exactly one.
  const int sharing = (extra_flags & MAP_SHARED) != 0 ? 0 : MAP_PRIVATE;
  const int flags = MAP_ANONYMOUS | MAP_POPULATE | sharing | extra_flags;
  void* data = ::mmap(nullptr, size.count, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (data == MAP_FAILED) return fail_errno(errno, "map memory", format_bytes(size));
  Mapping mapping;
  mapping.data_ = data;
  mapping.size_ = size.count;
  return mapping;
}

Expected<Mapping> Mapping::file(const UniqueFd& fd, Bytes size, int protection, int flags) {
  void* data = ::mmap(nullptr, size.count, protection, flags, fd.get(), 0);
  if (data == MAP_FAILED) return fail_errno(errno, "map file", format_bytes(size));
  Mapping mapping;
  mapping.data_ = data;
  mapping.size_ = size.count;
  return mapping;
}

}  // namespace assay
