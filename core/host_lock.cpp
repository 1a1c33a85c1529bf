#include "core/host_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace assay {
namespace {

constexpr std::string_view kOperation = "lock the host";

// An existing file is opened without O_CREAT: in a sticky directory the kernel refuses that for a
// file of another user (fs.protected_regular), and who made the lock file does not matter.
Expected<UniqueFd> open_lock(const std::string& path) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    auto fd = UniqueFd::open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    if (fd || fd.error().code != ErrorCode::absent) return fd;
    fd = UniqueFd::open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0666);
    if (fd) {
      // Every user must be able to lock it, whatever the umask; it holds nothing but a pid.
      if (::fchmod(fd->get(), 0666) != 0) return fail_errno(errno, kOperation, path);
      return fd;
    }
    if (fd.error().sys_errno != EEXIST) return fd;
  }
  return fail(ErrorCode::busy, kOperation, path, "the lock file comes and goes", "try again");
}

std::string holder_of(int fd) {
  std::array<char, 32> text{};
  const ssize_t length = ::pread(fd, text.data(), text.size() - 1, 0);
  std::string pid(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  return pid.empty() ? "another process" : "process " + pid;
}

}  // namespace

Expected<HostLock> HostLock::take(const std::string& path, std::string_view doing) {
  auto fd = open_lock(path);
  if (!fd) return std::unexpected(fd.error());
  struct stat status{};
  if (::fstat(fd->get(), &status) != 0) return fail_errno(errno, kOperation, path);
  if (!S_ISREG(status.st_mode) || status.st_nlink != 1) {
    return fail(ErrorCode::invalid, kOperation, path, "not an ordinary file with one name",
                "remove it");
  }
  if (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno(errno, kOperation, path);
    return fail(ErrorCode::busy, kOperation, path,
                fmt::format("{} is {} this host", holder_of(fd->get()), doing),
                "wait until it has ended");
  }
  // The pid is only a courtesy to whoever comes next: a full disk must not stop the measuring.
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd->get(), 0) == 0) {
    [[maybe_unused]] const ssize_t written = ::pwrite(fd->get(), pid.data(), pid.size(), 0);
  }
  return HostLock(std::move(*fd));
}

std::string HostLock::default_path() {
  constexpr const char* kShared = "/run/lock";
  if (::access(kShared, W_OK | X_OK) == 0) return std::string(kShared) + "/assay.lock";
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && runtime[0] == '/' && ::access(runtime, W_OK | X_OK) == 0) {
    return std::string(runtime) + "/assay.lock";
  }
  return fmt::format("/tmp/assay-{}.lock", ::getuid());
}

}  // namespace assay
