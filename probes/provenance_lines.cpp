#include "probes/provenance_lines.hpp"

#include <algorithm>
#include <array>

#include "probes/reader.hpp"
#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

// A file of more lines than this is no configuration.
constexpr unsigned kLinesMax = 100'000;

// Calls `take(number, line)` for each line that is neither empty nor a comment.
template <typename Take>
void for_lines(std::string_view text, Take take) {
  for (unsigned number = 1; !text.empty() && number <= kLinesMax; ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.front() != '#' && line.front() != ';') take(number, line);
  }
}

struct Assignment {
  std::string_view key, value;
};

// "key = value" with quotes around the value taken off.
std::optional<Assignment> assignment(std::string_view line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  Assignment found{trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1))};
  for (const char quote : {'"', '\''}) {
    std::string_view& value = found.value;
    if (value.size() >= 2 && value.front() == quote && value.back() == quote) {
      value = value.substr(1, value.size() - 2);
      break;
    }
  }
  return found;
}

template <std::size_t kCount>
bool is_one_of(std::string_view word, const std::array<std::string_view, kCount>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Drivers of what is tuned and measured; sound cards and the like are nobody's business here.
bool is_module_of_ours(std::string_view module) {
  constexpr auto kPrefixes = std::to_array<std::string_view>(
      {"nvme",    "vfio",      "kvm",     "intel_idle", "processor", "acpi",    "mlx",    "ib_",
       "rdma",    "ixgbe",     "i40e",    "iavf",       "ice",       "igb",     "igc",    "e1000",
       "ena",     "bnx",       "tg3",     "sfc",        "gve",       "virtio",  "vmxnet", "bonding",
       "rcu",     "workqueue", "zswap",   "scsi",       "megaraid",  "mpt3sas", "ahci",   "libata",
       "md_mod",  "raid",      "dm_",     "dm-",        "tcp_",      "iommu",   "intel_", "amd_",
       "cpufreq", "cpuidle",   "usbcore", "pcie",       "msr"});
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return module.starts_with(prefix); });
}

// Attributes that a settings row sets as well.
bool concerns_us(std::string_view attribute) {
  constexpr auto kParts = std::to_array<std::string_view>(
      {"queue/", "power/", "cpufreq/", "cpuidle/", "scaling_governor", "energy_perf", "mtu",
       "tx_queue_len", "napi_defer_hard_irqs", "gro_flush_timeout", "threaded", "rps_cpus",
       "xps_cpus", "smp_affinity", "numa_node", "driver_override"});
  return std::any_of(kParts.begin(), kParts.end(), [&](std::string_view part) {
    return attribute.find(part) != std::string_view::npos;
  });
}

// Every ATTR{key}="value" of one rule; "==" and "!=" compare and set nothing.
void take_attributes(unsigned number, std::string_view rule, Lines& lines) {
  constexpr std::string_view kMark = "ATTR{";
  for (std::size_t at = rule.find(kMark); at != std::string_view::npos;
       at = rule.find(kMark, at + 1)) {
    const std::size_t close = rule.find('}', at);
    if (close == std::string_view::npos) return;
    const std::string_view key = rule.substr(at, close - at + 1);
    const std::string_view rest = trimmed(rule.substr(close + 1));
    if (!rest.starts_with('=') || rest.starts_with("==") || !concerns_us(key)) continue;
    const std::size_t open = rest.find('"');
    const std::size_t end = open == std::string_view::npos ? open : rest.find('"', open + 1);
    if (end == std::string_view::npos) continue;
    lines.push_back({number, std::string(key), std::string(rest.substr(open + 1, end - open - 1))});
  }
}

}  // namespace

void parse_sysctl(std::string_view text, Lines& lines) {
  for_lines(text, [&](unsigned number, std::string_view line) {
    // "-" in front: a failure to set it is no error.
    if (line.starts_with('-')) line.remove_prefix(1);
    const auto found = assignment(line);
    if (!found) return;
    std::string key(found->key);
    // Where the first separator is a slash, slashes separate.
    const std::size_t first = key.find_first_of("./");
    if (first != std::string::npos && key[first] == '/')
      std::replace(key.begin(), key.end(), '/', '.');
    if (is_watched_sysctl(key)) lines.push_back({number, key, std::string(found->value)});
  });
}

