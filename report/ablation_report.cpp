#include "report/ablation_report.hpp"

#include <fmt/format.h>

#include "certify/pairs.hpp"
#include "report/labels.hpp"

namespace assay::report {
namespace {

using engine::Measurement;

std::optional<double> figure_of(const Measurement& m, std::size_t figure) {
  if (m.operations == 0) return std::nullopt;
  const double operations = static_cast<double>(m.operations);
  switch (figure) {
    case 0:
      return operations_per_s(m);
    case 1:
      return quantile_ns(m, 0.5);
    case 2:
      return quantile_ns(m, 0.99);
    case 3:
      return quantile_ns(m, 0.999);
    case 4:
      return std::chrono::duration<double>(m.cpu_time).count() * 1e6 / operations;
    default:
      return static_cast<double>(m.enters) / operations;
  }
}

std::optional<stats::RatioInterval> ratio_of(const Measurement& one, const Measurement& other,
                                             std::size_t figure, double confidence) {
  const auto ratio = [&]() -> Expected<stats::RatioInterval> {
    switch (figure) {
      case 0:
        return certify::paired_rate_ratio(one, other, confidence);
      case 1:
        return certify::paired_quantile_ratio(one, other, 0.5, confidence);
      case 2:
        return certify::paired_quantile_ratio(one, other, 0.99, confidence);
      case 3:
        return certify::paired_quantile_ratio(one, other, 0.999, confidence);
      case 4:
        return certify::paired_cpu_ratio(one, other, confidence);
      default:
        return certify::paired_enters_ratio(one, other, confidence);
    }
  }();
  if (!ratio) return std::nullopt;
  return *ratio;
}

// Whether a measurement has anything to say.
bool counts(const Measurement* measurement) {
  return measurement != nullptr && measurement->skipped.empty() && !measurement->service.empty();
}

}  // namespace

std::string step_label(const engine::AblationStep& step) {
  switch (step.kind) {
    case engine::AblationKind::plain:
      return "plain";
    case engine::AblationKind::alone:
      return step.name + " alone";
    case engine::AblationKind::without:
      return "all without " + step.name;
    case engine::AblationKind::all:
      return fmt::format("+ {} = all", step.name);
    default:
      return "+ " + step.name;
  }
}

AblationReport ablation_report(const engine::AblationPlan& plan,
                               const std::vector<Measurement>& measurements, double confidence) {
  AblationReport report{.technique = plan.technique, .confidence = confidence, .rows = {}};
  const auto measured = [&](const engine::AblationStep& step) -> const Measurement* {
    return step.series && *step.series < measurements.size() ? &measurements[*step.series]
                                                             : nullptr;
  };
  for (const engine::AblationStep& step : plan.steps) {
    AblationRow row{
        .step = step, .skipped = step.skipped, .remedy = step.remedy, .invalid = {}, .figures = {}};
    const Measurement* one = measured(step);
    if (one != nullptr) {
      if (row.skipped.empty()) row.skipped = one->skipped;
      if (row.remedy.empty()) row.remedy = one->remedy;
      row.invalid = one->invalid;
    }
    if (counts(one)) {
      const Measurement* plain = measured(plan.steps.front());
      const Measurement* against = step.against ? measured(plan.steps[*step.against]) : nullptr;
      for (std::size_t i = 0; i < kAblationFigureCount; ++i) {
        AblationFigure figure{.value = figure_of(*one, i), .of_plain = {}, .of_against = {}};
        if (one != plain && counts(plain)) {
          figure.of_plain = ratio_of(*one, *plain, i, confidence);
        }
        if (one != against && counts(against)) {
          figure.of_against = ratio_of(*one, *against, i, confidence);
        }
        row.figures.push_back(std::move(figure));
      }
    } else if (row.skipped.empty()) {
      row.skipped = "stopped before it was measured";
    }
    report.rows.push_back(std::move(row));
  }
  return report;
}

}  // namespace assay::report
