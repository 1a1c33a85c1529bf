// When each operation of an open loop is meant to start. Fixed beforehand: it follows from rate,
// kind and seed alone, never from how earlier operations went (no coordinated omission).
#pragma once

#include <cmath>
#include <cstdint>

#include "engine/parameters.hpp"
#include "engine/test_data.hpp"

namespace assay::engine {

// Intended starts in ticks since the loop began, ascending. No allocation. One user at a time.
class Schedule {
 public:
  // `ticks_per_operation` is the mean distance, > 0.
  Schedule(double ticks_per_operation, Arrival arrival, std::uint64_t seed)
      : mean_ticks_(ticks_per_operation), arrival_(arrival), state_(mix64(seed)) {
    advance();
  }
  // The start of the operation that is due next.
  std::uint64_t due() const { return static_cast<std::uint64_t>(at_ticks_); }
  void advance() { at_ticks_ += arrival_ == Arrival::fixed ? mean_ticks_ : exponential_gap(); }

 private:
  // Gaps of a Poisson process: -mean * ln(u), u uniform in (0, 1].
  double exponential_gap() {
    constexpr double kToUnit = 1.0 / 9007199254740992.0;  // 2^-53
    const double uniform = static_cast<double>((mix64(state_++) >> 11) + 1) * kToUnit;
    return -mean_ticks_ * std::log(uniform);
  }

  double mean_ticks_;
  Arrival arrival_;
  std::uint64_t state_;
  double at_ticks_ = 0;
};

}  // namespace assay::engine
