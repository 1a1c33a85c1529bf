#include "tuner/evaluate.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "core/suggest.hpp"
#include "tuner/coherence.hpp"
#include "tuner/judge.hpp"
#include "tuner/text.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

using profiles::Match;
using profiles::WantedSetting;

// A mistake of the profile, at its place: a person mends it there. Exit code 64.
Failure bad_profile(const WantedSetting& wanted, std::string_view cause) {
  const std::string place = wanted.location.file.empty() ? "" : wanted.location.to_string();
  return fail(ErrorCode::invalid, "check", place, fmt::format("{}: {}", wanted.id, cause));
}

// A wanted setting with its CPU selector resolved on this host.
Expected<Wanted> resolve(const Setting& setting, const WantedSetting& from, const HostView& view) {
  Wanted wanted{&from, from.value, from.match};
  if (from.match == Match::keep) return wanted;
  // "none" and masks are values of this folder; everything else may be a selector.
  const bool plain = from.value == "none" || from.value.starts_with("0x");
  if (setting.kind == ValueKind::cpu_list && !plain) {
    auto cpus = profiles::select_cpus(from.value, view.inventory, view.roles);
    if (!cpus) return bad_profile(from, cpus.error().message());
    wanted.value = show_cpus(*cpus);
  }
  // A word of the row's own ("hardware-max") gets its value when a target gives it a meaning.
  if (std::ranges::find(setting.words, wanted.value) == setting.words.end()) {
    if (auto good = check_value(setting.kind, wanted.match, wanted.value); !good) {
      return bad_profile(from, good.error().cause);
    }
  }
  return wanted;
}

// A comma-separated list of globs; one that starts with '!' takes out again.
bool selected(std::string_view select, const Target& target) {
  bool in = select.starts_with('!');
  for (std::string_view part : split(select, ',')) {
    part = trimmed(part);
    const bool out = part.starts_with('!');
    if (out) part.remove_prefix(1);
    const bool hit = matches_glob(part, target.name) || matches_glob(part, target.local) ||
                     matches_glob(part, target.label);
    if (hit) in = !out;
  }
  return in;
}

// `select` names CPUs by selector, as everywhere in profiles, and other things by glob: they have
// no topology that a selector could speak of.
Expected<void> restrict_targets(const Setting& setting, const WantedSetting& wanted,
                                const HostView& view, std::vector<Target>& targets) {
  if (wanted.select.empty()) return {};
  if (setting.set_on == TargetKind::host) {
    return bad_profile(wanted, "is set on the host as a whole, so select means nothing");
  }
  if (setting.set_on != TargetKind::cpu) {
    std::erase_if(targets, [&](const Target& target) { return !selected(wanted.select, target); });
    return {};
  }
  auto cpus = profiles::select_cpus(wanted.select, view.inventory, view.roles);
  if (!cpus) return bad_profile(wanted, cpus.error().message());
  std::erase_if(targets, [&](const Target& target) {
    auto number = CpuSet::parse_list(target.local);
    return !number || !number->is_subset_of(*cpus);
  });
  return {};
}

