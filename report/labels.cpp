#include "report/labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace assay::report {

std::string series_label(const std::string& technique, const engine::Parameters& parameters) {
  static const engine::Parameters kDefaults;
  std::string label = technique;
  for (const engine::ParameterRow& row : engine::parameter_rows()) {
    const std::string value = row.get(parameters);
    if (value.empty() || value == row.get(kDefaults)) continue;
    label += row.key == "variant" ? " " + value : fmt::format(" {}={}", row.key, value);
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

std::string short_digest(const std::string& digest) {
  constexpr std::size_t kShown = sizeof("sha256:") - 1 + 12;
  return digest.size() > kShown ? digest.substr(0, kShown) + "…" : digest;
}

}  // namespace assay::report
