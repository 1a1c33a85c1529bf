#include "report/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "certify/judge.hpp"
#include "certify/pairs.hpp"
#include "report/labels.hpp"

namespace assay::report {
namespace {

using ByName = std::map<std::string, const engine::Measurement*>;

ByName by_name(const certify::Certificate& certificate) {
  ByName all;
  for (const engine::Measurement& measurement : certificate.measurements) {
    all.emplace(fmt::format("{} on {}", series_label(measurement.technique, measurement.parameters),
                            measurement.target),
                &measurement);
  }
  return all;
}

std::string hindrance(const engine::Measurement& measurement) {
  if (!measurement.skipped.empty()) return "skipped: " + measurement.skipped;
  if (measurement.service.empty()) return "not measured";
  return certify::void_reason(measurement);
}

// How sure the answer is to be, and what the coarser of the two clocks cannot tell apart: it steps
// no finer than two successive time stamps are apart.
struct Instrument {
  double confidence = 0.95;
  double step_ns = 1;
};

// The histograms hold samples of one or more operations; the answer is per operation. Two sides
// that hold different numbers are no longer the same series.
void fill_difference(const engine::Measurement& earlier, const engine::Measurement& later,
                     const Instrument& instrument, ComparedMeasurement& row) {
  if (earlier.operations_per_sample != later.operations_per_sample) {
    row.verdict = "not comparable: the samples hold different numbers of operations";
    return;
  }
  const double hold = certify::samples_hold(earlier);
  auto difference = stats::quantile_difference(
      certify::block_histograms(earlier), certify::block_histograms(later), row.quantile,
      instrument.confidence, {.resolution_ns = instrument.step_ns});
  if (!difference) {
    row.verdict = "not comparable: " + difference.error().message();
    return;
  }
  row.difference = *difference;
  row.difference.difference_ns /= hold;
  row.difference.low_ns /= hold;
  row.difference.high_ns /= hold;
  row.difference.earlier_ns /= hold;
  row.difference.later_ns /= hold;
  row.verdict = "no difference";
  if (!difference->contains_zero()) row.verdict = difference->high_ns < 0 ? "faster" : "slower";
}

ComparedMeasurement compare_one(const std::string& name, double quantile,
                                const engine::Measurement& earlier,
                                const engine::Measurement& later, const Instrument& instrument) {
  ComparedMeasurement row;
  row.series = name;
  row.quantile = quantile;
  row.earlier_ns = quantile_ns(earlier, quantile);
  row.later_ns = quantile_ns(later, quantile);
  const std::string before = hindrance(earlier), after = hindrance(later);
  if (!before.empty() || !after.empty()) {
    row.verdict = before.empty() ? "not comparable: the later one " + after
                                 : "not comparable: the earlier one " + before;
    return row;
  }
  fill_difference(earlier, later, instrument, row);
  return row;
}

std::string value_of(const tuner::CheckRow& row) {
  const std::string& value = row.effective.empty() ? row.configured : row.effective;
  return value.empty() ? std::string(to_string(row.outcome)) : value;
}

std::vector<std::string> changed_settings(const tuner::CheckReport& earlier,
                                          const tuner::CheckReport& later) {
  std::map<std::pair<std::string, std::string>, const tuner::CheckRow*> before;
  for (const tuner::CheckRow& row : earlier.rows) before[{row.id, row.target}] = &row;
  std::vector<std::string> changes;
  for (const tuner::CheckRow& row : later.rows) {
    const auto found = before.find({row.id, row.target});
    if (found == before.end()) continue;
    const std::string old_value = value_of(*found->second), new_value = value_of(row);
    if (old_value == new_value) continue;
    changes.push_back(fmt::format("{} on {}: {} → {}", row.id, row.target, old_value, new_value));
  }
  return changes;
}

}  // namespace

Comparison compare(const certify::Certificate& earlier, const certify::Certificate& later,
                   double confidence) {
  const auto step = std::max(earlier.clock.overhead_p50_ns, later.clock.overhead_p50_ns);
  const Instrument instrument{confidence, std::max(1.0, static_cast<double>(step))};
  constexpr std::array kQuantiles{0.5, 0.99};
  Comparison comparison;
  comparison.earlier_id = earlier.id;
  comparison.later_id = later.id;
  comparison.confidence = confidence;
  comparison.same_identity = earlier.digests.identity == later.digests.identity;
  comparison.same_configuration = earlier.digests.configuration == later.digests.configuration;
  comparison.same_profile = earlier.profile_digest == later.profile_digest;
  const ByName before = by_name(earlier), after = by_name(later);
  for (const auto& [name, measurement] : before) {
    const auto other = after.find(name);
    if (other == after.end()) {
      comparison.only_earlier.push_back(name);
      continue;
    }
    for (const double quantile : kQuantiles) {
      comparison.measurements.push_back(
          compare_one(name, quantile, *measurement, *other->second, instrument));
    }
  }
  for (const auto& [name, measurement] : after) {
    if (!before.contains(name)) comparison.only_later.push_back(name);
  }
  comparison.changed_settings = changed_settings(earlier.checks, later.checks);
  return comparison;
}

nlohmann::ordered_json to_json(const Comparison& comparison) {
  using OrderedJson = nlohmann::ordered_json;
  OrderedJson measurements = OrderedJson::array();
  for (const ComparedMeasurement& row : comparison.measurements) {
    OrderedJson difference;
    if (row.comparable()) {
      difference = {{"difference_ns", row.difference.difference_ns},
                    {"low_ns", row.difference.low_ns},
                    {"high_ns", row.difference.high_ns},
                    {"confidence", row.difference.confidence},
                    {"contains_zero", row.difference.contains_zero()}};
    }
    measurements.push_back({{"series", row.series},
                            {"quantile", row.quantile},
                            {"earlier_ns", row.earlier_ns},
                            {"later_ns", row.later_ns},
                            {"difference", std::move(difference)},
                            {"verdict", row.verdict}});
  }
  return {{"schema", "assay.comparison"},
          {"version", 1},
          {"earlier", comparison.earlier_id},
          {"later", comparison.later_id},
          {"same_identity", comparison.same_identity},
          {"same_configuration", comparison.same_configuration},
          {"same_profile", comparison.same_profile},
          {"confidence", comparison.confidence},
          {"measurements", std::move(measurements)},
          {"only_earlier", comparison.only_earlier},
          {"only_later", comparison.only_later},
          {"changed_settings", comparison.changed_settings}};
}

}  // namespace assay::report
