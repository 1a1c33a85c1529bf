#include "certify/json_text.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace assay::certify {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kFewMembers = 4;

bool is_plain(const Json& value) {
  return std::ranges::none_of(value, [](const Json& one) { return one.is_structured(); });
}

// Stays on one line: small objects, and numbers that nobody reads one by one.
bool fits_one_line(const Json& value) {
  if (!value.is_structured() || value.empty()) return true;
  if (value.is_object()) return value.size() <= kFewMembers && is_plain(value);
  return std::ranges::all_of(value, [](const Json& one) {
    return one.is_number() || one.is_boolean() ||
           (one.is_array() && one.size() <= kFewMembers && is_plain(one));
  });
}

void append(const Json& value, std::string& text, std::size_t indent) {
  if (fits_one_line(value)) {
    text += value.dump(-1, ' ', false, Json::error_handler_t::replace);
    return;
  }
  const std::string lead(indent + 2, ' ');
  const bool object = value.is_object();
  text += object ? "{\n" : "[\n";
  for (auto item = value.begin(); item != value.end(); ++item) {
    if (item != value.begin()) text += ",\n";
    text += lead;
    if (object) {
      text += Json(item.key()).dump(-1, ' ', false, Json::error_handler_t::replace) + ": ";
    }
    append(*item, text, indent + 2);
  }
  text += "\n" + std::string(indent, ' ') + (object ? "}" : "]");
}

}  // namespace

std::string json_text(const Json& document) {
  std::string text;
  append(document, text, 0);
  return text + "\n";
}

}  // namespace assay::certify
