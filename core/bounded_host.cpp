#include "core/bounded_host.hpp"

#include <fmt/format.h>

namespace assay {
namespace {

Failure read_only(std::string_view operation, std::string_view path) {
  return fail(ErrorCode::unsupported, operation, path, "this host is only read");
}

}  // namespace

Expected<void> BoundedHost::spend(std::string_view operation, std::string_view path) const {
  // Relaxed: the numbers order nothing else.
  if (calls_.fetch_add(1, std::memory_order_relaxed) < limits_.calls &&
      bytes_.load(std::memory_order_relaxed) <= limits_.read.count) {
    return {};
  }
  return fail(ErrorCode::exhausted, operation, path, "too much was read of this host");
}

std::string BoundedHost::shortfall() const {
  if (calls_.load() > limits_.calls) {
    return fmt::format("more than {} files and questions: the rest was not read", limits_.calls);
  }
  if (bytes_.load() > limits_.read.count) {
    return fmt::format("more than {} in all: the rest was not read", format_bytes(limits_.read));
  }
  if (names_cut_.load()) return "a directory has more names than any host: the rest was not read";
  return {};
}

Expected<std::string> BoundedHost::read(std::string_view path, Bytes limit) const {
  if (auto left = spend("read", path); !left) return Failure(left.error());
  auto content = inner_.read(path, limit);
  if (content) bytes_.fetch_add(content->size(), std::memory_order_relaxed);
  return content;
}

Expected<std::vector<std::string>> BoundedHost::list(std::string_view path) const {
  if (auto left = spend("list", path); !left) return Failure(left.error());
  auto names = inner_.list(path);
  const std::size_t most = path.starts_with("/sys/") ? limits_.names_in_sys : limits_.names;
  if (names && names->size() > most) {
    names->resize(most);
    names_cut_ = true;
  }
  return names;
}

Expected<std::string> BoundedHost::read_link(std::string_view path) const {
  if (auto left = spend("read link", path); !left) return Failure(left.error());
  return inner_.read_link(path);
}

Expected<std::string> BoundedHost::resolve(std::string_view path) const {
  if (auto left = spend("resolve", path); !left) return Failure(left.error());
  return inner_.resolve(path);
}

Expected<FileStatus> BoundedHost::status(std::string_view path) const {
  if (auto left = spend("stat", path); !left) return Failure(left.error());
  return inner_.status(path);
}

Expected<Reply> BoundedHost::ask(const Query& query) const {
  if (auto left = spend("ask", query.kind); !left) return Failure(left.error());
  return inner_.ask(query);
}

Expected<void> BoundedHost::write(std::string_view path, std::string_view) {
  return read_only("write", path);
}
Expected<void> BoundedHost::replace_file(std::string_view path, std::string_view, std::uint32_t) {
  return read_only("replace", path);
}
Expected<void> BoundedHost::remove_file(std::string_view path) { return read_only("remove", path); }
Expected<void> BoundedHost::make_directory(std::string_view path, std::uint32_t) {
  return read_only("make directory", path);
}
Expected<void> BoundedHost::change(const Query& request, const Reply&) {
  return read_only("change", request.kind);
}
Expected<RunResult> BoundedHost::run(const std::vector<std::string>& argv) {
  return read_only("run", argv.empty() ? "" : argv[0]);
}

}  // namespace assay
