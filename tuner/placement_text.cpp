// A placement for people and for programs.
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tuner/placement.hpp"

namespace assay::tuner {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

std::string render_placement(const Placement& placement, const std::vector<std::string>& command) {
  std::size_t width = 6;
  for (const PlacementStep& step : placement.steps) width = std::max(width, step.option.size());
  for (const PlacementOutcome& one : placement.missing) width = std::max(width, one.option.size());
  std::string text = fmt::format("{:<{}}  {}\n", "OPTION", width, "WOULD SET");
  for (const PlacementStep& step : placement.steps) {
    text += fmt::format("{:<{}}  {}\n", step.option, width, to_string(step.value));
  }
  for (const PlacementOutcome& one : placement.missing) {
    text += fmt::format("{:<{}}  nothing: {}\n", one.option, width, one.reason);
  }
  text += fmt::format("\nand then run: {}\n", joined(command));
  if (!placement.notes.empty()) text += "\nNOTES\n";
  for (const std::string& note : placement.notes) text += fmt::format("  - {}\n", note);
  return text;
}

nlohmann::ordered_json to_json(const Placement& placement,
                               const std::vector<std::string>& command) {
  using OrderedJson = nlohmann::ordered_json;
  OrderedJson steps = OrderedJson::array();
  for (const PlacementStep& step : placement.steps) {
    steps.push_back({{"option", step.option}, {"sets", to_string(step.value)}});
  }
  OrderedJson missing = OrderedJson::array();
  for (const PlacementOutcome& one : placement.missing) {
    missing.push_back({{"option", one.option}, {"wanted", one.wanted}, {"reason", one.reason}});
  }
  return {{"schema", "assay.run"},
          {"version", 1},
          {"command", command},
          {"steps", std::move(steps)},
          {"not_given", std::move(missing)},
          {"notes", placement.notes}};
}

}  // namespace assay::tuner
