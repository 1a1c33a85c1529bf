#include "tuner/check.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "core/suggest.hpp"
#include "tuner/evaluate.hpp"

namespace assay::tuner {

using profiles::WantedSetting;

Expected<CheckReport> check(const Host& host, const probes::Inventory& inventory,
                            const profiles::Profile& profile, std::chrono::sys_days today) {
  const auto roles = check_profile(profile, inventory);
  if (!roles) return Failure(roles.error());
  // Configuration files are read once: a dozen rows look into the same ones.
  const Persisted persisted = read_persisted(host);
  auto evaluation = evaluate({host, inventory, persisted, *roles}, profile, today);
  if (!evaluation) return Failure(evaluation.error());
  CheckReport report{.profile = profile.name, .notes = std::move(evaluation->notes)};
  for (EvaluatedRow& row : evaluation->rows) report.rows.push_back(std::move(row.row));
  return report;
}

Expected<void> keep_only(std::span<const std::string> names, profiles::Profile& profile) {
  std::vector<std::string_view> known = setting_ids();
  std::ranges::copy(setting_areas(), std::back_inserter(known));
  for (const std::string& name : names) {
    if (std::ranges::find(known, name) != known.end()) continue;
    return fail(ErrorCode::invalid, "choose", "--only",
                fmt::format("\"{}\" is no setting and no area{}", name, did_you_mean(name, known)));
  }
  std::erase_if(profile.settings, [&](const WantedSetting& wanted) {
    return std::ranges::none_of(names, [&](const std::string& name) {
      return wanted.id == name || area_of(wanted.id) == name;
    });
  });
  if (profile.settings.empty()) {
    return fail(ErrorCode::invalid, "choose", "--only",
                fmt::format("profile {} wants none of these settings", profile.name));
  }
  return {};
}

}  // namespace assay::tuner
