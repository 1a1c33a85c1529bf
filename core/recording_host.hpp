// A Host that remembers every answer: what `assay gather` puts around the machine.
//
// Whatever the probes and readers ask is asked of the inner host once; the second time the first
// answer is given, so that a recording agrees with itself however fast counters move. Nothing is
// recorded that nobody asked for, but for the names beside it in a listed directory and the
// symlinks on the way to it, which a replay needs to find the same file.
//
// Thread-safe for const calls. Changing calls are refused (unsupported). No privilege beyond what
// the inner host's files need.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/capture_tree.hpp"
#include "core/host.hpp"

namespace assay {

class RecordingHost final : public Host {
 public:
  // `inner` must outlive this host.
  explicit RecordingHost(const Host& inner) : inner_(inner) {}

  // What was recorded so far. Replaying it answers every call that was made here in the same way.
  CaptureTree tree() const;

  Expected<std::string> read(std::string_view path, Bytes limit = kDefaultReadLimit) const override;
  Expected<std::vector<std::string>> list(std::string_view path) const override;
  Expected<std::string> read_link(std::string_view path) const override;
  Expected<std::string> resolve(std::string_view path) const override;
  Expected<FileStatus> status(std::string_view path) const override;
  Expected<Reply> ask(const Query& query) const override;

  Expected<void> write(std::string_view path, std::string_view content) override;
  Expected<void> replace_file(std::string_view path, std::string_view content,
                              std::uint32_t mode) override;
  Expected<void> remove_file(std::string_view path) override;
  Expected<void> make_directory(std::string_view path, std::uint32_t mode) override;
  Expected<void> change(const Query& request, const Reply& values) override;
  Expected<RunResult> run(const std::vector<std::string>& argv) override;

  bool is_this_system() const override { return inner_.is_this_system(); }
  std::string root() const override { return inner_.root(); }

 private:
  template <typename T>
  using Answers = std::map<std::string, Expected<T>, std::less<>>;

  // The answer that was given before, or that of `ask_inner` now. Locked by the caller.
  template <typename T, typename Call>
  const Expected<T>& once(Answers<T>& answers, std::string_view path, Call ask_inner) const;
  // What stands at a path without symlinks; nothing when there is nothing or it may not be seen.
  const CaptureNode* look(const std::string& path) const;
  // Follows the path as the kernel would, and records the symlinks and directories on the way.
  // Returns where it ends, or "" when it leads nowhere.
  std::string walk(std::string_view path, bool follow_last) const;
  // Keeps a failure that the bare tree would not repeat.
  void keep_failure(const char* kind, std::string_view path, const Error& error,
                    bool leads_somewhere) const;

  const Host& inner_;
  mutable std::mutex mutex_;  // guards all below
  mutable CaptureTree tree_;
  mutable std::map<std::string, bool, std::less<>> looked_;  // path → something is there
  mutable Answers<std::string> links_, resolved_;
  mutable Answers<std::vector<std::string>> lists_;
  mutable Answers<FileStatus> statuses_;
};

}  // namespace assay
