// The meter tests itself: can this program, on this host, now, tell a difference from none?
//
// Four questions: what is the noise floor; do two identical series differ (they must not); is a
// known delay, put into a pseudo-random 0.2 % of operations, found in the p99.9 with its right
// size; and does the clock keep time. All through the same runner, recorder and statistics as every
// other measurement.
#pragma once

#include "core/host.hpp"
#include "engine/runner.hpp"
#include "probes/inventory.hpp"
#include "stats/bootstrap.hpp"

namespace assay::engine {

struct SelfTestOptions {
  unsigned rounds = 40;
  Nanoseconds block{std::chrono::milliseconds(15)};
  CpuSet cpus;  // empty: the runner chooses
  Nanoseconds delay_min{
      std::chrono::microseconds(50)};  // the delay is 20x the floor's p99, or this
};

struct SelfTestReport {
  ClockReport clock;
  // The noise floor: an operation that only computes, and the gaps that something else made in it.
  std::uint64_t floor_p50_ns = 0, floor_p99_ns = 0, floor_p99_9_ns = 0, floor_max_ns = 0;
  std::uint64_t floor_operations = 0;
  // A/A: identical series, interleaved.
  stats::RatioInterval same_p50, same_p99, same_rate;
  // The injected delay and what the p99.9 of injected minus clean blocks makes of it.
  Nanoseconds injected{0};
  double injected_fraction = 0.002;
  std::uint64_t injected_operations = 0;
  double found_ns = 0, found_low_ns = 0, found_high_ns = 0;
  bool interrupted = false;

  bool same() const { return !same_p50.differs() && !same_p99.differs() && !same_rate.differs(); }
  double error_fraction() const;  // |found - injected| / injected
  bool found() const { return error_fraction() <= 0.10; }
};

// Takes a few seconds. Errors: those of Clock::calibrate() and run().
Expected<SelfTestReport> self_test(const Host& host, const probes::Inventory& inventory,
                                   const SelfTestOptions& options, const RunControl& control);

// The two series' techniques, for tests: `parameters.interval` is the delay; 0 injects nothing.
const Technique& spin_technique();

}  // namespace assay::engine
