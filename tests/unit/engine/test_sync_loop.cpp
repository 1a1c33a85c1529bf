// The hot loops on a simulated clock and device: a device that stalls is seen by the open loop and
// hidden by the closed one.
#include <gtest/gtest.h>

#include "engine/offsets.hpp"
#include "engine/sync_loop.hpp"

namespace assay::engine {
namespace {

constexpr std::uint64_t kMs = 1'000'000;  // ticks are nanoseconds here

// Time moves only when it is asked for (20 ns) or when the device works.
struct SimTicks {
  static inline std::uint64_t time_ns = 0;
  static std::uint64_t now() { return time_ns += 20; }
  static std::uint64_t start() { return time_ns; }
};

// Answers in 100 us; whoever comes during the first 50 ms of each second waits for their end.
class StallingDevice {
 public:
  void prepare(std::uint64_t) {}
  ssize_t move(std::uint64_t) {
    const std::uint64_t in_second = SimTicks::time_ns % (1000 * kMs);
    const bool stalled = in_second < 50 * kMs;
    SimTicks::time_ns += stalled ? 50 * kMs - in_second : kMs / 10;
    return 4096;
  }
  std::uint64_t calls_per_unit() const { return 1; }
};

class SyncLoops : public testing::Test {
 protected:
  SyncLoops() { SimTicks::time_ns = 500 * kMs; }
  SyncLoop<SimTicks, StallingDevice> loop() { return {device_, 4096, TickScale{}, recorder_}; }
  StallingDevice device_;
  Recorder recorder_;
  SequentialBlocks offsets_{1000, 1};
};

TEST_F(SyncLoops, ClosedLoopHidesAStall) {
  loop().closed(offsets_, 2000 * kMs);
  // Two stalls in 2 s: two operations of some 19,000 met them, and even the p99.9 has not seen it.
  EXPECT_GT(recorder_.operations, 18'000U);
  EXPECT_NEAR(static_cast<double>(recorder_.service.quantile_ns(0.999)), 1e5, 2e3);
  EXPECT_GT(recorder_.service.max_ns(), 45 * kMs);
  EXPECT_TRUE(recorder_.response.empty());
}

TEST_F(SyncLoops, OpenLoopShowsIt) {
  // 1,000 a second: each stall keeps 50 intended operations waiting, 5 % of all.
  loop().open(offsets_, 2000 * kMs, Schedule(1e6, Arrival::fixed, 1));
  EXPECT_NEAR(static_cast<double>(recorder_.operations), 2000, 2);
  EXPECT_EQ(recorder_.missed, 0U);
  EXPECT_NEAR(static_cast<double>(recorder_.service.quantile_ns(0.99)), 1e5, 2e3);
  // The response's p99 lies in the upper part of the stall.
  EXPECT_GT(recorder_.response.quantile_ns(0.99), 35 * kMs);
  EXPECT_LT(recorder_.response.quantile_ns(0.90), kMs / 5);
  // It was the device that was late, not the generator.
  EXPECT_LT(recorder_.lag.quantile_ns(0.999), 200U);
}

TEST_F(SyncLoops, OpenLoopCountsWhatItNeverStarted) {
  // 100,000 a second asked of a device that does 10,000.
  loop().open(offsets_, 100 * kMs, Schedule(1e4, Arrival::fixed, 1));
  EXPECT_NEAR(static_cast<double>(recorder_.operations), 2000, 20);
  EXPECT_NEAR(static_cast<double>(recorder_.missed), 8000, 20);
}

}  // namespace
}  // namespace assay::engine
