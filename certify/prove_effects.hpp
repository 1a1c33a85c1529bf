// What a group of settings did to the profile's budgets: one effect a percentile, each with its
// interval. Internal to certify/.
//
// The effect is the ratio of the percentile's latency with the group over that without it. Turns
// pair (block bootstrap over pairs, stats/bootstrap.hpp), so that a drift of the machine hits both
// sides; a measurement before and one after cannot (stats/difference.hpp allows for drift and for
// what differs from run to run). Helps and hurts mean that the whole interval lies on one side of
// 1. Whatever was not measured, is void, or holds too few samples is inconclusive, never a gain.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/measurement.hpp"

namespace assay::certify {

// One percentile of one series that the profile has a budget for.
struct ProofLimit {
  std::size_t series = 0;  // index into what the meter returns
  double quantile = 0;
  std::string technique, target;
  std::map<std::string, std::string> parameters;
  std::string label;  // for people: the technique, and what tells it from others of its name
};

enum class EffectKind : std::uint8_t { helps, hurts, none, inconclusive };
std::string_view to_string(EffectKind kind);  // "helps", "hurts", "none", "inconclusive"

struct Effect {
  ProofLimit of;
  EffectKind kind = EffectKind::inconclusive;
  // Latency after / before, below 1 is faster. All 0: could not be computed.
  double ratio = 0, low = 0, high = 0;
  std::uint64_t samples_before = 0, samples_after = 0;
  std::size_t pairs = 0;  // of blocks by turns; 0: before, then after
  // Why it is inconclusive: "not measured", "void", "too few samples", "too noisy"; and in words.
  std::string cause, reason;
};

// Observations that each side must hold beyond a percentile: fewer tell more about a few outliers
// than about the setting.
inline constexpr double kBeyondLeast = 30;

// An interval that reaches as far as half or double tells nothing: that is too noisy, not "none".
inline constexpr double kNoisyLow = 0.5, kNoisyHigh = 2;

// One effect a limit, each interval two-sided at `confidence`. Pure.
std::vector<Effect> judge_effects(std::span<const ProofLimit> limits,
                                  std::span<const engine::Measurement> before,
                                  std::span<const engine::Measurement> after, bool by_turns,
                                  double confidence);

// "p99 of storage.pread -12.3 % (-15.1 to -9.4 %)".
std::string effect_words(const Effect& effect);
// "-12.3 %", "3.42x": a change of less than a half or more than the double as a factor.
std::string change_words(double ratio);

}  // namespace assay::certify
