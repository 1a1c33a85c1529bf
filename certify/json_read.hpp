// Lenient reads of JSON members: what is absent or of another type is empty. Internal to certify/.
#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace assay::certify {

// Objects only; anything else, and a member that is not there, gives null.
inline const nlohmann::json& member(const nlohmann::json& document, const char* key) {
  static const nlohmann::json kNull;
  const auto found = document.find(key);
  return found == document.end() ? kNull : *found;
}

inline std::string text_or_empty(const nlohmann::json& document, const char* key) {
  const nlohmann::json& found = member(document, key);
  return found.is_string() ? found.get<std::string>() : std::string();
}

// A number beyond T's range is as good as none: converting it would be undefined.
template <typename T>
T number_or_zero(const nlohmann::json& document, const char* key) {
  const nlohmann::json& found = member(document, key);
  if (!found.is_number()) return T{};
  if constexpr (std::is_integral_v<T>) {
    if (found.is_number_float()) return T{};
    if (found.is_number_unsigned() && !std::in_range<T>(found.get<std::uint64_t>())) {
      return T{};
    }
    if (!found.is_number_unsigned() && !std::in_range<T>(found.get<std::int64_t>())) return T{};
  }
  return found.get<T>();
}

// For counts in arrays. Throws std::length_error for anything else.
inline std::uint64_t whole_number(const nlohmann::json& value) {
  if (!value.is_number_unsigned()) throw std::length_error("a count is not a whole number");
  return value.get<std::uint64_t>();
}

inline bool true_or_false(const nlohmann::json& document, const char* key) {
  const nlohmann::json& found = member(document, key);
  return found.is_boolean() && found.get<bool>();
}

inline std::vector<std::string> words_of(const nlohmann::json& document, const char* key) {
  std::vector<std::string> words;
  const nlohmann::json& found = member(document, key);
  if (!found.is_array()) return words;
  for (const nlohmann::json& word : found) {
    if (word.is_string()) words.push_back(word.get<std::string>());
  }
  return words;
}

}  // namespace assay::certify
