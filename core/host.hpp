// The one door to everything outside the process: files under /sys, /proc, /etc and /dev, ioctls,
// netlink, CPUID, other processes, and the few programs that assay may run.
//
// RealHost is this machine. ReplayHost is a captured tree. FaultyHost decorates either. Probes and
// the tuner take a Host and nothing else, so what was never seen here can be tested from a capture.
//
// Paths are absolute within the host ("/sys/devices/system/cpu/online"). No call ever leaves the
// host's root, whatever its symlinks say. Const calls are thread-safe; mutating calls are not.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/units.hpp"

namespace assay {

enum class FileKind : std::uint8_t { regular, directory, symlink, block, character, other };

struct FileStatus {
  FileKind kind = FileKind::regular;
  Bytes size;
  std::uint32_t mode = 0;  // permission bits
  std::uint32_t uid = 0;
};

// A question whose answer is not a file: an ioctl, a netlink message, a system call, CPUID.
// `kind` names it ("uname", "ethtool.drvinfo", "io_uring.probe", "rlimit"; the table with every
// kind, its targets and its reply's keys stands in core/queries.hpp), `target` on what ("eth0").
struct Query {
  std::string kind;
  std::string target;
  friend auto operator<=>(const Query&, const Query&) = default;
};
// The answer as words: stable keys, values as text. Captured and replayed unchanged.
using Reply = std::map<std::string, std::string, std::less<>>;

struct RunResult {
  int exit_code = 0;
  std::string output;  // standard output and error together
};

class Host {
 public:
  // A file longer than the limit is an error (invalid), never silently cut.
  static constexpr Bytes kDefaultReadLimit{1 << 20};

  Host() = default;
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  virtual ~Host() = default;

  // --- reading; needs no privilege beyond the file's own ---

  // The whole content, as the kernel gave it. Regular files only: a device, FIFO or directory is
  // an error (invalid), and a FIFO or device is not even opened.
  virtual Expected<std::string> read(std::string_view path,
                                     Bytes limit = kDefaultReadLimit) const = 0;
  // Names in a directory without "." and "..", sorted: numbers by value ("cpu2" before "cpu10").
  virtual Expected<std::vector<std::string>> list(std::string_view path) const = 0;
  // Where a symlink points, as written.
  virtual Expected<std::string> read_link(std::string_view path) const = 0;
  // The path with every symlink followed, inside the root: "/sys/class/net/eth0" →
  // "/sys/devices/pci0000:00/.../net/eth0". Error: absent, or invalid for a cycle.
  virtual Expected<std::string> resolve(std::string_view path) const = 0;
  // What stands at the path, as lstat(2): a symlink at the end is itself the answer, not followed.
  // Where a link may stand and its target is meant, resolve() first.
  virtual Expected<FileStatus> status(std::string_view path) const = 0;
  // Answers that are no files. Error unsupported: this kind is not known; absent: no such target,
  // or a capture that did not record it.
  virtual Expected<Reply> ask(const Query& query) const = 0;

  // --- changing; every call here is one counted write for FaultyHost ---

  // Writes to an existing file in one write(2), as sysfs and procfs want it. Never creates.
  virtual Expected<void> write(std::string_view path, std::string_view content) = 0;
  // Replaces or creates a whole file: temporary file, fsync, rename, fsync of the directory.
  virtual Expected<void> replace_file(std::string_view path, std::string_view content,
                                      std::uint32_t mode) = 0;
  virtual Expected<void> remove_file(std::string_view path) = 0;  // or an empty directory
  // Creates one directory; one that is there already is success.
  virtual Expected<void> make_directory(std::string_view path, std::uint32_t mode) = 0;
  // Sets what is no file: the driver's side of an ask(). `request` is one that can be asked too
  // ("ethtool.coalesce" of "eth0"), `values` those of its keys that change; all others stay as they
  // are. core/queries.hpp tells which kinds and keys can be set. Error: unsupported (the kind or
  // key cannot be set, or the driver refuses), invalid (no such value), denied (needs root).
  virtual Expected<void> change(const Query& request, const Reply& values) = 0;
  // Runs a program of the allow-list (update-grub, systemctl, udevadm) without a shell.
  virtual Expected<RunResult> run(const std::vector<std::string>& argv) = 0;

  // --- what kind of host ---

  // False for a capture: CPU counts, affinity and timing of this process say nothing about it.
  virtual bool is_this_system() const = 0;
  // The directory that holds the tree; "/" for this machine. Given to hwloc.
  virtual std::string root() const = 0;

  // --- conveniences over the calls above ---

  // The content without surrounding white space.
  Expected<std::string> read_trimmed(std::string_view path) const;
  Expected<std::int64_t> read_int(std::string_view path) const;
  Expected<std::uint64_t> read_uint(std::string_view path) const;
  // Something stands there; a symlink only counts when its target does.
  bool exists(std::string_view path) const;
};

}  // namespace assay
