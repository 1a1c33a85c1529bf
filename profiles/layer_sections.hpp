// The sections of a profile file, one reader each; see layer.hpp.
//
// Every reader takes the section's value (never null), checks all of it, and answers with plain
// values that do not point into the document. Errors: invalid with file:line:column, what was
// expected and what was found. Pure, thread-safe. Internal to profiles/.
#pragma once

#include <vector>

#include "core/error.hpp"
#include "profiles/layer.hpp"
#include "profiles/loader.hpp"
#include "profiles/yaml_tree.hpp"

namespace assay::profiles {

// `extends`: a name, a path, or a list of them; at most 16.
Expected<std::vector<Parent>> read_extends(const YamlNode& node);
// `cpus`: role to selector; a word of the selectors cannot name a role.
Expected<std::vector<RoleEntry>> read_roles(const YamlNode& node);
// `settings`: id to value, map or null. Ids are checked when the vocabulary has any.
Expected<std::vector<SettingEntry>> read_settings(const YamlNode& node,
                                                  const Vocabulary& vocabulary);
// `budgets`; ends by asking Vocabulary::check_budget about each that is not dropped.
Expected<std::vector<BudgetEntry>> read_budgets(const YamlNode& node, const Vocabulary& vocabulary);
// `waivers`: all four fields are required. An expired date is fine here: today is the checker's.
Expected<std::vector<Waiver>> read_waivers(const YamlNode& node, const Vocabulary& vocabulary);
Expected<Measure> read_measure(const YamlNode& node);

}  // namespace assay::profiles
