#include "core/recording_host.hpp"

#include <fmt/format.h>

#include "core/path_walk.hpp"

namespace assay {
namespace {

Failure read_only(std::string_view operation, std::string_view path) {
  return fail(ErrorCode::unsupported, operation, path, "a recording only reads");
}

std::string below(const std::string& directory, const std::string& name) {
  return directory == "/" ? "/" + name : directory + "/" + name;
}

}  // namespace

template <typename T, typename Call>
const Expected<T>& RecordingHost::once(Answers<T>& answers, std::string_view path,
                                       Call ask_inner) const {
  const auto found = answers.find(path);
  if (found != answers.end()) return found->second;
  return answers.emplace(std::string(path), ask_inner()).first->second;
}

const CaptureNode* RecordingHost::look(const std::string& path) const {
  const auto known = looked_.find(path);
  if (known != looked_.end()) return known->second ? &tree_.nodes[path] : nullptr;
  const auto found = inner_.status(path);
  if (!found) {
    looked_.emplace(path, false);
    return nullptr;
  }
  CaptureNode node{.kind = found->kind};
  if (found->kind == FileKind::symlink) {
    auto target = inner_.read_link(path);
    if (target) {
      node.content = std::move(*target);
    } else {
      node.kind = FileKind::regular;  // /proc/1/exe and the like: a link that may not be read
    }
  } else if (found->kind != FileKind::directory) {
    node.kind = FileKind::regular;
  }
  looked_.emplace(path, true);
  return &tree_.nodes.insert_or_assign(path, std::move(node)).first->second;
}

std::string RecordingHost::walk(std::string_view path, bool follow_last) const {
  path_walk::Walk steps(path);
  std::vector<std::string> at;
  while (auto step = steps.take()) {
    if (*step == "..") {
      if (!at.empty()) at.pop_back();
      continue;
    }
    at.push_back(std::move(*step));
    const CaptureNode* node = look(path_walk::join(at));
    if (node == nullptr) return {};
    const bool is_last = steps.empty() && !steps.wants_directory();
    if (node->kind != FileKind::symlink || (is_last && !follow_last)) {
      if (!is_last && node->kind != FileKind::directory) return {};
      continue;
    }
    if (!steps.splice(node->content)) return {};
    at.pop_back();
    if (node->content.starts_with('/')) at.clear();
  }
  return path_walk::join(at);
}

void RecordingHost::keep_failure(const char* kind, std::string_view path, const Error& error,
                                 bool leads_somewhere) const {
  // A path that leads nowhere in the recording leads nowhere in the replay.
  if (error.code == ErrorCode::absent && !leads_somewhere) return;
  tree_.replies.insert_or_assign(Query{kind, std::string(path)}, Failure(error));
}

Expected<std::string> RecordingHost::read(std::string_view path, Bytes limit) const {
  const std::scoped_lock lock(mutex_);
  // By the place, not the path: a file that is reached over two links is still one file.
  const std::string place = walk(path, true);
  const auto known = place.empty() ? tree_.nodes.end() : tree_.nodes.find(place);
  if (known != tree_.nodes.end() && known->second.was_read) {
    if (known->second.content.size() <= limit.count) return known->second.content;
    return fail(ErrorCode::invalid, "read", path,
                fmt::format("the file is longer than {}", format_bytes(limit)));
  }
  const Query failed{kFailedRead, std::string(path)};
  const auto before = tree_.replies.find(failed);
  // After "too long" a larger limit may succeed: that alone is asked again.
  if (before != tree_.replies.end() && before->second.error().code != ErrorCode::invalid) {
    return Failure(before->second.error());
  }
  auto answer = inner_.read(path, limit);
  if (!answer) {
    keep_failure(kFailedRead, path, answer.error(), !place.empty());
  } else if (!place.empty()) {
    tree_.nodes[place] = CaptureNode{FileKind::regular, *answer, true};
    tree_.replies.erase(failed);
  }
  return answer;
}

Expected<std::vector<std::string>> RecordingHost::list(std::string_view path) const {
  const std::scoped_lock lock(mutex_);
  return once(lists_, path, [&] {
    auto names = inner_.list(path);
    const std::string place = walk(path, true);
    if (!names) {
      keep_failure(kFailedList, path, names.error(), !place.empty());
    } else if (!place.empty()) {
      for (const std::string& name : *names) {
        const std::string child = below(place, name);
        // A process may end, or a device go, in between: its name was given all the same.
        if (look(child) == nullptr) tree_.nodes.try_emplace(child, CaptureNode{});
      }
    }
    return names;
  });
}

Expected<std::string> RecordingHost::read_link(std::string_view path) const {
  const std::scoped_lock lock(mutex_);
  return once(links_, path, [&] {
    auto target = inner_.read_link(path);
    const bool there = !walk(path, false).empty();
    if (!target) keep_failure(kFailedLink, path, target.error(), there);
    return target;
  });
}

Expected<std::string> RecordingHost::resolve(std::string_view path) const {
  const std::scoped_lock lock(mutex_);
  return once(resolved_, path, [&] {
    auto resolved = inner_.resolve(path);
    const bool there = !walk(path, true).empty();
    if (!resolved) keep_failure(kFailedResolve, path, resolved.error(), there);
    return resolved;
  });
}

Expected<FileStatus> RecordingHost::status(std::string_view path) const {
  const std::scoped_lock lock(mutex_);
  return once(statuses_, path, [&] {
    auto status = inner_.status(path);
    const bool there = !walk(path, false).empty();
    if (!status) keep_failure(kFailedStatus, path, status.error(), there);
    return status;
  });
}

Expected<Reply> RecordingHost::ask(const Query& query) const {
  const std::scoped_lock lock(mutex_);
  const auto known = tree_.replies.find(query);
  if (known != tree_.replies.end()) return known->second;
  return tree_.replies.emplace(query, inner_.ask(query)).first->second;
}

CaptureTree RecordingHost::tree() const {
  const std::scoped_lock lock(mutex_);
  return tree_;
}

Expected<void> RecordingHost::write(std::string_view path, std::string_view) {
  return read_only("write", path);
}
Expected<void> RecordingHost::replace_file(std::string_view path, std::string_view, std::uint32_t) {
  return read_only("replace", path);
}
Expected<void> RecordingHost::remove_file(std::string_view path) {
  return read_only("remove", path);
}
Expected<void> RecordingHost::make_directory(std::string_view path, std::uint32_t) {
  return read_only("make directory", path);
}
Expected<void> RecordingHost::change(const Query& request, const Reply&) {
  return read_only("change", request.kind);
}
Expected<RunResult> RecordingHost::run(const std::vector<std::string>& argv) {
  return read_only("run", argv.empty() ? "" : argv[0]);
}

}  // namespace assay
