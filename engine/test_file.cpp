// What an open test file can do: fresh descriptors, and its part of the page cache.
#include "engine/test_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <vector>

namespace assay::engine {
namespace {

// cachestat(2), Linux 6.5: not in Debian 12's headers.
constexpr long kCachestatCall = 451;
struct CachestatRange {
  std::uint64_t offset = 0, length = 0;
};
struct Cachestat {
  std::uint64_t cached = 0, dirty = 0, writeback = 0, evicted = 0, recently_evicted = 0;
};

std::uint64_t page_bytes() {
  static const auto bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

// Before cachestat there was mincore(2): it wants the file mapped, and counts the same pages.
Expected<std::uint64_t> cached_by_mincore(const UniqueFd& fd, Bytes size) {
  const auto mapping = Mapping::file(fd, size, PROT_READ, MAP_SHARED);
  if (!mapping) return Failure(mapping.error());
  std::vector<unsigned char> resident((size.count + page_bytes() - 1) / page_bytes());
  if (::mincore(mapping->data(), size.count, resident.data()) != 0) {
    return fail_errno(errno, "mincore", format_bytes(size));
  }
  return static_cast<std::uint64_t>(
      std::ranges::count_if(resident, [](unsigned char page) { return (page & 1U) != 0; }));
}

}  // namespace

Expected<UniqueFd> TestFile::open(bool for_writing, bool direct) const {
  if (for_writing && !writable_) {
    return fail(ErrorCode::denied, "open for writing", path_.empty() ? description_ : path_,
                "it was prepared for reading only");
  }
  if (direct && (in_memory_ || is_character_device())) {
    return fail(ErrorCode::unsupported, "open with O_DIRECT", description_,
                "there is no device behind it", "use a file on a drive, or --no-direct");
  }
  // /dev/zero is only read, /dev/null only written.
  const int access = for_writing ? (is_character_device() ? O_WRONLY : O_RDWR) : O_RDONLY;
  auto fd = UniqueFd::reopen(fd_, access | (direct ? O_DIRECT : 0));
  if (!fd && direct && fd.error().sys_errno == EINVAL) {
    return fail(ErrorCode::unsupported, "open with O_DIRECT", description_,
                "the filesystem does not support it", "use another filesystem, or --no-direct");
  }
  return fd;
}

Expected<void> TestFile::come_back(const std::string& path) {
  auto fd = UniqueFd::open(path, writable_ ? O_RDWR | O_EXCL : O_RDONLY);
  if (!fd) return Failure(fd.error());
  struct stat about{};
  if (::fstat(fd->get(), &about) != 0) return fail_errno(errno, "stat", path);
  const off_t end = ::lseek(fd->get(), 0, SEEK_END);
  if (end < 0 || static_cast<std::uint64_t>(end) < size_.count) {
    return fail(ErrorCode::invalid, "open the drive again", path, "it has become smaller");
  }
  fd_ = std::move(*fd);
  path_ = path;
  device_ = about.st_rdev;
  return {};
}

std::uint64_t TestFile::total_pages() const {
  return is_character_device() ? 0 : (size_.count + page_bytes() - 1) / page_bytes();
}

Expected<std::uint64_t> TestFile::cached_pages() const {
  if (is_character_device()) return 0;
  CachestatRange range{0, size_.count};
  Cachestat answer;
  if (::syscall(kCachestatCall, fd_.get(), &range, &answer, 0U) == 0) return answer.cached;
  return cached_by_mincore(fd_, size_);
}

// Reads everything once, which leaves it in the page cache.
Expected<void> TestFile::read_all() const {
  constexpr std::size_t kChunk = 1 << 20;
  std::vector<std::byte> chunk(kChunk);
  for (std::uint64_t at = 0; at < size_.count; at += kChunk) {
    const std::size_t length = std::min<std::uint64_t>(kChunk, size_.count - at);
    const ssize_t got = ::pread(fd_.get(), chunk.data(), length, static_cast<off_t>(at));
    if (got < 0) return fail_errno(errno, "read", description_);
  }
  return {};
}

Expected<void> TestFile::warm() const {
  if (is_character_device()) return {};
  std::uint64_t cached_now = 0;
  // A kernel that reclaims cold pages on its own may have taken the first ones by the end.
  for (int attempt = 0; attempt <= 3; ++attempt) {
    const auto cached = cached_pages();
    if (!cached) return Failure(cached.error());
    cached_now = *cached;
    if (cached_now >= total_pages()) return {};
    if (attempt == 3) break;
    if (auto read = read_all(); !read) return read;
  }
  return fail(ErrorCode::exhausted, "warm the page cache", description_,
              fmt::format("it holds {} of {} pages", cached_now, total_pages()),
              "choose a smaller --size, or free memory");
}

Mapping TestFile::lock_pages() const {
  constexpr Bytes kLockLimit{std::uint64_t{1} << 30};
  if (is_character_device() || size_ > kLockLimit) return {};
  auto mapping = Mapping::file(fd_, size_, PROT_READ, MAP_SHARED);
  if (!mapping || ::mlock(mapping->data(), size_.count) != 0) return {};
  return std::move(*mapping);
}

Expected<void> TestFile::evict() const {
  if (is_character_device()) return {};
  if (in_memory_) {
    return fail(ErrorCode::unsupported, "evict from the page cache", description_,
                "the filesystem lives in memory", "use a file on a drive");
  }
  std::uint64_t left = 0;
  // A page that another CPU has just touched may stay for one round; three are plenty.
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (writable_ && ::fdatasync(fd_.get()) != 0) return fail_errno(errno, "fdatasync", path_);
    const int failed =
        ::posix_fadvise(fd_.get(), 0, static_cast<off_t>(size_.count), POSIX_FADV_DONTNEED);
    if (failed != 0) return fail_errno(failed, "posix_fadvise", description_);
    const auto cached = cached_pages();
    if (!cached) return Failure(cached.error());
    left = *cached;
    if (left == 0) return {};
  }
  return fail(ErrorCode::busy, "evict from the page cache", description_,
              fmt::format("{} of {} pages stay in", left, total_pages()),
              "another process uses the file or device; give one that is idle");
}

}  // namespace assay::engine
