// Planners of CPUs and interrupts whose change is more than one file of their own.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "core/units.hpp"
#include "profiles/near.hpp"
#include "tuner/planners.hpp"
#include "tuner/readers.hpp"
#include "tuner/text.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

using std::chrono::microseconds;

// Without the kernel's bound, each state above ours is switched off by itself.
Expected<Changes> plan_idle_states(const HostView& view, const Setting& setting,
                                   const Target& target, microseconds bound) {
  Changes changes;
  const probes::Cpu* cpu = cpu_of(view, target);
  if (cpu == nullptr) return changes;
  for (const probes::IdleState& state : cpu->idle_states) {
    if (state.disabled || state.exit_latency <= bound) continue;
    Change change = change_of(setting, target, ChangeKind::write_file);
    change.path =
        fmt::format("/sys/devices/system/cpu/cpu{{}}/cpuidle/state{}/disable", state.index);
    change.after = "1";
    if (auto added = add_if_differs(view, std::move(change), changes); !added) {
      return Failure(added.error());
    }
  }
  return changes;
}

// The file's text with its list of banned CPUs replaced, or added at the end. The older name, a
// mask, says the same where it stands: which of the two counts depends on irqbalance's version.
std::string with_ban(std::string_view text, const CpuSet& banned) {
  static constexpr std::string_view kList = "IRQBALANCE_BANNED_CPULIST";
  static constexpr std::string_view kMask = "IRQBALANCE_BANNED_CPUS";
  const std::string line = fmt::format("{}={}", kList, banned.to_list());
  std::string out;
  bool placed = false;
  if (text.ends_with('\n')) text.remove_suffix(1);
  for (std::string_view old : text.empty() ? std::vector<std::string_view>{} : lines_of(text)) {
    const std::string_view name = trimmed(old).substr(0, trimmed(old).find('='));
    if (name == kList && placed) continue;
    if (name == kMask) {
      out += fmt::format("{}={}", kMask, banned.to_mask());
    } else {
      out += name == kList ? line : std::string(old);
    }
    out += '\n';
    placed = placed || name == kList;
  }
  return placed ? out : out + line + '\n';
}

}  // namespace

Expected<Changes> plan_idle_exit(const HostView& view, const Setting& setting, const Target& target,
                                 const Reading&, const Wanted& wanted) {
  if (wanted.match == profiles::Match::at_least) {
    return fail(ErrorCode::unsupported, "plan", setting.id, "the kernel knows upper bounds only");
  }
  const auto bound = parse_duration(wanted.value);
  if (!bound) return Failure(bound.error());
  const auto whole = std::chrono::floor<microseconds>(*bound);
  Change change = change_of(setting, target, ChangeKind::write_file);
  change.path = setting.where;
  // "n/a" is no latency at all; a "0" would take every constraint away.
  change.after = whole.count() == 0 ? "n/a" : fmt::format("{}", whole.count());
  Changes changes;
  const auto added = add_if_differs(view, std::move(change), changes);
  if (added) return changes;
  if (added.error().code != ErrorCode::absent) return Failure(added.error());
  return plan_idle_states(view, setting, target, whole);
}

Expected<Changes> plan_boost(const HostView& view, const Setting& setting, const Target& target,
                             const Reading&, const Wanted& wanted) {
  const auto on = without_unit(ValueKind::flag, "", wanted.value);
  if (!on) return Failure(on.error());
  Change change = change_of(setting, target, ChangeKind::write_file);
  change.path = "/sys/devices/system/cpu/intel_pstate/no_turbo";
  change.after = *on == "1" ? "0" : "1";
  if (!view.host.exists(change.path)) {
    change.path = "/sys/devices/system/cpu/cpufreq/boost";
    change.after = *on;
  }
  Changes changes;
  const auto added = add_if_differs(view, std::move(change), changes);
  if (!added) return Failure(added.error());
  return changes;
}

