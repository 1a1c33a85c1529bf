// What is no file, in a script: cards by ethtool(8), threads by taskset(1), swap by swapon(8).
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "tuner/plan_script.hpp"
#include "tuner/text.hpp"

namespace assay::tuner {
namespace {

constexpr std::string_view kShellEthtool = R"sh(
# nic NAME ASK PATTERN BEFORE SET KEY AFTER: as put, by ethtool(8); without BEFORE as moved
nic() {
  was=$(ethtool "$2" "$1" | sed -n "$3" | sed -n 1p) || stop "ethtool $2 $1 fails"
  [ "$was" != "$7" ] || return 0
  [ -z "$4" ] || [ "$was" = "$4" ] || stop "$6 of $1 is '$was' and was '$4' when this was planned"
  ethtool "$5" "$1" "$6" "$7" || stop "$1 does not take $6 $7"
}
)sh";

constexpr std::string_view kTable = R"sh(
# table NAME BEFORE AFTER QUEUES: the RSS table, filled evenly
table() {
  was=$(ethtool -x "$1" | sed -n '/^RX flow hash/,/^RSS hash key/s/^ *[0-9]*: *//p' |
    tr -s ' \n' ',,' | sed 's/,$//') || stop "ethtool -x $1 fails"
  [ "$was" != "$3" ] || return 0
  [ "$was" = "$2" ] || stop "the RSS table of $1 is not what it was when this was planned"
  ethtool -X "$1" equal "$4" || stop "$1 does not take a table of $4 queues"
}
)sh";

constexpr std::string_view kThread = R"sh(
# thread PID NAME BEFORE AFTER: where a thread of the kernel may run; nothing when it has ended.
# Without BEFORE an earlier step may have moved it.
thread() {
  [ "$(cat "/proc/$1/comm" 2>/dev/null | tr / '!')" = "$2" ] || return 0
  was=$(taskset -pc "$1" | sed 's/.*: //') || stop "taskset -pc $1 fails"
  [ "$was" != "$4" ] || return 0
  [ -z "$3" ] || [ "$was" = "$3" ] || stop "$2 runs on '$was' and ran on '$3' when this was planned"
  taskset -pc "$4" "$1" >/dev/null || stop "$2 does not move to $4"
}
)sh";

constexpr std::string_view kSwap = R"sh(
# swap AREA STATE: off, on, or on:PRIORITY
swap() {
  if grep -q "^$1[[:space:]]" /proc/swaps; then was=on; else was=off; fi
  [ "$was" != "${2%%:*}" ] || return 0
  case $2 in
    off) swapoff "$1" || stop "$1 cannot be switched off" ;;
    on) swapon "$1" || stop "$1 cannot be switched on" ;;
    *) swapon -p "${2#*:}" "$1" || stop "$1 cannot be switched on" ;;
  esac
}
)sh";

constexpr std::string_view kPartition = R"sh(
# partition GROUP CPUS STATE: a cgroup v2 partition; state none takes it away
partition() {
  group=$root/sys/fs/cgroup/$1
  if [ "$3" = none ]; then
    [ -d "$group" ] || return 0
    echo member >"$group/cpuset.cpus.partition" && rmdir "$group" || stop "$1 does not go away"
    return 0
  fi
  echo +cpuset >"$root/sys/fs/cgroup/cgroup.subtree_control" || stop "there is no cpuset controller"
  mkdir -p "$group"
  echo "$2" >"$group/cpuset.cpus" || stop "$1 does not take the CPUs $2"
  echo "$3" >"$group/cpuset.cpus.partition" || stop "$1 does not become $3"
  [ "$(cat "$group/cpuset.cpus.partition")" = "$3" ] || stop "$(cat "$group/cpuset.cpus.partition")"
}
)sh";

