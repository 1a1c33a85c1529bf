#include <nlohmann/json.hpp>

#include "certify/document_parts.hpp"
#include "certify/json_text.hpp"
#include "certify/tool.hpp"
#include "report/core_to_core.hpp"

namespace assay::report {
namespace {

using Json = nlohmann::ordered_json;

// Row by row in the order of `cpus`; null where a CPU meets itself and where nothing was measured.
Json square(const engine::CoreToCore& matrix, double engine::PairLatency::* value) {
  Json rows = Json::array();
  for (std::size_t i = 0; i < matrix.cpus.size(); ++i) {
    Json row = Json::array();
    for (std::size_t j = 0; j < matrix.cpus.size(); ++j) {
      const bool measured = i != j && matrix.pair(i, j).batches > 0;
      row.push_back(measured ? Json(matrix.pair(i, j).*value) : Json(nullptr));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Json skipped_pairs(const engine::CoreToCore& matrix) {
  Json list = Json::array();
  for (std::size_t i = 1; i < matrix.cpus.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const engine::PairLatency& pair = matrix.pair(i, j);
      if (pair.batches > 0) continue;
      list.push_back({{"cpus", {matrix.cpus[i], matrix.cpus[j]}}, {"reason", pair.skipped}});
    }
  }
  return list;
}

}  // namespace

std::string core_to_core_document(const engine::CoreToCore& matrix,
                                  const probes::Inventory& inventory) {
  Json relations = Json::array();
  for (const RelationSummary& one : relation_summaries(matrix, inventory)) {
    relations.push_back({{"relation", to_string(one.relation)},
                         {"pairs", one.pairs},
                         {"lowest_ns", one.lowest_ns},
                         {"median_ns", one.median_ns},
                         {"highest_ns", one.highest_ns}});
  }
  const Json document{{"schema", "assay.core-to-core"},
                      {"version", 1},
                      {"tool", certify::tool_document()},
                      {"host",
                       {{"name", inventory.host_name},
                        {"cpu_model", inventory.topology.model_name},
                        {"kernel", inventory.kernel.release},
                        {"hypervisor", inventory.environment.hypervisor}}},
                      {"clock", certify::clock_document(matrix.clock)},
                      {"passes", matrix.passes},
                      {"pair_time_ns", matrix.pair_time.count()},
                      {"took_ns", matrix.took.count()},
                      {"cpus", matrix.cpus},
                      {"one_way_ns_p50", square(matrix, &engine::PairLatency::one_way_ns_p50)},
                      {"one_way_ns_min", square(matrix, &engine::PairLatency::min_ns)},
                      {"one_way_ns_p99", square(matrix, &engine::PairLatency::p99_ns)},
                      {"relations", std::move(relations)},
                      {"skipped", skipped_pairs(matrix)}};
  return certify::json_text(document);
}

}  // namespace assay::report
