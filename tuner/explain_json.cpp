// The rows of the settings table, and what a host answers for them, as a document.
#include <nlohmann/json.hpp>

#include "tuner/explain.hpp"

namespace assay::tuner {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(std::string_view text) { return text.empty() ? Json(nullptr) : Json(text); }

Json values_of(const Explanation& explanation) {
  Json values = Json::array();
  for (const CurrentValue& value : explanation.values) {
    values.push_back({{"target", value.target},
                      {"configured", or_null(value.configured)},
                      {"effective", or_null(value.effective)},
                      {"note", or_null(value.note)}});
  }
  return values;
}

}  // namespace

Json to_json(const std::vector<Explanation>& explanations) {
  Json rows = Json::array();
  for (const Explanation& explanation : explanations) {
    const Setting& setting = *explanation.setting;
    rows.push_back({{"id", setting.id},
                    {"reason", setting.reason},
                    {"set_on", to_string(setting.set_on)},
                    {"where", setting.where},
                    {"kind", to_string(setting.kind)},
                    {"unit", or_null(setting.unit)},
                    {"low_latency", or_null(setting.low_latency)},
                    {"throughput", or_null(setting.throughput)},
                    {"disruption", to_string(setting.disruption)},
                    {"risk", to_string(setting.risk)},
                    {"privilege", to_string(setting.privilege)},
                    {"lasts_by", to_string(setting.lasting)},
                    {"after", std::vector<std::string>(setting.after.begin(), setting.after.end())},
                    {"source", setting.source},
                    {"values", values_of(explanation)},
                    {"not_applicable", or_null(explanation.not_applicable)}});
  }
  return {{"schema", "assay.explain"}, {"version", 1}, {"settings", std::move(rows)}};
}

}  // namespace assay::tuner
