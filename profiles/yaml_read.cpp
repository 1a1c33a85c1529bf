#include "profiles/yaml_read.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/suggest.hpp"

namespace assay::profiles {
namespace {

// Longer texts are no values of settings, and would make messages and tables unreadable.
constexpr std::size_t kLongestText = 1000;
constexpr std::size_t kLongestName = 64;

// The one form of every message here.
Failure expected_but_found(const YamlNode& node, std::string_view what, std::string_view expected) {
  return fail_at(node, fmt::format("{}: expected {}, found {}", what, expected, describe(node)));
}

// Bytes above 0x7f are UTF-8 and welcome; yaml_text.cpp has checked them, but escapes in quoted
// scalars ("\x1b") arrive only here.
bool is_one_line(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte != 0x7f;
  });
}

// Names become parts of file names and of metrics' labels: nothing in them may need quoting.
bool is_name(std::string_view text) {
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
  if (text.empty() || text.size() > kLongestName || !is_lower(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_lower(c) || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

}  // namespace

std::string describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlKind::null:
      return "nothing";
    case YamlKind::list:
      return "a list";
    case YamlKind::map:
      return "a map";
    case YamlKind::scalar:
      break;
  }
  return in_quotes(node.text);
}

std::string one_of(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

Expected<void> expect_map(const YamlNode& node, std::string_view what,
                          std::span<const std::string_view> allowed) {
  if (node.kind != YamlKind::map) return expected_but_found(node, what, "a map");
  for (const auto& [key, value] : node.entries) {
    if (std::find(allowed.begin(), allowed.end(), key->text) != allowed.end()) continue;
    return fail_at(*key, fmt::format("{} has no key {}; expected {}{}", what, in_quotes(key->text),
                                     one_of(allowed), did_you_mean(key->text, allowed)));
  }
  return {};
}

Expected<void> expect_list(const YamlNode& node, std::string_view what) {
  if (node.kind != YamlKind::list) return expected_but_found(node, what, "a list");
  return {};
}

Expected<std::string> read_text(const YamlNode& node, std::string_view what) {
  if (node.kind != YamlKind::scalar || node.text.empty()) {
    return expected_but_found(node, what, "text");
  }
  if (node.text.size() > kLongestText) {
    return fail_at(node, fmt::format("{}: expected at most {} bytes of text, found {}", what,
                                     kLongestText, node.text.size()));
  }
  if (!is_one_line(node.text)) {
    return expected_but_found(node, what, "one line without control characters");
  }
  return node.text;
}

Expected<std::string> read_text_or_list(const YamlNode& node, std::string_view what) {
  if (node.kind != YamlKind::list) return read_text(node, what);
  if (node.items.empty()) return fail_at(node, fmt::format("{}: the list is empty", what));
  // The kernel's own separator in lists of CPUs and of boot options.
  std::string joined;
  for (const YamlNode* item : node.items) {
    const auto text = read_text(*item, what);
    if (!text) return Failure(text.error());
    if (!joined.empty()) joined += ',';
    joined += *text;
  }
  if (joined.size() > kLongestText) {
    return fail_at(node, fmt::format("{}: the list has {} bytes of text; expected at most {}", what,
                                     joined.size(), kLongestText));
  }
  return joined;
}

Expected<std::string> read_name(const YamlNode& node, std::string_view what) {
  if (node.kind != YamlKind::scalar || !is_name(node.text)) {
    return expected_but_found(node, what,
                              "a name of a-z, 0-9, '.', '_' and '-' that starts with a letter");
  }
  return node.text;
}

// The two words of YAML 1.2's core schema; yes and no are values of settings, not flags.
Expected<bool> read_flag(const YamlNode& node, std::string_view what) {
  const bool is_true = node.text == "true";
  if (node.kind != YamlKind::scalar || (!is_true && node.text != "false")) {
    return expected_but_found(node, what, "true or false");
  }
  return is_true;
}

Expected<std::uint64_t> read_count(const YamlNode& node, std::string_view what, CountRange range) {
  const auto value = parse_uint(node.text);
  if (node.kind != YamlKind::scalar || !value || *value < range.low || *value > range.high) {
    return expected_but_found(node, what,
                              fmt::format("a whole number from {} to {}", range.low, range.high));
  }
  return *value;
}

// from_chars knows no locale; it takes "inf" and "nan", which are refused.
Expected<double> read_number(const YamlNode& node, std::string_view what) {
  double value = 0;
  const char* end = node.text.data() + node.text.size();
  const auto result = std::from_chars(node.text.data(), end, value, std::chars_format::fixed);
  const bool whole = result.ec == std::errc() && result.ptr == end && std::isfinite(value);
  if (node.kind != YamlKind::scalar || !whole) {
    return expected_but_found(node, what, "a decimal number");
  }
  return value;
}

Expected<Nanoseconds> read_duration(const YamlNode& node, std::string_view what) {
  const auto value = parse_duration(node.text);
  if (node.kind != YamlKind::scalar || !value || value->count() <= 0) {
    return expected_but_found(node, what, "a duration above 0 with its unit, such as 250us or 60s");
  }
  return *value;
}

Expected<Bytes> read_size(const YamlNode& node, std::string_view what) {
  const auto value = parse_bytes(node.text);
  if (node.kind != YamlKind::scalar || !value || value->count == 0) {
    return expected_but_found(node, what, "a size above 0, such as 512MiB or 2GiB");
  }
  return *value;
}

}  // namespace assay::profiles
