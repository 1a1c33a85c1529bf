#include "engine/block_counters.hpp"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace assay::engine {
namespace {

constexpr Bytes kLookMax = 16_MiB;
constexpr std::uint64_t kSlowLook_ns = 3'000'000;
// /proc/stat counts in USER_HZ, which is 100 on every architecture that Linux runs on.
constexpr std::uint64_t kProcTick_ns = 10'000'000;

std::uint64_t look_time_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000ULL +
         static_cast<std::uint64_t>(time.tv_nsec);
}

std::uint64_t counted_since(std::uint64_t now, std::uint64_t before) {
  return now > before ? now - before : 0;
}

// Takes the next word off `rest`; empty at the end of the line.
std::string_view take_word(std::string_view& rest) {
  const std::size_t start = std::min(rest.find_first_not_of(' '), rest.size());
  rest.remove_prefix(start);
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(word.size());
  return word;
}

std::string_view take_line(std::string_view& rest) {
  const std::string_view line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  return line;
}

bool to_number(std::string_view word, std::uint64_t& value) {
  const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), value);
  return code == std::errc() && end == word.data() + word.size();
}

// /proc/interrupts and /proc/softirqs: a heading with the CPUs, then lines of counts.
struct CountTable {
  struct Line {
    std::string label;
    std::map<unsigned, std::uint64_t> per;
    bool device = false;
  };
  std::map<std::string, Line, std::less<>> lines;

  explicit CountTable(std::string_view text) {
    std::vector<unsigned> columns;
    std::string_view heading = take_line(text);
    for (auto word = take_word(heading); !word.empty(); word = take_word(heading)) {
      std::uint64_t cpu = 0;
      if (word.starts_with("CPU") && to_number(word.substr(3), cpu)) {
        columns.push_back(static_cast<unsigned>(cpu));
      }
    }
    while (!text.empty()) add(take_line(text), columns);
  }

 private:
  void add(std::string_view rest, const std::vector<unsigned>& columns) {
    std::string_view name = take_word(rest);
    if (name.size() < 2 || name.back() != ':') return;
    name.remove_suffix(1);
    Line line;
    std::uint64_t number = 0;
    line.device = to_number(name, number);
    for (const unsigned cpu : columns) {
      std::uint64_t count = 0;
      if (!to_number(take_word(rest), count)) break;
      line.per[cpu] = count;
    }
    const std::size_t last = rest.find_last_not_of(' ');
    if (line.device && last != std::string_view::npos) {
      const std::string_view words = rest.substr(0, last + 1);
      const std::size_t space = words.find_last_of(' ');
      line.label = std::string(name) + " " +
                   std::string(words.substr(space == std::string_view::npos ? 0 : space + 1));
    } else {
      line.label = std::string(name);
    }
    lines.emplace(std::string(name), std::move(line));
  }
};

void add_interrupts(const HostLook& before, const HostLook& after, BlockCounters& counters) {
  if (before.interrupts.empty() || after.interrupts.empty()) return;
  counters.known = true;
  const CountTable old(before.interrupts), now(after.interrupts);
  for (const auto& [name, line] : now.lines) {
    const auto earlier = old.lines.find(name);
    if (earlier == old.lines.end()) continue;
    for (const auto& [cpu, count] : line.per) {
      const auto then = earlier->second.per.find(cpu);
      if (then == earlier->second.per.end() || count <= then->second) continue;
      const std::uint64_t fired = count - then->second;
      if (line.device) counters.device_irqs[cpu] += fired;
      if (!counters.cpus.contains(cpu)) continue;
      if (line.device) {
        counters.irqs_here[line.label] += fired;
      } else if (name == "LOC") {
        counters.ticks_here += fired;
      } else {
        counters.calls_here[line.label] += fired;
      }
    }
  }
}

