#include "core/memory_host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "core/file_io.hpp"
#include "core/path_walk.hpp"
#include "core/queries.hpp"

namespace assay {
namespace {

// Names and link targets end at a NUL byte, as in every file system.
std::string_view up_to_nul(std::string_view text) { return text.substr(0, text.find('\0')); }

}  // namespace

void MemoryHost::place(std::string_view path, Node node) {
  const std::string key = tree_path(up_to_nul(path));
  if (key == "/") return;  // the root is a directory whatever is asked
  if (node.kind != FileKind::directory) erase(key);
  // A file or link on the way gives way to the folder that the new path needs.
  for (std::size_t slash = key.rfind('/'); slash > 0; slash = key.rfind('/', slash - 1)) {
    const auto above = nodes_.find(std::string_view(key).substr(0, slash));
    if (above != nodes_.end() && above->second.kind != FileKind::directory) nodes_.erase(above);
  }
  nodes_.insert_or_assign(key, std::move(node));
}

void MemoryHost::put(std::string_view path, std::string_view content, std::uint32_t mode) {
  place(path, Node{FileKind::regular, std::string(content), mode});
}

void MemoryHost::link(std::string_view path, std::string_view target) {
  place(path, Node{FileKind::symlink, std::string(up_to_nul(target)), 0777});
}

void MemoryHost::directory(std::string_view path) {
  place(path, Node{FileKind::directory, {}, 0755});
}

void MemoryHost::fail(std::string_view path, int sys_errno) {
  std::string key = target_path(path);
  if (sys_errno == 0) {
    failures_.erase(key);
    return;
  }
  // So that the path is listed, and status() finds it.
  if (find(key) == nullptr && !is_directory(key)) put(key, "");
  failures_.insert_or_assign(std::move(key), sys_errno);
}

void MemoryHost::erase(std::string_view path) {
  const std::string key = tree_path(path);
  const auto take_out = [&key](auto& map) {
    if (key == "/") return map.clear();
    map.erase(key);
    // "0" comes right after "/": the range holds what stands below, and nothing else.
    map.erase(map.lower_bound(key + "/"), map.lower_bound(key + "0"));
  };
  take_out(nodes_);
  take_out(failures_);
}

void MemoryHost::reply(const Query& query, Reply reply) {
  replies_.insert_or_assign(query, std::move(reply));
}

void MemoryHost::reply_error(const Query& query, Error error) {
  replies_.insert_or_assign(query, Failure(std::move(error)));
}

void MemoryHost::on_write(std::string_view path, WriteHook hook) {
  write_hooks_.insert_or_assign(target_path(path), std::move(hook));
}

void MemoryHost::on_change(const Query& request, ChangeHook hook) {
  change_hooks_.insert_or_assign(request, std::move(hook));
}

std::string MemoryHost::tree_path(std::string_view path) const {
  path_walk::Walk steps(path);
  std::vector<std::string> at;
  while (auto step = steps.take()) {
    if (*step == "..") {
      if (!at.empty()) at.pop_back();
      continue;
    }
    at.push_back(std::move(*step));
    const Node* node = find(path_walk::join(at));
    if (node == nullptr || node->kind != FileKind::symlink || steps.empty()) continue;
    if (!steps.splice(node->content)) break;  // a cycle: the path ends where it began to turn
    at.pop_back();
    if (node->content.starts_with('/')) at.clear();
  }
  return path_walk::join(at);
}

std::string MemoryHost::target_path(std::string_view path) const {
  auto walked = walk("find", path, true);
  return walked ? std::move(*walked) : tree_path(path);
}

const MemoryHost::Node* MemoryHost::find(const std::string& path) const {
  const auto found = nodes_.find(path);
  return found == nodes_.end() ? nullptr : &found->second;
}

bool MemoryHost::is_directory(const std::string& path) const {
  if (path == "/") return true;
  if (const Node* node = find(path); node != nullptr && node->kind == FileKind::directory) {
    return true;
  }
  const std::string prefix = path + "/";
  const auto next = nodes_.lower_bound(prefix);
  return next != nodes_.end() && next->first.starts_with(prefix);
}

Expected<std::string> MemoryHost::walk(std::string_view operation, std::string_view path,
                                       bool follow_last) const {
  if (auto good = file_io::check_path(operation, path); !good) return Failure(good.error());
  path_walk::Walk steps(path);
  std::vector<std::string> at;
  while (auto step = steps.take()) {
    if (*step == "..") {
      if (!at.empty()) at.pop_back();
      continue;
    }
    at.push_back(*step);
    std::string here = path_walk::join(at);
    const Node* node = find(here);
    if (node != nullptr && node->kind == FileKind::symlink) {
      const bool as_it_is = steps.empty() && !follow_last && !steps.wants_directory();
      if (as_it_is) return here;
      if (!steps.splice(node->content)) return fail_errno(ELOOP, operation, path);
      at.pop_back();
      if (node->content.starts_with('/')) at.clear();
      continue;
    }
    const bool folder = is_directory(here);
    if (node == nullptr && !folder) return fail_errno(ENOENT, operation, path);
    if (!folder && (!steps.empty() || steps.wants_directory())) {
      return fail_errno(ENOTDIR, operation, path);
    }
  }
  return path_walk::join(at);
}

Expected<void> MemoryHost::check(std::string_view operation, const std::string& path) const {
  const auto planted = failures_.find(path);
  if (planted == failures_.end()) return {};
  return fail_errno(planted->second, operation, path);
}

Expected<std::string> MemoryHost::read(std::string_view path, Bytes limit) const {
  auto at = walk("read", path, true);
  if (!at) return at;
  if (auto good = check("read", *at); !good) return Failure(good.error());
  const Node* node = find(*at);
  if (node == nullptr || node->kind != FileKind::regular) return fail_errno(EISDIR, "read", path);
  if (node->content.size() > limit.count) {
    return assay::fail(ErrorCode::invalid, "read", path,
                       fmt::format("the file is longer than {}", format_bytes(limit)));
  }
  return node->content;
}

Expected<std::vector<std::string>> MemoryHost::list(std::string_view path) const {
  auto at = walk("list", path, true);
  if (!at) return Failure(at.error());
  if (auto good = check("list", *at); !good) return Failure(good.error());
  if (!is_directory(*at)) return fail_errno(ENOTDIR, "list", path);
  const std::string prefix = *at == "/" ? *at : *at + "/";
  std::vector<std::string> names;
  for (auto it = nodes_.lower_bound(prefix); it != nodes_.end();) {
    std::string_view rest = it->first;
    if (!rest.starts_with(prefix)) break;
    rest.remove_prefix(prefix.size());
    const std::size_t slash = rest.find('/');
    if (!rest.empty()) names.emplace_back(rest.substr(0, slash));
    // Past everything below that name at once; "0" comes right after "/".
    it = slash == rest.npos ? std::next(it) : nodes_.lower_bound(prefix + names.back() + "0");
  }
  std::sort(names.begin(), names.end(), file_io::natural_less);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Expected<std::string> MemoryHost::read_link(std::string_view path) const {
  auto at = walk("read link", path, false);
  if (!at) return at;
  if (auto good = check("read link", *at); !good) return Failure(good.error());
  const Node* node = find(*at);
  if (node == nullptr || node->kind != FileKind::symlink) {
    return fail_errno(EINVAL, "read link", path);
  }
  return node->content;
}

Expected<std::string> MemoryHost::resolve(std::string_view path) const {
  return walk("resolve", path, true);
}

Expected<FileStatus> MemoryHost::status(std::string_view path) const {
  auto at = walk("stat", path, false);
  if (!at) return Failure(at.error());
  const Node* node = find(*at);
  if (node == nullptr) return FileStatus{FileKind::directory, {}, 0755, 0};
  return FileStatus{node->kind, Bytes{node->content.size()}, node->mode, 0};
}

Expected<Reply> MemoryHost::ask(const Query& query) const {
  const auto found = replies_.find(query);
  if (found != replies_.end()) return found->second;
  return missing_reply(query);
}

Expected<void> MemoryHost::write(std::string_view path, std::string_view content) {
  auto at = walk("write", path, true);
  if (!at) return Failure(at.error());
  if (auto good = check("write", *at); !good) return good;
  const auto node = nodes_.find(*at);
  if (node == nodes_.end() || node->second.kind != FileKind::regular) {
    return fail_errno(EISDIR, "write", path);
  }
  std::string stored(content);
  if (const auto hook = write_hooks_.find(*at); hook != write_hooks_.end()) {
    auto answer = hook->second(content);
    if (!answer) return Failure(answer.error());
    stored = std::move(*answer);
  }
  node->second.content = std::move(stored);
  writes_.emplace_back(path, content);
  return {};
}

Expected<void> MemoryHost::replace_file(std::string_view path, std::string_view content,
                                        std::uint32_t mode) {
  auto at = path_walk::split(path);
  if (!at) return assay::fail(ErrorCode::invalid, "replace", path, "expected a file's name");
  auto folder = walk("replace", at->folder, true);
  if (!folder) return Failure(folder.error());
  if (!is_directory(*folder)) return fail_errno(ENOTDIR, "replace", path);
  const std::string file = *folder == "/" ? "/" + at->name : *folder + "/" + at->name;
  if (auto good = check("replace", file); !good) return good;
  if (is_directory(file)) return fail_errno(EISDIR, "replace", path);
  nodes_[file] = Node{FileKind::regular, std::string(content), mode};
  writes_.emplace_back(path, content);
  return {};
}

Expected<void> MemoryHost::remove_file(std::string_view path) {
  auto at = walk("remove", path, false);
  if (!at) return Failure(at.error());
  if (auto good = check("remove", *at); !good) return good;
  if (is_directory(*at)) {
    if (auto names = list(*at); !names || !names->empty()) {
      return fail_errno(EISDIR, "remove", path);
    }
  }
  nodes_.erase(*at);
  // On a disk a folder outlives its last file; here it would vanish with it.
  const std::size_t slash = at->rfind('/');
  if (slash > 0 && !is_directory(at->substr(0, slash))) directory(at->substr(0, slash));
  return {};
}

Expected<void> MemoryHost::make_directory(std::string_view path, std::uint32_t mode) {
  auto at = path_walk::split(path);
  if (!at) return assay::fail(ErrorCode::invalid, "make directory", path, "expected a name");
  auto folder = walk("make directory", at->folder, true);
  if (!folder) return Failure(folder.error());
  if (!is_directory(*folder)) return fail_errno(ENOTDIR, "make directory", path);
  const std::string made = *folder == "/" ? "/" + at->name : *folder + "/" + at->name;
  if (is_directory(made)) return {};
  if (find(made) != nullptr) return fail_errno(EEXIST, "make directory", path);
  if (auto good = check("make directory", made); !good) return good;
  nodes_[made] = Node{FileKind::directory, {}, mode};
  return {};
}

Expected<void> MemoryHost::change(const Query& request, const Reply& values) {
  if (auto good = check_change(request, values); !good) return good;
  const auto known = replies_.find(request);
  if (known == replies_.end()) return missing_reply(request);
  if (!known->second) return Failure(known->second.error());
  if (const auto hook = change_hooks_.find(request); hook != change_hooks_.end()) {
    if (auto done = hook->second(values); !done) return done;
  } else {
    for (const auto& [key, value] : values) known->second->insert_or_assign(key, value);
  }
  changes_.emplace_back(request, values);
  return {};
}

Expected<RunResult> MemoryHost::run(const std::vector<std::string>& argv) {
  runs_.push_back(argv);
  if (run_hook_) return run_hook_(argv);
  return assay::fail(ErrorCode::unsupported, "run", argv.empty() ? "" : argv[0],
                     "this host is no running system");
}

}  // namespace assay
