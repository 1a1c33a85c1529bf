#include "profiles/merge.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/suggest.hpp"
#include "profiles/canonical.hpp"
#include "profiles/selector_syntax.hpp"
#include "profiles/yaml_tree.hpp"

namespace assay::profiles {
namespace {

// Replaces in place what is there already, so that the merged order is that of first mention.
template <typename T, typename Same>
void put(std::vector<T>& things, const T& thing, Same same) {
  const auto found = std::find_if(things.begin(), things.end(), same);
  if (found == things.end()) {
    things.push_back(thing);
  } else {
    *found = thing;
  }
}

}  // namespace

Expected<void> Merger::add(const Layer& layer) {
  profile_.name = layer.name;
  if (!layer.description.empty()) profile_.description = layer.description;
  profile_.extends.push_back(layer.name);
  for (const RoleEntry& role : layer.roles) {
    if (!role.selector) {
      profile_.cpu_roles.erase(role.name);
      profile_.cpu_role_locations.erase(role.name);
      continue;
    }
    // A role may be replaced while others refer to it: selectors name roles, not their CPUs.
    profile_.cpu_roles[role.name] = *role.selector;
    profile_.cpu_role_locations[role.name] = role.location;
  }
  add_settings(layer);
  if (auto added = add_budgets(layer); !added) return added;
  for (const Waiver& waiver : layer.waivers) {
    put(profile_.waivers, waiver,
        [&](const Waiver& other) { return other.setting == waiver.setting; });
  }
  add_measure(layer.measure);
  return {};
}

void Merger::add_settings(const Layer& layer) {
  for (const SettingEntry& entry : layer.settings) {
    const auto same = [&](const WantedSetting& other) { return other.id == entry.wanted.id; };
    if (entry.dropped) {
      std::erase_if(profile_.settings, same);
    } else {
      put(profile_.settings, entry.wanted, same);
    }
  }
}

// A budget that drops nothing is an error: its key has several parts, and a slip in one of them
// would leave the inherited budget in force without a word.
Expected<void> Merger::add_budgets(const Layer& layer) {
  for (const BudgetEntry& entry : layer.budgets) {
    const auto same = [&](const Budget& other) { return same_budget(other, entry.budget); };
    if (!entry.dropped) {
      put(profile_.budgets, entry.budget, same);
    } else if (std::erase_if(profile_.budgets, same) == 0) {
      return fail_at(entry.budget.location,
                     fmt::format("no inherited budget of {} has these parameters and this target; "
                                 "there is nothing to drop",
                                 entry.budget.technique));
    }
  }
  return {};
}

// Field by field, unlike settings and budgets: the fields do not depend on each other.
void Merger::add_measure(const Measure& measure) {
  profile_.time_limit = measure.time_limit.value_or(profile_.time_limit);
  profile_.rounds = measure.rounds.value_or(profile_.rounds);
  profile_.looks = measure.looks.value_or(profile_.looks);
  profile_.confidence = measure.confidence.value_or(profile_.confidence);
  profile_.write_limit = measure.write_limit.value_or(profile_.write_limit);
  if (measure.load_limit) profile_.load_limit = measure.load_limit;
  if (measure.load_limit_dropped) profile_.load_limit.reset();
}

Expected<void> Merger::check_selector(const std::string& text, const Location& where) const {
  const auto selector = parse_selector(text);
  if (!selector) return fail_at(where, selector.error().cause);  // layers have parsed it before
  for (const auto& [word, position] : role_words(*selector)) {
    // These two exist on every host: what the kernel isolates, and everything else.
    if (word == "isolated" || word == "housekeeping" || profile_.cpu_roles.contains(word)) continue;
    std::vector<std::string_view> known = selector_words();
    for (const auto& [role, unused] : profile_.cpu_roles) known.push_back(role);
    return fail_at(
        where, fmt::format("selector {}: column {}: unknown role or selector {}{}", in_quotes(text),
                           position + 1, in_quotes(word), did_you_mean(word, known)));
  }
  return {};
}

Expected<Profile> Merger::finish() {
  for (const auto& [role, selector] : profile_.cpu_roles) {
    if (auto checked = check_selector(selector, profile_.cpu_role_locations[role]); !checked) {
      return Failure(checked.error());
    }
  }
  for (const Budget& budget : profile_.budgets) {
    if (budget.cpus.empty()) continue;
    if (auto checked = check_selector(budget.cpus, budget.location); !checked) {
      return Failure(checked.error());
    }
  }
  // The profile itself is no parent of its own.
  if (!profile_.extends.empty()) profile_.extends.pop_back();
  profile_.digest = digest_of(profile_);
  return std::move(profile_);
}

}  // namespace assay::profiles
