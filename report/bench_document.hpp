// What `assay bench --format json` prints (docs/schemas/bench.schema.json).
#pragma once

#include <string>

#include "engine/runner.hpp"
#include "probes/inventory.hpp"
#include "report/ablation_report.hpp"
#include "report/sweep_report.hpp"

namespace assay::report {

// What of a run is more than its measurements; at most one of the two.
struct BenchModes {
  const SweepReport* sweep = nullptr;
  const AblationReport* ablation = nullptr;
};

// {"schema":"assay.bench","version":1,"tool",...,"host",...,"clock",...,"partial","confidence",
//  "measurements":[...],"sweep":{...} or "ablation":{...}} as text with a newline at its end. Each
// measurement is engine::to_json() with its histogram and blocks, as in a certificate. `confidence`
// is that of the intervals. Pure.
std::string bench_document(const engine::RunResult& result, const probes::Inventory& inventory,
                           double confidence, const BenchModes& modes = {});

}  // namespace assay::report
