#include "profiles/canonical.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/digest.hpp"
#include "profiles/layer.hpp"

namespace assay::profiles {
namespace {

// Length first, so that no text can look like two fields.
std::string field(std::string_view text) { return fmt::format(" {}:{}", text.size(), text); }

// `required` and `select` are part of what is asked: a waived-through difference and a required one
// are not the same profile.
std::string setting_line(const WantedSetting& wanted) {
  return fmt::format("setting{} {}{} required={} select={}\n", field(wanted.id),
                     to_word(wanted.match), field(wanted.value), wanted.required,
                     field(wanted.select));
}

// fmt prints the shortest digits that read back as the same double: the same text everywhere.
std::string limit_text(const Limit& limit) {
  std::string text = fmt::format(" p={}", limit.quantile);
  if (limit.at_most) text += fmt::format(" ns<={}", limit.at_most->count());
  if (limit.ratio_at_most) text += fmt::format(" ratio<={}", *limit.ratio_at_most);
  return text;
}

// Parameters come from a std::map, limits from the loader in the order of their quantiles.
std::string budget_line(const Budget& budget) {
  std::string text = fmt::format("budget{} {}", field(budget.technique), to_word(budget.target));
  for (const auto& [name, value] : budget.parameters) text += field(name) + field(value);
  text += fmt::format(" cpus={} required={}", field(budget.cpus), budget.required);
  for (const Limit& limit : budget.limits) text += limit_text(limit);
  return text + "\n";
}

std::string waiver_line(const Waiver& waiver) {
  return fmt::format("waiver{}{}{} {}-{}-{}\n", field(waiver.setting), field(waiver.owner),
                     field(waiver.reason), static_cast<int>(waiver.expires.year()),
                     static_cast<unsigned>(waiver.expires.month()),
                     static_cast<unsigned>(waiver.expires.day()));
}

// One line per thing, sorted: the order in which files name things carries no meaning.
template <typename T>
std::string sorted_lines(const std::vector<T>& things, std::string (*line)(const T&)) {
  std::vector<std::string> lines;
  std::transform(things.begin(), things.end(), std::back_inserter(lines), line);
  std::sort(lines.begin(), lines.end());
  return fmt::format("{}", fmt::join(lines, ""));
}

}  // namespace

std::string canonical_text(const Profile& profile) {
  // Roles are sorted by their map already. Roles that nothing uses count as well: `rest` depends on
  // them.
  std::string text = "assay.profile canonical 1\n";
  text += fmt::format("name{}\n", field(profile.name));
  for (const auto& [role, selector] : profile.cpu_roles) {
    text += fmt::format("role{}{}\n", field(role), field(selector));
  }
  text += sorted_lines(profile.settings, setting_line);
  text += sorted_lines(profile.budgets, budget_line);
  text += sorted_lines(profile.waivers, waiver_line);
  text += fmt::format("measure time_limit_ns={} rounds={} looks={} confidence={} write_limit={}",
                      profile.time_limit.count(), profile.rounds, profile.looks, profile.confidence,
                      profile.write_limit.count);
  if (profile.load_limit) text += fmt::format(" load_limit={}", *profile.load_limit);
  return text + "\n";
}

std::string digest_of(const Profile& profile) { return sha256(canonical_text(profile)); }

}  // namespace assay::profiles
