// Pure functions from values to text for people. Colours only when asked for.
#pragma once

#include <string>
#include <vector>

#include "certify/certificate.hpp"
#include "certify/certify.hpp"
#include "engine/measurement.hpp"
#include "report/ablation_report.hpp"
#include "report/compare.hpp"
#include "report/store.hpp"
#include "report/sweep_report.hpp"

namespace assay::report {

struct Style {
  bool colour = false;
  unsigned width = 120;
};

// The certificate as `assay certify` prints it: verdict last, where the eye is.
std::string certificate_text(const certify::Certificate& certificate, const Style& style);
std::string plan_text(const certify::Plan& plan, const Style& style);
// `slow`: how many of each one's slowest operations are listed with their likeliest cause.
std::string measurements_text(const std::vector<engine::Measurement>& measurements,
                              double confidence, const Style& style, unsigned slow = 0);
std::string sweep_text(const SweepReport& report,
                       const std::vector<engine::Measurement>& measurements, const Style& style);
// A row of figures for each step, below it what they are of the plain one (and of the step before,
// or of all together) with intervals; what was skipped, and why, below the table.
std::string ablation_text(const AblationReport& report, const Style& style);
std::string ablation_csv(const AblationReport& report);
// Latency against load, with a ring around each knee.
std::string sweep_svg(const SweepReport& report,
                      const std::vector<engine::Measurement>& measurements);
// One line for each measurement under a heading (RFC 4180); its parts, for tables with more
// columns.
std::string measurements_csv(const std::vector<engine::Measurement>& measurements);
std::vector<std::string> csv_heading();
std::vector<std::string> csv_cells(const engine::Measurement& measurement);
std::string csv_line(const std::vector<std::string>& cells);
// The records around every breach that was kept, one a line: for --breach-file.
std::string breaches_csv(const std::vector<engine::Measurement>& measurements);
std::string history_text(const std::vector<StoredCertificate>& certificates, const Style& style);
std::string comparison_text(const Comparison& comparison, const Style& style);

}  // namespace assay::report