// One function and the requests that it is for.
struct Function {
  std::string_view prefix, text;
};
constexpr std::array kRequestFunctions{
    Function{"ethtool.rxfh", kTable}, Function{"thread.affinity", kThread},
    Function{"swap.area", kSwap}, Function{"cpuset.partition", kPartition},
    Function{"ethtool.", kShellEthtool}};

std::string_view function_of(const Change& change) {
  for (const Function& one : kRequestFunctions) {
    if (change.path.starts_with(one.prefix)) return one.text;
  }
  return {};
}

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
    {"ethtool.coalesce", "tx_usecs", "-c", "-C", "tx-usecs", R"(s/^tx-usecs:[[:space:]]*//p)",
     false},
    {"ethtool.pauseparam", "rx", "-a", "-A", "rx", R"(s/^RX:[[:space:]]*\([a-z]*\).*/\1/p)", true},
    {"ethtool.eee", "enabled", "--show-eee", "--set-eee", "eee",
     R"(s/.*EEE status:[[:space:]]*enabled.*/on/p; s/.*EEE status:[[:space:]]*disabled.*/off/p)",
     true},
});

// ethtool -k prints these features of the kernel under names of its own (ethtool.c, off_flag_def);
// -K takes both.
struct FeatureName {
  std::string_view kernel, printed;
};
constexpr std::array kFeatureNames{FeatureName{"rx-gro", "generic-receive-offload"},
                                   FeatureName{"rx-lro", "large-receive-offload"}};

std::string_view printed_name(std::string_view feature) {
  const auto* const found = std::ranges::find(kFeatureNames, feature, &FeatureName::kernel);
  return found == kFeatureNames.end() ? feature : found->printed;
}

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
      text += fmt::format("nic {} -k {} {} -K {} {}\n", quoted(change.local),
                          quoted(fmt::format(R"(s/^[[:space:]]*{}:[[:space:]]*\([a-z]*\).*/\1/p)",
                                             printed_name(key))),
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

// A name in which the slashes are '!'.
std::string with_slashes(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '!', '/');
  return text;
}

std::string pair_of(const std::string& pairs, std::string_view key) {
  const auto values = parse_pairs(pairs);
  if (!values) return {};
  const auto found = values->find(key);
  return found == values->end() ? std::string() : found->second;
}

std::string table_line(const Change& change) {
  const std::string after = pair_of(change.after, "indirection");
  const auto entries = split(after, ',');
  const std::set<std::string_view> queues(entries.begin(), entries.end());
  return fmt::format("table {} {} {} {}\n", quoted(change.local),
                     quoted(pair_of(change.before, "indirection")), quoted(after), queues.size());
}

std::string thread_line(const Change& change) {
  const std::size_t colon = change.local.find(':');
  const std::string before = change.follows.empty() ? pair_of(change.before, "cpus") : "";
  return fmt::format("thread {} {} {} {}\n", quoted(change.local.substr(0, colon)),
                     quoted(change.local.substr(colon + 1)), quoted(before),
                     quoted(pair_of(change.after, "cpus")));
}

}  // namespace

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

std::string request_lines(const Change& change) {
  if (change.path == "ethtool.rxfh") return table_line(change);
  if (change.path == "thread.affinity") return thread_line(change);
  if (change.path == "swap.area") {
    return fmt::format("swap {} {}\n", quoted(with_slashes(change.local)),
                       quoted(pair_of(change.after, "state")));
  }
  if (change.path == "cpuset.partition") {
    return fmt::format("partition {} {} {}\n", quoted(change.local),
                       quoted(pair_of(change.after, "cpus")),
                       quoted(pair_of(change.after, "state")));
  }
  return ethtool_lines(change);
}

std::string request_functions(std::span<const Change> changes) {
  std::string text;
  for (const Function& one : kRequestFunctions) {
    const bool needed = std::ranges::any_of(changes, [&](const Change& change) {
      return change.kind == ChangeKind::ethtool && function_of(change) == one.text;
    });
    if (needed) text += one.text;
  }
  return text;
}

}  // namespace assay::tuner
