#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "certify/pairs.hpp"
#include "report/labels.hpp"
#include "report/render.hpp"
#include "report/text.hpp"
#include "stats/intervals.hpp"

namespace assay::report {
namespace {

constexpr std::size_t kColumns = 9;

std::string interval_words(const engine::Measurement& measurement, double confidence) {
  const std::string what = measurement.response.empty() ? "p99" : "response p99";
  const auto interval =
      stats::quantile_interval(certify::block_histograms(measurement), 0.99, confidence);
  if (!interval) return what + " without an interval: " + interval.error().message();
  const double hold = certify::samples_hold(measurement);
  return fmt::format("{} between {} and {} with {:g} % confidence ({} samples, worth {:.0f})", what,
                     format_ns_short(interval->low_ns / hold),
                     format_ns_short(interval->high_ns / hold), confidence * 100, interval->n,
                     interval->n_effective);
}

// Pair by pair while that can be read; of many, the one with the loosest bounds.
void add_clock_offsets(const engine::Measurement& measurement, std::vector<std::string>& notes) {
  constexpr std::size_t kShown = 8;
  const auto& all = measurement.clock_offsets;
  if (all.empty()) return;
  const auto words = [](const engine::ClockOffset& one) {
    return fmt::format(
        "clock of CPU {} less that of CPU {}: {:+.0f} to {:+.0f} ns ({} exchanges){}", one.b.value,
        one.a.value, one.low_ns, one.high_ns, one.exchanges,
        one.low_ns > one.high_ns ? ": they did not keep their distance" : "");
  };
  const auto apart = [](const engine::ClockOffset& one) {
    return one.low_ns > 0 || one.high_ns < 0;
  };
  const auto width = [](const engine::ClockOffset& one) { return one.high_ns - one.low_ns; };
  notes.push_back(fmt::format(
      "{} of {} pairs of CPUs: the same time is within the bounds",
      all.size() - static_cast<std::size_t>(std::ranges::count_if(all, apart)), all.size()));
  if (all.size() <= kShown) {
    for (const engine::ClockOffset& one : all) notes.push_back(words(one));
  } else {
    notes.push_back("loosest: " + words(*std::ranges::max_element(all, {}, width)));
  }
}

// What took the CPU away: for techniques that measure just that, a part of the result.
std::string disturbance_words(const engine::Measurement& measurement) {
  constexpr std::uint64_t kClaimedNs = 20'000;  // what guides promise of isolated CPUs
  const engine::Placement& placement = measurement.placement;
  std::uint64_t late = 0;
  for (const stats::Bucket& bucket : measurement.service.buckets()) {
    if (bucket.low_ns >= kClaimedNs) late += bucket.count;
  }
  std::string words = fmt::format(
      "on CPU {}: {} of {} above 20 µs; preempted {} times, {:.1f} % of its time stolen by the "
      "hypervisor",
      placement.asked.to_list(), late, measurement.service.count(), placement.preemptions,
      100 * placement.steal_fraction);
  for (const std::string& irq : placement.irqs) words += "; interrupt " + irq;
  return words;
}

// "64 slowest: 40 waited, 24 unknown".
std::string causes_words(const engine::Measurement& measurement) {
  std::map<std::string_view, unsigned> counts;
  for (const engine::ExplainedEvent& event : measurement.slowest) {
    ++counts[engine::to_string(event.why.cause)];
  }
  std::vector<std::pair<std::string_view, unsigned>> sorted(counts.begin(), counts.end());
  std::ranges::stable_sort(sorted, std::ranges::greater{},
                           [](const auto& one) { return one.second; });
  std::string words = fmt::format("{} slowest:", measurement.slowest.size());
  for (const auto& [name, count] : sorted) {
    words += fmt::format("{} {} {}", &name == &sorted.front().first ? "" : ",", count, name);
  }
  return words;
}

std::string limit_words(const engine::LimitFinding& finding) {
  std::string words = fmt::format("limit {}: {} ({})", finding.id, finding.limit, finding.evidence);
  if (!finding.advice.empty()) {
    words += fmt::format("; would move it: {}", fmt::join(finding.advice, ", "));
  }
  return words;
}

void add_slow_events(const engine::Measurement& measurement, unsigned slow,
                     std::vector<std::string>& notes) {
  if (measurement.slowest.empty()) return;
  notes.push_back(causes_words(measurement));
  for (unsigned i = 0; i < slow && i < measurement.slowest.size(); ++i) {
    const engine::ExplainedEvent& event = measurement.slowest[i];
    notes.push_back(fmt::format("  {:>8} on CPU {} at {}: {} ({})",
                                format_ns_short(static_cast<double>(event.latency_ns)), event.cpu,
                                format_ns_short(static_cast<double>(event.since_start.count())),
                                engine::to_string(event.why.cause), event.why.because));
  }
}

std::vector<std::string> notes_on(const engine::Measurement& measurement, double confidence,
                                  unsigned slow) {
  std::vector<std::string> notes;
  if (!measurement.skipped.empty()) {
    notes.push_back("skipped: " + measurement.skipped +
                    (measurement.remedy.empty() ? "" : "; " + measurement.remedy));
    return notes;
  }
  if (!measurement.service.empty()) notes.push_back(interval_words(measurement, confidence));
  notes.push_back((measurement.engaged ? "engaged: " : "NOT ENGAGED: ") + measurement.evidence);
  if (!measurement.file.empty()) notes.push_back("on " + measurement.file);
  if (measurement.technique.starts_with("os.")) {
    notes.push_back(disturbance_words(measurement));
  }
  if (measurement.missed > 0) {
    notes.push_back(fmt::format("{} intended operations were never started", measurement.missed));
  }
  add_clock_offsets(measurement, notes);
  if (measurement.errors > 0 || measurement.short_transfers > 0) {
    notes.push_back(fmt::format("{} errors, {} short transfers", measurement.errors,
                                measurement.short_transfers));
  }
  for (const std::string& reason : measurement.invalid) notes.push_back("void: " + reason);
  for (const engine::LimitFinding& finding : measurement.limits) {
    notes.push_back(limit_words(finding));
  }
  if (measurement.breaches_seen > 0) {
    notes.push_back(fmt::format("{} operations over the threshold; the records around {} are kept",
                                measurement.breaches_seen, measurement.breaches.size()));
  }
  add_slow_events(measurement, slow, notes);
  return notes;
}

// Of an open loop: what a client waits for, and what the generator itself was late.
void add_open_loop(Table& table, const engine::Measurement& measurement,
                   std::vector<std::string> notes) {
  const auto row = [](std::string name, const stats::Histogram& histogram) {
    std::vector<std::string> cells{std::move(name)};
    for (const double quantile : {0.0, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      cells.push_back(format_ns_short(static_cast<double>(histogram.quantile_ns(quantile))));
    }
    cells.resize(kColumns);
    return cells;
  };
  table.add(row("  response, from the intended start", measurement.response));
  table.add(row("  lag of the generator", measurement.lag), std::move(notes));
}

}  // namespace

std::string measurements_text(const std::vector<engine::Measurement>& measurements,
                              double confidence, const Style& style, unsigned slow) {
  Table table({"TECHNIQUE", "MIN", "P50", "P90", "P99", "P99.9", "MAX", "OPS/S", "CPU/OP"},
              {1, 2, 3, 4, 5, 6, 7, 8});
  for (const engine::Measurement& measurement : measurements) {
    std::string label = series_label(measurement.technique, measurement.parameters);
    if (measurement.is_baseline) label += " (baseline)";
    std::vector<std::string> cells{std::move(label)};
    if (measurement.service.empty()) {
      cells.resize(kColumns, "–");
    } else {
      for (const double quantile : {0.0, 0.5, 0.9, 0.99, 0.999, 1.0}) {
        cells.push_back(format_ns_short(quantile_ns(measurement, quantile)));
      }
      cells.push_back(short_number(operations_per_s(measurement)));
      cells.push_back(cpu_per_operation(measurement));
    }
    auto notes = notes_on(measurement, confidence, slow);
    if (measurement.response.empty()) {
      table.add(std::move(cells), std::move(notes));
    } else {
      table.add(std::move(cells));
      add_open_loop(table, measurement, std::move(notes));
    }
  }
  return table.text(style.width);
}

}  // namespace assay::report
