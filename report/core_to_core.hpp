// The matrix of core-to-core latencies for people, programs and pages. Pure functions.
#pragma once

#include <string>

#include "engine/core_to_core.hpp"

namespace assay::report {

// What the pairs of one kind came to, medians of one way.
struct RelationSummary {
  engine::CpuRelation relation = engine::CpuRelation::same_core;
  unsigned pairs = 0;
  double lowest_ns = 0, median_ns = 0, highest_ns = 0;
};
// The kinds that there are, the closest first.
std::vector<RelationSummary> relation_summaries(const engine::CoreToCore& matrix,
                                                const probes::Inventory& inventory);

// The lower triangle in nanoseconds, and the kinds of pairs. More CPUs than fit on a page: the
// kinds only, and where the rest is to be had.
std::string core_to_core_text(const engine::CoreToCore& matrix, const probes::Inventory& inventory);
// docs/schemas/core-to-core.schema.json.
std::string core_to_core_document(const engine::CoreToCore& matrix,
                                  const probes::Inventory& inventory);
// A square of coloured cells, light for near and dark for far, with lines between caches and nodes.
std::string core_to_core_svg(const engine::CoreToCore& matrix, const probes::Inventory& inventory);

}  // namespace assay::report
