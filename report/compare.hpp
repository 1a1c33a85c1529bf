// What changed between two certificates: measurement by measurement, with intervals.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "certify/certificate.hpp"
#include "stats/bootstrap.hpp"

namespace assay::report {

// One quantile of one series in both.
struct ComparedMeasurement {
  std::string series;  // technique, parameters and target: what is compared with what
  double quantile = 0;
  double earlier_ns = 0, later_ns = 0;  // per operation
  stats::DifferenceInterval difference;
  // "no difference" (the interval contains 0), "faster", "slower", or "not comparable: ..." when
  // either side was skipped, void, or has too few blocks for an interval.
  std::string verdict;
  bool comparable() const { return difference.confidence > 0; }
};

struct Comparison {
  std::string earlier_id, later_id;
  bool same_identity = false, same_configuration = false, same_profile = false;
  double confidence = 0;  // of each interval on its own
  std::vector<ComparedMeasurement> measurements;
  std::vector<std::string> only_earlier, only_later;  // series that the other does not have
  std::vector<std::string> changed_settings;          // "memory.swappiness on host: 60 → 10"
};

// Compares p50 and p99 of every series that both have. Pure; the order of the arguments is kept,
// whatever their times.
Comparison compare(const certify::Certificate& earlier, const certify::Certificate& later,
                   double confidence);

// {"schema":"assay.comparison","version":1,...,"measurements":[{series,quantile,earlier_ns,
// later_ns,difference:{difference_ns,low_ns,high_ns,confidence,contains_zero}|null,verdict}]}
nlohmann::ordered_json to_json(const Comparison& comparison);

}  // namespace assay::report
