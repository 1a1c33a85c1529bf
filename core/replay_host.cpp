#include "core/replay_host.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "core/capture_replies.hpp"
#include "core/fd.hpp"
#include "core/file_io.hpp"
#include "core/path_walk.hpp"
#include "core/queries.hpp"
#include "core/recorded_failures_host.hpp"
#include "core/rooted_directories.hpp"

namespace assay {
namespace {

// One component below a directory of the tree, with no symlink left on the way to it.
struct Place {
  RootedDirectories::Directory directory;
  std::string name;  // "." for the root itself
  std::string path;  // within the capture: "/sys/devices/..."; "" when nobody asked
};

class ReplayHost final : public Host {
 public:
  ReplayHost(std::string directory, UniqueFd root, CaptureReplies replies)
      : directory_(std::move(directory)),
        root_(std::move(root)),
        directories_(root_.get()),
        replies_(std::move(replies)) {}

  Expected<std::string> read(std::string_view path, Bytes limit) const override {
    bool plain = false;
    auto fd = open_regular("read", path, O_RDONLY, &plain);
    if (!fd) return Failure(fd.error());
    return plain ? file_io::read_plain(*fd, limit, path) : file_io::read_all(*fd, limit, path);
  }

  Expected<std::vector<std::string>> list(std::string_view path) const override {
    if (auto good = file_io::check_path("list", path); !good) return Failure(good.error());
    if (auto folder = directories_.open(path)) {
      if (!*folder) return Failure(folder->error());
      auto fd = file_io::open_at((**folder)->fd.get(), ".", O_RDONLY | O_DIRECTORY, path);
      if (!fd) return Failure(fd.error());
      return file_io::list_names(std::move(*fd), path);
    }
    auto at = walk("list", path, true);
    if (!at) return Failure(at.error());
    auto fd = file_io::open_at(at->directory->fd.get(), at->name,
                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW, path);
    if (!fd) return Failure(fd.error());
    return file_io::list_names(std::move(*fd), path);
  }

  Expected<std::string> read_link(std::string_view path) const override {
    auto at = find("read link", path);
    if (!at) return Failure(at.error());
    return file_io::read_link_at(at->directory->fd.get(), at->name, path);
  }

  Expected<std::string> resolve(std::string_view path) const override {
    auto at = walk("resolve", path, true);
    if (!at) return Failure(at.error());
    // The walk never looks at the last component beyond "it is no link": is it there at all?
    auto found = file_io::status_at(at->directory->fd.get(), at->name, path);
    if (!found) return Failure(found.error());
    return std::move(at->path);
  }

  Expected<FileStatus> status(std::string_view path) const override {
    auto at = find("stat", path);
    if (!at) return Failure(at.error());
    return file_io::status_at(at->directory->fd.get(), at->name, path);
  }

  Expected<Reply> ask(const Query& query) const override {
    const auto found = replies_.find(query);
    if (found != replies_.end()) return found->second;
    return missing_reply(query);
  }

  Expected<void> write(std::string_view path, std::string_view content) override {
    auto fd = open_regular("write", path, O_WRONLY);
    if (!fd) return Failure(fd.error());
    return file_io::write_once(*fd, content, /*trim=*/true, path);
  }

  Expected<void> replace_file(std::string_view path, std::string_view content,
                              std::uint32_t mode) override {
    directories_.forget();
    auto at = new_place("replace", path);
    if (!at) return Failure(at.error());
    return file_io::replace_at(at->directory->fd.get(), at->name, content, mode, path);
  }

  Expected<void> remove_file(std::string_view path) override {
    directories_.forget();
    auto at = new_place("remove", path);
    if (!at) return Failure(at.error());
    return file_io::remove_at(at->directory->fd.get(), at->name, path);
  }

  Expected<void> make_directory(std::string_view path, std::uint32_t mode) override {
    directories_.forget();
    auto at = new_place("make directory", path);
    if (!at) return Failure(at.error());
    return file_io::make_directory_at(at->directory->fd.get(), at->name, mode, path);
  }

  Expected<void> change(const Query& request, const Reply&) override {
    return fail(ErrorCode::unsupported, "change", request.kind,
                "this host is a captured tree, no running system");
  }

  Expected<RunResult> run(const std::vector<std::string>& argv) override {
    return fail(ErrorCode::unsupported, "run", argv.empty() ? "" : argv[0],
                "this host is a captured tree, no running system");
  }

  bool is_this_system() const override { return false; }
  std::string root() const override { return directory_; }

 private:
  Expected<Place> walk(std::string_view operation, std::string_view path, bool follow_last) const;

  // The place of a file that is to be made or removed: its own link, if it is one, is not followed.
  Expected<Place> new_place(std::string_view operation, std::string_view path) const {
    if (!path_walk::split(path)) {
      return fail(ErrorCode::invalid, operation, path, "expected an absolute path to a name");
    }
    return walk(operation, path, false);
  }

  // The place of what stands at the path, a link at its end not followed: the kernel's way to the
  // folder where it can, our own walk where not or where the path does not end in a name.
  Expected<Place> find(std::string_view operation, std::string_view path) const {
    if (auto parts = path_walk::split(path)) {
      if (auto folder = directories_.open(parts->folder)) {
        if (!*folder) return Failure(folder->error());
        return Place{std::move(**folder), std::move(parts->name), {}};
      }
    }
    return walk(operation, path, false);
  }

