#include "tuner/text.hpp"

#include <algorithm>

namespace assay::tuner {

std::string_view trimmed(std::string_view text) {
  static constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string_view> lines_of(std::string_view text) { return split(text, '\n'); }

std::vector<std::string_view> words_of(std::string_view text) {
  static constexpr std::string_view kBlank = " \t\r";
  std::vector<std::string_view> words;
  std::size_t at = text.find_first_not_of(kBlank);
  while (at != std::string_view::npos) {
    const std::size_t end = text.find_first_of(kBlank, at);
    words.push_back(text.substr(at, end == std::string_view::npos ? end : end - at));
    at = text.find_first_not_of(kBlank, end);
  }
  return words;
}

// sysfs marks the choice in force with brackets among all that there are.
std::string_view chosen_word(std::string_view text) {
  const std::size_t open = text.find('[');
  const std::size_t close = text.find(']');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return trimmed(text);
  }
  return text.substr(open + 1, close - open - 1);
}

// As the kernel's next_arg(): quotes protect blanks, anywhere in a word, and are dropped.
std::vector<BootToken> boot_tokens(std::string_view command_line) {
  std::vector<BootToken> tokens;
  BootToken token;
  bool quoted = false;
  bool started = false;
  auto finish = [&] {
    if (started) tokens.push_back(token);
    token = {};
    started = false;
  };
  for (char c : command_line) {
    if (!quoted && (c == ' ' || c == '\t' || c == '\n')) {
      if (started && token.name == "--" && !token.has_value) return tokens;
      finish();
      continue;
    }
    started = true;
    if (c == '"') {
      quoted = !quoted;
    } else if (c == '=' && !token.has_value) {
      token.has_value = true;
    } else {
      (token.has_value ? token.value : token.name) += c;
    }
  }
  if (started && token.name == "--") return tokens;
  finish();
  return tokens;
}

bool same_boot_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](char x, char y) { return (x == '-' ? '_' : x) == (y == '-' ? '_' : y); });
}

bool matches_glob(std::string_view pattern, std::string_view text) {
  // Greedy with one point of return: the last '*' takes one character more on each failure.
  std::size_t p = 0, t = 0;
  std::size_t star = std::string_view::npos, star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t]) && pattern[p] != '*') {
      ++p;
      ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace assay::tuner
