#include "core/privacy_patterns.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string>

namespace assay::privacy {
namespace {

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

char at_or_nul(std::string_view text, std::size_t at) { return at < text.size() ? text[at] : '\0'; }

std::size_t hex_run(std::string_view text) {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_hex) -
                                  text.begin());
}

// "0000..." and "ffff...": no address and no id.
bool all_alike(std::string_view text) {
  char first = '\0';
  for (const char c : text) {
    if (!is_hex(c)) continue;
    const char lower = static_cast<char>(c | 0x20);
    if (first == '\0') first = lower;
    if (lower != first) return false;
  }
  return true;
}

// Groups of `width` hexadecimal digits with one separator between them: how many, and how long.
struct Groups {
  std::size_t count = 0, length = 0;
};
Groups groups_of(std::string_view text, std::size_t width, std::string_view separators) {
  Groups groups;
  const char separator = at_or_nul(text, width);
  std::size_t at = 0;
  while (hex_run(text.substr(at)) == width) {
    ++groups.count;
    groups.length = at + width;
    const char next = at_or_nul(text, groups.length);
    if (next != separator || separators.find(next) == std::string_view::npos || next == '\0') {
      break;
    }
    at = groups.length + 1;
    if (at >= text.size()) break;
  }
  return groups;
}

Found mac(std::string_view text) {
  const Groups groups = groups_of(text, 2, ":-");
  if (groups.count < 6 || all_alike(text.substr(0, groups.length))) return {};
  return {Shape::mac, groups.length};
}

Found guid(std::string_view text) {
  const Groups groups = groups_of(text, 4, ":");
  if (groups.count != 4 || at_or_nul(text, groups.length) == ':') return {};
  if (all_alike(text.substr(0, groups.length))) return {};
  return {Shape::guid, groups.length};
}

Found uuid(std::string_view text) {
  constexpr std::array<std::size_t, 5> kWidths{8, 4, 4, 4, 12};
  std::size_t at = 0;
  const char separator = at_or_nul(text, kWidths[0]);
  if (separator != '-' && separator != '_') return {};
  for (std::size_t i = 0; i < kWidths.size(); ++i) {
    if (i > 0) {
      if (at_or_nul(text, at) != separator) return {};
      ++at;
    }
    if (hex_run(text.substr(std::min(at, text.size()))) != kWidths[i]) return {};
    at += kWidths[i];
  }
  return all_alike(text.substr(0, at)) ? Found{} : Found{Shape::uuid, at};
}

Found ipv4(std::string_view text) {
  const std::size_t length = std::min(text.find_first_not_of("0123456789."), text.size());
  std::string word(text.substr(0, length));
  if (word.ends_with('.')) word.pop_back();  // the end of a sentence
  in_addr address{};
  if (std::count(word.begin(), word.end(), '.') != 3 ||
      ::inet_pton(AF_INET, word.c_str(), &address) != 1) {
    return {};
  }
  if (word.starts_with("127.") || word.starts_with("255.") || word == "0.0.0.0") return {};
  return {Shape::ipv4, word.size()};
}

Found ipv6(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && (is_hex(text[length]) || text[length] == ':')) ++length;
  // An embedded IPv4 address is found as one of its own.
  std::string word(text.substr(0, length));
  if (word.ends_with(':') && !word.ends_with("::")) word.pop_back();
  const bool short_form = word.find("::") != std::string::npos;
  std::size_t groups = 0;
  for (std::size_t i = 0; i < word.size(); ++i) {
    groups += is_hex(word[i]) && (i == 0 || word[i - 1] == ':') ? 1U : 0U;
  }
  // "0::/user.slice" is a control group and "0:0:0:1" a SCSI address.
  if (short_form ? groups < 2 : groups != 8) return {};
  in6_addr address{};
  if (::inet_pton(AF_INET6, word.c_str(), &address) != 1 || all_alike(word)) return {};
  return {Shape::ipv6, word.size()};
}

Found long_hex(std::string_view text) {
  const std::size_t length = hex_run(text);
  constexpr std::size_t kIdDigits = 32;
  if (length < kIdDigits || all_alike(text.substr(0, length))) return {};
  return {Shape::hex, length};
}

Found named(std::string_view text) {
  constexpr std::size_t kPrefix = 3;
  constexpr std::size_t kDigits = 12;
  const std::string_view prefix = text.substr(0, kPrefix);
  if (prefix != "enx" && prefix != "wlx" && prefix != "wwx") return {};
  if (hex_run(text.substr(kPrefix)) != kDigits) return {};
  return {Shape::named, kPrefix + kDigits};
}

}  // namespace

bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

Found find_shape(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  const char before = at > 0 ? text[at - 1] : '\0';
  if (rest.empty() || is_alnum(before)) return {};
  const char first = rest.front();
  if (first != 'w' && !is_hex(first) && first != ':') return {};
  const auto ends = [&](const Found& found) {
    return found.shape != Shape::none && !is_alnum(at_or_nul(rest, found.length));
  };
  // The longer forms first: a UUID starts like a run of digits.
  for (const auto find : {uuid, mac, guid, ipv6, long_hex, named}) {
    if (const Found found = find(rest); ends(found)) return found;
  }
  // "1.2.3.4.5" and "v1.2.3.4" are no addresses.
  if (is_digit(first) && before != '.') {
    const Found found = ipv4(rest);
    const bool longer =
        at_or_nul(rest, found.length) == '.' && is_digit(at_or_nul(rest, found.length + 1));
    if (ends(found) && !longer) return found;
  }
  return {};
}

}  // namespace assay::privacy
