#include "core/rooted_directories.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace assay {
namespace {

// glibc has no wrapper.
int open_in_root(int root, const std::string& path, std::uint64_t resolve) {
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve;
  // EAGAIN: somebody renamed something meanwhile, so that ".." could not be trusted.
  constexpr int kAttempts = 4;
  int fd = -1;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    fd = static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how));
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) break;
  }
  return fd;
}

// procfs hands out long files in pieces, and what a FUSE does is its own affair.
bool is_plain(int fd) {
  struct statfs system{};
  if (::fstatfs(fd, &system) != 0) return false;
  return system.f_type != PROC_SUPER_MAGIC && system.f_type != FUSE_SUPER_MAGIC;
}

}  // namespace

RootedDirectories::RootedDirectories(int root) : root_(root), plain_root_(is_plain(root)) {}

std::optional<Expected<RootedDirectories::Directory>> RootedDirectories::open(
    std::string_view path) const {
  if (unsupported_) return std::nullopt;
  if (auto kept = find_kept(path)) return Expected<Directory>(std::move(kept));
  const std::string name(path);
  // The kernel is asked without the lock: threads wait for its answers side by side.
  bool plain = plain_root_;
  int fd = open_in_root(root_, name, RESOLVE_NO_XDEV);
  if (fd < 0 && errno == EXDEV) {
    plain = false;
    fd = open_in_root(root_, name, 0);
  }
  if (fd < 0) {
    const int reason = errno;
    // Sandboxes of before 2020 answer EPERM to calls that they do not know.
    if (reason == ENOSYS || reason == EPERM) unsupported_ = true;
    if (unsupported_ || reason == EAGAIN || reason == EINTR) return std::nullopt;
    return Expected<Directory>(fail_errno(reason, "open", path));
  }
  auto directory = std::make_shared<RootedDirectory>();
  directory->fd = UniqueFd(fd);
  directory->plain = plain;
  keep(name, directory);
  return Expected<Directory>(std::move(directory));
}

RootedDirectories::Directory RootedDirectories::find_kept(std::string_view path) const {
  const std::lock_guard lock(mutex_);
  for (const Kept& kept : kept_) {
    if (kept.directory && kept.path == path) return kept.directory;
  }
  return nullptr;
}

void RootedDirectories::keep(const std::string& path, const Directory& directory) const {
  Kept oldest{path, directory};
  {
    const std::lock_guard lock(mutex_);
    std::swap(kept_[next_], oldest);
    next_ = (next_ + 1) % kKept;
  }
  // What was the oldest is closed here, without the lock.
}

void RootedDirectories::forget() const {
  const std::lock_guard lock(mutex_);
  for (Kept& kept : kept_) kept = {};
}

}  // namespace assay
