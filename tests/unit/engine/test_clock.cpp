// The clock: its scale over years, its choice of source, its own check.
#include <gtest/gtest.h>

#include <algorithm>

#include <cmath>

#include "core/memory_host.hpp"
#include "core/real_host.hpp"
#include "engine/clock.hpp"

namespace assay::engine {
namespace {

constexpr Nanoseconds kQuick = std::chrono::milliseconds(20);

// The exact quotient ticks * 1e9 / hz in wide integers, for whole-number frequencies.
std::uint64_t exact_ns(std::uint64_t ticks, std::uint64_t hz) {
  return static_cast<std::uint64_t>(static_cast<Wide>(ticks) * 1'000'000'000ULL / hz);
}

class ScaleOverYears : public testing::TestWithParam<std::uint64_t> {};

// tsc * 1e9 / hz in 64 bits is wrong after seconds; this must be right after decades.
TEST_P(ScaleOverYears, StaysWithinOnePartInABillion) {
  const std::uint64_t hz = GetParam();
  const TickScale scale = TickScale::from_hz(static_cast<double>(hz));
  for (const std::uint64_t seconds :
       {1ULL, 10ULL, 3600ULL, 86'400ULL * 365, 86'400ULL * 365 * 30}) {
    const std::uint64_t ticks = seconds * hz;
    const double error = std::abs(static_cast<double>(scale.to_ns(ticks)) -
                                  static_cast<double>(exact_ns(ticks, hz)));
    EXPECT_LE(error, 1.0 + static_cast<double>(seconds)) << hz << " Hz, " << seconds << " s";
  }
}

TEST_P(ScaleOverYears, NeverRunsBackwards) {
  const TickScale scale = TickScale::from_hz(static_cast<double>(GetParam()));
  std::uint64_t last = 0;
  // Five hundred years: nanoseconds themselves end after 584.
  // At some frequencies the ticks end before: 64 bits of them, and doubling must not wrap around.
  const double ticks_max = std::min(static_cast<double>(GetParam()) * 86'400 * 365 * 500, 0x1p62);
  for (std::uint64_t ticks = 1; static_cast<double>(ticks) < ticks_max; ticks = ticks * 2 + 1) {
    const std::uint64_t ns = scale.to_ns(ticks);
    EXPECT_GE(ns, last);
    last = ns;
  }
}

INSTANTIATE_TEST_SUITE_P(Frequencies, ScaleOverYears,
                         testing::Values(1'000'000ULL, 24'000'000ULL, 1'000'000'000ULL,
                                         2'596'133'000ULL, 5'000'000'000ULL));

TEST(Clock, ConvertsBothWays) {
  const auto host = make_real_host();
  const auto clock = Clock::calibrate(*host, kQuick);
  ASSERT_TRUE(clock);
  for (const std::uint64_t ns : {1'000ULL, 1'000'000ULL, 3'600'000'000'000ULL}) {
    const std::uint64_t back = clock->scale().to_ns(clock->ns_to_ticks(ns));
    EXPECT_NEAR(static_cast<double>(back), static_cast<double>(ns), 2.0);
  }
}

TEST(Clock, NeverGoesBackwards) {
  const auto host = make_real_host();
  const auto clock = Clock::calibrate(*host, kQuick);
  ASSERT_TRUE(clock);
  std::uint64_t last = clock->now_ns();
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t now = clock->now_ns();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(Clock, ReportsWhatItWasWorth) {
  const auto host = make_real_host();
  const auto clock = Clock::calibrate(*host);
  ASSERT_TRUE(clock);
  const ClockReport report = clock->check();
  EXPECT_GE(report.calibrated_for, std::chrono::milliseconds(200));
  EXPECT_FALSE(report.reason.empty());
  EXPECT_GT(report.hz, 1e6);
  EXPECT_GE(report.overhead_p99_ns, report.overhead_p50_ns);
  EXPECT_EQ(report.valid, std::abs(report.error_ppm) <= 50);
}

struct SourceCase {
  const char* name;
  const char* clocksource;
  const char* flags;
  ClockSource wanted;
};

class Source : public testing::TestWithParam<SourceCase> {};

TEST_P(Source, FollowsWhatTheHostSays) {
  MemoryHost host;
  host.put("/sys/devices/system/clocksource/clocksource0/current_clocksource",
           std::string(GetParam().clocksource) + "\n");
  host.put("/proc/cpuinfo", std::string("processor\t: 0\nflags\t\t: ") + GetParam().flags +
                                "\nbugs\t\t:\n\nprocessor\t: 1\n");
  const auto clock = Clock::calibrate(host, kQuick);
  ASSERT_TRUE(clock);
#if defined(__x86_64__)
  EXPECT_EQ(clock->source(), GetParam().wanted);
#else
  EXPECT_EQ(clock->source(), ClockSource::monotonic);
#endif
}

INSTANTIATE_TEST_SUITE_P(
    Hosts, Source,
    testing::Values(
        SourceCase{"trusted", "tsc", "fpu tsc rdtscp constant_tsc nonstop_tsc", ClockSource::tsc},
        SourceCase{"paravirtual", "kvm-clock", "fpu tsc rdtscp constant_tsc nonstop_tsc",
                   ClockSource::monotonic},
        SourceCase{"stops_in_deep_sleep", "tsc", "fpu tsc rdtscp constant_tsc",
                   ClockSource::monotonic},
        SourceCase{"no_rdtscp", "tsc", "fpu tsc constant_tsc nonstop_tsc", ClockSource::monotonic},
        SourceCase{"similar_words", "tsc", "rdtscp xconstant_tsc nonstop_tscx",
                   ClockSource::monotonic}),
    [](const auto& case_info) { return std::string(case_info.param.name); });

TEST(Clock, WithoutAnyWordFromTheHostUsesTheKernelsClock) {
  const MemoryHost host;
  const auto clock = Clock::calibrate(host, kQuick);
  ASSERT_TRUE(clock);
  EXPECT_EQ(clock->source(), ClockSource::monotonic);
  EXPECT_GT(clock->now_ns(), 0U);
}

}  // namespace
}  // namespace assay::engine
