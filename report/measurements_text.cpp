#include <fmt/format.h>

#include "certify/pairs.hpp"
#include "report/labels.hpp"
#include "report/render.hpp"
#include "report/text.hpp"
#include "stats/intervals.hpp"

namespace assay::report {
namespace {

std::string interval_words(const engine::Measurement& measurement, double confidence) {
  const auto interval =
      stats::quantile_interval(certify::block_histograms(measurement), 0.99, confidence);
  if (!interval) return "p99 without an interval: " + interval.error().message();
  const double hold = certify::samples_hold(measurement);
  return fmt::format("p99 between {} and {} with {:g} % confidence ({} samples, worth {:.0f})",
                     format_ns_short(interval->low_ns / hold),
                     format_ns_short(interval->high_ns / hold), confidence * 100, interval->n,
                     interval->n_effective);
}

std::vector<std::string> notes_on(const engine::Measurement& measurement, double confidence) {
  std::vector<std::string> notes;
  if (!measurement.skipped.empty()) {
    notes.push_back("skipped: " + measurement.skipped +
                    (measurement.remedy.empty() ? "" : "; " + measurement.remedy));
    return notes;
  }
  if (!measurement.service.empty()) notes.push_back(interval_words(measurement, confidence));
  notes.push_back((measurement.engaged ? "engaged: " : "NOT ENGAGED: ") + measurement.evidence);
  if (!measurement.file.empty()) notes.push_back("on " + measurement.file);
  if (!measurement.response.empty()) {
    notes.push_back(
        fmt::format("from the intended start: p50 {}, p99 {}; the generator's own lag p99 {}",
                    format_ns_short(static_cast<double>(measurement.response.quantile_ns(0.5))),
                    format_ns_short(static_cast<double>(measurement.response.quantile_ns(0.99))),
                    format_ns_short(static_cast<double>(measurement.lag.quantile_ns(0.99)))));
  }
  if (measurement.errors > 0 || measurement.short_transfers > 0) {
    notes.push_back(fmt::format("{} errors, {} short transfers", measurement.errors,
                                measurement.short_transfers));
  }
  for (const std::string& reason : measurement.invalid) notes.push_back("void: " + reason);
  return notes;
}

std::string cpu_per_operation(const engine::Measurement& measurement) {
  if (measurement.operations == 0) return "–";
  return format_ns_short(static_cast<double>(measurement.cpu_time.count()) /
                         static_cast<double>(measurement.operations));
}

}  // namespace

std::string measurements_text(const std::vector<engine::Measurement>& measurements,
                              double confidence, const Style& style) {
  Table table({"TECHNIQUE", "MIN", "P50", "P90", "P99", "P99.9", "MAX", "OPS/S", "CPU/OP"},
              {1, 2, 3, 4, 5, 6, 7, 8});
  for (const engine::Measurement& measurement : measurements) {
    std::string label = series_label(measurement.technique, measurement.parameters);
    if (measurement.is_baseline) label += " (baseline)";
    std::vector<std::string> cells{std::move(label)};
    if (measurement.service.empty()) {
      cells.resize(9, "–");
    } else {
      for (const double quantile : {0.0, 0.5, 0.9, 0.99, 0.999, 1.0}) {
        cells.push_back(format_ns_short(quantile_ns(measurement, quantile)));
      }
      cells.push_back(short_number(operations_per_s(measurement)));
      cells.push_back(cpu_per_operation(measurement));
    }
    table.add(std::move(cells), notes_on(measurement, confidence));
  }
  return table.text(style.width);
}

}  // namespace assay::report
