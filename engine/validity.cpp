// What voids a measurement, in one place: the same questions for every technique.
#include <fmt/format.h>

#include <cstring>

#include "engine/measurement.hpp"
#include "stats/steadiness.hpp"

namespace assay::engine {
namespace {

using Reasons = std::vector<std::string>;

void add_clock(const ClockReport& clock, Reasons& reasons) {
  if (clock.valid) return;
  reasons.push_back(fmt::format(
      "the clock ran {:.0f} ppm apart from CLOCK_MONOTONIC_RAW (50 are allowed)", clock.error_ppm));
}

void add_failures(const Measurement& measurement, Reasons& reasons) {
  if (!measurement.broken.empty()) reasons.push_back(measurement.broken);
  if (measurement.errors > 0) {
    reasons.push_back(fmt::format("{} of {} operations failed: {}", measurement.errors,
                                  measurement.operations, std::strerror(measurement.first_errno)));
  }
  if (measurement.short_transfers > 0) {
    reasons.push_back(
        fmt::format("{} operations moved less than was asked", measurement.short_transfers));
  }
  if (measurement.operations == 0 && measurement.broken.empty()) {
    reasons.emplace_back("no operation was completed");
  }
  if (!measurement.verification.verified) {
    reasons.push_back(fmt::format("wrong data: {}", measurement.verification.detail));
  }
}

void add_placement(const Measurement& measurement, Reasons& reasons) {
  if (measurement.placement.migrations > 0) {
    reasons.push_back(fmt::format("it was moved off CPU {} in {} blocks",
                                  measurement.placement.asked.to_list(),
                                  measurement.placement.migrations));
  }
}

// The generator must be quicker than what it measures, else it measures itself.
void add_open_loop(const Measurement& measurement, Reasons& reasons) {
  if (measurement.lag.empty()) return;
  const std::uint64_t lag_ns = measurement.lag.quantile_ns(0.99);
  const std::uint64_t service_ns = measurement.service.quantile_ns(0.5);
  if (lag_ns > service_ns) {
    reasons.push_back(
        fmt::format("the generator lagged: its p99 of {} ns is above the service "
                    "time's p50 of {} ns; lower the rate",
                    lag_ns, service_ns));
  }
  if (measurement.missed > 0) {
    reasons.push_back(
        fmt::format("{} intended operations were never started: the rate is above "
                    "what the technique can do here",
                    measurement.missed));
  }
}

void add_unsteadiness(const Measurement& measurement, Reasons& reasons) {
  std::vector<stats::Histogram> blocks;
  for (const BlockResult& block : measurement.blocks) blocks.push_back(block.service);
  const stats::Steadiness steadiness = stats::judge_steadiness(blocks);
  if (!steadiness.steady) reasons.push_back("unsteady: " + steadiness.reason);
}

}  // namespace

Reasons reasons_against(const Measurement& measurement, const ClockReport& clock,
                        bool check_steadiness) {
  Reasons reasons;
  add_clock(clock, reasons);
  add_failures(measurement, reasons);
  if (!measurement.engaged && measurement.broken.empty()) {
    reasons.push_back(fmt::format("not engaged: {}", measurement.evidence));
  }
  add_placement(measurement, reasons);
  add_open_loop(measurement, reasons);
  if (check_steadiness) add_unsteadiness(measurement, reasons);
  return reasons;
}

}  // namespace assay::engine
