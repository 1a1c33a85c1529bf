#include "certify/noise.hpp"

#include <sched.h>

#include "stats/histogram.hpp"

namespace assay::certify {
namespace {

constexpr std::uint64_t kLongGap_ns = 10'000;

// Moves this thread to one CPU, and back when it goes out of scope.
class Pinned {
 public:
  explicit Pinned(unsigned cpu) {
    if (::sched_getaffinity(0, sizeof before_, &before_) != 0 || cpu >= CPU_SETSIZE) return;
    cpu_set_t wanted;
    CPU_ZERO(&wanted);
    CPU_SET(cpu, &wanted);
    moved_ = ::sched_setaffinity(0, sizeof wanted, &wanted) == 0;
  }
  ~Pinned() {
    if (moved_) ::sched_setaffinity(0, sizeof before_, &before_);
  }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

 private:
  cpu_set_t before_{};
  bool moved_ = false;
};

}  // namespace

NoiseFloor measure_noise(const engine::Clock& clock, unsigned cpu, Nanoseconds duration) {
  const engine::ClockReport report = clock.check();
  NoiseFloor noise;
  noise.cpu = cpu;
  noise.timer_p50_ns = report.overhead_p50_ns;
  noise.timer_p99_ns = report.overhead_p99_ns;

  const Pinned pinned(cpu);
  stats::Histogram gaps;
  engine::with_ticks(clock, [&](auto source) {
    const auto length = clock.ns_to_ticks(static_cast<std::uint64_t>(duration.count()));
    const std::uint64_t start = source.now();
    std::uint64_t last = start;
    while (last - start < length) {
      const std::uint64_t now = source.now();
      gaps.record(clock.scale().to_ns(now - last));
      last = now;
    }
    noise.spun_for = Nanoseconds(static_cast<std::int64_t>(clock.scale().to_ns(last - start)));
  });
  noise.gap_p99_9_ns = gaps.quantile_ns(0.999);
  noise.gap_max_ns = gaps.max_ns();
  const double seconds = std::chrono::duration<double>(noise.spun_for).count();
  if (seconds > 0) {
    noise.gaps_over_10us_per_s = static_cast<double>(gaps.count_above(kLongGap_ns)) / seconds;
  }
  return noise;
}

}  // namespace assay::certify
