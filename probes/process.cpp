#include "probes/process.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "probes/programs.hpp"
#include "probes/reader.hpp"

namespace assay::probes {
namespace {

struct LimitRow {
  std::string_view line;  // how /proc/PID/limits begins
  std::string_view name;  // as in limits.conf(5)
};
constexpr auto kLimits = std::to_array<LimitRow>({{"Max locked memory", "memlock"},
                                                  {"Max realtime priority", "rtprio"},
                                                  {"Max realtime timeout", "rttime"},
                                                  {"Max open files", "nofile"},
                                                  {"Max processes", "nproc"},
                                                  {"Max stack size", "stack"},
                                                  {"Max nice priority", "nice"},
                                                  {"Max address space", "as"},
                                                  {"Max file size", "fsize"}});
constexpr std::size_t kNameMax = 15;  // TASK_COMM_LEN without its end

// Beginnings of names; what follows is a node's or a CPU's number, or more of the word.
constexpr auto kThreads = std::to_array<std::string_view>(
    {"kthreadd", "kswapd", "kcompactd", "khugepaged", "khungtaskd", "ksmd", "oom_reaper",
     "kdevtmpfs", "kauditd", "watchdogd", "rcu_tasks", "rcu_preempt", "rcu_sched"});

bool is_pid(std::string_view text) {
  return !text.empty() && text.size() <= 9 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

bool is_kernel_thread(std::string_view program) {
  return std::any_of(kThreads.begin(), kThreads.end(),
                     [&](std::string_view name) { return program.starts_with(name); });
}

std::vector<Limit> parse_limits_table(std::string_view table) {
  std::vector<Limit> limits;
  for (const std::string& line : split(table, "\n")) {
    for (const LimitRow& row : kLimits) {
      if (!line.starts_with(row.line)) continue;
      const auto words = split(printable(std::string_view(line).substr(row.line.size())), " ");
      if (words.size() >= 2) limits.push_back({std::string(row.name), words[0], words[1]});
    }
  }
  return limits;
}

Expected<Process> find_process(const Host& host, std::string_view name_or_pid) {
  if (is_pid(name_or_pid)) {
    auto name = host.read_trimmed(fmt::format("/proc/{}/comm", name_or_pid));
    if (name) return Process{std::string(name_or_pid), printable(*name)};
    return fail(ErrorCode::absent, "find process", name_or_pid, "no process has this number");
  }
  auto processes = host.list("/proc");
  if (!processes) return std::unexpected(processes.error());
  std::vector<std::string> found;
  for (const std::string& pid : *processes) {
    if (!is_pid(pid)) continue;
    const auto name = host.read_trimmed(fmt::format("/proc/{}/comm", pid));
    // The kernel keeps the beginning of a long name only.
    if (name && *name == name_or_pid.substr(0, kNameMax)) found.push_back(pid);
  }
  if (found.size() == 1) return Process{found.front(), std::string(name_or_pid)};
  if (found.empty()) {
    return fail(ErrorCode::absent, "find process", name_or_pid, "no process has this name");
  }
  return fail(ErrorCode::invalid, "find process", name_or_pid,
              fmt::format("{} processes have this name", found.size()),
              fmt::format("name one by its number: {}", fmt::join(found, ", ")));
}

Expected<std::vector<Limit>> limits_of_process(const Host& host, const Process& process) {
  auto table = host.read(fmt::format("/proc/{}/limits", process.pid));
  if (!table) return std::unexpected(table.error());
  return parse_limits_table(*table);
}

}  // namespace assay::probes
