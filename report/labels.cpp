#include "report/labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/units.hpp"
#include "engine/technique.hpp"

namespace assay::report {

namespace {

// One parameter as a person would say it: "d32", "cached", "16KiB". Empty: nothing worth a word.
std::string word_of(std::string_view key, const std::string& value) {
  if (key == "variant" || key == "block" || key == "regime" || key == "pattern") return value;
  if (key == "op" || key == "policy" || key == "arrival") return value;
  if (key == "depth") return "d" + value;
  if (key == "direct") return value == "on" ? "direct" : "";
  if (key == "batch") return value == "1" ? "" : "b" + value;
  if (key == "size") return "of " + value;
  if (key == "threads") return value + " threads";
  if (key == "read-share") return value + " % reads";
  return fmt::format("{}={}", key, value);
}

}  // namespace

std::string series_label(const std::string& technique, const engine::Parameters& parameters) {
  static const engine::Parameters kDefaults;
  std::string label = technique;
  const engine::Technique* const known = engine::find_technique(technique);
  for (const engine::ParameterRow& row : engine::parameter_rows()) {
    const std::string value = row.get(parameters);
    if (value.empty() || value == row.get(kDefaults)) continue;
    if (known != nullptr && !engine::takes_parameter(*known, row.key)) continue;
    // Past the page cache there is only the device: one word is enough.
    if (row.key == "regime" && value == "device" && parameters.direct.value_or(false)) continue;
    const std::string word = word_of(row.key, value);
    if (!word.empty()) label += " " + word;
  }
  return label;
}

std::string series_label(const std::string& technique,
                         const std::map<std::string, std::string>& parameters) {
  engine::Parameters read;
  for (const auto& [key, value] : parameters) {
    // A key that this version does not know is shown by the raw JSON, not by the label.
    [[maybe_unused]] const auto set = engine::set_parameter(read, key, value);
  }
  return series_label(technique, read);
}

double quantile_ns(const engine::Measurement& measurement, double quantile) {
  return static_cast<double>(measurement.service.quantile_ns(quantile)) /
         std::max(1U, measurement.operations_per_sample);
}

std::string short_number(double value) {
  constexpr std::array<const char*, 4> kSuffixes{"", " k", " M", " G"};
  std::size_t power = 0;
  while (value >= 999.5 && power + 1 < kSuffixes.size()) {
    value /= 1000;
    ++power;
  }
  return fmt::format("{:.3g}{}", value, kSuffixes[power]);
}

double operations_per_s(const engine::Measurement& measurement) {
  const double seconds = std::chrono::duration<double>(measurement.duration).count();
  return seconds > 0 ? static_cast<double>(measurement.operations) / seconds : 0;
}

std::string cpu_per_operation(const engine::Measurement& measurement) {
  if (measurement.operations == 0) return "–";
  return format_ns_short(static_cast<double>(measurement.cpu_time.count()) /
                         static_cast<double>(measurement.operations));
}

std::string enters_per_operation(const engine::Measurement& measurement) {
  if (measurement.operations == 0) return "–";
  return fmt::format("{:.3g}", static_cast<double>(measurement.enters) /
                                   static_cast<double>(measurement.operations));
}

std::string short_digest(const std::string& digest) {
  constexpr std::size_t kShown = sizeof("sha256:") - 1 + 12;
  return digest.size() > kShown ? digest.substr(0, kShown) + "…" : digest;
}

}  // namespace assay::report
