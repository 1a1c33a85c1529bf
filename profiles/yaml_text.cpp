#include "profiles/yaml_text.hpp"

#include <fmt/format.h>

#include <cstdint>

#include "profiles/yaml_tree.hpp"

namespace assay::profiles {
namespace {

// 0 beyond the end: no continuation byte, so a sequence that is cut off is not well-formed.
std::uint8_t byte_at(std::string_view text, std::size_t index) {
  return index < text.size() ? static_cast<std::uint8_t>(text[index]) : 0;
}

bool in_range(std::uint8_t byte, int low, int high) { return byte >= low && byte <= high; }

// Length of the well-formed UTF-8 sequence that starts at `index`, 0 when there is none
// (The Unicode Standard, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF).
std::size_t utf8_length(std::string_view text, std::size_t index) {
  const std::uint8_t first = byte_at(text, index);
  const std::uint8_t second = byte_at(text, index + 1);
  if (first < 0x80) return 1;
  if (in_range(first, 0xc2, 0xdf)) return in_range(second, 0x80, 0xbf) ? 2 : 0;
  const bool third_follows = in_range(byte_at(text, index + 2), 0x80, 0xbf);
  if (in_range(first, 0xe0, 0xef)) {
    const int low = first == 0xe0 ? 0xa0 : 0x80;
    const int high = first == 0xed ? 0x9f : 0xbf;
    return in_range(second, low, high) && third_follows ? 3 : 0;
  }
  if (!in_range(first, 0xf0, 0xf4)) return 0;
  const int low = first == 0xf0 ? 0x90 : 0x80;
  const int high = first == 0xf4 ? 0x8f : 0xbf;
  const bool fourth_follows = in_range(byte_at(text, index + 3), 0x80, 0xbf);
  return in_range(second, low, high) && third_follows && fourth_follows ? 4 : 0;
}

// C0 and DEL. YAML allows none of them but tab and line ends either (YAML 1.2, 5.1).
bool is_control(std::uint8_t byte) {
  return (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f;
}

// A tab that starts a line with something on it; blank lines may hold what they like.
bool tab_indents(std::string_view text, std::size_t index) {
  const std::size_t next = text.find_first_not_of(" \t", index);
  return next != std::string_view::npos && text[next] != '\n' && text[next] != '\r';
}

}  // namespace

Expected<void> check_text(std::string_view text, std::string_view file_name) {
  Location where{std::string(file_name), 1, 1};
  if (text.size() > YamlDocument::kMaxBytes) {
    return fail_at(where, fmt::format("the file has {} bytes; a profile has at most {}",
                                      text.size(), YamlDocument::kMaxBytes));
  }
  for (std::size_t index = 0; index < text.size();) {
    const std::uint8_t byte = byte_at(text, index);
    const std::size_t length = utf8_length(text, index);
    if (length == 0) {
      return fail_at(where,
                     fmt::format("byte 0x{:02x} is not UTF-8; save the file as UTF-8", byte));
    }
    if (is_control(byte)) {
      return fail_at(where, fmt::format("control character 0x{:02x}; expected text", byte));
    }
    if (byte == '\t' && where.column == 1 && tab_indents(text, index)) {
      return fail_at(where, "a tab indents this line; expected spaces");
    }
    index += length;
    where.column += static_cast<int>(length);
    if (byte == '\n') {
      ++where.line;
      where.column = 1;
    }
  }
  return {};
}

}  // namespace assay::profiles
