// A plan as a POSIX shell script, for people who want to read what is done, and do it themselves.
//
// The script is data between single quotes and a handful of functions: nothing of a profile or of
// the host is ever expanded by the shell.
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "tuner/plan.hpp"
#include "tuner/plan_script.hpp"
#include "tuner/text.hpp"

namespace assay::tuner {
namespace {

// A comment ends where its line ends.
std::string comment(std::string_view text) {
  std::string line(text);
  std::ranges::replace(line, '\n', ' ');
  return fmt::format("# {}\n", line);
}

constexpr std::string_view kShellFunctions = R"sh(set -eu
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

constexpr std::string_view kWholeFiles = R"sh(
# stands FILE: absent, or "is" and its content
stands() {
  if [ -e "$root$1" ]; then printf 'is %s' "$(cat "$root$1")"; else printf absent; fi
}

# whole FILE MODE BEFORE CONTENT: a whole file, made beside its place and renamed
whole() {
  was=$(stands "$1")
  [ "$was" != "is $4" ] || return 0
  [ "$was" = "$3" ] || stop "$1 is another file than it was when this was planned"
  mkdir -p "$(dirname "$root$1")"
  printf '%s\n' "$4" >"$root$1.new" || stop "$1 cannot be written"
  chmod "$2" "$root$1.new"
  mv "$root$1.new" "$root$1"
}

# gone FILE BEFORE: takes a file away
gone() {
  was=$(stands "$1")
  [ "$was" != absent ] || return 0
  [ "$was" = "$2" ] || stop "$1 is another file than it was when this was planned"
  rm -f "$root$1"
}
)sh";

constexpr std::string_view kShellService = R"sh(
# service PROCESS BEFORE COMMAND...: runs a command while a process runs, or does not
service() {
  if pgrep -x "$1" >/dev/null; then was=running; else was=stopped; fi
  [ "$was" = "$2" ] || return 0
  shift 2
  "$@" || stop "$* fails"
}
)sh";

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

// The content as an argument: $(...) takes trailing newlines off, so they are not compared.
std::string content_of(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return std::string(text);
}

std::string whole_file_lines(const Change& change) {
  const std::string path = quoted(path_of(change));
  const std::string before =
      change.absent_before ? "absent" : quoted("is " + content_of(change.before));
  if (change.kind == ChangeKind::remove_file) return fmt::format("gone {} {}\n", path, before);
  return fmt::format("whole {} {:o} {} {}\n", path, change.mode_after, before,
                     quoted(content_of(change.after)));
}

std::string script_line(const Change& change) {
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
      return request_lines(change);
    case ChangeKind::run:
      return script_line(change);
  }
  return {};
}

// Every change that the script makes, in its order.
std::vector<Change> changes_of(const Plan& plan) {
  std::vector<Change> all;
  for (const PlanRow& row : plan.rows) {
    if (row.state == RowState::to_change) std::ranges::copy(row.changes, std::back_inserter(all));
  }
  std::ranges::copy(plan.lasting, std::back_inserter(all));
  return all;
}

bool is_whole_file(const Change& change) {
  return change.kind == ChangeKind::replace_file || change.kind == ChangeKind::remove_file;
}

// A program runs against this host, whatever ROOT says.
bool needs_process(const Change& change) {
  return change.kind == ChangeKind::run && !change.path.empty();
}

}  // namespace

std::string render_script(const Plan& plan) {
  std::string text = "#!/bin/sh\n";
  text += comment(fmt::format("Tunes this host as profile {} wants it.", plan.profile));
  text += comment(fmt::format("Profile {}.", plan.profile_digest));
  text +=
      "# Run it as root. It stops at the first value that is no longer what it was, and can be\n"
      "# run again. It keeps no journal: `assay tune` does, and can undo.\n";
  text += kShellFunctions;
  const std::vector<Change> changes = changes_of(plan);
  text += request_functions(changes);
  if (std::ranges::any_of(changes, is_whole_file)) text += kWholeFiles;
  if (std::ranges::any_of(changes, needs_process)) text += kShellService;
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
