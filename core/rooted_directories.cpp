#include "core/rooted_directories.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace assay {
namespace {

// glibc has no wrapper.
int open_in_root(int root, const std::string& path, int flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_DIRECTORY | O_CLOEXEC);
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

// The names of an open directory; nothing when that fails or there are too many of them. The first
// call gives all names of all but the largest directories; `whole` makes sure.
std::optional<std::vector<RootedDirectory::Entry>> list(int fd, bool whole) {
  constexpr std::size_t kNamesMax = 16384;
  std::vector<RootedDirectory::Entry> entries;
  alignas(dirent64) std::array<char, 32768> buffer;
  while (true) {
    const ssize_t got = ::getdents64(fd, buffer.data(), buffer.size());
    if (got < 0 || entries.size() > kNamesMax) return std::nullopt;
    if (got == 0) break;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") entries.push_back({std::string(name), entry->d_type});
      at += entry->d_reclen;
    }
    if (!whole) break;
  }
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

// Opens for listing where that is allowed, else as a mere path. -1 with errno.
int open_best(int root, const std::string& name, std::uint64_t resolve) {
  const int fd = open_in_root(root, name, O_RDONLY, resolve);
  return fd < 0 && errno == EACCES ? open_in_root(root, name, O_PATH, resolve) : fd;
}

}  // namespace

const RootedDirectory::Entry* RootedDirectory::find(std::string_view name) const {
  const auto found =
      std::lower_bound(entries->begin(), entries->end(), name,
                       [](const Entry& entry, std::string_view n) { return entry.name < n; });
  return found != entries->end() && found->name == name ? &*found : nullptr;
}

RootedDirectories::RootedDirectories(int root) : root_(root), plain_root_(is_plain(root)) {}

std::optional<Expected<RootedDirectories::Directory>> RootedDirectories::open(std::string_view path,
                                                                              Names names) const {
  const std::lock_guard lock(mutex_);
  if (unsupported_) return std::nullopt;
  for (Kept& kept : kept_) {
    if (!kept.directory || kept.path != path) continue;
    if (names == Names::kept) return Expected<Directory>(kept.directory);
    kept = {};
  }
  const std::string name(path);
  bool plain = plain_root_;
  int fd = open_best(root_, name, RESOLVE_NO_XDEV);
  if (fd < 0 && errno == EXDEV) {
    plain = false;
    fd = open_best(root_, name, 0);
  }
  if (fd < 0) {
    const int reason = errno;
    // Sandboxes of before 2020 answer EPERM to calls that they do not know.
    unsupported_ = reason == ENOSYS || reason == EPERM;
    if (unsupported_ || reason == EAGAIN || reason == EINTR) return std::nullopt;
    return Expected<Directory>(fail_errno(reason, "open", path));
  }
  auto directory = std::make_shared<RootedDirectory>();
  directory->fd = UniqueFd(fd);
  directory->plain = plain;
  directory->entries = list(fd, names == Names::fresh);
  kept_[next_] = {name, directory};
  next_ = (next_ + 1) % kKept;
  return Expected<Directory>(std::move(directory));
}

void RootedDirectories::forget() const {
  const std::lock_guard lock(mutex_);
  for (Kept& kept : kept_) kept = {};
}

}  // namespace assay
