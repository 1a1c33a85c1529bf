// Planners of what is no file: threads of the kernel, swap areas, partitions, and a timer.
#include <fmt/core.h>

#include <algorithm>

#include "core/units.hpp"
#include "tuner/kernel_threads.hpp"
#include "tuner/planners.hpp"
#include "tuner/readers.hpp"
#include "tuner/text.hpp"
#include "tuner/unit_drop_in.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

// A name in which the kernel's slashes are '!', as sysfs spells them; empty: one that cannot be.
std::string plain_name(std::string_view text) {
  std::string name(text);
  std::ranges::replace(name, '/', '!');
  const auto odd = [](char c) { return c <= ' ' || c >= '\x7f'; };
  return std::ranges::any_of(name, odd) ? std::string() : name;
}

Change request_of(const Setting& setting, const Target& target, std::string_view request,
                  std::string local) {
  Change change = change_of(setting, target, ChangeKind::ethtool);
  change.path = request;
  change.local = std::move(local);
  return change;
}

// Leaves a thread where it is. Nothing: its name cannot be told from others in a journal.
std::optional<Change> thread_change(const Setting& setting, const Target& target,
                                    const KernelThread& thread) {
  const std::string name = plain_name(thread.name);
  if (name.empty()) return std::nullopt;
  Change change =
      request_of(setting, target, "thread.affinity", fmt::format("{}:{}", thread.pid, name));
  change.before = change.after = "cpus=" + thread.cpus.to_list();
  return change;
}

// The areas in use, with what of them is used: proc(5), /proc/swaps.
struct SwapArea {
  std::string name;
  std::uint64_t used_kib = 0;
};

std::vector<SwapArea> swap_areas(std::string_view text) {
  std::vector<SwapArea> areas;
  for (std::string_view line : lines_of(text)) {
    const auto words = words_of(line);
    if (words.size() < 5 || !words[0].starts_with('/')) continue;
    areas.push_back({std::string(words[0]), parse_uint(words[3]).value_or(0)});
  }
  return areas;
}

bool has_systemd_running(const HostView& view) { return view.host.exists("/run/systemd/system"); }

}  // namespace

Expected<Changes> plan_kernel_threads(const HostView& view, const Setting& setting,
                                      const Target& target, const Reading&, const Wanted& wanted) {
  auto found = movable_kernel_threads(view.host);
  if (!found) return Failure(found.error());
  Changes changes;
  for (const KernelThread& thread : found->threads) {
    auto change = thread_change(setting, target, thread);
    if (!change) continue;
    const auto ask = cpus_to_ask(wanted, thread.cpus);
    if (!ask) return Failure(ask.error());
    if (*ask == thread.cpus) continue;
    change->after = "cpus=" + ask->to_list();
    changes.push_back(*std::move(change));
  }
  return changes;
}

Changes kept_threads(const HostView& view, const Setting& setting, const Target& target) {
  auto found = movable_kernel_threads(view.host);
  Changes kept;
  if (!found) return kept;
  for (const KernelThread& thread : found->threads) {
    auto keep = thread_change(setting, target, thread);
    if (!keep) continue;
    keep->restore_only = true;
    kept.push_back(*std::move(keep));
  }
  return kept;
}

Expected<Changes> plan_swap(const HostView& view, const Setting& setting, const Target& target,
                            const Reading&, const Wanted& wanted) {
  const auto most = parse_bytes(wanted.value);
  if (!most || most->count != 0 || wanted.match == profiles::Match::at_least) {
    return fail(ErrorCode::unsupported, "plan", setting.id,
                "only no swap at all can be brought about; areas are made by people");
  }
  const auto text = view.host.read(setting.where);
  if (!text) return Failure(text.error());
  std::uint64_t used_kib = 0;
  Changes changes;
  for (const SwapArea& area : swap_areas(*text)) {
    used_kib += area.used_kib;
    const std::string name = plain_name(area.name);
    if (name.empty()) continue;
    Change change = request_of(setting, target, "swap.area", name);
    const auto now = view.host.ask({change.path, change.local});
    if (!now) return Failure(now.error());
    const auto state = now->find("state");
    if (state == now->end() || state->second == "off") continue;
    change.before = "state=" + state->second;
    change.after = "state=off";
    changes.push_back(std::move(change));
  }
  // What is swapped out must fit, with room to breathe: the kernel would kill programs for it.
  const std::uint64_t room_kib = view.inventory.memory.available.count / 1024;
  if (used_kib != 0 && used_kib > room_kib / 10 * 9) {
    return fail(ErrorCode::unsupported, "plan", setting.id,
                fmt::format("{} KiB are swapped out, and only {} KiB of memory are available",
                            used_kib, room_kib));
  }
  return changes;
}

Expected<Changes> plan_partition(const HostView& view, const Setting& setting, const Target& target,
                                 const Reading& reading, const Wanted& wanted) {
  static constexpr std::string_view kGroup = "assay";
  const auto want = parse_cpus(wanted.value);
  if (!want) return Failure(want.error());
  const auto asked = parse_cpus(reading.configured);
  if (!asked) return Failure(asked.error());
  Change change = request_of(setting, target, "cpuset.partition", std::string(kGroup));
  const auto now = view.host.ask({change.path, change.local});
  if (!now) return Failure(now.error());
  const auto own = now->find("cpus");
  const CpuSet ours = own == now->end() ? CpuSet() : parse_cpus(own->second).value_or(CpuSet());
  // Other people's partitions are theirs to take away.
  const CpuSet others = *asked - ours;
  CpuSet add = *want - others;
  if (wanted.match == profiles::Match::at_most) add = ours & *want;
  if (wanted.match != profiles::Match::at_least && !(others - *want).empty()) {
    return fail(ErrorCode::unsupported, "plan", setting.id,
                fmt::format("another group holds {}", show_cpus(others - *want)));
  }
  change.before = show_pairs(*now);
  const auto controller = now->find("controller");
  const std::string was = controller == now->end() ? "off" : controller->second;
  change.after = add.empty() ? fmt::format("controller={} cpus=none state=none", was)
                             : fmt::format("controller=on cpus={} state=isolated", add.to_list());
  return change.before == change.after ? Changes{} : Changes{std::move(change)};
}

Expected<Changes> plan_timer(const HostView& view, const Setting& setting, const Target& target,
                             const Reading&, const Wanted& wanted) {
  const std::string unit(setting.where);
  Change change = change_of(setting, target, ChangeKind::replace_file);
  change.path = drop_in_path(unit);
  change.after =
      "# Written by `assay tune`; `assay rollback` takes it away.\n" + drop_in_text(unit);
  if (wanted.value != "disabled") {
    if (!is_held_back(view.host, unit)) {
      return fail(ErrorCode::unsupported, "plan", setting.id,
                  fmt::format("nobody enabled it: systemctl enable --now {}", unit));
    }
    change.kind = ChangeKind::remove_file;
    change.after.clear();
  }
  Changes changes;
  if (auto added = add_if_differs(view, std::move(change), changes); !added) {
    return Failure(added.error());
  }
  if (changes.empty() || !has_systemd_running(view)) return changes;
  Change run = change_of(setting, target, ChangeKind::run);
  run.argv = run.undo_argv = {"systemctl", "daemon-reload"};
  changes.push_back(run);
  const bool stop = wanted.value == "disabled";
  run.argv = {"systemctl", stop ? "stop" : "start", unit};
  run.undo_argv = {"systemctl", stop ? "start" : "stop", unit};
  changes.push_back(std::move(run));
  return changes;
}

}  // namespace assay::tuner
