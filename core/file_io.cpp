#include "core/file_io.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

namespace assay::file_io {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes a run of digits off the head, without its leading zeros.
std::string_view take_digits(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && is_digit(text[length])) ++length;
  std::string_view digits = text.substr(0, length);
  text.remove_prefix(length);
  while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
  return digits;
}

Expected<void> write_whole(const UniqueFd& fd, std::string_view content, std::string_view path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, "write", path);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// Everything of replace_at() up to the rename, on the temporary file.
Expected<void> fill_temporary(const UniqueFd& fd, std::string_view content, std::uint32_t mode,
                              std::string_view path) {
  // The mode is set before the content is there, so that a secret is never readable too early.
  if (::fchmod(fd.get(), mode) != 0) return fail_errno(errno, "set the mode of", path);
  if (auto written = write_whole(fd, content, path); !written) return written;
  if (::fsync(fd.get()) != 0) return fail_errno(errno, "fsync", path);
  return {};
}

}  // namespace

Expected<UniqueFd> open_at(int directory, const std::string& name, int flags,
                           std::string_view path) {
  while (true) {
    const int fd = ::openat(directory, name.c_str(), flags | O_CLOEXEC);
    if (fd >= 0) return UniqueFd(fd);
    if (errno != EINTR) return fail_errno(errno, "open", path);
  }
}

Expected<std::string> read_all(const UniqueFd& fd, Bytes limit, std::string_view path) {
  struct stat raw{};
  if (::fstat(fd.get(), &raw) != 0) return fail_errno(errno, "read", path);
  if (S_ISDIR(raw.st_mode)) return fail_errno(EISDIR, "read", path);
  if (!S_ISREG(raw.st_mode)) {
    return fail(ErrorCode::invalid, "read", path, "it is not a regular file");
  }
  const auto too_long = [&] {
    return fail(ErrorCode::invalid, "read", path,
                fmt::format("the file is longer than {}", format_bytes(limit)));
  };
  // A claim of up to a (64 KiB) page is what sysfs says of every file; more is meant.
  constexpr std::uint64_t kLargestPage = 65536;
  const auto claimed = static_cast<std::uint64_t>(raw.st_size);
  if (claimed > std::max(limit.count, kLargestPage)) return too_long();

  std::string content;
  std::array<char, 16384> buffer;  // most kernel files end within one read
  while (true) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read", path);
    if (got == 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(got));
    if (content.size() > limit.count) return too_long();
    // Less than the smallest page from a file that has a size is its end; only /proc, whose files
    // have none, hands out its content in pieces. This saves a second call for nearly every file.
    constexpr ssize_t kSmallestPage = 4096;
    if (claimed > 0 && got < kSmallestPage) return content;
  }
}

Expected<std::string> read_plain(const UniqueFd& fd, Bytes limit, std::string_view path) {
  std::array<char, 16384> buffer;
  const ssize_t got = ::pread(fd.get(), buffer.data(), buffer.size(), 0);
  if (got < 0 && errno != EINTR) return fail_errno(errno, "read", path);
  const auto length = static_cast<std::uint64_t>(got);
  if (got < 0 || length == buffer.size() || length > limit.count) return read_all(fd, limit, path);
  return std::string(buffer.data(), static_cast<std::size_t>(got));
}

Expected<std::vector<std::string>> list_names(UniqueFd directory, std::string_view path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(directory.get()), ::closedir);
  if (!stream) return fail_errno(errno, "list", path);
  (void)directory.release();  // the stream closes it
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    // Thread-safe: glibc's readdir(3) is, for streams that no two threads share.
    const dirent* entry = ::readdir(stream.get());  // NOLINT(concurrency-mt-unsafe)
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return fail_errno(errno, "list", path);
  std::sort(names.begin(), names.end(), natural_less);
  return names;
}

