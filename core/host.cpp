#include "core/host.hpp"

namespace assay {

Expected<std::string> Host::read_trimmed(std::string_view path) const {
  auto content = read(path);
  if (!content) return content;
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const std::size_t first = content->find_first_not_of(kSpace);
  if (first == std::string::npos) return std::string();
  content->erase(content->find_last_not_of(kSpace) + 1);
  content->erase(0, first);
  return content;
}

Expected<std::int64_t> Host::read_int(std::string_view path) const {
  auto text = read_trimmed(path);
  if (!text) return Failure(text.error());
  auto value = parse_int(*text);
  // The path says where the bad number stands; the parser only knows the text.
  if (!value) return fail(ErrorCode::invalid, "read", path, value.error().message());
  return value;
}

Expected<std::uint64_t> Host::read_uint(std::string_view path) const {
  auto text = read_trimmed(path);
  if (!text) return Failure(text.error());
  auto value = parse_uint(*text);
  if (!value) return fail(ErrorCode::invalid, "read", path, value.error().message());
  return value;
}

bool Host::exists(std::string_view path) const {
  const auto found = status(path);
  if (!found) return false;
  return found->kind != FileKind::symlink || resolve(path).has_value();
}

}  // namespace assay
