// Short names and figures for people. Internal to report/; pure functions.
#pragma once

#include <map>
#include <string>

#include "engine/measurement.hpp"

namespace assay::report {

// "storage.uring depth=32": the technique and the parameters that are not the defaults.
std::string series_label(const std::string& technique, const engine::Parameters& parameters);
std::string series_label(const std::string& technique,
                         const std::map<std::string, std::string>& parameters);

// A quantile of a measurement's service time per operation, in nanoseconds.
double quantile_ns(const engine::Measurement& measurement, double quantile);

// "812 k", "1.24 M": a rate or a count with three digits.
std::string short_number(double value);

// Operations per second of the timed parts; 0 when nothing was timed.
double operations_per_s(const engine::Measurement& measurement);

// "1.2 us", "0.06": for each operation; "–" without one.
std::string cpu_per_operation(const engine::Measurement& measurement);
std::string enters_per_operation(const engine::Measurement& measurement);

// "sha256:1f0c9a…": enough of a digest to compare by eye.
std::string short_digest(const std::string& digest);

}  // namespace assay::report
