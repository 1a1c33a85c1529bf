#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "core/capture_archive.hpp"
#include "core/memory_host.hpp"
#include "core/recorded_failures_host.hpp"
#include "core/replay_host.hpp"

namespace assay {
namespace {

std::unique_ptr<Host> in_memory(const CaptureTree& tree) {
  auto host = std::make_unique<MemoryHost>();
  for (const auto& [path, node] : tree.nodes) {
    if (node.kind == FileKind::directory) {
      host->directory(path);
    } else if (node.kind == FileKind::symlink) {
      host->link(path, node.content);
    } else {
      host->put(path, node.content);
    }
  }
  for (const auto& [query, answer] : tree.replies) {
    if (answer) {
      host->reply(query, *answer);
    } else {
      host->reply_error(query, answer.error());
    }
  }
  return with_recorded_failures(std::move(host), tree.replies);
}

}  // namespace

Expected<std::unique_ptr<Host>> open_capture(const std::string& path) {
  struct stat raw{};
  if (::stat(path.c_str(), &raw) != 0) return fail_errno(errno, "open", path);
  if (S_ISDIR(raw.st_mode)) return open_replay_host(path);
  const auto tree = unpack_capture(path);
  if (!tree) return Failure(tree.error());
  return in_memory(*tree);
}

}  // namespace assay
