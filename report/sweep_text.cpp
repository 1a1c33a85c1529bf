// A sweep for people: a table with a row for each point, and the knee of each curve.
#include <fmt/format.h>

#include <algorithm>

#include "report/labels.hpp"
#include "report/render.hpp"
#include "report/text.hpp"

namespace assay::report {
namespace {

std::vector<std::string> figures(const engine::Measurement& measurement) {
  const stats::Histogram& latency = engine::judged(measurement);
  std::vector<std::string> cells{short_number(operations_per_s(measurement))};
  for (const double quantile : {0.5, 0.99, 0.999}) {
    cells.push_back(format_ns_short(static_cast<double>(latency.quantile_ns(quantile)) /
                                    std::max(1U, measurement.operations_per_sample)));
  }
  cells.push_back(cpu_per_operation(measurement));
  cells.push_back(enters_per_operation(measurement));
  return cells;
}

std::vector<std::string> point_notes(const engine::Measurement& measurement) {
  std::vector<std::string> notes;
  if (!measurement.skipped.empty()) {
    notes.push_back("skipped: " + measurement.skipped +
                    (measurement.remedy.empty() ? "" : "; " + measurement.remedy));
  } else if (!measurement.engaged) {
    notes.push_back("NOT ENGAGED: " + measurement.evidence);
  }
  for (const std::string& reason : measurement.invalid) notes.push_back("void: " + reason);
  return notes;
}

}  // namespace

std::string sweep_text(const SweepReport& report,
                       const std::vector<engine::Measurement>& measurements, const Style& style) {
  std::vector<std::string> heading{"TECHNIQUE"};
  std::vector<std::size_t> right;
  for (const std::string& axis : report.axes) {
    std::string name = axis;
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    right.push_back(heading.size());
    heading.push_back(std::move(name));
  }
  for (const char* name : {"OPS/S", "P50", "P99", "P99.9", "CPU/OP", "ENTERS/OP"}) {
    right.push_back(heading.size());
    heading.emplace_back(name);
  }
  heading.emplace_back("LIMIT");
  heading.emplace_back("");
  Table table(heading, right);
  std::vector<bool> is_knee(measurements.size());
  for (const SweepCurve& curve : report.curves) {
    if (curve.knee.place != stats::KneePlace::none) is_knee[curve.points[curve.knee.index]] = true;
  }
  for (std::size_t i = 0; i < measurements.size(); ++i) {
    const engine::Measurement& measurement = measurements[i];
    std::vector<std::string> cells{measurement.technique};
    for (const std::string& axis : report.axes) {
      cells.push_back(parameter_value(measurement, axis));
    }
    if (measurement.service.empty()) {
      cells.resize(heading.size() - 2, "–");
      cells.emplace_back();
    } else {
      std::ranges::move(figures(measurement), std::back_inserter(cells));
      cells.push_back(measurement.limits.empty() ? "" : measurement.limits.front().id);
    }
    cells.emplace_back(is_knee[i] ? "< knee" : "");
    table.add(std::move(cells), point_notes(measurement));
  }
  std::string text = table.text(style.width) + "\n";
  for (const SweepCurve& curve : report.curves) {
    text += wrapped(report.knee_words(curve, measurements), curve.label() + ": ", style.width);
  }
  text += wrapped(
      "The knee is the point with the most throughput for its mean latency (Kleinrock's power). At "
      "a rate, latencies are responses: from the intended start.",
      "", style.width);
  return text;
}

}  // namespace assay::report
