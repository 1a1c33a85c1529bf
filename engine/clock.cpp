#include "engine/clock.hpp"

#include <fmt/format.h>
#include <sys/timex.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace assay::engine {
namespace {

constexpr double kErrorPpmMax = 50;
constexpr double kNsPerSecond = 1e9;

std::uint64_t read_ns(clockid_t id) {
  timespec now{};
  ::clock_gettime(id, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000ULL +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// Ticks and the reference clock at the same instant.
struct Pair {
  std::uint64_t ticks = 0, raw_ns = 0;
};

// The reference is read between two reads of the ticks; of many tries the tightest bracket wins,
// so that an interrupt in between does not shift the pair.
template <typename Ticks>
Pair bracketed_read() {
  Pair best;
  std::uint64_t best_width = ~0ULL;
  for (int i = 0; i < 64; ++i) {
    const std::uint64_t before = Ticks::now();
    const std::uint64_t raw = read_ns(CLOCK_MONOTONIC_RAW);
    const std::uint64_t after = Ticks::now();
    if (after - before >= best_width) continue;
    best_width = after - before;
    best = {before + (after - before) / 2, raw};
  }
  return best;
}

Pair bracketed_read(ClockSource source) {
  return source == ClockSource::tsc ? bracketed_read<TscTicks>() : bracketed_read<MonotonicTicks>();
}

struct Choice {
  ClockSource source = ClockSource::monotonic;
  std::string reason;
};

bool has_word(std::string_view line, std::string_view word) {
  for (std::size_t at = line.find(word); at != std::string_view::npos;
       at = line.find(word, at + 1)) {
    const bool starts = at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t';
    const std::size_t end = at + word.size();
    if (starts && (end == line.size() || line[end] == ' ')) return true;
  }
  return false;
}

// The flags line of the first CPU in /proc/cpuinfo; empty on machines that print none.
std::string cpu_flags(const Host& host) {
  const auto cpuinfo = host.read("/proc/cpuinfo", Bytes{64ULL << 20});
  if (!cpuinfo) return {};
  const std::size_t start = cpuinfo->find("\nflags");
  if (start == std::string::npos) return {};
  const std::size_t colon = cpuinfo->find(':', start);
  const std::size_t end = cpuinfo->find('\n', start + 1);
  if (colon == std::string::npos || end == std::string::npos || colon > end) return {};
  return cpuinfo->substr(colon + 1, end - colon - 1);
}

Choice choose_source(const Host& host) {
#if defined(__x86_64__)
  const auto current =
      host.read_trimmed("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  if (!current) return {ClockSource::monotonic, "the kernel names no clocksource"};
  if (*current != "tsc") {
    return {ClockSource::monotonic,
            fmt::format("the kernel's clocksource is {}, not tsc", *current)};
  }
  const std::string flags = cpu_flags(host);
  for (const std::string_view wanted : {"constant_tsc", "nonstop_tsc", "rdtscp"}) {
    if (!has_word(flags, wanted)) {
      return {ClockSource::monotonic, fmt::format("the CPU does not state {}", wanted)};
    }
  }
  return {ClockSource::tsc, "TSC is constant, nonstop and the kernel's clocksource"};
#else
  static_cast<void>(host);
  return {ClockSource::monotonic, "no TSC on this architecture"};
#endif
}

// Cost of two successive time stamps, by repetition: median and 99th percentile in ticks.
template <typename Ticks>
std::pair<std::uint64_t, std::uint64_t> overhead_ticks() {
  constexpr std::size_t kSamples = 10'001;
  std::vector<std::uint64_t> costs(kSamples);
  for (std::uint64_t& cost : costs) {
    const std::uint64_t before = Ticks::start();
    cost = Ticks::now() - before;
  }
  std::ranges::sort(costs);
  return {costs[kSamples / 2], costs[kSamples * 99 / 100]};
}

}  // namespace

TickScale TickScale::from_hz(double ticks_per_second) {
  // The largest shift whose multiplier still fits 63 bits: most precision, and ticks * multiplier
  // stays below 2^127.
  TickScale scale;
  const double ns_per_tick = kNsPerSecond / ticks_per_second;
  scale.shift = static_cast<unsigned>(62 - std::ilogb(ns_per_tick));
  scale.shift = std::min(scale.shift, 63U);
  scale.multiplier = static_cast<std::uint64_t>(
      std::llround(std::ldexp(ns_per_tick, static_cast<int>(scale.shift))));
  return scale;
}

std::uint64_t MonotonicTicks::now() { return read_ns(CLOCK_MONOTONIC); }

Expected<Clock> Clock::calibrate(const Host& host, Nanoseconds duration) {
  Clock clock;
  const Choice choice = choose_source(host);
  clock.source_ = choice.source;
  clock.report_.source = choice.source;
  clock.report_.reason = choice.reason;
  const Pair first = bracketed_read(clock.source_);
  // Sleeping, not spinning: the bracket, not the wait, decides the precision.
  std::this_thread::sleep_for(duration);
  const Pair last = bracketed_read(clock.source_);
  if (last.ticks <= first.ticks || last.raw_ns <= first.raw_ns) {
    return fail(ErrorCode::io, "calibrate the clock", "", "time did not advance",
                "check dmesg for an unstable clocksource");
  }
  const double elapsed_ns = static_cast<double>(last.raw_ns - first.raw_ns);
  const double hz = static_cast<double>(last.ticks - first.ticks) * kNsPerSecond / elapsed_ns;
  clock.report_.hz = hz;
  clock.report_.calibrated_for = Nanoseconds(last.raw_ns - first.raw_ns);
  clock.scale_ = TickScale::from_hz(hz);
  clock.base_ticks_ = first.ticks;
  clock.base_raw_ns_ = first.raw_ns;
  return clock;
}

std::uint64_t Clock::ticks() const {
  return source_ == ClockSource::tsc ? TscTicks::now() : MonotonicTicks::now();
}

std::uint64_t Clock::ns_to_ticks(std::uint64_t ns) const {
  return static_cast<std::uint64_t>((static_cast<Wide>(ns) << scale_.shift) / scale_.multiplier);
}

ClockReport Clock::check() const {
  ClockReport report = report_;
  const Pair now = bracketed_read(source_);
  const double ours = static_cast<double>(scale_.to_ns(now.ticks - base_ticks_));
  const double reference = static_cast<double>(now.raw_ns - base_raw_ns_);
  report.error_ppm = (ours - reference) / reference * 1e6;
  report.valid = std::abs(report.error_ppm) <= kErrorPpmMax;
  timex state{};
  // The kernel's frequency correction is in parts per million with a 16-bit fraction (adjtimex(2)).
  if (::adjtimex(&state) >= 0) report.ntp_offset_ppm = static_cast<double>(state.freq) / 65536.0;
  const auto [p50, p99] =
      source_ == ClockSource::tsc ? overhead_ticks<TscTicks>() : overhead_ticks<MonotonicTicks>();
  report.overhead_p50_ns = scale_.to_ns(p50);
  report.overhead_p99_ns = scale_.to_ns(p99);
  return report;
}

}  // namespace assay::engine
