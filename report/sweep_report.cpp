#include "report/sweep_report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/units.hpp"
#include "report/labels.hpp"

namespace assay::report {
namespace {

// Throughput and mean latency of a point: at a rate the response, else the service time.
stats::LoadPoint load_point(const engine::Measurement& measurement) {
  return {operations_per_s(measurement), engine::judged(measurement).mean_ns()};
}

}  // namespace

std::string parameter_value(const engine::Measurement& measurement, std::string_view key) {
  for (const engine::ParameterRow& row : engine::parameter_rows()) {
    if (row.key != key) continue;
    std::string value = row.get(measurement.parameters);
    // One thread is no parameter worth naming, but a point of a sweep.
    return value.empty() && key == "threads" ? "1" : value;
  }
  return {};
}

std::string SweepCurve::label() const {
  std::string text = technique;
  for (const auto& [key, value] : fixed) text += fmt::format(" {}={}", key, value);
  return text;
}

SweepReport sweep_report(std::span<const engine::SweepAxis> axes,
                         std::span<const engine::Measurement> measurements) {
  SweepReport report;
  for (const engine::SweepAxis& axis : axes) {
    report.axes.push_back(axis.key);
    if (report.load_axis.empty() && engine::is_load_axis(axis.key)) report.load_axis = axis.key;
  }
  for (std::size_t i = 0; i < measurements.size(); ++i) {
    const engine::Measurement& measurement = measurements[i];
    if (!measurement.skipped.empty() || measurement.service.empty()) continue;
    SweepCurve wanted{.technique = measurement.technique, .fixed = {}, .points = {}, .knee = {}};
    for (const std::string& key : report.axes) {
      if (report.load_axis.empty() || key == report.load_axis) continue;
      wanted.fixed[key] = parameter_value(measurement, key);
    }
    auto curve = std::ranges::find_if(report.curves, [&wanted](const SweepCurve& one) {
      return one.technique == wanted.technique && one.fixed == wanted.fixed;
    });
    if (curve == report.curves.end()) {
      report.curves.push_back(std::move(wanted));
      curve = report.curves.end() - 1;
    }
    curve->points.push_back(i);
  }
  if (report.load_axis.empty()) return report;
  for (SweepCurve& curve : report.curves) {
    const auto load = [&](std::size_t i) {
      const engine::Parameters& parameters = measurements[i].parameters;
      if (report.load_axis == "rate") return parameters.rate_per_s;
      return static_cast<double>(report.load_axis == "depth" ? parameters.depth
                                                             : parameters.threads);
    };
    std::ranges::stable_sort(curve.points, {}, load);
    std::vector<stats::LoadPoint> points;
    for (const std::size_t i : curve.points) points.push_back(load_point(measurements[i]));
    curve.knee = stats::find_knee(points);
  }
  return report;
}

std::string SweepReport::knee_words(const SweepCurve& curve,
                                    std::span<const engine::Measurement> measurements) const {
  if (load_axis.empty()) return "no knee: none of depth, threads and rate was swept";
  if (curve.knee.place == stats::KneePlace::none) return "no knee: fewer than three points";
  const engine::Measurement& at = measurements[curve.points[curve.knee.index]];
  const auto point = load_point(at);
  const std::string where = fmt::format(
      "{} {}: {} operations a second at {} on average", load_axis, parameter_value(at, load_axis),
      short_number(point.throughput), format_ns_short(point.mean_latency));
  switch (curve.knee.place) {
    case stats::KneePlace::at_start:
      return "knee at the first point, " + where + ": latency grows faster than throughput";
    case stats::KneePlace::not_reached:
      return "knee not reached: at the last point, " + where + ", throughput still pays";
    default:
      return "knee at " + where;
  }
}

}  // namespace assay::report
