// What each switch of an ablation brought, with intervals from the paired blocks. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "engine/ablation.hpp"
#include "stats/bootstrap.hpp"

namespace assay::report {

// One figure of a step: its value, and the ratios of step to plain and of step to the one that it
// is held against. Absent: could not be computed (too few blocks, or nothing to divide by).
struct AblationFigure {
  std::optional<double> value;
  std::optional<stats::RatioInterval> of_plain, of_against;
};

// Names and meanings of the figures, in the order of AblationRow::figures.
struct AblationFigureName {
  const char* key;      // JSON
  const char* heading;  // table
};
inline constexpr AblationFigureName kAblationFigures[] = {{"operations_per_s", "OPS/S"},
                                                          {"p50_ns", "P50"},
                                                          {"p99_ns", "P99"},
                                                          {"p99_9_ns", "P99.9"},
                                                          {"cpu_s_per_million", "CPU-S/M"},
                                                          {"enters_per_operation", "ENTERS/OP"}};
inline constexpr std::size_t kAblationFigureCount = std::size(kAblationFigures);

struct AblationRow {
  engine::AblationStep step;
  std::string skipped, remedy;  // of the plan or of the run
  std::vector<std::string> invalid;
  std::vector<AblationFigure> figures;  // empty when skipped
};

struct AblationReport {
  std::string technique;
  double confidence = 0;
  std::vector<AblationRow> rows;  // one for each step of the plan
};

// `measurements` are those of plan.series, in their order.
AblationReport ablation_report(const engine::AblationPlan& plan,
                               const std::vector<engine::Measurement>& measurements,
                               double confidence);

// "fixed-buffers alone", "+ batched", "all without batched".
std::string step_label(const engine::AblationStep& step);

}  // namespace assay::report
