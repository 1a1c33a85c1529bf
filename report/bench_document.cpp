#include "report/bench_document.hpp"

#include <nlohmann/json.hpp>

#include "certify/document_parts.hpp"
#include "certify/json_text.hpp"
#include "certify/measurement_json.hpp"
#include "certify/tool.hpp"
#include "report/hierarchy.hpp"

namespace assay::report {

namespace {

using Json = nlohmann::ordered_json;

std::string_view place_name(stats::KneePlace place) {
  switch (place) {
    case stats::KneePlace::found:
      return "found";
    case stats::KneePlace::at_start:
      return "at-start";
    case stats::KneePlace::not_reached:
      return "not-reached";
    default:
      return "none";
  }
}

// Points and knees are indices into "measurements".
Json sweep_document(const SweepReport& report,
                    const std::vector<engine::Measurement>& measurements) {
  Json curves = Json::array();
  for (const SweepCurve& curve : report.curves) {
    const bool none = curve.knee.place == stats::KneePlace::none;
    curves.push_back({{"technique", curve.technique},
                      {"fixed", curve.fixed},
                      {"points", curve.points},
                      {"knee",
                       {{"method", "power"},
                        {"place", place_name(curve.knee.place)},
                        {"point", none ? Json(nullptr) : Json(curve.points[curve.knee.index])},
                        {"words", report.knee_words(curve, measurements)}}}});
  }
  return {{"axes", report.axes},
          {"load_axis", report.load_axis.empty() ? Json(nullptr) : Json(report.load_axis)},
          {"curves", std::move(curves)}};
}

Json ratio_document(const std::optional<stats::RatioInterval>& ratio) {
  if (!ratio) return nullptr;
  return {{"ratio", ratio->ratio},
          {"low", ratio->low},
          {"high", ratio->high},
          {"confidence", ratio->confidence},
          {"pairs", ratio->pairs}};
}

Json ablation_document(const AblationReport& report) {
  Json steps = Json::array();
  for (const AblationRow& row : report.rows) {
    const engine::AblationStep& step = row.step;
    Json figures = Json::object();
    for (std::size_t i = 0; i < row.figures.size(); ++i) {
      const AblationFigure& figure = row.figures[i];
      figures[kAblationFigures[i].key] = {
          {"value", figure.value ? Json(*figure.value) : Json(nullptr)},
          {"of_plain", ratio_document(figure.of_plain)},
          {"of_against", ratio_document(figure.of_against)}};
    }
    Json one{{"kind", engine::to_string(step.kind)},
             {"switch", step.name},
             {"on", step.on},
             {"measurement", step.series ? Json(*step.series) : Json(nullptr)},
             {"against", step.against ? Json(*step.against) : Json(nullptr)},
             {"figures", std::move(figures)}};
    if (!row.skipped.empty()) one["skipped"] = row.skipped;
    if (!row.remedy.empty()) one["remedy"] = row.remedy;
    steps.push_back(std::move(one));
  }
  return {{"technique", report.technique}, {"steps", std::move(steps)}};
}

}  // namespace

std::string bench_document(const engine::RunResult& result, const probes::Inventory& inventory,
                           double confidence, const BenchModes& modes) {
  Json measurements = Json::array();
  for (const engine::Measurement& measurement : result.measurements) {
    measurements.push_back(certify::measurement_document(measurement, confidence));
  }
  Json document{{"schema", "assay.bench"},
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
  const auto hierarchy = hierarchy_rows(result.measurements, inventory, confidence);
  if (!hierarchy.empty()) document["hierarchy"] = hierarchy_json(hierarchy);
  if (modes.sweep != nullptr) {
    document["sweep"] = sweep_document(*modes.sweep, result.measurements);
  }
  if (modes.ablation != nullptr) document["ablation"] = ablation_document(*modes.ablation);
  return certify::json_text(document);
}

}  // namespace assay::report
