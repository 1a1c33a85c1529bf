#include "tuner/kernel_threads.hpp"

#include <fmt/core.h>

#include <optional>

#include "core/units.hpp"
#include "tuner/text.hpp"

namespace assay::tuner {
namespace {

constexpr std::uint64_t kKernelThread = 0x00200000;  // PF_KTHREAD
constexpr std::uint64_t kBound = 0x04000000;         // PF_NO_SETAFFINITY

struct Stat {
  std::string name;
  std::uint64_t flags = 0;
};

// "2 (kthreadd) S 0 0 0 0 -1 2129984 ...": the name may hold anything, blanks and brackets too.
std::optional<Stat> parse_stat(std::string_view text) {
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return std::nullopt;
  }
  const auto words = words_of(trimmed(text.substr(close + 1)));
  constexpr std::size_t kFlagsWord = 6;  // the ninth field; the state is the third
  if (words.size() <= kFlagsWord) return std::nullopt;
  auto flags = parse_uint(words[kFlagsWord]);
  if (!flags) return std::nullopt;
  return Stat{std::string(text.substr(open + 1, close - open - 1)), *flags};
}

// "irq/25-nvme0q1": the kernel puts the thread where its interrupt goes each time it wakes
// (kernel/irq/manage.c, irq_thread_check_affinity). Who moves the interrupt moves the thread.
bool follows_an_interrupt(std::string_view name) {
  static constexpr std::string_view kStart = "irq/";
  return name.size() > kStart.size() && name.starts_with(kStart) && name[kStart.size()] >= '0' &&
         name[kStart.size()] <= '9';
}

std::optional<CpuSet> allowed_cpus(const Host& host, std::string_view pid) {
  static constexpr std::string_view kKey = "Cpus_allowed_list:";
  auto status = host.read(fmt::format("/proc/{}/status", pid));
  if (!status) return std::nullopt;
  for (std::string_view line : lines_of(*status)) {
    if (!line.starts_with(kKey)) continue;
    auto cpus = CpuSet::parse_list(trimmed(line.substr(kKey.size())));
    return cpus ? std::optional(*cpus) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

Expected<KernelThreads> movable_kernel_threads(const Host& host) {
  auto processes = host.list("/proc");
  if (!processes) return Failure(processes.error());
  KernelThreads found;
  for (const std::string& pid : *processes) {
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    // A process may end while it is looked at.
    auto text = host.read(fmt::format("/proc/{}/stat", pid));
    if (!text) continue;
    const auto stat = parse_stat(*text);
    if (!stat || (stat->flags & kKernelThread) == 0 || (stat->flags & kBound) != 0) continue;
    if (follows_an_interrupt(stat->name)) continue;
    auto cpus = allowed_cpus(host, pid);
    if (!cpus) continue;
    if (stat->name == "kthreadd") found.new_ones = *cpus;
    found.all = found.all | *cpus;
    ++found.movable;
    found.threads.push_back({pid, stat->name, *std::move(cpus)});
  }
  return found;
}

}  // namespace assay::tuner