// Fills one row: read, judged, waived. Error: the wanted value means nothing on this target.
Expected<EvaluatedRow> evaluate_target(const Setting& setting, Wanted wanted, const Target& target,
                                       const HostView& view, std::vector<std::string>& notes,
                                       const profiles::Waiver* waiver,
                                       std::chrono::sys_days today) {
  CheckRow row{.id = std::string(setting.id),
               .target = target.name,
               .local = target.label.empty() ? target.local : target.label,
               .required = wanted.from->required && wanted.match != Match::keep};
  auto reading = setting.read(view, setting, target);
  Judgement judgement;
  if (!reading) {
    row.wanted = show_wanted(setting.kind, wanted.match, wanted.value);
    judgement = judge_failure(setting, target, reading.error(), view.inventory.environment);
  } else {
    if (setting.meaning != nullptr && wanted.match != Match::keep) {
      auto meaning = setting.meaning(view, target, wanted.value);
      if (!meaning) return bad_profile(*wanted.from, meaning.error().message());
      wanted.value = *meaning;
      if (auto good = check_value(setting.kind, wanted.match, wanted.value); !good) {
        return bad_profile(*wanted.from, good.error().cause);
      }
    }
    row.wanted = show_wanted(setting.kind, wanted.match, wanted.value);
    row.configured = reading->configured;
    row.effective = reading->effective.value_or("");
    judgement = judge(setting, wanted, *reading);
  }
  if (!judgement.put_back.empty()) {
    std::string note = fmt::format("{}: {}", setting.id, judgement.put_back);
    // Many targets of one file are one finding.
    if (notes.empty() || notes.back() != note) notes.push_back(std::move(note));
  }
  if (waiver != nullptr) apply_waiver(*waiver, today, judgement);
  row.outcome = judgement.outcome;
  row.reason = std::move(judgement.reason);
  EvaluatedRow whole{&setting, std::move(wanted), target, std::nullopt, std::move(row)};
  if (reading) whole.reading = *std::move(reading);
  return whole;
}

// A setting that has nothing to be set on still gets a row: a reader must see that it was looked
// at.
EvaluatedRow row_without_target(const Setting& setting, const Wanted& wanted, std::string reason) {
  CheckRow row{.id = std::string(setting.id), .target = "host"};
  row.wanted = show_wanted(setting.kind, wanted.match, wanted.value);
  row.outcome = Outcome::not_applicable;
  row.required = wanted.from->required && wanted.match != Match::keep;
  row.reason = std::move(reason);
  return {&setting, wanted, std::nullopt, std::nullopt, std::move(row)};
}

// All targets of one setting, in the order in which the host lists them.
Expected<void> evaluate_setting(const Setting& setting, const WantedSetting& from,
                                const HostView& view, const profiles::Waiver* waiver,
                                std::chrono::sys_days today, Evaluation& into) {
  auto wanted = resolve(setting, from, view);
  if (!wanted) return Failure(wanted.error());
  std::vector<Target> targets = setting.targets(view);
  if (targets.empty()) {
    into.rows.push_back(row_without_target(
        setting, *wanted,
        why_not_applicable(setting, view.inventory.environment, setting.not_applicable)));
    return {};
  }
  if (auto good = restrict_targets(setting, from, view, targets); !good) return good;
  if (targets.empty()) {
    into.rows.push_back(row_without_target(
        setting, *wanted, fmt::format("nothing here matches \"{}\"", from.select)));
    return {};
  }
  for (const Target& target : targets) {
    auto row = evaluate_target(setting, *wanted, target, view, into.notes, waiver, today);
    if (!row) return Failure(row.error());
    into.rows.push_back(*std::move(row));
  }
  return {};
}

}  // namespace

Expected<profiles::Roles> check_profile(const profiles::Profile& profile,
                                        const probes::Inventory& inventory) {
  const std::vector<std::string_view> ids = setting_ids();
  for (const WantedSetting& wanted : profile.settings) {
    if (find_setting(wanted.id) == nullptr) {
      return bad_profile(wanted, "no such setting" + did_you_mean(wanted.id, ids));
    }
  }
  return profiles::resolve_roles(profile, inventory);
}

Expected<Evaluation> evaluate(const HostView& view, const profiles::Profile& profile,
                              std::chrono::sys_days today) {
  Evaluation evaluation;
  // In the order of the table, whatever the order of the profile: two reports can be compared.
  for (const Setting& setting : settings()) {
    const WantedSetting* wanted = profile.setting(setting.id);
    if (wanted == nullptr) continue;
    auto done =
        evaluate_setting(setting, *wanted, view, profile.waiver(setting.id), today, evaluation);
    if (!done) return Failure(done.error());
  }
  std::ranges::move(coherence_notes(view, profile), std::back_inserter(evaluation.notes));
  return evaluation;
}

}  // namespace assay::tuner
