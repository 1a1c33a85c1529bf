#include "report/bench_document.hpp"

#include <nlohmann/json.hpp>

#include "certify/document_parts.hpp"
#include "certify/json_text.hpp"
#include "certify/measurement_json.hpp"
#include "certify/tool.hpp"

namespace assay::report {

std::string bench_document(const engine::RunResult& result, const probes::Inventory& inventory,
                           double confidence) {
  using Json = nlohmann::ordered_json;
  Json measurements = Json::array();
  for (const engine::Measurement& measurement : result.measurements) {
    measurements.push_back(certify::measurement_document(measurement, confidence));
  }
  const Json document{{"schema", "assay.bench"},
                      {"version", 1},
                      {"tool", certify::tool_document()},
                      {"host",
                       {{"name", inventory.host_name},
                        {"cpu_model", inventory.topology.model_name},
                        {"cpus", inventory.topology.counts.cpus},
                        {"kernel", inventory.kernel.release},
                        {"hypervisor", inventory.environment.hypervisor},
                        {"load_1m", inventory.load_1m}}},
                      {"clock", certify::clock_document(result.clock)},
                      {"partial", result.interrupted},
                      {"confidence", confidence},
                      {"measurements", std::move(measurements)}};
  return certify::json_text(document);
}

}  // namespace assay::report
