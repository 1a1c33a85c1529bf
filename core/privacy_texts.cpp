#include "core/privacy_texts.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace assay::privacy {
namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : line) {
    if (c == ' ' || c == '\t') {
      if (!word.empty()) words.push_back(std::move(word));
      word.clear();
    } else {
      word += c;
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += line.empty() ? word : " " + word;
  return line;
}

template <typename Each>
std::string each_line(std::string_view text, Each each) {
  std::string result;
  for (const std::string_view line : lines_of(text)) result += each(line) + "\n";
  return result;
}

bool is_comment(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t");
  return first != std::string_view::npos && (line[first] == '#' || line[first] == ';');
}

// --- mount tables ---

bool is_cgroup(std::string_view type) { return type == "cgroup" || type == "cgroup2"; }

// A device, the file system's own name, "server:/export", "//server/share", "pool/set".
std::string mount_source(const std::string& source, std::string_view type, Pseudonyms& pseudonyms) {
  if (source == type) return source;
  const std::size_t colon = source.find(":/");
  if (colon != std::string::npos) {
    return "host-" + pseudonyms.digits("host name", source.substr(0, colon), 8) + ":" +
           chosen_path(std::string_view(source).substr(colon + 1), pseudonyms);
  }
  if (source.starts_with("//")) return "//p-" + pseudonyms.digits("name", source, 8);
  return chosen_path(source, pseudonyms);
}

// "rw,size=4k,lowerdir=/home/..." → "rw".
std::string plain_options(std::string_view options) {
  std::string result;
  while (!options.empty()) {
    const std::size_t comma = std::min(options.find(','), options.size());
    const std::string_view word = options.substr(0, comma);
    options.remove_prefix(std::min(comma + 1, options.size()));
    if (word.empty() || word.find_first_of("=:/") != std::string_view::npos) continue;
    result += (result.empty() ? "" : ",") + std::string(word);
  }
  return result.empty() ? "rw" : result;
}

}  // namespace

std::string mountinfo(std::string_view text, Pseudonyms& pseudonyms) {
  return each_line(text, [&](std::string_view line) {
    std::vector<std::string> words = words_of(line);
    const auto dash = std::ranges::find(words, "-");
    const auto at = static_cast<std::size_t>(dash - words.begin());
    // "27 1 254:0 ROOT POINT rw,relatime shared:1 - TYPE SOURCE OPTIONS"
    if (at < 6 || words.size() < at + 3) return std::string();
    const std::string type = words[at + 1];
    if (is_cgroup(type)) {
      for (std::string& word : words) word = pseudonyms.scrub(word);
      return joined(words);
    }
    for (const std::size_t path : {3U, 4U}) words[path] = chosen_path(words[path], pseudonyms);
    words[5] = plain_options(words[5]);
    words[at + 2] = mount_source(words[at + 2], type, pseudonyms);
    for (std::size_t i = at + 3; i < words.size(); ++i) words[i] = plain_options(words[i]);
    return joined(words);
  });
}

std::string mounts(std::string_view text, Pseudonyms& pseudonyms) {
  return each_line(text, [&](std::string_view line) {
    std::vector<std::string> words = words_of(line);
    if (words.size() < 4) return std::string();
    if (is_cgroup(words[2])) return pseudonyms.scrub(line);
    words[0] = mount_source(words[0], words[2], pseudonyms);
    words[1] = chosen_path(words[1], pseudonyms);
    words[3] = plain_options(words[3]);
    return joined(words);
  });
}

std::string swaps(std::string_view text, Pseudonyms& pseudonyms) {
  return each_line(text, [&](std::string_view line) {
    if (!line.starts_with('/')) return std::string(line);
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    return chosen_path(line.substr(0, end), pseudonyms) + std::string(line.substr(end));
  });
}

// --- configuration files ---

namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return result;
}

bool speaks_of_identity(std::string_view key) {
  constexpr auto kWords = std::to_array<std::string_view>(
      {"serial", "uuid", "wwn", "wwid", "address", "hostname", "domainname", "label", "password",
       "passwd", "secret", "token", "user", "owner", "group", "initiator", "nqn"});
  const std::string name = lower(key);
  return std::ranges::any_of(
      kWords, [&](std::string_view word) { return name.find(word) != std::string::npos; });
}

// udev: `ATTR{serial}=="S3Z1", NAME="x"`. Whatever is in quotes after such a key is replaced.
std::string quoted_values(std::string_view line, Pseudonyms& pseudonyms) {
  std::string result;
  std::size_t key = 0;  // where the part before the quotes starts
  for (std::size_t at = 0; at < line.size();) {
    if (line[at] != '"') {
      ++at;
      continue;
    }
    const std::size_t end = std::min(line.find('"', at + 1), line.size());
    const std::string_view before = line.substr(key, at - key);
    const std::string_view value = line.substr(at + 1, end - at - 1);
    result += std::string(before) + '"';
    result += speaks_of_identity(before) && !value.empty()
                  ? "x-" + pseudonyms.digits("value", value, 8)
                  : pseudonyms.scrub(value);
    if (end < line.size()) result += '"';
    at = key = std::min(end + 1, line.size());
  }
  return result + pseudonyms.scrub(line.substr(key));
}

}  // namespace

std::string config(std::string_view text, Pseudonyms& pseudonyms) {
  return each_line(text, [&](std::string_view line) {
    if (is_comment(line)) return std::string();
    if (line.find('"') != std::string_view::npos) return quoted_values(line, pseudonyms);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || !speaks_of_identity(line.substr(0, equals))) {
      return pseudonyms.scrub(line);
    }
    return std::string(line.substr(0, equals + 1)) + "x-" +
           pseudonyms.digits("value", line.substr(equals + 1), 8);
  });
}

std::string limits(std::string_view text, Pseudonyms& pseudonyms) {
  return each_line(text, [&](std::string_view line) {
    std::vector<std::string> words = words_of(line.substr(0, line.find('#')));
    if (words.empty()) return std::string();
    constexpr auto kPublic = std::to_array<std::string_view>(
        {"*", "root", "@audio", "@realtime", "@root", "@wheel", "@sudo", "@adm"});
    if (std::ranges::find(kPublic, words[0]) == kPublic.end()) {
      const std::string sign = words[0].starts_with('@') ? "@" : "";
      words[0] = sign + "p-" + pseudonyms.digits("name", words[0], 8);
    }
    return joined(words);
  });
}

std::string kernel_banner(std::string_view text, Pseudonyms&) {
  std::string result(text);
  const std::size_t open = result.find('(');
  const std::size_t close = result.find(')', open == std::string::npos ? 0 : open);
  if (open != std::string::npos && close != std::string::npos &&
      result.substr(open, close - open).find('@') != std::string::npos) {
    result.replace(open, close - open + 1, "(builder)");
  }
  return result;
}

std::string cpuinfo(std::string_view text, Pseudonyms& pseudonyms) {
  return each_line(text, [&](std::string_view line) {
    const std::size_t colon = line.find(':');
    if (!line.starts_with("Serial") || colon == std::string_view::npos) return std::string(line);
    return std::string(line.substr(0, colon + 1)) + serial_file(line.substr(colon + 1), pseudonyms);
  });
}

}  // namespace assay::privacy
