// Planners of one file, and the pieces that all planners share.
#include "tuner/planners.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "tuner/readers.hpp"
#include "tuner/text.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

Change file_change(const Setting& setting, const Target& target) {
  Change change = change_of(setting, target, ChangeKind::write_file);
  change.path = setting.where;
  return change;
}

Expected<Changes> one(const HostView& view, Change change) {
  Changes changes;
  if (auto added = add_if_differs(view, std::move(change), changes); !added) {
    return Failure(added.error());
  }
  return changes;
}

Expected<Changes> plan_cpus(const HostView& view, const Setting& setting, const Target& target,
                            const Wanted& wanted, ValueForm form) {
  Change change = file_change(setting, target);
  change.form = form;
  const auto now = read_now(view.host, change);
  if (!now) return Failure(now.error());
  const auto there =
      form == ValueForm::mask ? CpuSet::parse_mask(**now) : CpuSet::parse_list(**now);
  if (!there) return Failure(there.error());
  const auto ask = cpus_to_ask(wanted, *there);
  if (!ask) return Failure(ask.error());
  change.after = form == ValueForm::mask ? ask->to_mask() : ask->to_list();
  return one(view, std::move(change));
}

}  // namespace

Change change_of(const Setting& setting, const Target& target, ChangeKind kind) {
  Change change;
  change.kind = kind;
  change.setting_id = setting.id;
  change.target = target.name;
  change.local = target.local;
  return change;
}

Expected<void> add_if_differs(const HostView& view, Change change, Changes& changes) {
  auto now = read_now(view.host, change);
  if (!now) return Failure(now.error());
  change.absent_before = !*now;
  if (change.kind == ChangeKind::replace_file && !*now) {
    const std::string path = path_of(change);
    change.folder_absent_before = !view.host.exists(path.substr(0, path.rfind('/')));
  }
  change.before = now->value_or("");
  if (!is_after(change, *now)) changes.push_back(std::move(change));
  return {};
}

Expected<CpuSet> cpus_to_ask(const Wanted& wanted, const CpuSet& there) {
  const auto want = parse_cpus(wanted.value);
  if (!want) return want;
  if (wanted.match == profiles::Match::at_least) return there | *want;
  const CpuSet within = there & *want;
  if (wanted.match == profiles::Match::at_most && !within.empty()) return within;
  return *want;
}

Expected<Changes> plan_file(const HostView& view, const Setting& setting, const Target& target,
                            const Reading&, const Wanted& wanted) {
  auto raw = without_unit(setting.kind, setting.unit, wanted.value);
  if (!raw) return Failure(raw.error());
  Change change = file_change(setting, target);
  change.after = *std::move(raw);
  return one(view, std::move(change));
}

Expected<Changes> plan_chosen(const HostView& view, const Setting& setting, const Target& target,
                              const Reading&, const Wanted& wanted) {
  Change change = file_change(setting, target);
  change.form = ValueForm::chosen;
  const auto text = view.host.read(path_of(change));
  if (!text) return Failure(text.error());
  std::string offered(trimmed(*text));
  std::erase_if(offered, [](char c) { return c == '[' || c == ']'; });
  const std::vector<std::string_view> words = words_of(offered);
  for (std::string_view word : split(wanted.value, '|')) {
    if (std::ranges::find(words, word) == words.end()) continue;
    change.after = word;
    return one(view, std::move(change));
  }
  return fail(ErrorCode::unsupported, "plan", setting.id,
              fmt::format("the kernel offers {}", offered));
}

Expected<Changes> plan_mask(const HostView& view, const Setting& setting, const Target& target,
                            const Reading&, const Wanted& wanted) {
  return plan_cpus(view, setting, target, wanted, ValueForm::mask);
}

Expected<Changes> plan_list(const HostView& view, const Setting& setting, const Target& target,
                            const Reading&, const Wanted& wanted) {
  return plan_cpus(view, setting, target, wanted, ValueForm::list);
}

Expected<Changes> plan_watchdog(const HostView& view, const Setting& setting, const Target& target,
                                const Reading&, const Wanted& wanted) {
  static constexpr std::string_view kBoth = "/proc/sys/kernel/watchdog";
  auto raw = without_unit(setting.kind, setting.unit, wanted.value);
  if (!raw) return Failure(raw.error());
  Change change = file_change(setting, target);
  change.after = *std::move(raw);
  // "yes" to no watchdog is 0.
  if (setting.kind == ValueKind::flag) change.after = change.after == "1" ? "0" : "1";
  auto changes = one(view, std::move(change));
  if (!changes || changes->empty() || !view.host.exists(kBoth)) return changes;
  Change both = changes->front();
  both.path = kBoth;
  both.after.clear();
  both.follows = setting.id;
  both.restore_only = true;
  auto now = read_now(view.host, both);
  if (!now) return Failure(now.error());
  both.before = now->value_or("");
  changes->push_back(std::move(both));
  return changes;
}

Expected<Changes> plan_dirty(const HostView& view, const Setting& setting, const Target& target,
                             const Reading& reading, const Wanted& wanted) {
  auto changes = plan_file(view, setting, target, reading, wanted);
  if (!changes || changes->empty() || changes->front().before != "0") return changes;
  // The kernel refuses to have 0 bytes written; a ratio takes the bytes' place.
  std::string ratio(setting.where);
  ratio.replace(ratio.rfind("bytes"), 5, "ratio");
  auto share = view.host.read_trimmed(ratio);
  if (!share) return Failure(share.error());
  changes->front().undo_path = std::move(ratio);
  changes->front().undo_value = *std::move(share);
  return changes;
}

Expected<Changes> plan_workqueue(const HostView& view, const Setting& setting, const Target& target,
                                 const Reading& reading, const Wanted& wanted) {
  static constexpr std::string_view kAsked = "/sys/devices/virtual/workqueue/cpumask_requested";
  auto changes = plan_mask(view, setting, target, reading, wanted);
  if (!changes || changes->empty() || !view.host.exists(kAsked)) return changes;
  Change change = changes->front();
  change.read_path = kAsked;
  return one(view, std::move(change));
}

Expected<Changes> plan_clocksource(const HostView& view, const Setting& setting,
                                   const Target& target, const Reading&, const Wanted& wanted) {
  const std::vector<std::string>& offered = view.inventory.kernel.clocksources;
  for (std::string_view clock : split(wanted.value, '|')) {
    if (std::ranges::find(offered, clock) == offered.end()) continue;
    Change change = file_change(setting, target);
    change.after = clock;
    return one(view, std::move(change));
  }
  return fail(ErrorCode::unsupported, "plan", setting.id,
              "the kernel does not offer it: it found the clock unsteady, or has no driver");
}

}  // namespace assay::tuner
