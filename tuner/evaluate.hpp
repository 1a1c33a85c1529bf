// Every wanted setting on every target of a host: what is wanted there, what was read, and how the
// two were judged. The check reports it, the plan acts on it: there is one way to judge.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "tuner/check.hpp"
#include "tuner/setting.hpp"

namespace assay::tuner {

struct EvaluatedRow {
  const Setting* setting = nullptr;
  Wanted wanted = {};                   // concrete for this target
  std::optional<Target> target = {};    // nothing: the setting does not exist on this host
  std::optional<Reading> reading = {};  // nothing: it could not be read
  CheckRow row = {};
};

struct Evaluation {
  std::vector<EvaluatedRow> rows = {};  // in the order of the settings table
  std::vector<std::string> notes = {};  // coherence findings
};

// Resolves the profile's CPU roles on this host. Errors: invalid when one cannot be resolved, or
// the profile names a setting that does not exist; the message names the place in the profile.
Expected<profiles::Roles> check_profile(const profiles::Profile& profile,
                                        const probes::Inventory& inventory);

// Reads and judges. `profile` must outlive the result. Error: invalid, when a wanted value is none
// of its setting's kind; the message names the place in the profile. Read-only, thread-safe.
Expected<Evaluation> evaluate(const HostView& view, const profiles::Profile& profile,
                              std::chrono::sys_days today);

}  // namespace assay::tuner
