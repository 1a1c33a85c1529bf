// Known distributions and a simulated clock: what the statistics are tried on, where the truth is
// known. Everything is deterministic for a seed.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "stats/histogram.hpp"
#include "stats/random.hpp"

namespace assay::stats::simulation {

enum class Shape { lognormal, exponential, pareto, bimodal };
inline constexpr std::array kShapes{Shape::lognormal, Shape::exponential, Shape::pareto,
                                    Shape::bimodal};

inline const char* name(Shape shape) {
  constexpr std::array kNames{"lognormal", "exponential", "pareto", "bimodal"};
  return kNames[static_cast<std::size_t>(shape)];
}

inline double normal(SplitMix64& random) {
  const double radius = std::sqrt(-2.0 * std::log(random.uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * random.uniform());
}

// The normal's cumulative distribution and its inverse (by bisection: only tables use it).
inline double normal_below(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }
inline double normal_quantile(double p) {
  double low = -9;
  double high = 9;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (normal_below(middle) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

// The exact quantile function, in nanoseconds.
inline double quantile_of(Shape shape, double p) {
  switch (shape) {
    case Shape::lognormal:
      return 10'000 * std::exp(0.3 * normal_quantile(p));
    case Shape::exponential:
      return 2'000 - 20'000 * std::log1p(-p);
    case Shape::pareto:  // a tail without a variance
      return 5'000 * std::pow(1 - p, -1 / 1.5);
    case Shape::bimodal:  // 70 % fast path, 30 % slow path
      return p < 0.7 ? 20'000 * std::exp(0.2 * normal_quantile(p / 0.7))
                     : 300'000 * std::exp(0.3 * normal_quantile((p - 0.7) / 0.3));
  }
  return 0;
}

// Draws from a shape: a table of its quantile function, linear between entries, exact in the last
// entry of each side.
class Sampler {
 public:
  explicit Sampler(Shape shape) : shape_(shape) {
    for (std::size_t i = 0; i < kEntries; ++i) {
      table_.push_back(quantile_of(shape, (static_cast<double>(i) + 0.5) / kEntries));
    }
  }
  double at(double p) const {
    const double place = p * kEntries - 0.5;
    if (p < 0.001 || p > 0.999) return quantile_of(shape_, p);
    const auto entry = static_cast<std::size_t>(place);
    const double share = place - static_cast<double>(entry);
    return table_[entry] + share * (table_[entry + 1] - table_[entry]);
  }
  double draw(SplitMix64& random) const { return at(random.uniform()); }

 private:
  static constexpr std::size_t kEntries = 16384;
  Shape shape_;
  std::vector<double> table_;
};

// A clock that stands still until an operation takes its time.
class SimulatedClock {
 public:
  std::uint64_t now_ns() const { return now_ns_; }
  void pass(std::uint64_t duration_ns) { now_ns_ += duration_ns; }

 private:
  std::uint64_t now_ns_ = 1'000'000'007;
};

// Times one operation as the engine does: read the clock, operate, read it again, record.
template <typename Operation>
void time_operation(SimulatedClock& clock, Histogram& into, Operation&& operation) {
  const std::uint64_t started = clock.now_ns();
  operation();
  into.record(clock.now_ns() - started);
}

// A value that follows a first-order autoregression of variance 1.
class Drift {
 public:
  Drift(double memory, SplitMix64& random) : memory_(memory), value_(normal(random)) {}
  double next(SplitMix64& random) {
    value_ = memory_ * value_ + std::sqrt(1 - memory_ * memory_) * normal(random);
    return value_;
  }

 private:
  double memory_;
  double value_;
};

}  // namespace assay::stats::simulation
