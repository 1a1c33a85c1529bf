// A plan as a POSIX shell script, for people who want to read what is done, and do it themselves.
//
// The script is data between single quotes and a handful of functions: nothing of a profile or of
// the host is ever expanded by the shell.
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "tuner/plan.hpp"
#include "tuner/text.hpp"

namespace assay::tuner {
namespace {

// Between single quotes the shell expands nothing; a quote itself ends them, escaped, and opens
// them again.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

// A comment ends where its line ends.
std::string comment(std::string_view text) {
  std::string line(text);
  std::ranges::replace(line, '\n', ' ');
  return fmt::format("# {}\n", line);
}

constexpr std::string_view kFunctions = R"sh(set -eu
# Everything happens below this folder; empty is this host.
root=${ROOT-}

stop() {
  echo "stopped: $*" >&2
  echo "what stands above was done; nothing after it was" >&2
  exit 1
}

# same FORM VALUE: the value in a form in which equal values are equal texts
same() {
  case $1 in
    mask) printf '%s\n' "$2" | tr -d ',' | sed 's/^0*//; s/^$/0/' ;;
    chosen)
      case $2 in
        *'['*']'*) printf '%s\n' "$2" | sed 's/.*\[\(.*\)\].*/\1/' ;;
        *) printf '%s\n' "$2" ;;
      esac ;;
    *) printf '%s\n' "$2" ;;
  esac
}

# put FORM FILE BEFORE AFTER [READ-FILE]: writes AFTER where BEFORE stands
put() {
  was=$(cat "$root${5-$2}") || stop "$2 cannot be read"
  was=$(same "$1" "$was")
  [ "$was" != "$(same "$1" "$4")" ] || return 0
  [ "$was" = "$(same "$1" "$3")" ] || stop "$2 is '$was' and was '$3' when this was planned"
  printf '%s' "$4" >"$root$2" || stop "$2 does not take '$4'"
}

# moved FORM FILE AFTER: as put, for a value that an earlier step may have moved
moved() {
  was=$(cat "$root$2") || stop "$2 cannot be read"
  [ "$(same "$1" "$was")" != "$(same "$1" "$3")" ] || return 0
  printf '%s' "$3" >"$root$2" || stop "$2 does not take '$3'"
}
)sh";

constexpr std::string_view kEthtool = R"sh(
# nic NAME ASK PATTERN BEFORE SET KEY AFTER: as put, by ethtool(8); without BEFORE as moved
nic() {
  was=$(ethtool "$2" "$1" | sed -n "$3" | sed -n 1p) || stop "ethtool $2 $1 fails"
  [ "$was" != "$7" ] || return 0
  [ -z "$4" ] || [ "$was" = "$4" ] || stop "$6 of $1 is '$was' and was '$4' when this was planned"
  ethtool "$5" "$1" "$6" "$7" || stop "$1 does not take $6 $7"
}
)sh";

constexpr std::string_view kService = R"sh(
# service PROCESS BEFORE COMMAND...: runs a command while a process runs, or does not
service() {
  if pgrep -x "$1" >/dev/null; then was=running; else was=stopped; fi
  [ "$was" = "$2" ] || return 0
  shift 2
  "$@" || stop "$* fails"
}
)sh";

// How ethtool(8) names what the kernel's structures hold.
struct Option {
  std::string_view request, key;
  std::string_view ask, set, word;
  std::string_view pattern;  // finds the value in what `ask` prints
  bool is_flag;
};
constexpr std::array kOptions = std::to_array<Option>({
    {"ethtool.ringparam", "rx", "-g", "-G", "rx", R"(/^Current/,$s/^RX:[[:space:]]*//p)", false},
    {"ethtool.ringparam", "tx", "-g", "-G", "tx", R"(/^Current/,$s/^TX:[[:space:]]*//p)", false},
    {"ethtool.channels", "combined", "-l", "-L", "combined",
     R"(/^Current/,$s/^Combined:[[:space:]]*//p)", false},
    {"ethtool.channels", "rx", "-l", "-L", "rx", R"(/^Current/,$s/^RX:[[:space:]]*//p)", false},
    {"ethtool.coalesce", "adaptive_rx", "-c", "-C", "adaptive-rx",
     R"(s/^Adaptive RX:[[:space:]]*\([a-z]*\).*/\1/p)", true},
    {"ethtool.coalesce", "rx_usecs", "-c", "-C", "rx-usecs", R"(s/^rx-usecs:[[:space:]]*//p)",
     false},
    {"ethtool.pauseparam", "rx", "-a", "-A", "rx", R"(s/^RX:[[:space:]]*\([a-z]*\).*/\1/p)", true},
    {"ethtool.eee", "enabled", "--show-eee", "--set-eee", "eee",
     R"(s/.*EEE status:[[:space:]]*enabled.*/on/p; s/.*EEE status:[[:space:]]*disabled.*/off/p)",
     true},
});

