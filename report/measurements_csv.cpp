// Measurements as comma-separated values (RFC 4180): one line each, every parameter a column of its
// own.
#include <fmt/format.h>

#include <algorithm>

#include "report/labels.hpp"
#include "report/render.hpp"

namespace assay::report {
namespace {

std::string csv_quoted(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string all = "\"";
  for (const char c : text) {
    if (c == '"') all += '"';
    all += c;
  }
  return all + '"';
}

struct Column {
  std::string_view name;
  std::string (*value)(const engine::Measurement&);
};

using M = engine::Measurement;

std::string number(double value) { return fmt::format("{:.6g}", value); }

template <int kPerMille10>  // a quantile in 1/100 %
std::string service_ns(const M& m) {
  if (m.service.empty()) return {};
  return number(quantile_ns(m, kPerMille10 / 10000.0));
}
template <int kPerMille10>
std::string response_ns(const M& m) {
  return m.response.empty() ? std::string()
                            : fmt::format("{}", m.response.quantile_ns(kPerMille10 / 10000.0));
}
template <int kPerMille10>
std::string lag_ns(const M& m) {
  return m.lag.empty() ? std::string()
                       : fmt::format("{}", m.lag.quantile_ns(kPerMille10 / 10000.0));
}

std::string per_operation(const M& m, double amount) {
  return m.operations == 0 ? std::string() : number(amount / static_cast<double>(m.operations));
}

std::string invalid_words(const M& m) { return fmt::format("{}", fmt::join(m.invalid, "; ")); }

constexpr Column kCsvColumns[] = {
    {"operations", [](const M& m) { return fmt::format("{}", m.operations); }},
    {"errors", [](const M& m) { return fmt::format("{}", m.errors); }},
    {"seconds",
     [](const M& m) { return number(std::chrono::duration<double>(m.duration).count()); }},
    {"operations_per_s", [](const M& m) { return number(operations_per_s(m)); }},
    {"bytes", [](const M& m) { return fmt::format("{}", m.bytes); }},
    {"p50_ns", service_ns<5000>},
    {"p90_ns", service_ns<9000>},
    {"p99_ns", service_ns<9900>},
    {"p99_9_ns", service_ns<9990>},
    {"max_ns", service_ns<10000>},
    {"response_p50_ns", response_ns<5000>},
    {"response_p99_ns", response_ns<9900>},
    {"response_p99_9_ns", response_ns<9990>},
    {"lag_p99_ns", lag_ns<9900>},
    {"missed", [](const M& m) { return fmt::format("{}", m.missed); }},
    {"cpu_s_per_million",
     [](const M& m) {
       return per_operation(m, std::chrono::duration<double>(m.cpu_time).count() * 1e6);
     }},
    {"enters_per_operation",
     [](const M& m) { return per_operation(m, static_cast<double>(m.enters)); }},
    {"engaged", [](const M& m) { return std::string(m.engaged ? "true" : "false"); }},
    {"verified",
     [](const M& m) {
       return std::string(!m.verification.applies   ? ""
                          : m.verification.verified ? "true"
                                                    : "false");
     }},
    {"limit", [](const M& m) { return m.limits.empty() ? std::string() : m.limits.front().id; }},
    {"invalid", invalid_words},
    {"skipped", [](const M& m) { return m.skipped; }},
};

}  // namespace

std::string csv_line(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& cell : cells) {
    if (&cell != &cells.front()) line += ',';
    line += csv_quoted(cell);
  }
  return line + "\n";
}

std::vector<std::string> csv_heading() {
  std::vector<std::string> cells{"technique", "target", "baseline"};
  for (const engine::ParameterRow& row : engine::parameter_rows()) cells.emplace_back(row.key);
  for (const Column& column : kCsvColumns) cells.emplace_back(column.name);
  return cells;
}

std::vector<std::string> csv_cells(const engine::Measurement& measurement) {
  std::vector<std::string> cells{measurement.technique, measurement.target,
                                 measurement.is_baseline ? "true" : "false"};
  const engine::Technique* technique = engine::find_technique(measurement.technique);
  for (const engine::ParameterRow& row : engine::parameter_rows()) {
    const bool taken = technique == nullptr || engine::takes_parameter(*technique, row.key);
    cells.push_back(taken ? parameter_value(measurement, row.key) : std::string());
  }
  for (const Column& column : kCsvColumns) cells.push_back(column.value(measurement));
  return cells;
}

std::string measurements_csv(const std::vector<engine::Measurement>& measurements) {
  std::string text = csv_line(csv_heading());
  for (const engine::Measurement& measurement : measurements) {
    text += csv_line(csv_cells(measurement));
  }
  return text;
}

std::string breaches_csv(const std::vector<engine::Measurement>& measurements) {
  std::string text = csv_line(
      {"series", "technique", "round", "breach", "position", "at_ns", "service_ns", "response_ns"});
  for (std::size_t series = 0; series < measurements.size(); ++series) {
    const engine::Measurement& measurement = measurements[series];
    for (std::size_t number = 0; number < measurement.breaches.size(); ++number) {
      const engine::Breach& breach = measurement.breaches[number];
      for (std::size_t i = 0; i < breach.records.size(); ++i) {
        const engine::BreachRecord& record = breach.records[i];
        text += csv_line({fmt::format("{}", series), measurement.technique,
                          fmt::format("{}", breach.round), fmt::format("{}", number),
                          fmt::format("{}", static_cast<std::int64_t>(i) -
                                                static_cast<std::int64_t>(breach.breach)),
                          fmt::format("{}", record.at_ns), fmt::format("{}", record.service_ns),
                          fmt::format("{}", record.response_ns)});
      }
    }
  }
  return text;
}

}  // namespace assay::report
