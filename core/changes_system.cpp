// What of the running kernel is no file that one write sets: where its threads run, which swap
// areas it uses, and a cgroup that holds CPUs for itself.
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/cpuset.hpp"
#include "core/fd.hpp"
#include "core/queries_internal.hpp"

namespace assay::queries {
namespace {

constexpr std::string_view kGroups = "/sys/fs/cgroup";

Expected<std::string> slurp(const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno(errno, "read", path);
  std::string text;
  std::array<char, 4096> room;
  while (true) {
    const ssize_t got = ::read(file.get(), room.data(), room.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read", path);
    if (got == 0) break;
    text.append(room.data(), static_cast<std::size_t>(got));
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

Expected<void> put(const std::string& path, std::string_view value) {
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return fail_errno(errno, "write", path);
  if (::write(file.get(), value.data(), value.size()) < 0) return fail_errno(errno, "write", path);
  return {};
}

// "/dev/dm-1" as the one name "!dev!dm-1", as sysfs spells such names.
std::string with_slashes(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '!', '/');
  return text;
}

// "15:rcu_preempt" as its parts, when a thread of the kernel has both.
Expected<pid_t> find_thread(std::string_view target) {
  const std::size_t colon = target.find(':');
  const auto pid = parse_uint(target.substr(0, colon));
  if (!pid || *pid > 4'194'304 || colon == std::string_view::npos) {
    return fail(ErrorCode::invalid, "find thread", target, "expected PID:NAME");
  }
  const auto stat = slurp(fmt::format("/proc/{}/stat", *pid));
  if (!stat) return Failure(stat.error());
  const std::size_t open = stat->find('(');
  const std::size_t close = stat->rfind(')');
  const bool whole = open != std::string::npos && close != std::string::npos && open < close;
  const std::string name = whole ? stat->substr(open + 1, close - open - 1) : "";
  // The ninth field holds the flags: proc(5); PF_KTHREAD.
  std::size_t at = whole ? close + 2 : stat->size();
  for (int field = 3; field < 9 && at < stat->size(); ++field) at = stat->find(' ', at) + 1;
  const auto flags = parse_uint(
      stat->substr(std::min(at, stat->size()), stat->find(' ', at) - std::min(at, stat->size())));
  if (name != with_slashes(target.substr(colon + 1)) || !flags || (*flags & 0x00200000U) == 0) {
    return fail(ErrorCode::absent, "find thread", target, "it has ended");
  }
  return static_cast<pid_t>(*pid);
}

// One mask of any width; cpu_set_t ends at 1024 CPUs.
using ThreadMask = std::array<unsigned long, CpuSet::kMaxCpus / (8 * sizeof(unsigned long))>;
constexpr unsigned kThreadMaskBits = 8 * sizeof(unsigned long);

std::string value_in(const Reply& values, std::string_view key) {
  const auto found = values.find(key);
  return found == values.end() ? std::string() : found->second;
}

bool lists_cpuset(std::string_view controllers) {
  return fmt::format(" {} ", controllers).find(" cpuset ") != std::string::npos;
}

// Takes the group away; whether the controller stays is what `values` say.
Expected<void> remove_partition(const std::string& group, const Reply& values) {
  const std::string control = fmt::format("{}/cgroup.subtree_control", kGroups);
  // The CPUs go back first. A group that is gone is what was wanted.
  if (auto done = put(group + "/cpuset.cpus.partition", "member");
      !done && done.error().code != ErrorCode::absent) {
    return done;
  }
  if (::rmdir(group.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, "remove", group);
  // Others may use the controller by now; then it stays.
  if (value_in(values, "controller") == "off") (void)put(control, "-cpuset");
  return {};
}

}  // namespace

Expected<Reply> thread_affinity(std::string_view target) {
  const auto pid = find_thread(target);
  if (!pid) return Failure(pid.error());
  ThreadMask mask{};
  if (::sched_getaffinity(*pid, sizeof mask, reinterpret_cast<cpu_set_t*>(mask.data())) != 0) {
    return fail_errno(errno, "sched_getaffinity", target);
  }
  CpuSet cpus;
  for (unsigned cpu = 0; cpu < CpuSet::kMaxCpus; ++cpu) {
    if ((mask[cpu / kThreadMaskBits] >> (cpu % kThreadMaskBits) & 1UL) != 0) cpus.add(cpu);
  }
  return Reply{{"cpus", cpus.to_list()}};
}

Expected<void> set_thread_affinity(std::string_view target, const Reply& values) {
  const auto cpus = CpuSet::parse_list(value_in(values, "cpus"));
  if (!cpus || cpus->empty()) {
    return fail(ErrorCode::invalid, "sched_setaffinity", target, "expected a list of CPUs");
  }
  const auto pid = find_thread(target);
  if (!pid) return Failure(pid.error());
  ThreadMask mask{};
  for (const unsigned cpu : cpus->to_vector())
    mask[cpu / kThreadMaskBits] |= 1UL << (cpu % kThreadMaskBits);
  if (::sched_setaffinity(*pid, sizeof mask, reinterpret_cast<cpu_set_t*>(mask.data())) != 0) {
    return fail_errno(errno, "sched_setaffinity", target);
  }
  return {};
}

// "on:5" with a priority that somebody gave; those that the kernel gave are negative, and are given
// anew.
Expected<Reply> swap_area(std::string_view target) {
  const auto text = slurp("/proc/swaps");
  if (!text) return Failure(text.error());
  const std::string area = with_slashes(target);
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    const std::string_view line = std::string_view(*text).substr(at, end - at);
    at = end + 1;
    if (line.substr(0, line.find_first_of(" \t")) != area) continue;
    const std::string_view priority = line.substr(line.find_last_of(" \t") + 1);
    const bool given = !priority.empty() && priority.front() != '-';
    return Reply{{"state", given ? fmt::format("on:{}", priority) : std::string("on")}};
  }
  return Reply{{"state", "off"}};
}

Expected<void> set_swap_area(std::string_view target, const Reply& values) {
  const std::string area = with_slashes(target);
  const std::string state = value_in(values, "state");
  if (state == "off") {
    if (::swapoff(area.c_str()) == 0) return {};
    return fail_errno(errno, "swapoff", area);
  }
  int flags = 0;
  if (state != "on") {
    const auto priority = parse_uint(state.starts_with("on:") ? state.substr(3) : state);
    if (!priority || *priority > SWAP_FLAG_PRIO_MASK) {
      return fail(ErrorCode::invalid, "swapon", area, "expected off, on or on:PRIORITY");
    }
    flags = SWAP_FLAG_PREFER | static_cast<int>(*priority);
  }
  if (::swapon(area.c_str(), flags) == 0) return {};
  return fail_errno(errno, "swapon", area);
}

Expected<Reply> cpuset_partition(std::string_view target) {
  const std::string control = fmt::format("{}/cgroup.subtree_control", kGroups);
  const auto controllers = slurp(control);
  if (!controllers) return Failure(controllers.error());
  const std::string group = fmt::format("{}/{}", kGroups, target);
  const auto cpus = slurp(group + "/cpuset.cpus");
  const auto state = slurp(group + "/cpuset.cpus.partition");
  const bool there = cpus.has_value() && state.has_value();
  const auto list = there ? CpuSet::parse_list(*cpus) : Expected<CpuSet>(CpuSet());
  return Reply{{"controller", lists_cpuset(*controllers) ? "on" : "off"},
               {"cpus", list && !list->empty() ? list->to_list() : "none"},
               {"state", there ? state->substr(0, state->find(' ')) : "none"}};
}

Expected<void> set_cpuset_partition(std::string_view target, const Reply& values) {
  const std::string group = fmt::format("{}/{}", kGroups, target);
  const std::string state = value_in(values, "state");
  if (state == "none") return remove_partition(group, values);
  if (!CpuSet::parse_list(value_in(values, "cpus")) || (state != "isolated" && state != "root")) {
    return fail(ErrorCode::invalid, "make partition", group,
                "expected a list of CPUs, and the state isolated or root");
  }
  if (auto done = put(fmt::format("{}/cgroup.subtree_control", kGroups), "+cpuset"); !done) {
    return done;
  }
  if (::mkdir(group.c_str(), 0755) != 0 && errno != EEXIST) {
    return fail_errno(errno, "make", group);
  }
  auto done = put(group + "/cpuset.cpus", value_in(values, "cpus"));
  if (done) done = put(group + "/cpuset.cpus.partition", state);
  if (done) {
    // Asked for and refused reads "isolated invalid (REASON)".
    const auto now = slurp(group + "/cpuset.cpus.partition");
    if (now && *now == state) return {};
    done = fail(ErrorCode::unsupported, "make partition", group,
                now ? fmt::format("the kernel says: {}", *now) : now.error().message());
  }
  (void)remove_partition(group, values);
  return done;
}

}  // namespace assay::queries