std::string on_off(bool is_flag, const std::string& value) {
  if (!is_flag) return value;
  return value == "1" ? "on" : "off";
}

std::string ethtool_lines(const Change& change) {
  const auto before = parse_pairs(change.before);
  const auto after = parse_pairs(change.after);
  std::string text;
  for (const auto& [key, value] : *after) {
    const auto old = before->find(key);
    const bool moved = !change.follows.empty() || old == before->end();
    const std::string was = moved ? "" : old->second;
    if (change.path == "ethtool.requested") {
      text += fmt::format(
          "nic {} -k {} {} -K {} {}\n", quoted(change.local),
          quoted(fmt::format(R"(s/^[[:space:]]*{}:[[:space:]]*\([a-z]*\).*/\1/p)", key)),
          quoted(was), quoted(key), quoted(value));
      continue;
    }
    for (const Option& option : kOptions) {
      if (option.request != change.path || option.key != key) continue;
      text += fmt::format("nic {} {} {} {} {} {} {}\n", quoted(change.local), option.ask,
                          quoted(option.pattern), quoted(moved ? "" : on_off(option.is_flag, was)),
                          option.set, option.word, quoted(on_off(option.is_flag, value)));
    }
  }
  return text;
}

std::string file_line(const Change& change) {
  const std::string form(to_string(change.form));
  if (!change.follows.empty()) {
    return fmt::format("moved {} {} {}\n", form, quoted(path_of(change)), quoted(change.after));
  }
  std::string line = fmt::format("put {} {} {} {}", form, quoted(path_of(change)),
                                 quoted(change.before), quoted(change.after));
  if (!change.read_path.empty()) line += " " + quoted(change.read_path);
  return line + "\n";
}

// A whole file, beside its place and renamed, as assay does it.
std::string whole_file_lines(const Change& change) {
  const std::string path = quoted(path_of(change));
  if (change.kind == ChangeKind::remove_file) return fmt::format("rm -f \"$root\"{}\n", path);
  std::string content = change.after;
  if (content.ends_with('\n')) content.pop_back();
  return fmt::format(
      "mkdir -p \"$(dirname \"$root\"{0})\"\n"
      "printf '%s\\n' {1} >\"$root\"{0}.new\n"
      "chmod {2:o} \"$root\"{0}.new\n"
      "mv \"$root\"{0}.new \"$root\"{0}\n",
      path, quoted(content), change.mode_after);
}

std::string run_line(const Change& change) {
  std::vector<std::string> words;
  for (const std::string& word : change.argv) words.push_back(quoted(word));
  const std::string line = fmt::format("{}", fmt::join(words, " "));
  if (change.path.empty()) return line + "\n";
  return fmt::format("service {} {} {}\n", quoted(change.path), quoted(change.before), line);
}

std::string change_lines(const Change& change) {
  switch (change.kind) {
    case ChangeKind::write_file:
      return file_line(change);
    case ChangeKind::replace_file:
    case ChangeKind::remove_file:
      return whole_file_lines(change);
    case ChangeKind::ethtool:
      return ethtool_lines(change);
    case ChangeKind::run:
      return run_line(change);
  }
  return {};
}

bool uses(const Plan& plan, ChangeKind kind) {
  return std::ranges::any_of(plan.rows, [&](const PlanRow& row) {
    return std::ranges::any_of(row.changes,
                               [&](const Change& change) { return change.kind == kind; });
  });
}

}  // namespace

std::string render_script(const Plan& plan) {
  std::string text = "#!/bin/sh\n";
  text += comment(fmt::format("Tunes this host as profile {} wants it.", plan.profile));
  text += comment(fmt::format("Profile {}.", plan.profile_digest));
  text +=
      "# Run it as root. It stops at the first value that is no longer what it was, and can be\n"
      "# run again. It keeps no journal: `assay tune` does, and can undo.\n";
  text += kFunctions;
  if (uses(plan, ChangeKind::ethtool)) text += kEthtool;
  if (uses(plan, ChangeKind::run)) text += kService;
  for (const PlanRow& row : plan.rows) {
    if (row.state != RowState::to_change) continue;
    text += "\n" + comment(fmt::format("{} on {}: {} -> {}", row.setting->id, row.target,
                                       row.before, row.wanted));
    text += comment(fmt::format("  {} (disruption: {})", row.setting->reason,
                                to_string(row.setting->disruption)));
    for (const Change& change : row.changes) {
      if (!change.restore_only) text += change_lines(change);
    }
  }
  if (!plan.lasting.empty()) text += "\n# What makes it last over a reboot.\n";
  for (const Change& change : plan.lasting) text += change_lines(change);
  for (const PlanRow& row : plan.rows) {
    if (row.state != RowState::pending_reboot || !row.required) continue;
    text +=
        comment(fmt::format("not done here: {} = {}: {}", row.setting->id, row.wanted, row.note));
  }
  return text;
}

}  // namespace assay::tuner