bool natural_less(std::string_view a, std::string_view b) {
  const std::string_view whole_a = a;
  const std::string_view whole_b = b;
  while (!a.empty() && !b.empty()) {
    if (is_digit(a.front()) && is_digit(b.front())) {
      const std::string_view digits_a = take_digits(a);
      const std::string_view digits_b = take_digits(b);
      if (digits_a.size() != digits_b.size()) return digits_a.size() < digits_b.size();
      if (digits_a != digits_b) return digits_a < digits_b;
      continue;
    }
    if (a.front() != b.front()) return a.front() < b.front();
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  if (a.empty() != b.empty()) return a.empty();
  return whole_a < whole_b;  // "cpu01" and "cpu1": equal by value, still a strict order
}

Expected<std::string> read_link_at(int directory, const std::string& name, std::string_view path) {
  // A link's text is at most PATH_MAX long; one byte more shows a cut answer.
  std::array<char, 4097> buffer;
  const ssize_t length = ::readlinkat(directory, name.c_str(), buffer.data(), buffer.size());
  if (length < 0) return fail_errno(errno, "read link", path);
  if (static_cast<std::size_t>(length) == buffer.size()) {
    return fail_errno(ENAMETOOLONG, "read link", path);
  }
  return std::string(buffer.data(), static_cast<std::size_t>(length));
}

FileStatus to_status(const struct stat& raw) {
  FileStatus status;
  switch (raw.st_mode & S_IFMT) {
    case S_IFREG:
      status.kind = FileKind::regular;
      break;
    case S_IFDIR:
      status.kind = FileKind::directory;
      break;
    case S_IFLNK:
      status.kind = FileKind::symlink;
      break;
    case S_IFBLK:
      status.kind = FileKind::block;
      break;
    case S_IFCHR:
      status.kind = FileKind::character;
      break;
    default:
      status.kind = FileKind::other;
      break;
  }
  status.size = Bytes{raw.st_size < 0 ? 0 : static_cast<std::uint64_t>(raw.st_size)};
  status.mode = raw.st_mode & 07777U;
  status.uid = raw.st_uid;
  return status;
}

Expected<FileStatus> status_at(int directory, const std::string& name, std::string_view path) {
  struct stat raw{};
  if (::fstatat(directory, name.c_str(), &raw, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail_errno(errno, "stat", path);
  }
  return to_status(raw);
}

Expected<void> write_once(const UniqueFd& fd, std::string_view content, bool trim,
                          std::string_view path) {
  struct stat raw{};
  if (::fstat(fd.get(), &raw) != 0) return fail_errno(errno, "write", path);
  if (!S_ISREG(raw.st_mode)) {
    return fail(ErrorCode::invalid, "write", path, "it is not a regular file");
  }
  ssize_t written = -1;
  do {
    written = ::write(fd.get(), content.data(), content.size());
  } while (written < 0 && errno == EINTR);
  if (written < 0) return fail_errno(errno, "write", path);
  if (static_cast<std::size_t>(written) != content.size()) {
    return fail(ErrorCode::io, "write", path,
                fmt::format("only {} of {} bytes were taken", written, content.size()));
  }
  if (trim && ::ftruncate(fd.get(), written) != 0) return fail_errno(errno, "truncate", path);
  return {};
}

Expected<void> replace_at(int directory, const std::string& name, std::string_view content,
                          std::uint32_t mode, std::string_view path) {
  // The name is ours by its process id; one that a crash of an earlier process with this id left
  // behind is in the way (O_EXCL) and is taken away once.
  const std::string temporary = fmt::format(".{}.assay-{}", name, ::getpid());
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd fd(::openat(directory, temporary.c_str(), kFlags, 0600));
  if (!fd && errno == EEXIST && ::unlinkat(directory, temporary.c_str(), 0) == 0) {
    fd = UniqueFd(::openat(directory, temporary.c_str(), kFlags, 0600));
  }
  if (!fd) return fail_errno(errno, "create", path);
  auto filled = fill_temporary(fd, content, mode, path);
  if (filled && ::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0) {
    filled = fail_errno(errno, "replace", path);
  }
  if (!filled) {
    ::unlinkat(directory, temporary.c_str(), 0);
    return filled;
  }
  // Without this the rename itself may be lost with the power.
  auto parent = open_at(directory, ".", O_RDONLY | O_DIRECTORY, path);
  if (!parent) return Failure(parent.error());
  if (::fsync(parent->get()) != 0) return fail_errno(errno, "fsync the directory of", path);
  return {};
}

Expected<void> remove_at(int directory, const std::string& name, std::string_view path) {
  if (::unlinkat(directory, name.c_str(), 0) == 0) return {};
  if (errno != EISDIR) return fail_errno(errno, "remove", path);
  if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) == 0) return {};
  return fail_errno(EISDIR, "remove", path, "it is a folder that holds something");
}

Expected<void> make_directory_at(int directory, const std::string& name, std::uint32_t mode,
                                 std::string_view path) {
  if (::mkdirat(directory, name.c_str(), mode) == 0) {
    // mkdir(2) takes the umask off; the caller asked for exactly this mode.
    if (::fchmodat(directory, name.c_str(), mode, 0) != 0) {
      return fail_errno(errno, "set the mode of", path);
    }
    return {};
  }
  const int reason = errno;
  if (reason == EEXIST) {
    const auto there = status_at(directory, name, path);
    if (there && there->kind == FileKind::directory) return {};
  }
  return fail_errno(reason, "make directory", path);
}

Expected<void> check_path(std::string_view operation, std::string_view path) {
  if (!path.starts_with('/')) {
    return fail(ErrorCode::invalid, operation, path, "expected an absolute path");
  }
  if (path.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::invalid, operation, path.substr(0, path.find('\0')),
                "the path holds a NUL byte");
  }
  return {};
}

}  // namespace assay::file_io
