// One profile file as it stands, checked by itself but not yet merged with what it extends.
//
// Between the YAML (yaml_read.hpp) and the merged Profile (merge.hpp) there must be a form that
// can tell "not said" from "said to be the default", and "dropped" from both: that is a Layer.
// Plain values; parsing is pure and thread-safe. Internal to profiles/.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "profiles/loader.hpp"
#include "profiles/profile.hpp"

namespace assay::profiles {

// A name or path in `extends`, and where it stands, for messages about a missing one or a circle.
struct Parent {
  std::string name;
  Location location;
};

// One line of `cpus`. The selector's syntax is checked; whether its roles exist is known only when
// all layers are merged.
struct RoleEntry {
  std::string name;
  std::optional<std::string> selector;  // absent: null, drops an inherited role
  Location location;
};

struct SettingEntry {
  WantedSetting wanted;  // with `dropped`: id and location only
  bool dropped = false;  // null: drops an inherited setting
};

struct BudgetEntry {
  Budget budget;         // with `dropped`: without limits
  bool dropped = false;  // `limits: null` drops the inherited budget with the same key
};

// `measure`; absent fields are inherited one by one.
struct Measure {
  std::optional<Nanoseconds> time_limit;
  std::optional<unsigned> rounds, looks;
  std::optional<double> confidence;
  std::optional<Bytes> write_limit;
  std::optional<double> load_limit;
  bool load_limit_dropped = false;  // null: no limit, whatever was inherited
};

struct Layer {
  std::string name, description;
  std::vector<Parent> extends;
  std::vector<RoleEntry> roles;
  std::vector<SettingEntry> settings;
  std::vector<BudgetEntry> budgets;
  std::vector<Waiver> waivers;
  Measure measure;
};

// Reads one file's text; `file_name` is what messages name. Errors: invalid with file:line:column,
// the first mistake in the order schema, version, keys, name, sections (see load_profile).
Expected<Layer> parse_layer(std::string_view yaml, std::string_view file_name,
                            const Vocabulary& vocabulary);

// What makes two budgets the same one: technique, parameters, target. Where it runs (`cpus`) is no
// part of it, so that a profile can move an inherited budget to other CPUs.
bool same_budget(const Budget& a, const Budget& b);

// "each-drive", "at_most": stable words, used in YAML and in the digest.
std::string_view to_word(Target target);
std::string_view to_word(Match match);

}  // namespace assay::profiles
