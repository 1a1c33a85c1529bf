// Measurements inside certificates: what the engine says of each, plus every block's histogram.
// Internal to certify/ and report/.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "engine/measurement.hpp"
#include "stats/histogram.hpp"

namespace assay::certify {

// engine::to_json() with two more members:
//   "histogram": {"count","min_ns","max_ns","buckets":[[low_ns, high_ns, count], ...]}
//   "blocks": [{"round","started_ns","duration_ns","cpu_ns","operations","bytes","errors","enters",
//               "min_ns","max_ns","counts":[step, count, step, count, ...],
//               "response":{"min_ns","max_ns","counts"} of an open loop}, ...]
// In `counts` a step is the distance from the bucket before (from 0 for the first); bucket b holds
// the values [b, b] for b < 256, else [m << s, ((m + 1) << s) - 1] with s = b / 128 - 1 and m = b -
// 128 s. Both are of samples: latencies are these divided by "operations_per_sample".
nlohmann::ordered_json measurement_document(const engine::Measurement& measurement,
                                            double confidence);

// Reads one back. `blocks_left` is lowered by the number of blocks read. Throws
// nlohmann::json::exception for wrong types and std::length_error beyond `blocks_left`: only for
// certificate_from_json(), which catches both.
engine::Measurement measurement_from_document(const nlohmann::json& document,
                                              std::size_t& blocks_left);

}  // namespace assay::certify
