// Pure functions from values to text for people. Colours only when asked for.
#pragma once

#include <string>
#include <vector>

#include "certify/certificate.hpp"
#include "certify/certify.hpp"
#include "engine/measurement.hpp"
#include "report/compare.hpp"
#include "report/store.hpp"

namespace assay::report {

struct Style {
  bool colour = false;
  unsigned width = 120;
};

// The certificate as `assay certify` prints it: verdict last, where the eye is.
std::string certificate_text(const certify::Certificate& certificate, const Style& style);
std::string plan_text(const certify::Plan& plan, const Style& style);
std::string measurements_text(const std::vector<engine::Measurement>& measurements,
                              double confidence, const Style& style);
std::string history_text(const std::vector<StoredCertificate>& certificates, const Style& style);
std::string comparison_text(const Comparison& comparison, const Style& style);

}  // namespace assay::report
