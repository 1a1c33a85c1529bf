// Move-only owners of a file descriptor and of a memory mapping.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <utility>

#include "core/error.hpp"
#include "core/units.hpp"

namespace assay {

// Owns one descriptor and closes it. -1 means none.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd();

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
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

  // Anonymous, private, prefaulted with `extra_flags` added (MAP_HUGETLB, MAP_SHARED ...).
  static Expected<Mapping> anonymous(Bytes size, int extra_flags = 0);
  // The first `size` bytes of a file. `protection` as PROT_*, `flags` as MAP_*.
  static Expected<Mapping> file(const UniqueFd& fd, Bytes size, int protection, int flags);

  void* data() const { return data_; }
  template <typename T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  Bytes size() const { return {size_}; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace assay
