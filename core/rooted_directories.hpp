// Directories below a root, opened by the kernel in one step and never outside it. Internal to
// core.
//
// A walk through a path costs one system call a component; openat2(2) with RESOLVE_IN_ROOT (Linux
// 5.6) costs one for all of them and keeps the same promise: "/" and ".." in links stay inside. The
// last few directories stay open with their names, because probes read many files of one directory
// in a row. The names say which are ordinary files and never that one is missing: it may have come
// since. Who moves or removes directories calls forget().
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/fd.hpp"

namespace assay {

struct RootedDirectory {
  struct Entry {
    std::string name;
    unsigned char type = 0;  // DT_REG, DT_LNK ...; DT_UNKNOWN where the file system does not tell
  };
  UniqueFd fd;
  // On the root's own file system, and that is no procfs: a read that is cut short ends the file.
  bool plain = false;
  // By name; after Names::fresh all of them. Nothing when the directory may not be listed or has
  // more names than anyone reads.
  std::optional<std::vector<Entry>> entries;

  // Nothing when there is no such name. Only where there are entries.
  const Entry* find(std::string_view name) const;
};

// Thread-safe.
class RootedDirectories {
 public:
  using Directory = std::shared_ptr<const RootedDirectory>;

  // `root` must stay open as long as this lives.
  explicit RootedDirectories(int root);

  // Whether names that were read before, or not to the end, will do.
  enum class Names : std::uint8_t { kept, fresh };

  // The directory at an absolute path, links followed. Nothing when the kernel cannot do it here
  // (older than 5.6, a sandbox that forbids the call, renames in between): the caller must walk
  // itself. Error: what openat2(2) says of the path.
  std::optional<Expected<Directory>> open(std::string_view path, Names names = Names::kept) const;
  // Closes what is kept open.
  void forget() const;

 private:
  struct Kept {
    std::string path;
    Directory directory;
  };
  static constexpr std::size_t kKept = 8;

  int root_;
  bool plain_root_;
  mutable std::mutex mutex_;
  mutable std::array<Kept, kKept> kept_;
  mutable std::size_t next_ = 0;  // the oldest
  mutable bool unsupported_ = false;
};

}  // namespace assay
