// Where two JSON documents differ, as paths that can be listed in a table.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace assay::fakes {

// "net.*.address_hash" for every leaf that differs; elements of lists are one "*". A list of
// another length counts as one difference, at the list itself.
inline void differences(const nlohmann::ordered_json& a, const nlohmann::ordered_json& b,
                        const std::string& path, std::set<std::string>& into) {
  const auto below = [&](const std::string& key) { return path.empty() ? key : path + "." + key; };
  if (a.is_object() && b.is_object()) {
    for (const auto& [key, value] : a.items()) {
      differences(value, b.value(key, nlohmann::ordered_json()), below(key), into);
    }
    for (const auto& [key, value] : b.items()) {
      if (!a.contains(key)) into.insert(below(key));
    }
  } else if (a.is_array() && b.is_array() && a.size() == b.size()) {
    for (std::size_t i = 0; i < a.size(); ++i) differences(a[i], b[i], below("*"), into);
  } else if (a != b) {
    into.insert(path);
  }
}

inline std::set<std::string> differences(const nlohmann::ordered_json& a,
                                         const nlohmann::ordered_json& b) {
  std::set<std::string> found;
  differences(a, b, "", found);
  return found;
}

}  // namespace assay::fakes
