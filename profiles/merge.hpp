// Lays one profile file over what it extends. The rules stand in docs/profiles.md.
//
// One Merger makes one profile and is then spent. Not thread-safe. Internal to profiles/.
#pragma once

#include <map>
#include <string>

#include "core/error.hpp"
#include "profiles/layer.hpp"
#include "profiles/profile.hpp"

namespace assay::profiles {

// Takes layers from the farthest to the nearest and ends with the merged profile.
class Merger {
 public:
  // Lays `layer` over what is there: settings by id, budgets by technique, parameters and target,
  // waivers by setting, roles by name, `measure` by field. Error: invalid when a budget is dropped
  // that no earlier layer has.
  Expected<void> add(const Layer& layer);

  // Checks what only the whole can tell (every role that a selector names exists), and sets the
  // digest. Error: invalid, with the selector's place.
  Expected<Profile> finish();

 private:
  // Replaces in place, so that the merged order is that of first mention.
  void add_settings(const Layer& layer);
  Expected<void> add_budgets(const Layer& layer);
  void add_measure(const Measure& measure);
  Expected<void> check_selector(const std::string& text, const Location& where) const;

  Profile profile_;
  // A Profile keeps no places of roles: they are needed for messages until it is finished.
};

}  // namespace assay::profiles
