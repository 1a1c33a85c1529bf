// Move-only owners of a file descriptor and of a memory mapping.
//
// Both are regular values that hold exactly one resource or none; a moved-from one holds none.
// One object must not be used by two threads at once; different objects may.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "core/error.hpp"
#include "core/units.hpp"

namespace assay {

// Owns one descriptor and closes it. -1 means none. An error of close(2) is not told: whoever must
// know that data reached the disk calls fsync(2) before.
class UniqueFd {
 public:
  UniqueFd() = default;
  // Takes ownership; -1 is allowed, so that a system call's answer can be given directly.
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd();

  // The number, still owned here. -1: none.
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  // Gives ownership to the caller, who must close it.
  int release() { return std::exchange(fd_, -1); }
  // Closes it now.
  void reset() { *this = UniqueFd(); }

  // open(2) with O_CLOEXEC; EINTR retried. Not for /proc, /sys, /etc or /dev: those go through
  // Host.
  static Expected<UniqueFd> open(const std::string& path, int flags, mode_t mode = 0);
  // A second, independent open file description of the same file (through /proc/self/fd), so that
  // an unlinked file can be opened again with other flags, such as O_DIRECT.
  static Expected<UniqueFd> reopen(const UniqueFd& fd, int flags);

 private:
  int fd_ = -1;
};

// Owns one mmap(2)ed range and unmaps it.
class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  // Zeroed memory, readable and writable, private and prefaulted; `extra_flags` are added
  // (MAP_HUGETLB, say; MAP_SHARED takes the place of MAP_PRIVATE). With MAP_HUGETLB the size must
  // be a multiple of the huge page. Error: exhausted (no memory or huge pages), invalid (size 0).
  static Expected<Mapping> anonymous(Bytes size, int extra_flags = 0);
  // The first `size` bytes of a file. `protection` as PROT_*, `flags` as MAP_*. The descriptor may
  // be closed afterwards. Touching a page beyond the file's end raises SIGBUS.
  static Expected<Mapping> file(const UniqueFd& fd, Bytes size, int protection, int flags);

  // nullptr when nothing is mapped.
  void* data() const { return data_; }
  template <typename T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  Bytes size() const { return {size_}; }
  std::span<std::byte> bytes() const { return {as<std::byte>(), size_}; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace assay
