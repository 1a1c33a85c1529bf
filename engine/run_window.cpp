#include "engine/run_window.hpp"

#include <fmt/format.h>

#include <array>
#include <sstream>

namespace assay::engine {
namespace {

// 4096 CPUs by 1000 interrupts is more than any host prints.
constexpr Bytes kInterruptsMax = 64_MiB;

std::string last_word(const std::string& text) {
  const std::size_t end = text.find_last_not_of(' ');
  if (end == std::string::npos) return {};
  const std::size_t start = text.find_last_of(' ', end);
  return text.substr(start == std::string::npos ? 0 : start + 1, end - start);
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

HostCounters HostCounters::read(const Host& host) {
  HostCounters counters;
  if (const auto text = host.read("/proc/interrupts", kInterruptsMax)) {
    counters.parse_interrupts(*text);
  }
  if (const auto text = host.read("/proc/stat", kInterruptsMax)) counters.parse_stat(*text);
  return counters;
}

void HostCounters::parse_interrupts(const std::string& text) {
  std::istringstream stream(text);
  std::string line, word;
  std::getline(stream, line);
  std::vector<unsigned> columns;
  std::istringstream header(line);
  while (header >> word) {
    if (!word.starts_with("CPU")) continue;
    if (const auto cpu = parse_uint(word.substr(3))) columns.push_back(static_cast<unsigned>(*cpu));
  }
  while (std::getline(stream, line)) {
    std::istringstream fields(line);
    std::string number;
    if (!(fields >> number) || number.back() != ':') continue;
    number.pop_back();
    // Named lines (LOC, RES ...) are the kernel's own; a device's interrupt has a number.
    if (!is_number(number)) continue;
    Line& counted = lines_[number];
    for (const unsigned cpu : columns) {
      std::uint64_t count = 0;
      if (!(fields >> count)) break;
      counted.per[cpu] = count;
    }
    counted.label = fmt::format("{} {}", number, last_word(line));
  }
}

void HostCounters::parse_stat(const std::string& text) {
  std::istringstream stream(text);
  std::string line;
  while (std::getline(stream, line)) {
    std::istringstream fields(line);
    std::string name;
    fields >> name;
    if (name.size() <= 3 || !name.starts_with("cpu")) continue;
    const auto cpu = parse_uint(std::string_view(name).substr(3));
    if (!cpu) continue;
    // user nice system idle iowait irq softirq steal; guest time is within user's (proc(5)).
    std::array<std::uint64_t, 8> v{};
    for (std::uint64_t& value : v) fields >> value;
    times_[static_cast<unsigned>(*cpu)] = {v[0] + v[1] + v[2] + v[5] + v[6], v[3] + v[4], v[7]};
  }
}

std::vector<std::string> HostCounters::irqs_since(const HostCounters& earlier,
                                                  const CpuSet& cpus) const {
  std::vector<std::string> irqs;
  for (const auto& [number, line] : lines_) {
    const auto before = earlier.lines_.find(number);
    if (before == earlier.lines_.end()) continue;
    std::uint64_t fired = 0;
    for (const auto& [cpu, count] : line.per) {
      const auto old = before->second.per.find(cpu);
      if (!cpus.contains(cpu) || old == before->second.per.end()) continue;
      if (count > old->second) fired += count - old->second;
    }
    if (fired > 0) irqs.push_back(fmt::format("{} ({})", line.label, fired));
  }
  return irqs;
}

HostCounters::CpuTimes HostCounters::times_since(const HostCounters& earlier,
                                                 const CpuSet& cpus) const {
  CpuTimes sum;
  const auto grown = [](std::uint64_t now, std::uint64_t old) { return now > old ? now - old : 0; };
  for (const auto& [cpu, now] : times_) {
    const auto old = earlier.times_.find(cpu);
    if (!cpus.contains(cpu) || old == earlier.times_.end()) continue;
    sum.busy += grown(now.busy, old->second.busy);
    sum.idle += grown(now.idle, old->second.idle);
    sum.steal += grown(now.steal, old->second.steal);
  }
  return sum;
}

double HostCounters::steal_since(const HostCounters& earlier, const CpuSet& cpus) const {
  const CpuTimes times = times_since(earlier, cpus);
  return times.total() == 0 ? 0
                            : static_cast<double>(times.steal) / static_cast<double>(times.total());
}

double HostCounters::busy_since(const HostCounters& earlier, const CpuSet& cpus) const {
  const CpuTimes times = times_since(earlier, cpus);
  return times.total() == 0 ? 0
                            : static_cast<double>(times.busy) / static_cast<double>(times.total());
}

}  // namespace assay::engine