Expected<Changes> plan_uncore(const HostView& view, const Setting& setting, const Target& target,
                              const Reading&, const Wanted& wanted) {
  const auto same = without_unit(ValueKind::flag, "", wanted.value);
  if (!same) return Failure(same.error());
  if (*same != "1") {
    return fail(ErrorCode::unsupported, "plan", setting.id,
                "which range the clock should have is not said");
  }
  const auto highest = view.host.read_trimmed(path_of(setting, target) + "/max_freq_khz");
  if (!highest) return Failure(highest.error());
  Change change = change_of(setting, target, ChangeKind::write_file);
  change.path = std::string(setting.where) + "/min_freq_khz";
  change.after = *highest;
  Changes changes;
  const auto added = add_if_differs(view, std::move(change), changes);
  if (!added) return Failure(added.error());
  return changes;
}

std::optional<CpuSet> cpu_for_queue(const probes::Inventory& inventory, const probes::Irq& irq,
                                    const CpuSet& cpus) {
  if (irq.queue.empty() || irq.device.empty()) return std::nullopt;
  std::size_t place = 0;
  std::size_t queues = 0;
  for (const probes::Irq& other : inventory.interrupts.irqs) {
    if (other.device != irq.device || other.queue.empty()) continue;
    if (other.number == irq.number) place = queues;
    ++queues;
  }
  if (queues < 2 || cpus.empty()) return std::nullopt;
  const auto near = profiles::cpus_near(inventory, irq.device);
  const CpuSet close = near ? cpus & *near : CpuSet();
  const std::vector<unsigned> turn = (close.empty() ? cpus : close).to_vector();
  return CpuSet{turn[place % turn.size()]};
}

Expected<Changes> plan_affinity(const HostView& view, const Setting& setting, const Target& target,
                                const Reading& reading, const Wanted& wanted) {
  auto changes = plan_list(view, setting, target, reading, wanted);
  const probes::Irq* irq = irq_of(view, target);
  const auto want = parse_cpus(wanted.value);
  if (!changes || changes->empty() || irq == nullptr || !want) return changes;
  if (wanted.match != profiles::Match::at_most) return changes;
  if (const auto one = cpu_for_queue(view.inventory, *irq, *want)) {
    changes->front().after = one->to_list();
  }
  return changes;
}

Expected<Changes> plan_irqbalance(const HostView& view, const Setting& setting,
                                  const Target& target, const Reading&, const Wanted& wanted) {
  static constexpr const char* kUnit = "irqbalance.service";
  if (wanted.value != "stopped" && wanted.value != "running") {
    return fail(ErrorCode::invalid, "plan", setting.id, "expected stopped or running");
  }
  Change change = change_of(setting, target, ChangeKind::run);
  change.path = "irqbalance";
  change.after = wanted.value;
  const bool stop = wanted.value == "stopped";
  change.argv = {"systemctl", stop ? "stop" : "start", kUnit};
  change.undo_argv = {"systemctl", stop ? "start" : "stop", kUnit};
  Changes changes;
  const auto added = add_if_differs(view, std::move(change), changes);
  if (!added) return Failure(added.error());
  return changes;
}

Expected<Changes> plan_banned(const HostView& view, const Setting& setting, const Target& target,
                              const Reading& reading, const Wanted& wanted) {
  const auto there = parse_cpus(reading.configured);
  if (!there) return Failure(there.error());
  const auto ask = cpus_to_ask(wanted, *there);
  if (!ask) return Failure(ask.error());
  Change change = change_of(setting, target, ChangeKind::replace_file);
  change.path = "/etc/default/irqbalance";
  // Red Hat's place for it; Debian's is used where there is neither.
  if (!view.host.exists(change.path) && view.host.exists("/etc/sysconfig/irqbalance")) {
    change.path = "/etc/sysconfig/irqbalance";
  }
  if (const auto status = view.host.status(change.path)) {
    change.mode_before = change.mode_after = status->mode;
  }
  const auto old = read_now(view.host, change);
  if (!old) return Failure(old.error());
  change.after = with_ban(old->value_or(""), *ask);
  Changes changes;
  if (auto added = add_if_differs(view, std::move(change), changes); !added) {
    return Failure(added.error());
  }
  if (changes.empty() || !view.inventory.interrupts.irqbalance_running) return changes;
  // It reads its configuration when it starts. One that was stopped meanwhile stays stopped.
  Change restart = change_of(setting, target, ChangeKind::run);
  restart.argv = restart.undo_argv = {"systemctl", "try-restart", "irqbalance.service"};
  changes.push_back(std::move(restart));
  return changes;
}

}  // namespace assay::tuner