  // What stands at a place, as lstat(2).
  static Expected<FileKind> kind_at(const Place& at, std::string_view path) {
    const auto found = file_io::status_at(at.directory->fd.get(), at.name, path);
    if (!found) return Failure(found.error());
    return found->kind;
  }

  // Devices and FIFOs of a hostile tree are not opened: the kind is looked at first. O_NONBLOCK
  // covers a file that is exchanged in between, O_NOFOLLOW a link. `plain`: see RootedDirectory.
  Expected<UniqueFd> open_regular(std::string_view operation, std::string_view path, int flags,
                                  bool* plain = nullptr) const {
    auto at = find(operation, path);
    if (!at) return Failure(at.error());
    auto kind = kind_at(*at, path);
    if (kind && *kind == FileKind::symlink) {
      at = walk(operation, path, true);
      if (!at) return Failure(at.error());
      kind = kind_at(*at, path);
    }
    if (!kind) return Failure(kind.error());
    if (*kind == FileKind::directory) return fail_errno(EISDIR, operation, path);
    if (*kind != FileKind::regular) {
      return fail(ErrorCode::invalid, operation, path, "it is not a regular file");
    }
    if (plain != nullptr) *plain = at->directory->plain;
    return file_io::open_at(at->directory->fd.get(), at->name,
                            flags | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY, path);
  }

  std::string directory_;
  UniqueFd root_;
  RootedDirectories directories_;
  CaptureReplies replies_;
};

// The end of a walk: the last folder, and the component in it.
Place finish(std::vector<UniqueFd>& folders, std::vector<std::string>& names, std::string name) {
  auto folder = std::make_shared<RootedDirectory>();
  folder->fd = std::move(folders.back());
  if (name != ".") names.push_back(name);
  return {std::move(folder), std::move(name), path_walk::join(names)};
}

// Opens one component after the other, each without following links, and puts a link's target in
// place of its name. The directories on the way stay open, so that ".." goes back to the one that
// we came from and never asks the file system for a parent.
Expected<Place> ReplayHost::walk(std::string_view operation, std::string_view path,
                                 bool follow_last) const {
  if (auto good = file_io::check_path(operation, path); !good) return Failure(good.error());
  auto root = file_io::open_at(root_.get(), ".", O_PATH | O_DIRECTORY, path);
  if (!root) return Failure(root.error());
  std::vector<UniqueFd> folders;
  std::vector<std::string> names;  // names[i] was opened as folders[i + 1]
  folders.push_back(std::move(*root));
  path_walk::Walk steps(path);
  while (auto step = steps.take()) {
    if (*step == "..") {
      if (names.empty()) continue;
      names.pop_back();
      folders.pop_back();
      continue;
    }
    const int here = folders.back().get();
    const bool is_last = steps.empty() && !steps.wants_directory();
    if (is_last && !follow_last) return finish(folders, names, std::move(*step));
    // A folder is the usual case: try that first, and look for a link only where there is none.
    if (!is_last) {
      auto next = file_io::open_at(here, *step, O_PATH | O_DIRECTORY | O_NOFOLLOW, path);
      if (next) {
        names.push_back(std::move(*step));
        folders.push_back(std::move(*next));
        continue;
      }
      if (next.error().sys_errno != ENOTDIR) return Failure(next.error());
    }
    const auto target = file_io::read_link_at(here, *step, path);
    if (target) {
      if (!steps.splice(*target)) return fail_errno(ELOOP, operation, path);
      if (target->starts_with('/')) {
        names.clear();
        folders.resize(1);
      }
      continue;
    }
    const int reason = target.error().sys_errno;
    if (reason != EINVAL) return fail_errno(reason, operation, path);
    // EINVAL: it is there, but no link.
    if (!is_last) return fail_errno(ENOTDIR, operation, path);
    return finish(folders, names, std::move(*step));
  }
  return finish(folders, names, ".");
}

Expected<CaptureReplies> load_replies(const Host& tree) {
  constexpr Bytes kRepliesMax = 64_MiB;
  const std::string path = std::string("/") + kCaptureReplies;
  auto text = tree.read(path, kRepliesMax);
  if (!text) {
    if (text.error().code == ErrorCode::absent) return CaptureReplies{};
    return Failure(text.error());
  }
  return parse_capture_replies(*text);
}

}  // namespace

Expected<std::unique_ptr<Host>> open_replay_host(const std::string& directory) {
  const auto open_root = [&] {
    return file_io::open_at(AT_FDCWD, directory, O_PATH | O_DIRECTORY, directory);
  };
  auto root = open_root();
  if (!root) return Failure(root.error());
  // The replies are read through the host itself, so that a link in their place stays inside too.
  const ReplayHost bare(directory, std::move(*root), {});
  auto replies = load_replies(bare);
  if (!replies) return Failure(replies.error());
  root = open_root();
  if (!root) return Failure(root.error());
  auto tree = std::make_unique<ReplayHost>(directory, std::move(*root), *replies);
  return with_recorded_failures(std::move(tree), *replies);
}

}  // namespace assay
