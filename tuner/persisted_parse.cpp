// The parsers of the configuration files that outlive a boot. They take text of unknown origin.
#include <fmt/core.h>

#include <algorithm>
#include <span>

#include "core/units.hpp"
#include "tuner/persisted.hpp"
#include "tuner/text.hpp"

namespace assay::tuner {
namespace {

// A character of a shell variable's name.
bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

using ShellVariables = std::map<std::string, std::string, std::less<>>;

// Appends what "$NAME" or "${NAME}" at `at` stands for; returns where the reference ends.
std::size_t expand_variable(std::string_view text, std::size_t at, const ShellVariables& variables,
                            std::string& out) {
  std::size_t begin = at + 1;
  const bool braces = begin < text.size() && text[begin] == '{';
  if (braces) ++begin;
  std::size_t end = begin;
  while (end < text.size() && is_name(text[end])) ++end;
  auto found = variables.find(text.substr(begin, end - begin));
  if (found != variables.end()) out += found->second;
  if (braces && end < text.size() && text[end] == '}') ++end;
  return end;
}

// The value of a shell word: quotes are dropped, variables replaced; ends at an unquoted blank.
std::string shell_word(std::string_view text, const ShellVariables& variables) {
  std::string out;
  char quote = 0;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (quote == 0 && (c == ' ' || c == '\t' || c == ';' || c == '#')) break;
    if (c == quote) {
      quote = 0;
      ++i;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
      ++i;
    } else if (c == '$' && quote != '\'') {
      i = expand_variable(text, i, variables, out);
    } else if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      out += text[i + 1];
      i += 2;
    } else {
      out += c;
      ++i;
    }
    if (out.size() > 65536) break;  // self-references must not grow without end
  }
  return out;
}

// A limit's text as this folder writes it. limits.conf counts memory in KiB.
std::string canonical_limit(std::string_view item, std::string_view value) {
  if (value == "-1" || value == "unlimited" || value == "infinity") return "unlimited";
  if (item != "memlock") return std::string(value);
  auto bytes = parse_bytes(fmt::format("{}KiB", value));
  return bytes ? format_bytes(*bytes) : std::string(value);
}

}  // namespace

void parse_sysctl(std::string_view text, std::string_view file, PersistedMap& into) {
  for (std::string_view line : lines_of(text)) {
    line = trimmed(line);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '-') line.remove_prefix(1);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    std::string key(trimmed(line.substr(0, equals)));
    // "net/ipv4/conf/eth0.1/x" keeps its dots only when slashes separate; we look such keys up by
    // dots, so only the separators are changed.
    std::ranges::replace(key, '/', '.');
    into[key] = {std::string(trimmed(line.substr(equals + 1))), std::string(file)};
  }
}

std::string grub_command_line(const std::vector<std::string>& fragments) {
  // GRUB's files are shell. Plain assignments are all that people write there; anything else is
  // skipped, never run.
  ShellVariables variables;
  for (const std::string& fragment : fragments) {
    for (std::string_view line : lines_of(fragment)) {
      line = trimmed(line);
      if (line.starts_with("export ")) line = trimmed(line.substr(7));
      const std::size_t equals = line.find('=');
      if (equals == std::string_view::npos || equals == 0) continue;
      std::string_view name = line.substr(0, equals);
      const bool append = name.ends_with('+');
      if (append) name.remove_suffix(1);
      if (!std::ranges::all_of(name, is_name)) continue;
      std::string value = shell_word(line.substr(equals + 1), variables);
      std::string& slot = variables[std::string(name)];
      slot = append ? slot + value : value;
    }
  }
  // grub-mkconfig puts the two in this order on the normal entry.
  return std::string(
      trimmed(variables["GRUB_CMDLINE_LINUX"] + " " + variables["GRUB_CMDLINE_LINUX_DEFAULT"]));
}

void parse_limits(std::string_view text, std::string_view file, PersistedMap& into) {
  for (std::string_view line : lines_of(text)) {
    const std::vector<std::string_view> words = words_of(line.substr(0, line.find('#')));
    // "-" sets both limits; programs start with the soft one.
    if (words.size() != 4 || words[1] == "hard") continue;
    const std::string_view domain = words[0];
    std::string source(file);
    if (domain != "*") source += fmt::format(", for {}", domain);
    into[std::string(words[2])] = {canonical_limit(words[2], words[3]), source};
  }
}

void parse_modprobe(std::string_view text, std::string_view file, PersistedMap& into) {
  for (std::string_view line : lines_of(text)) {
    const std::vector<std::string_view> words = words_of(line.substr(0, line.find('#')));
    if (words.size() < 3 || words[0] != "options") continue;
    std::string module(words[1]);
    std::ranges::replace(module, '-', '_');  // the kernel takes them as one
    for (std::string_view option : std::span(words).subspan(2)) {
      const std::size_t equals = option.find('=');
      if (equals == std::string_view::npos) continue;
      into[fmt::format("{}.{}", module, option.substr(0, equals))] = {
          std::string(option.substr(equals + 1)), std::string(file)};
    }
  }
}

void parse_udev(std::string_view text, std::string_view file, std::vector<UdevAssignment>& into) {
  static constexpr std::string_view kOpen = "ATTR{";
  for (std::string_view line : lines_of(text)) {
    line = trimmed(line);
    if (line.starts_with('#')) continue;
    for (std::size_t at = line.find(kOpen); at != std::string_view::npos;
         at = line.find(kOpen, at + 1)) {
      const std::size_t close = line.find('}', at);
      if (close == std::string_view::npos) break;
      std::string_view rest = trimmed(line.substr(close + 1));
      // "==" and "!=" ask, only "=" sets.
      if (!rest.starts_with('=') || rest.starts_with("==")) continue;
      rest = trimmed(rest.substr(1));
      if (!rest.starts_with('"')) continue;
      const std::size_t end = rest.find('"', 1);
      if (end == std::string_view::npos) continue;
      const std::size_t name = at + kOpen.size();
      into.push_back({std::string(line.substr(name, close - name)),
                      std::string(rest.substr(1, end - 1)), std::string(file)});
    }
  }
}

void parse_ini(std::string_view text, std::string_view file, PersistedMap& into) {
  std::string section;
  for (std::string_view line : lines_of(text)) {
    line = trimmed(line);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      section = std::string(trimmed(line.substr(1, line.find(']') - 1)));
      continue;
    }
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    into[fmt::format("{}.{}", section, trimmed(line.substr(0, equals)))] = {
        std::string(trimmed(line.substr(equals + 1))), std::string(file)};
  }
}

std::optional<std::string> boot_word(std::string_view command_line, std::string_view name) {
  std::optional<std::string> found;
  for (const BootToken& token : boot_tokens(command_line)) {
    if (same_boot_name(token.name, name)) found = token.value;
  }
  return found;
}

}  // namespace assay::tuner