void parse_udev(std::string_view text, Lines& lines) {
  // Most of a distribution's files hold nothing that concerns us.
  if (text.find("ATTR{") == std::string_view::npos) return;
  std::string rule;
  unsigned start = 0;
  for_lines(text, [&](unsigned number, std::string_view line) {
    if (rule.empty()) start = number;
    const bool goes_on = line.ends_with('\\');
    rule += line.substr(0, line.size() - (goes_on ? 1 : 0));
    if (goes_on) return;
    take_attributes(start, rule, lines);
    rule.clear();
  });
  take_attributes(start, rule, lines);
}

void parse_modprobe(std::string_view text, Lines& lines) {
  for_lines(text, [&](unsigned number, std::string_view line) {
    const auto words = split(line, " \t");
    if (words.size() < 3 || words[0] != "options" || !is_module_of_ours(words[1])) return;
    for (std::size_t i = 2; i < words.size(); ++i) {
      const auto found = assignment(words[i]);
      const std::string name = found ? std::string(found->key) : words[i];
      lines.push_back({number, words[1] + "." + name, std::string(found ? found->value : "")});
    }
  });
}

void parse_tmpfiles(std::string_view text, Lines& lines) {
  for_lines(text, [&](unsigned number, std::string_view line) {
    const auto words = split(line, " \t");
    const bool writes = words.size() >= 7 && words[0].starts_with('w');
    if (!writes || !(words[1].starts_with("/sys/") || words[1].starts_with("/proc/"))) return;
    std::string value = words[6];
    for (std::size_t i = 7; i < words.size(); ++i) value += " " + words[i];
    lines.push_back({number, words[1], value});
  });
}

void parse_systemd(std::string_view text, Lines& lines) {
  constexpr auto kKeys = std::to_array<std::string_view>({"CPUAffinity",
                                                          "NUMAPolicy",
                                                          "NUMAMask",
                                                          "AllowedCPUs",
                                                          "AllowedMemoryNodes",
                                                          "CPUQuota",
                                                          "CPUWeight",
                                                          "CPUSchedulingPolicy",
                                                          "CPUSchedulingPriority",
                                                          "IOSchedulingClass",
                                                          "Nice",
                                                          "LimitMEMLOCK",
                                                          "LimitRTPRIO",
                                                          "LimitNOFILE",
                                                          "DefaultLimitMEMLOCK",
                                                          "DefaultLimitRTPRIO",
                                                          "DefaultLimitNOFILE",
                                                          "MemoryMax",
                                                          "IOReadBandwidthMax",
                                                          "IOWriteBandwidthMax"});
  for_lines(text, [&](unsigned number, std::string_view line) {
    const auto found = assignment(line);
    if (found && is_one_of(found->key, kKeys)) {
      lines.push_back({number, std::string(found->key), std::string(found->value)});
    }
  });
}

void parse_grub(std::string_view text, Lines& lines) {
  for_lines(text, [&](unsigned number, std::string_view line) {
    const auto found = assignment(line);
    if (found && found->key.starts_with("GRUB_CMDLINE_LINUX") && !found->value.empty()) {
      lines.push_back({number, std::string(found->key), std::string(found->value)});
    }
  });
}

void parse_command_line(std::string_view text, Lines& lines) {
  for_lines(text, [&](unsigned number, std::string_view line) {
    lines.push_back({number, "cmdline", std::string(line)});
  });
}

void parse_irqbalance(std::string_view text, Lines& lines) {
  for_lines(text, [&](unsigned number, std::string_view line) {
    const auto found = assignment(line);
    if (found && !found->value.empty()) {
      lines.push_back({number, std::string(found->key), std::string(found->value)});
    }
  });
}

void parse_limits(std::string_view text, Lines& lines) {
  constexpr auto kItems = std::to_array<std::string_view>({"memlock", "rtprio", "nofile", "nice"});
  for_lines(text, [&](unsigned number, std::string_view line) {
    const auto words = split(line, " \t");
    if (words.size() < 4 || !is_one_of(words[2], kItems)) return;
    lines.push_back({number, words[0] + "." + words[1] + "." + words[2], words[3]});
  });
}

void parse_tuned(std::string_view text, Lines& lines) {
  std::string section;
  for_lines(text, [&](unsigned number, std::string_view line) {
    if (line.starts_with('[') && line.ends_with(']')) {
      section = line.substr(1, line.size() - 2);
      return;
    }
    const auto found = assignment(line);
    // "type", "summary" and variables of the file itself are no settings of the host.
    if (!found || section == "variables" || (section == "main" && found->key != "include")) return;
    lines.push_back({number, section + "." + std::string(found->key), std::string(found->value)});
  });
}

}  // namespace assay::probes
