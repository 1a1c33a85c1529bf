// The clock that every latency is measured with.
//
// TSC when it is constant, nonstop and the kernel's own clocksource trusts it; else
// clock_gettime(CLOCK_MONOTONIC). Ticks become nanoseconds by a 128-bit multiply and shift, which
// neither overflows nor drifts (tsc * 1e9 / hz in 64 bits overflows after seconds). Calibrated
// against CLOCK_MONOTONIC_RAW with bracketed reads for ≥200 ms, and checked again at the end: more
// than 50 ppm apart voids the run. (This proves our conversion, not the crystal.) Immutable after
// calibration, thread-safe to read.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "core/error.hpp"
#include "core/host.hpp"
#include "core/units.hpp"

namespace assay::engine {

enum class ClockSource : std::uint8_t { tsc, monotonic };

// 128 bits: a compiler extension that every 64-bit target of ours has.
__extension__ using Wide = unsigned __int128;

// Ticks to nanoseconds: (ticks * multiplier) >> shift, in 128 bits.
struct TickScale {
  std::uint64_t multiplier = 1;
  unsigned shift = 0;
  std::uint64_t to_ns(std::uint64_t ticks) const {
    return static_cast<std::uint64_t>((static_cast<Wide>(ticks) * multiplier) >> shift);
  }
  static TickScale from_hz(double ticks_per_second);
};

// One source each, so that the hot loop is compiled for it and does not branch.
//
// now() ends an interval: it waits for what came before. start() begins one: it may be taken a few
// nanoseconds early, while earlier work still drains, which makes an interval longer, never
// shorter, and costs half as much. Two starts, or a start after an end, may so be out of order by
// that much: subtract only start from the end that follows it.
struct TscTicks {
  // rdtscp, ordered after earlier loads (Intel SDM 2B). 0 where there is no TSC: never chosen
  // there.
  static std::uint64_t now() {
#if defined(__x86_64__)
    unsigned processor = 0;
    return __rdtscp(&processor);
#else
    return 0;
#endif
  }
  // rdtsc, not ordered.
  static std::uint64_t start() {
#if defined(__x86_64__)
    return __rdtsc();
#else
    return 0;
#endif
  }
};
struct MonotonicTicks {
  static std::uint64_t now();  // clock_gettime through the vDSO
  static std::uint64_t start() { return now(); }
};

// What the clock was worth, for the certificate.
struct ClockReport {
  ClockSource source = ClockSource::monotonic;
  std::string reason;  // why this source
  double hz = 1e9;
  Nanoseconds calibrated_for{0};
  double error_ppm = 0;       // at the closing check, against CLOCK_MONOTONIC_RAW
  double ntp_offset_ppm = 0;  // what NTP/PTP makes of it: adjtimex frequency, recorded
  std::uint64_t overhead_p50_ns = 0, overhead_p99_ns = 0;  // two successive time stamps
  bool valid = true;                                       // error_ppm within 50
};

class Clock {
 public:
  // Chooses the source from what the host says of its clocksource and CPU flags, and calibrates.
  static Expected<Clock> calibrate(const Host& host,
                                   Nanoseconds duration = std::chrono::milliseconds(200));

  ClockSource source() const { return source_; }
  const TickScale& scale() const { return scale_; }
  std::uint64_t ticks() const;  // by source; not for hot loops
  std::uint64_t now_ns() const { return scale_.to_ns(ticks()); }
  std::uint64_t ns_to_ticks(std::uint64_t ns) const;

  // Compares with CLOCK_MONOTONIC_RAW since calibration, and measures the timer's own cost.
  ClockReport check() const;

 private:
  ClockSource source_ = ClockSource::monotonic;
  TickScale scale_;
  ClockReport report_;
  std::uint64_t base_ticks_ = 0, base_raw_ns_ = 0;
};

// Calls `f` with the tick policy of this clock: f(TscTicks{}) or f(MonotonicTicks{}).
template <typename F>
decltype(auto) with_ticks(const Clock& clock, F&& f) {
  if (clock.source() == ClockSource::tsc) return f(TscTicks{});
  return f(MonotonicTicks{});
}

}  // namespace assay::engine
