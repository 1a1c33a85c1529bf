// A sweep, put in order: its curves, their points in the order of rising load, and their knees.
// Pure.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/measurement.hpp"
#include "engine/sweep.hpp"
#include "stats/knee.hpp"

namespace assay::report {

// All points that differ in the load axis alone. Without one, each technique is one curve, and
// there is no knee.
struct SweepCurve {
  std::string technique;
  std::map<std::string, std::string> fixed;  // the other axes' values
  std::vector<std::size_t> points;           // into the measurements, by rising load
  stats::Knee knee;                          // its index counts `points`
  std::string label() const;                 // "storage.uring 4KiB random"
};

struct SweepReport {
  std::vector<std::string> axes;  // keys, in the order in which they were given
  std::string load_axis;          // empty: none of them is one
  std::vector<SweepCurve> curves;
  std::string knee_words(const SweepCurve& curve,
                         std::span<const engine::Measurement> measurements) const;
};

// Skipped and empty measurements stand in no curve.
SweepReport sweep_report(std::span<const engine::SweepAxis> axes,
                         std::span<const engine::Measurement> measurements);

// The value of one parameter as the result names it; "" when it does not apply.
std::string parameter_value(const engine::Measurement& measurement, std::string_view key);

}  // namespace assay::report
