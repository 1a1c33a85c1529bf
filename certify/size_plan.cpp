#include "certify/size_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "certify/bounds.hpp"

namespace assay::certify {
namespace {

// Share of the time that the first of several looks gets.
constexpr double kFirstLook = 0.6;
// Blocks of one run are not independent: so many times the samples that independent ones would
// need.
constexpr double kDependence = 2.0;
// Samples that a block should hold at the least, for its own percentiles to mean anything.
constexpr double kSamplesPerBlock = 10;
constexpr double kShortestBlock_s = 0.001, kBase_s = 0.010, kLongestFill_s = 0.050;
// Ctrl-C is looked at between blocks.
constexpr double kLongestBlock_s = 1.0;
constexpr unsigned kFewestRounds = 8;
constexpr double kMostOverhead = 0.8;

double seconds(Nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }
Nanoseconds from_seconds(double value) {
  return Nanoseconds(static_cast<std::int64_t>(std::llround(value * 1e9)));
}

struct Need {
  double quantile = 0;
  std::uint64_t samples = 0;
};

// The most samples that any limit of a series needs.
std::vector<Need> needs(const Expansion& expansion, double confidence) {
  std::vector<Need> all(expansion.series.size());
  for (const ExpandedLimit& limit : expansion.limits) {
    const std::uint64_t samples = samples_for_proof(limit.limit.quantile, confidence);
    Need& need = all[limit.series];
    if (samples >= need.samples) need = {limit.limit.quantile, samples};
  }
  return all;
}

// The longest block that keeps all that is written, in all rounds of all writers, inside half of
// the limit: the pilot's rate is a guess, and the other half is for its error.
double longest_write_block_s(const Expansion& expansion, const std::vector<PilotFigure>& pilot,
                             std::size_t index, const SizeLimits& limits, double rounds) {
  if (!engine::writes(expansion.series[index].parameters) || pilot[index].bytes_per_s <= 0) {
    return kLongestBlock_s;
  }
  const auto writers = std::ranges::count_if(expansion.series, [](const ExpandedSeries& series) {
    return engine::writes(series.parameters);
  });
  const double share =
      0.5 * static_cast<double>(limits.written.count) / static_cast<double>(writers);
  return std::clamp(share / pilot[index].bytes_per_s / rounds, kShortestBlock_s, kLongestBlock_s);
}

struct Shape {
  unsigned rounds = 0, more_rounds = 0;
  double per_round_s = 0;  // for blocks, without overhead
};

// Rounds up to the first look: as many as wanted, fewer when building blocks alone would eat most
// of the time.
Shape shape_of(const std::vector<PilotFigure>& pilot, const SizeLimits& limits) {
  double overhead_s = 0;
  for (const PilotFigure& figure : pilot) overhead_s += figure.ran ? seconds(figure.overhead) : 0;
  const double first_s = seconds(limits.time) * (limits.looks > 1 ? kFirstLook : 1.0);
  Shape shape;
  shape.rounds = limits.rounds;
  if (overhead_s * shape.rounds > first_s * kMostOverhead) {
    shape.rounds =
        std::max(kFewestRounds, static_cast<unsigned>(first_s * kMostOverhead / overhead_s));
    shape.rounds = std::min(shape.rounds, limits.rounds);
  }
  if (limits.looks > 1) {
    const double rest = shape.rounds * (1.0 - kFirstLook) / kFirstLook;
    shape.more_rounds = std::max(1U, static_cast<unsigned>(rest / (limits.looks - 1)));
  }
  shape.per_round_s = std::max(0.0, first_s / shape.rounds - overhead_s);
  return shape;
}

}  // namespace

double confidence_per_verdict(double confidence, unsigned looks, std::size_t required_limits) {
  const double shares = static_cast<double>(std::max(1U, looks)) *
                        static_cast<double>(std::max<std::size_t>(1, required_limits));
  return 1.0 - (1.0 - confidence) / shares;
}

Sizing size_run(const Expansion& expansion, const std::vector<PilotFigure>& pilot,
                const SizeLimits& limits) {
  const std::size_t count = expansion.series.size();
  const Shape shape = shape_of(pilot, limits);
  const double rounds_total = shape.rounds + shape.more_rounds * (limits.looks - 1.0);
  const double confidence =
      confidence_per_verdict(limits.confidence, limits.looks, expansion.required_limits());
  const std::vector<Need> needed = needs(expansion, confidence);

  std::vector<double> base(count), extra(count), longest(count);
  const auto running = static_cast<double>(std::ranges::count_if(pilot, &PilotFigure::ran));
  for (std::size_t i = 0; i < count; ++i) {
    if (!pilot[i].ran) continue;
    const double rate = std::max(pilot[i].samples_per_s, 1e-3);
    longest[i] = longest_write_block_s(expansion, pilot, i, limits, rounds_total);
    base[i] = std::clamp(shape.per_round_s / (2 * running), kShortestBlock_s, kBase_s);
    const double wanted =
        std::max(kSamplesPerBlock / rate,
                 kDependence * static_cast<double>(needed[i].samples) / rate / shape.rounds);
    extra[i] = std::max(0.0, std::min(wanted, longest[i]) - base[i]);
  }
  const double extra_sum = std::accumulate(extra.begin(), extra.end(), 0.0);
  const double base_sum = std::accumulate(base.begin(), base.end(), 0.0);
  const double left = std::max(0.0, shape.per_round_s - base_sum);
  const double scale = extra_sum > left ? left / extra_sum : 1.0;
  // What remains when all needs are met makes every block longer, up to a point: narrower
  // intervals.
  const double fill = std::max(0.0, left - extra_sum) / std::max(1.0, running);

  Sizing sizing{shape.rounds, shape.more_rounds, {}};
  for (std::size_t i = 0; i < count; ++i) {
    double block = base[i] + extra[i] * scale;
    if (block < kLongestFill_s) block = std::min(kLongestFill_s, block + fill);
    sizing.blocks.push_back(pilot[i].ran ? from_seconds(std::min(block, longest[i]))
                                         : Nanoseconds{0});
  }
  return sizing;
}

Plan describe_plan(const Expansion& expansion, const std::vector<PilotFigure>& pilot,
                   const SizeLimits& limits, const Sizing& sizing) {
  Plan plan;
  plan.rounds = sizing.rounds;
  plan.more_rounds = sizing.more_rounds;
  plan.looks = limits.looks;
  plan.time_limit = limits.time;
  plan.limits_required = expansion.required_limits();
  plan.confidence_per_verdict =
      confidence_per_verdict(limits.confidence, limits.looks, plan.limits_required);
  const std::vector<Need> needed = needs(expansion, plan.confidence_per_verdict);
  const unsigned all_rounds = sizing.rounds + sizing.more_rounds * (limits.looks - 1);
  for (std::size_t i = 0; i < expansion.series.size(); ++i) {
    const ExpandedSeries& series = expansion.series[i];
    PlannedSeries row{.technique = std::string(series.technique->id),
                      .target = series.target,
                      .baseline = {},
                      .parameters = parameters_of(*series.technique, series.parameters),
                      .skipped = series.skipped};
    if (series.baseline) row.baseline = expansion.series[*series.baseline].technique->id;
    row.blocks = sizing.rounds;
    row.block = sizing.blocks[i];
    row.quantile = needed[i].quantile;
    row.samples_needed = needed[i].samples;
    const double timed_s = seconds(row.block) * all_rounds;
    row.samples_expected = static_cast<std::uint64_t>(pilot[i].samples_per_s * timed_s);
    plan.expected += (row.block + pilot[i].overhead) * (pilot[i].ran ? all_rounds : 0);
    plan.written.count += engine::written_part(
        series.parameters, static_cast<std::uint64_t>(pilot[i].bytes_per_s * timed_s));
    if (pilot[i].ran && row.samples_expected < row.samples_needed) {
      plan.warnings.push_back(fmt::format(
          "{} on {}: p{:g} needs {} samples at {:.4g} % confidence, about {} fit into {}: it can "
          "be "
          "missed, but not proven",
          row.technique, row.target, row.quantile * 100, row.samples_needed,
          plan.confidence_per_verdict * 100, row.samples_expected, format_duration(limits.time)));
    }
    plan.series.push_back(std::move(row));
  }
  return plan;
}

}  // namespace assay::certify
