// Everything that a row of the settings table says, and what this host answers for it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/host.hpp"
#include "probes/inventory.hpp"
#include "tuner/setting.hpp"

namespace assay::tuner {

// What one target answers now.
struct CurrentValue {
  std::string target;      // with this boot's name: "pci-0000:00:02.0 (vda)"
  std::string configured;  // "" when it could not be read
  std::string effective;   // "" when there is no separate effect
  std::string note;        // why it could not be read, or what the reader says about it
};

struct Explanation {
  const Setting* setting = nullptr;  // lives for the whole program
  std::vector<CurrentValue> values;
  std::string not_applicable;  // why there is no target here, when values is empty
};

// Error: invalid for an id that does not exist, with "did you mean".
Expected<Explanation> explain(const Host& host, const probes::Inventory& inventory,
                              std::string_view id);

// Every row of the table, in its order.
std::vector<Explanation> explain_all(const Host& host, const probes::Inventory& inventory);

// {"schema":"assay.explain","version":1,"settings":[{id,reason,..,"values":[..]}]}; described by
// docs/schemas/explain.schema.json.
nlohmann::ordered_json to_json(const std::vector<Explanation>& explanations);

// As text for people. Ends with a newline. Pure.
std::string render_explanation(const Explanation& explanation);

// One setting as a section of the handbook; host-independent. Pure.
std::string render_markdown(const Setting& setting);
// docs/settings.md: every row of the table, area by area. Pure.
std::string settings_markdown();

}  // namespace assay::tuner
