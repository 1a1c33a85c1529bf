#include "probes/yaml_text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <string_view>

namespace assay::probes {
namespace {

using Json = nlohmann::ordered_json;

// JSON's escapes are a subset of YAML's double-quoted ones.
std::string scalar(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// YAML 1.1 readers still take these for booleans and null.
bool is_reserved(std::string_view key) {
  constexpr auto kWords = std::to_array<std::string_view>(
      {"y", "n", "yes", "no", "on", "off", "true", "false", "null"});
  std::string lower(key);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

std::string key_text(const std::string& key) {
  const bool plain =
      !key.empty() && std::isalpha(static_cast<unsigned char>(key.front())) != 0 &&
      std::all_of(key.begin(), key.end(), [](unsigned char c) {
        return c < 0x80 && (std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.');
      });
  return plain && !is_reserved(key) ? key : scalar(Json(key));
}

bool is_block(const Json& value) {
  return (value.is_object() || value.is_array()) && !value.empty();
}

// `indent` is where the keys or dashes of `value` stand; the caller has written that indent for the
// first line already when `inline_first` is set.
void write(const Json& value, std::size_t indent, bool inline_first, std::string& out) {
  bool first = inline_first;
  const auto begin = [&] {
    if (!first) out.append(indent, ' ');
    first = false;
  };
  if (value.is_object()) {
    for (const auto& [key, child] : value.items()) {
      begin();
      out += key_text(key) + ":";
      if (is_block(child)) {
        out += '\n';
        write(child, indent + 2, false, out);
      } else {
        out += " " + scalar(child) + "\n";
      }
    }
    return;
  }
  for (const Json& child : value) {
    begin();
    out += "- ";
    if (is_block(child)) {
      write(child, indent + 2, true, out);
    } else {
      out += scalar(child) + "\n";
    }
  }
}

}  // namespace

std::string to_yaml(const nlohmann::ordered_json& document) {
  if (!is_block(document)) return scalar(document) + "\n";
  std::string out;
  write(document, 0, false, out);
  return out;
}

}  // namespace assay::probes