void add_softirqs(const HostLook& before, const HostLook& after, BlockCounters& counters) {
  const CountTable old(before.softirqs), now(after.softirqs);
  // These come with every tick and every switch: they tell nothing apart.
  constexpr std::array<std::string_view, 4> kAlways{"TIMER", "SCHED", "RCU", "HRTIMER"};
  for (const auto& [name, line] : now.lines) {
    const auto earlier = old.lines.find(name);
    if (earlier == old.lines.end() || std::ranges::find(kAlways, name) != kAlways.end()) continue;
    for (const auto& [cpu, count] : line.per) {
      const auto then = earlier->second.per.find(cpu);
      if (then == earlier->second.per.end() || !counters.cpus.contains(cpu)) continue;
      if (count > then->second) counters.softirqs_here[name] += count - then->second;
    }
  }
}

std::map<unsigned, CpuTicks> parse_ticks(std::string_view text) {
  std::map<unsigned, CpuTicks> ticks;
  while (!text.empty()) {
    std::string_view line = take_line(text);
    const std::string_view name = take_word(line);
    std::uint64_t cpu = 0;
    if (!name.starts_with("cpu") || !to_number(name.substr(3), cpu)) continue;
    // user nice system idle iowait irq softirq steal
    std::array<std::uint64_t, 8> v{};
    for (std::uint64_t& value : v) static_cast<void>(to_number(take_word(line), value));
    ticks[static_cast<unsigned>(cpu)] = {v[0] + v[1] + v[2], v[3] + v[4], v[5] + v[6], v[7]};
  }
  return ticks;
}

void add_ticks(const HostLook& before, const HostLook& after, BlockCounters& counters) {
  const auto old = parse_ticks(before.stat);
  for (const auto& [cpu, now] : parse_ticks(after.stat)) {
    const auto then = old.find(cpu);
    if (then == old.end()) continue;
    counters.ticks[cpu] = {counted_since(now.busy, then->second.busy),
                           counted_since(now.idle, then->second.idle),
                           counted_since(now.interrupts, then->second.interrupts),
                           counted_since(now.steal, then->second.steal)};
  }
}

// "NAME VALUE" lines of a cgroup's cpu.stat: v2 counts microseconds, v1 nanoseconds.
std::uint64_t stat_value(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = take_line(text);
    std::uint64_t value = 0;
    if (take_word(line) == key && to_number(take_word(line), value)) return value;
  }
  return 0;
}

std::uint64_t throttled_ns(std::string_view text) {
  return stat_value(text, "throttled_usec") * 1000 + stat_value(text, "throttled_time");
}

std::uint64_t run_delay_ns(std::string_view text) {
  std::uint64_t value = 0;
  static_cast<void>(take_word(text));  // time on the CPU
  return to_number(take_word(text), value) ? value : 0;
}

struct DriveLook {
  std::uint64_t operations = 0, waited_ms = 0, busy_ms = 0;
};

// Documentation/admin-guide/iostats.rst: reads merged sectors ms, the same of writes, in flight,
// ms busy, ms waited (weighted), ...
DriveLook parse_drive(std::string_view text, std::string_view drive) {
  while (!drive.empty() && !text.empty()) {
    std::string_view line = take_line(text);
    const std::string_view major = take_word(line), minor = take_word(line);
    if (std::string(major) + " " + std::string(minor) != drive) continue;
    static_cast<void>(take_word(line));  // its name
    std::array<std::uint64_t, 11> v{};
    for (std::uint64_t& value : v) static_cast<void>(to_number(take_word(line), value));
    return {v[0] + v[4], v[3] + v[7], v[9]};
  }
  return {};
}

void add_drive(const HostLook& before, const HostLook& after, const std::string& drive,
               BlockCounters& counters) {
  const DriveLook old = parse_drive(before.diskstats, drive);
  const DriveLook now = parse_drive(after.diskstats, drive);
  counters.drive_operations = counted_since(now.operations, old.operations);
  counters.drive_busy_ns = counted_since(now.busy_ms, old.busy_ms) * 1'000'000;
  counters.drive_waited_ns = counted_since(now.waited_ms, old.waited_ms) * 1'000'000;
}

