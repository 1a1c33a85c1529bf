// What `assay bench --format json` prints (docs/schemas/bench.schema.json).
#pragma once

#include <string>

#include "engine/runner.hpp"
#include "probes/inventory.hpp"

namespace assay::report {

// {"schema":"assay.bench","version":1,"tool",...,"host",...,"clock",...,"interrupted",
//  "measurements":[...]} as text with a newline at its end. Each measurement is engine::to_json()
// with its histogram and blocks, as in a certificate. `confidence` is that of the intervals. Pure.
std::string bench_document(const engine::RunResult& result, const probes::Inventory& inventory,
                           double confidence);

}  // namespace assay::report
