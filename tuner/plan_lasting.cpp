#include "tuner/plan_lasting.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "profiles/profile_yaml.hpp"
#include "tuner/allowed.hpp"
#include "tuner/persist_files.hpp"
#include "tuner/readers.hpp"
#include "tuner/text.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

// Only the driver's option decides it: block.nvme-poll-queues.
constexpr std::string_view kOnlyTold = "block.io-poll";

bool lasts(const PlanRow& row) {
  // A drop-in is the change itself, and lasts as it is.
  if (row.setting->lasting == Lasting::drop_in) return false;
  if (row.setting->lasting == Lasting::recorded || row.setting->id == kOnlyTold) return false;
  // What the running kernel was asked for in vain stays asked for: the file that says so is not
  // taken away because of it.
  const bool in_vain =
      row.state == RowState::unsupported && row.setting->lasting == Lasting::boot_line;
  return in_vain || row.state == RowState::to_change || row.state == RowState::already_ok ||
         row.state == RowState::pending_reboot;
}

// What the kernel file holds now, in its own words.
std::string value_now(const HostView& view, const PersistItem& item) {
  auto text = view.host.read(item.path);
  return text ? std::string(trimmed(chosen_word(*text))) : std::string();
}

// A word that is on the boot line by nobody's wish (the clock source that the kernel chose) is not
// put there.
bool is_asked_for(const HostView& view, const PersistItem& item) {
  const PersistItem one[] = {item};
  auto words = boot_words(view, one);
  if (!words) return false;
  for (const BootToken& token : boot_tokens(*words)) {
    if (boot_word(view.inventory.kernel.command_line, token.name)) return true;
  }
  return false;
}

// The value as the kernel takes it. Nothing: the row needs no file.
Expected<std::optional<std::string>> value_of(const HostView& view, const PersistItem& item,
                                              const PlanRow& row) {
  const Setting& setting = *row.setting;
  const bool is_ok = row.state == RowState::already_ok;
  switch (setting.lasting) {
    case Lasting::sysctl:
    case Lasting::udev: {
      // A value that another row moves (a scheduler the queue's depth) is not what it will be when
      // that one was set: the bound is what was asked for, and holds whatever it is now.
      if (!is_ok || !setting.moved_by.empty()) break;
      std::string now = value_now(view, item);
      // vm.dirty_bytes 0 says that the ratio is in force, and cannot be written.
      const bool ratio = now == "0" && setting.id.starts_with("memory.dirty");
      if (now.empty() || ratio) return std::optional<std::string>();
      return std::optional(std::move(now));
    }
    case Lasting::boot_line: {
      const std::string& text = is_ok ? row.before : row.want.value;
      PersistItem asked = item;
      asked.value = text.substr(0, text.find('|'));
      if (is_ok && !is_asked_for(view, asked)) return std::optional<std::string>();
      return std::optional(asked.value);
    }
    case Lasting::startup_unit:
      return std::optional(row.want.value);
    default:
      break;
  }
  const bool moved = !setting.moved_by.empty();
  const std::string& text = is_ok && !moved ? row.before : row.want.value;
  if (setting.lasting == Lasting::limits && text == "unlimited") return std::optional(text);
  auto raw = without_unit(setting.kind, setting.unit, text);
  if (!raw) return Failure(raw.error());
  return std::optional(*std::move(raw));
}

Expected<std::vector<PersistItem>> items_of(const HostView& view, const Evaluation& evaluation,
                                            const std::vector<PlanRow>& rows) {
  std::vector<PersistItem> items;
  auto row = rows.begin();
  for (const EvaluatedRow& evaluated : evaluation.rows) {
    if (evaluated.wanted.match == profiles::Match::keep) continue;
    const PlanRow& one = *row++;
    if (!evaluated.target || !lasts(one)) continue;
    PersistItem item{one.setting, *evaluated.target, path_of(*one.setting, *evaluated.target), {}};
    auto value = value_of(view, item, one);
    if (!value) return Failure(value.error());
    if (!*value) continue;
    item.value = **std::move(value);
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace

Expected<void> add_lasting(const HostView& view, const Evaluation& evaluation,
                           const std::vector<PlanRow>& rows, const profiles::Profile& profile,
                           const PlanOptions& options, Plan& plan) {
  auto items = items_of(view, evaluation, rows);
  if (!items) return Failure(items.error());
  const PersistedProfile kept{.name = profile.name,
                              .yaml = profiles::profile_yaml(profile),
                              .program = options.program,
                              .max_disruption = options.max_disruption};
  auto changes = persist_changes(view, *items, kept);
  if (!changes) return Failure(changes.error());
  for (const Change& change : *changes) {
    if (auto good = check_allowed(change); !good) return good;
  }
  plan.lasting = *std::move(changes);
  std::vector<std::string> told;
  for (const Override& one : overrides(view, *items)) {
    // Many targets of one line are one finding.
    std::string words = "later, " + to_string(one);
    if (std::ranges::find(told, words) == told.end()) told.push_back(std::move(words));
  }
  for (std::string& step : persist_by_hand(view, *items)) {
    told.push_back("by hand, to make it last: " + std::move(step));
  }
  std::ranges::move(told, std::back_inserter(plan.notes));
  return {};
}

}  // namespace assay::tuner