void add_noises(const HostLook& before, const HostLook& after, BlockCounters& counters) {
  if (after.trace.empty()) return;
  std::uint64_t seen_ns = 0;
  for (const TracedNoise& noise : parse_noises(before.trace)) {
    seen_ns = std::max(seen_ns, noise.start_ns);
  }
  // To the tracer the measuring thread is noise, too.
  const std::string own = fmt::format(":{}", ::gettid());
  for (TracedNoise& noise : parse_noises(after.trace)) {
    if (noise.kind == "thread" && noise.name.ends_with(own)) continue;
    const bool fresh = noise.start_ns > seen_ns;
    if (fresh && counters.cpus.contains(noise.cpu)) counters.noises.push_back(std::move(noise));
  }
}

template <typename Key>
void add_all(std::map<Key, std::uint64_t>& sum, const std::map<Key, std::uint64_t>& other) {
  for (const auto& [key, count] : other) sum[key] += count;
}

}  // namespace

std::vector<TracedNoise> parse_noises(const std::string& trace) {
  std::vector<TracedNoise> noises;
  std::string_view text = trace;
  while (!text.empty()) {
    std::string_view line = take_line(text);
    const std::size_t at = line.find("_noise: ");
    const std::size_t cpu_at = line.find('[');
    if (at == std::string_view::npos || cpu_at == std::string_view::npos || cpu_at > at) continue;
    TracedNoise noise;
    std::uint64_t cpu = 0;
    if (!to_number(line.substr(cpu_at + 1, line.find(']') - cpu_at - 1), cpu)) continue;
    noise.cpu = static_cast<unsigned>(cpu);
    const std::size_t kind_at = line.find_last_of(' ', at) + 1;
    noise.kind = std::string(line.substr(kind_at, at - kind_at));
    std::string_view rest = line.substr(at + 8);
    const std::size_t start_at = rest.find("start "), duration_at = rest.find(" duration ");
    if (start_at == std::string_view::npos || duration_at == std::string_view::npos) continue;
    const std::size_t name_end = rest.substr(0, start_at).find_last_not_of(' ');
    const std::size_t name_at = rest.find_first_not_of(' ');
    if (name_end != std::string_view::npos && name_at <= name_end && name_at < start_at) {
      noise.name = std::string(rest.substr(name_at, name_end + 1 - name_at));
    }
    std::string_view seconds = rest.substr(start_at + 6, duration_at - start_at - 6);
    std::uint64_t whole = 0, fraction = 0;
    const std::size_t point = seconds.find('.');
    if (point == std::string_view::npos || !to_number(seconds.substr(0, point), whole) ||
        !to_number(seconds.substr(point + 1), fraction)) {
      continue;
    }
    noise.start_ns = whole * 1'000'000'000ULL + fraction;  // nine digits
    rest.remove_prefix(duration_at + 10);
    if (to_number(take_word(rest), noise.duration_ns)) noises.push_back(std::move(noise));
  }
  return noises;
}

std::uint64_t BlockCounters::steal_here() const {
  std::uint64_t steal = 0;
  for (const auto& [cpu, one] : ticks) steal += cpus.contains(cpu) ? one.steal : 0;
  return steal * kProcTick_ns;
}

BlockCounters& BlockCounters::operator+=(const BlockCounters& other) {
  known = known || other.known;
  cpus = cpus | other.cpus;
  add_all(irqs_here, other.irqs_here);
  add_all(calls_here, other.calls_here);
  add_all(softirqs_here, other.softirqs_here);
  add_all(device_irqs, other.device_irqs);
  for (const auto& [cpu, one] : other.ticks) {
    CpuTicks& sum = ticks[cpu];
    sum = {sum.busy + one.busy, sum.idle + one.idle, sum.interrupts + one.interrupts,
           sum.steal + one.steal};
  }
  ticks_here += other.ticks_here;
  run_delay_ns += other.run_delay_ns;
  throttled_ns += other.throttled_ns;
  throttled_times += other.throttled_times;
  drive_operations += other.drive_operations;
  drive_busy_ns += other.drive_busy_ns;
  drive_waited_ns += other.drive_waited_ns;
  over += other.over;
  return *this;  // single noises explain single events of their own block only
}

