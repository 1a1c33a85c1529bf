// Splitting of paths and the bookkeeping of a walk through symlinks. Internal to core; pure.
//
// ReplayHost and MemoryHost walk paths themselves, so that a link can never lead out of their
// root. Both keep the rules of path_resolution(7): ".." at the root stays at the root, an absolute
// target starts again at the root, and more than 40 links are taken for a cycle.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace assay::path_walk {

// The parts between slashes, without "" and ".".
std::vector<std::string_view> components(std::string_view path);

// "/a/b" of {"a", "b"}; "/" of none.
std::string join(const std::vector<std::string>& parts);

// Where a file is to be made: its folder and its name, "/etc" and "x.conf". Nothing for a path
// that is relative, holds a NUL byte or ends in "/", "." or "..".
struct Place {
  std::string folder;
  std::string name;
};
std::optional<Place> split(std::string_view path);

// The components that are still to be walked.
class Walk {
 public:
  // The kernel's own limit (MAXSYMLINKS).
  static constexpr unsigned kMaxLinks = 40;

  explicit Walk(std::string_view path);

  // The next component, or nothing at the end.
  std::optional<std::string> take();
  bool empty() const { return rest_.empty(); }
  // The path ended in "/": its last component must be a directory.
  bool wants_directory() const { return wants_directory_; }
  // Puts a link's target in front of what is left. False: too many links, or an empty target.
  bool splice(std::string_view target);

 private:
  std::deque<std::string> rest_;
  unsigned links_ = 0;
  bool wants_directory_ = false;
};

}  // namespace assay::path_walk
