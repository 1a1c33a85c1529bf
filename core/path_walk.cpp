#include "core/path_walk.hpp"

namespace assay::path_walk {

std::vector<std::string_view> components(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") parts.push_back(part);
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return parts;
}

std::string join(const std::vector<std::string>& parts) {
  if (parts.empty()) return "/";
  std::string path;
  for (const std::string& part : parts) {
    path += '/';
    path += part;
  }
  return path;
}

std::optional<Place> split(std::string_view path) {
  if (!path.starts_with('/') || path.find('\0') != std::string_view::npos) return std::nullopt;
  const std::size_t slash = path.rfind('/');
  const std::string_view name = path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") return std::nullopt;
  return Place{slash == 0 ? "/" : std::string(path.substr(0, slash)), std::string(name)};
}

Walk::Walk(std::string_view path) : wants_directory_(path.ends_with('/') || path.ends_with("/.")) {
  for (const std::string_view part : components(path)) rest_.emplace_back(part);
}

std::optional<std::string> Walk::take() {
  if (rest_.empty()) return std::nullopt;
  std::string part = std::move(rest_.front());
  rest_.pop_front();
  return part;
}

bool Walk::splice(std::string_view target) {
  if (++links_ > kMaxLinks || target.empty()) return false;
  if (rest_.empty() && target.ends_with('/')) wants_directory_ = true;
  const auto parts = components(target);
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) rest_.emplace_front(*part);
  return true;
}

}  // namespace assay::path_walk