WatchedPlaces WatchedPlaces::find(const Host& host) {
  WatchedPlaces places;
  const auto own = host.read("/proc/self/cgroup");
  std::string_view text = own ? std::string_view(*own) : std::string_view();
  while (!text.empty()) {
    // "0::/path" is version 2; "4:cpu,cpuacct:/path" a hierarchy of version 1 (cgroups(7)).
    const std::string_view line = take_line(text);
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string controllers(line.substr(first + 1, second - first - 1));
    const std::string path(line.substr(second + 1));
    const std::string list = "," + controllers + ",";
    std::string candidate;
    if (list.find(",cpu,") != std::string::npos) {
      candidate = "/sys/fs/cgroup/" + controllers + path;
    } else if (controllers.empty()) {
      candidate = "/sys/fs/cgroup" + path;
    } else {
      continue;
    }
    candidate += candidate.ends_with('/') ? "cpu.stat" : "/cpu.stat";
    if (host.exists(candidate)) places.cgroup_cpu_stat = candidate;
  }
  const auto tracer = host.read_trimmed("/sys/kernel/tracing/current_tracer");
  if (tracer && (*tracer == "osnoise" || *tracer == "timerlat")) {
    places.trace = "/sys/kernel/tracing/trace";
  }
  return places;
}

HostLook HostLook::take(const Host& host, const WatchedPlaces& places, bool with_interrupts) {
  HostLook look;
  const auto read = [&host](std::string_view path) {
    auto text = host.read(path, kLookMax);
    return text ? std::move(*text) : std::string();
  };
  if (with_interrupts) {
    look.interrupts = read("/proc/interrupts");
    look.softirqs = read("/proc/softirqs");
  }
  look.stat = read("/proc/stat");
  look.schedstat = read("/proc/thread-self/schedstat");
  look.diskstats = read("/proc/diskstats");
  if (!places.cgroup_cpu_stat.empty()) look.cpu_stat = read(places.cgroup_cpu_stat);
  if (!places.trace.empty()) look.trace = read(places.trace);
  look.at_ns = look_time_ns();
  return look;
}

BlockCounters counters_between(const HostLook& before, const HostLook& after, const CpuSet& cpus,
                               const std::string& drive) {
  BlockCounters counters;
  counters.cpus = cpus;
  counters.over = Nanoseconds(static_cast<std::int64_t>(counted_since(after.at_ns, before.at_ns)));
  add_interrupts(before, after, counters);
  add_softirqs(before, after, counters);
  add_ticks(before, after, counters);
  add_drive(before, after, drive, counters);
  add_noises(before, after, counters);
  counters.run_delay_ns =
      counted_since(run_delay_ns(after.schedstat), run_delay_ns(before.schedstat));
  counters.throttled_ns =
      counted_since(throttled_ns(after.cpu_stat), throttled_ns(before.cpu_stat));
  counters.throttled_times = counted_since(stat_value(after.cpu_stat, "nr_throttled"),
                                           stat_value(before.cpu_stat, "nr_throttled"));
  return counters;
}

void BlockWatch::before() {
  const std::uint64_t began = look_time_ns();
  before_ = HostLook::take(host_, places_, with_interrupts_);
  if (before_.at_ns - began > kSlowLook_ns && ++slow_looks_ >= 3) with_interrupts_ = false;
}

BlockCounters BlockWatch::after(const CpuSet& cpus, const std::string& drive) {
  return counters_between(before_, HostLook::take(host_, places_, !before_.interrupts.empty()),
                          cpus, drive);
}

}  // namespace assay::engine
