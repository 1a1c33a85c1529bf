#include "profiles/loader.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>

#include "core/fd.hpp"
#include "core/suggest.hpp"
#include "profiles/merge.hpp"
#include "profiles/yaml_tree.hpp"

namespace assay::profiles {
namespace {

// Far beyond what people nest; they bound time and stack for files that are made to be nasty.
constexpr std::size_t kMaxChain = 16;
constexpr std::size_t kMaxLayers = 32;

// Names of built-in profiles have neither a slash nor an ending, so the two never meet.
bool is_path(std::string_view name) {
  return name.find('/') != std::string_view::npos || name.ends_with(".yaml") ||
         name.ends_with(".yml");
}

// Reads one ordinary file of bounded size. O_NONBLOCK: a FIFO must not hang us before it is
// refused.
Expected<std::string> read_profile_file(const std::string& path) {
  const auto file = UniqueFd::open(path, O_RDONLY | O_NONBLOCK);
  if (!file) return fail_errno(file.error().sys_errno, "read profile", path);
  struct stat status{};
  if (::fstat(file->get(), &status) != 0) return fail_errno(errno, "read profile", path);
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::invalid, "read profile", path, "not an ordinary file");
  }
  std::string text;
  std::string chunk(64 << 10, '\0');
  // One byte beyond the limit is enough to be refused for its size.
  while (text.size() <= YamlDocument::kMaxBytes) {
    const ssize_t got = ::read(file->get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read profile", path);
    if (got == 0) break;
    text.append(chunk, 0, static_cast<std::size_t>(got));
  }
  return text;
}

const BuiltIn* find_built_in(std::string_view name) {
  for (const BuiltIn& built_in : built_in_profiles()) {
    if (built_in.name == name) return &built_in;
  }
  return nullptr;
}

std::vector<std::string_view> built_in_names() {
  std::vector<std::string_view> names;
  for (const BuiltIn& built_in : built_in_profiles()) names.push_back(built_in.name);
  return names;
}

std::string unknown_profile(std::string_view name) {
  const std::vector<std::string_view> names = built_in_names();
  return fmt::format(
      "no built-in profile has this name{}; there are {}; a file's path has a / or "
      "ends in .yaml",
      did_you_mean(name, names), fmt::join(names, ", "));
}

// One profile as it is found: where its text is, and what tells it from others in a chain.
struct Source {
  std::string identity;   // canonical path, or "built-in NAME"
  std::string file_name;  // for messages
  std::string directory;  // where its relative paths start; empty: it may name no files
  std::string text;
};

// Built-in profiles may extend each other by name only: there is no folder to start from.
Source source_of(const BuiltIn& built_in) {
  return {fmt::format("built-in {}", built_in.name), fmt::format("{}.yaml", built_in.name), "",
          std::string(built_in.yaml)};
}

// The canonical path tells files apart, whatever links lead to them; messages keep the path that
// the user wrote.
Expected<Source> source_of_path(const std::filesystem::path& path) {
  auto text = read_profile_file(path.string());
  if (!text) return Failure(text.error());
  std::error_code unresolved;
  const std::filesystem::path canonical = std::filesystem::weakly_canonical(path, unresolved);
  const std::filesystem::path directory = path.has_parent_path() ? path.parent_path() : ".";
  return Source{unresolved ? path.string() : canonical.string(), path.string(), directory.string(),
                std::move(*text)};
}

// Follows `extends` depth first: parents before children, each once, at its first mention.
class Loader {
 public:
  explicit Loader(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  Expected<Profile> load(const Source& source) {
    if (auto done = visit(source); !done) return Failure(done.error());
    return merger_.finish();
  }

 private:
  // A profile that is being read, and the `extends` entry that is being followed.
  struct Open {
    std::string identity;
    std::string file_name;
    Parent next;
  };

  // A profile is laid down once, at its first mention: with two parents that share a base, the
  // base must not undo what the first of them changed.
  Expected<void> visit(const Source& source) {
    const bool done = std::find(done_.begin(), done_.end(), source.identity) != done_.end();
    if (done) return {};
    const auto layer = parse_layer(source.text, source.file_name, vocabulary_);
    if (!layer) return Failure(layer.error());
    open_.push_back({source.identity, source.file_name, {}});
    for (const Parent& parent : layer->extends) {
      open_.back().next = parent;
      if (auto visited = visit_parent(source, parent); !visited) return visited;
    }
    open_.pop_back();
    done_.push_back(source.identity);
    return merger_.add(*layer);
  }

  Expected<void> visit_parent(const Source& child, const Parent& parent) {
    const auto source = find_parent(child, parent);
    if (!source) return Failure(source.error());
    const auto same = std::find_if(open_.begin(), open_.end(), [&](const Open& open) {
      return open.identity == source->identity;
    });
    if (same != open_.end())
      return fail_cycle(parent, static_cast<std::size_t>(same - open_.begin()));
    if (open_.size() >= kMaxChain || done_.size() >= kMaxLayers) {
      return fail_at(parent.location,
                     fmt::format("extends: at most {} profiles in a row and {} in all", kMaxChain,
                                 kMaxLayers));
    }
    return visit(*source);
  }

  static Expected<Source> find_parent(const Source& child, const Parent& parent) {
    if (!is_path(parent.name)) {
      const BuiltIn* built_in = find_built_in(parent.name);
      if (built_in != nullptr) return source_of(*built_in);
      return fail_at(parent.location, fmt::format("extends {}: {}", in_quotes(parent.name),
                                                  unknown_profile(parent.name)));
    }
    if (child.directory.empty()) {
      return fail_at(parent.location, "extends: only a profile in a file can extend another file");
    }
    auto source = source_of_path(std::filesystem::path(child.directory) / parent.name);
    if (source) return source;
    // The user needs the line that names the file, not only the file that is not there.
    Error error = source.error();
    error.cause =
        fmt::format("extends {}: {} ({})", in_quotes(parent.name), error.cause, error.subject);
    error.subject = parent.location.to_string();
    return Failure(std::move(error));
  }

  // Only the steps of the circle itself, each with its place; how it was reached is left out.
  Failure fail_cycle(const Parent& parent, std::size_t first) const {
    std::string chain;
    for (std::size_t i = first; i < open_.size(); ++i) {
      chain += fmt::format("{}{} extends {}", i == first ? "" : ", ",
                           open_[i].next.location.to_string(), open_[i].next.name);
    }
    return fail_at(parent.location, fmt::format("extends goes in a circle: {}", chain));
  }

  const Vocabulary& vocabulary_;
  Merger merger_;
  std::vector<Open> open_;
  std::vector<std::string> done_;
};

}  // namespace

Expected<Profile> load_profile(std::string_view name_or_path, const Vocabulary& vocabulary) {
  if (is_path(name_or_path)) {
    const auto source = source_of_path(std::filesystem::path(name_or_path));
    if (!source) return Failure(source.error());
    return Loader(vocabulary).load(*source);
  }
  const BuiltIn* built_in = find_built_in(name_or_path);
  if (built_in == nullptr) {
    return fail(ErrorCode::absent, "read profile", in_quotes(name_or_path),
                unknown_profile(name_or_path));
  }
  return Loader(vocabulary).load(source_of(*built_in));
}

Expected<Profile> parse_profile(std::string_view yaml, std::string_view file_name,
                                const Vocabulary& vocabulary) {
  return Loader(vocabulary)
      .load(Source{"the text itself", std::string(file_name), "", std::string(yaml)});
}

}  // namespace assay::profiles
