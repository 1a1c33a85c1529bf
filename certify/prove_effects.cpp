#include "certify/prove_effects.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "certify/judge.hpp"
#include "certify/judge_words.hpp"
#include "certify/pairs.hpp"
#include "stats/difference.hpp"

namespace assay::certify {
namespace {

using engine::Measurement;

struct Objection {
  std::string cause, reason;
};

// Why a side does not count; empty: it does.
Objection objection_to(const Measurement& side, double quantile) {
  if (!side.skipped.empty()) return {"not measured", side.skipped};
  if (const std::string reason = void_reason(side); !reason.empty()) return {"void", reason};
  const double beyond = static_cast<double>(engine::judged(side).count()) * (1 - quantile);
  if (beyond >= kBeyondLeast) return {};
  return {"too few samples", fmt::format("{} hold {:.3g} beyond {}, {:g} are needed",
                                         grouped(engine::judged(side).count()), beyond,
                                         quantile_name(quantile), kBeyondLeast)};
}

// Two runs one after the other: the ratio from the difference, with its allowance for drift.
Expected<stats::RatioInterval> ratio_of_runs(const Measurement& after, const Measurement& before,
                                             double quantile, double confidence) {
  const auto difference = stats::quantile_difference(block_histograms(before),
                                                     block_histograms(after), quantile, confidence);
  if (!difference) return Failure(difference.error());
  const double base = std::max(difference->earlier_ns, 0.5);
  return stats::RatioInterval{.ratio = 1 + difference->difference_ns / base,
                              .low = 1 + difference->low_ns / base,
                              .high = 1 + difference->high_ns / base,
                              .confidence = confidence};
}

void judge(Effect& effect, const Measurement& before, const Measurement& after, bool by_turns,
           double confidence) {
  effect.samples_before = engine::judged(before).count();
  effect.samples_after = engine::judged(after).count();
  for (const auto& [side, name] :
       {std::pair{&before, "without it"}, std::pair{&after, "with it"}}) {
    const Objection objection = objection_to(*side, effect.of.quantile);
    if (objection.cause.empty()) continue;
    const bool both = !before.skipped.empty() && before.skipped == after.skipped;
    effect.cause = objection.cause;
    effect.reason = both ? objection.reason : fmt::format("{}: {}", name, objection.reason);
    return;
  }
  const auto ratio = by_turns ? paired_quantile_ratio(after, before, effect.of.quantile, confidence)
                              : ratio_of_runs(after, before, effect.of.quantile, confidence);
  if (!ratio) {
    effect.cause = "too few samples";
    effect.reason = ratio.error().cause;
    return;
  }
  effect.ratio = ratio->ratio;
  effect.low = std::max(0.0, ratio->low);
  effect.high = ratio->high;
  effect.pairs = ratio->pairs;
  if (ratio->high < 1) {
    effect.kind = EffectKind::helps;
  } else if (ratio->low > 1) {
    effect.kind = EffectKind::hurts;
  } else if (ratio->low < kNoisyLow || ratio->high > kNoisyHigh) {
    effect.cause = "too noisy";
    effect.reason = fmt::format("anything from {} to {} is possible", change_words(effect.low),
                                change_words(effect.high));
  } else {
    effect.kind = EffectKind::none;
  }
}

}  // namespace

std::string_view to_string(EffectKind kind) {
  static constexpr std::array<std::string_view, 4> kWords{"helps", "hurts", "none", "inconclusive"};
  return kWords[static_cast<std::size_t>(kind)];
}

std::vector<Effect> judge_effects(std::span<const ProofLimit> limits,
                                  std::span<const Measurement> before,
                                  std::span<const Measurement> after, bool by_turns,
                                  double confidence) {
  std::vector<Effect> effects;
  for (const ProofLimit& limit : limits) {
    Effect effect{.of = limit, .cause = {}, .reason = {}};
    if (limit.series < before.size() && limit.series < after.size()) {
      judge(effect, before[limit.series], after[limit.series], by_turns, confidence);
    } else {
      effect.cause = "not measured";
      effect.reason = "the measuring ended before it";
    }
    effects.push_back(std::move(effect));
  }
  return effects;
}

std::string change_words(double ratio) {
  constexpr double kHalf = 0.5, kDouble = 2;
  if (ratio < kHalf || ratio > kDouble) return fmt::format("{:.3g}x", ratio);
  const double percent = std::round(1000 * (ratio - 1)) / 10;
  return percent == 0 ? "0.0 %" : fmt::format("{:+.1f} %", percent);
}

std::string effect_words(const Effect& effect) {
  return fmt::format("{} of {} {} ({} to {})", quantile_name(effect.of.quantile), effect.of.label,
                     change_words(effect.ratio), change_words(effect.low),
                     change_words(effect.high));
}

}  // namespace assay::certify
