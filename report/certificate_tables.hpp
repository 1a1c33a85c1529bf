// The parts of a printed certificate, one function each. Internal to report/; pure functions.
#pragma once

#include <string>

#include "certify/certificate.hpp"
#include "report/render.hpp"

namespace assay::report {

// What the host is, what was asked, what the clock and the noise were.
std::string head_part(const certify::Certificate& certificate, const Style& style);
// Settings that are not as wanted; equal rows of several targets are one line.
std::string settings_part(const certify::Certificate& certificate, const Style& style);
// Every series, with its ratio to the baseline and the claim below it.
std::string measurements_part(const certify::Certificate& certificate, const Style& style);
std::string budgets_part(const certify::Certificate& certificate, const Style& style);
// The verdict, its reasons worst first, and what the exit code means.
std::string verdict_part(const certify::Certificate& certificate, const Style& style);

}  // namespace assay::report
