// A host that lives in memory: a small tree of files, links and recorded replies.
//
// A capture in an archive is read into one, and so are the trees of tests and fuzzers. It behaves
// as RealHost does towards its caller (the same errors, order of names, link resolution and "write
// never creates"), so code that works here differs from code that works on a machine only in the
// files that are there. Paths are absolute. Directories are implied by the files below them.
// Not thread-safe while it is changed; const calls may run side by side.
//
//   MemoryHost host;
//   host.put("/sys/block/sda/queue/scheduler", "[none] mq-deadline\n");
//   host.link("/sys/block/sda", "../devices/pci0000:00/block/sda");
//   host.reply({"uname", ""}, {{"release", "6.1.0"}});
//   host.on_write("/sys/kernel/x", [](std::string_view) { return fail_errno(EIO, "write", "x"); });
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/host.hpp"

namespace assay {

class MemoryHost final : public Host {
 public:
  // What a write of the given content leaves in the file ("8" may become "16\n", as a kernel that
  // rounds does), or the error that the write answers; the file then stays as it was.
  using WriteHook = std::function<Expected<std::string>(std::string_view content)>;
  // What change(request, values) answers.
  using ChangeHook = std::function<Expected<void>(const Reply& values)>;
  // What run(argv) answers.
  using RunHook = std::function<Expected<RunResult>(const std::vector<std::string>& argv)>;

  // --- building the tree ---
  //
  // Links on the way are followed, so that "/sys/class/net/eth0/mtu" lands behind the link "eth0".
  // What stands at the path already is replaced, with everything below it.

  void put(std::string_view path, std::string_view content, std::uint32_t mode = 0644);
  // A symlink, with its target as written: absolute within this host, or relative to its folder.
  void link(std::string_view path, std::string_view target);
  // An empty directory. (One that holds something needs no call.)
  void directory(std::string_view path);
  // From now on reads, lists, links and writes of exactly this path (or of the file behind it, for
  // a link) answer the errno; 0 takes it back. The path shows in list() of its parent all the same,
  // as an unreadable file does.
  void fail(std::string_view path, int sys_errno);
  // Takes a path and everything below it away.
  void erase(std::string_view path);

  // --- answers and hooks ---

  void reply(const Query& query, Reply reply);
  void reply_error(const Query& query, Error error);
  // Called for write() to exactly this path, after links are followed. Without a hook the content
  // is stored as it is written.
  void on_write(std::string_view path, WriteHook hook);
  // Called for change() to exactly this request; without a hook the values are merged into the
  // recorded reply. The hook may set replies itself: it answers whether the driver took them.
  void on_change(const Query& request, ChangeHook hook);
  // Without a hook run() is unsupported.
  void on_run(RunHook hook) { run_hook_ = std::move(hook); }

  // Every successful write() and replace_file() in order: the path as the caller named it, and
  // the content as it was written.
  const std::vector<std::pair<std::string, std::string>>& writes() const { return writes_; }
  // Every successful change() in order.
  const std::vector<std::pair<Query, Reply>>& changes() const { return changes_; }
  // Every argv that run() was called with.
  const std::vector<std::vector<std::string>>& runs() const { return runs_; }

  // --- Host ---

  Expected<std::string> read(std::string_view path, Bytes limit = kDefaultReadLimit) const override;
  Expected<std::vector<std::string>> list(std::string_view path) const override;
  Expected<std::string> read_link(std::string_view path) const override;
  Expected<std::string> resolve(std::string_view path) const override;
  Expected<FileStatus> status(std::string_view path) const override;
  // Error: unsupported for a kind that core/queries.hpp does not know and reply() did not name;
  // absent for a known kind without a recorded reply.
  Expected<Reply> ask(const Query& query) const override;
  Expected<void> write(std::string_view path, std::string_view content) override;
  Expected<void> replace_file(std::string_view path, std::string_view content,
                              std::uint32_t mode) override;
  Expected<void> remove_file(std::string_view path) override;
  Expected<void> make_directory(std::string_view path, std::uint32_t mode) override;
  Expected<void> change(const Query& request, const Reply& values) override;
  Expected<RunResult> run(const std::vector<std::string>& argv) override;
  bool is_this_system() const override { return false; }
  // "": there is no directory that hwloc could open.
  std::string root() const override { return {}; }

 private:
  struct Node {
    FileKind kind = FileKind::regular;
    std::string content;  // a symlink's target for FileKind::symlink
    std::uint32_t mode = 0644;
  };

  // Where a path that builds the tree leads: links on the way are followed, missing folders are
  // no error, and a link at the end is itself meant.
  std::string tree_path(std::string_view path) const;
  // As tree_path(), but a link at the end is followed when its target is there.
  std::string target_path(std::string_view path) const;
  void place(std::string_view path, Node node);
  // The path with links followed; the last component's own link only with `follow_last`.
  Expected<std::string> walk(std::string_view operation, std::string_view path,
                             bool follow_last) const;
  // The node at a walked path. An implied directory has none: see is_directory().
  const Node* find(const std::string& path) const;
  bool is_directory(const std::string& path) const;
  // The error that fail() planted at the path, if any.
  Expected<void> check(std::string_view operation, const std::string& path) const;

  std::map<std::string, Node, std::less<>> nodes_;
  std::map<std::string, int, std::less<>> failures_;
  std::map<std::string, WriteHook, std::less<>> write_hooks_;
  std::map<Query, Expected<Reply>> replies_;
  std::map<Query, ChangeHook> change_hooks_;
  RunHook run_hook_;
  std::vector<std::pair<std::string, std::string>> writes_;
  std::vector<std::pair<Query, Reply>> changes_;
  std::vector<std::vector<std::string>> runs_;
};

}  // namespace assay
