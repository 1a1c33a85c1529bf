// Directories below a root, opened by the kernel in one step and never outside it. Internal to
// core.
//
// A walk through a path costs one system call a component; openat2(2) with RESOLVE_IN_ROOT (Linux
// 5.6) costs one for all of them and keeps the same promise: "/" and ".." in links stay inside. The
// last few directories stay open, because probes read many files of one directory in a row. Who
// moves or removes directories calls forget().
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/fd.hpp"

namespace assay {

struct RootedDirectory {
  UniqueFd fd;  // O_PATH
  // On the root's own file system, and that is no procfs: a read that is cut short ends the file.
  bool plain = false;
};

// Thread-safe.
class RootedDirectories {
 public:
  using Directory = std::shared_ptr<const RootedDirectory>;

  // `root` must stay open as long as this lives.
  explicit RootedDirectories(int root);

  // The directory at an absolute path, links followed. Nothing when the kernel cannot do it here
  // (older than 5.6, a sandbox that forbids the call, renames in between): the caller must walk
  // itself. Error: what openat2(2) says of the path.
  std::optional<Expected<Directory>> open(std::string_view path) const;
  // Closes what is kept open.
  void forget() const;

 private:
  struct Kept {
    std::string path;
    Directory directory;
  };
  static constexpr std::size_t kKept = 8;

  // Null when it is not among those kept open.
  Directory find_kept(std::string_view path) const;
  void keep(const std::string& path, const Directory& directory) const;

  int root_;
  bool plain_root_;
  mutable std::atomic<bool> unsupported_{false};
  mutable std::mutex mutex_;  // guards what stands below
  mutable std::array<Kept, kKept> kept_;
  mutable std::size_t next_ = 0;  // the oldest
};

}  // namespace assay
