// Planners of network interfaces: ethtool's operations, and the steering of receive queues.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <span>

#include "tuner/planners.hpp"
#include "tuner/readers.hpp"
#include "tuner/text.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

// One key of one ethtool request.
Expected<Changes> plan_key(const HostView& view, const Setting& setting, const Target& target,
                           const Wanted& wanted, std::string_view request, std::string_view key) {
  const auto raw = without_unit(setting.kind, setting.unit, wanted.value);
  if (!raw) return Failure(raw.error());
  const auto answer = view.host.ask({std::string(request), target.local});
  if (!answer) return Failure(answer.error());
  const auto now = answer->find(key);
  if (now == answer->end()) {
    return fail(ErrorCode::unsupported, "plan", setting.id,
                fmt::format("the driver does not answer for {}", key));
  }
  Changes changes;
  if (now->second == *raw) return changes;
  Change change = change_of(setting, target, ChangeKind::ethtool);
  change.path = request;
  change.before = fmt::format("{}={}", key, now->second);
  change.after = fmt::format("{}={}", key, *raw);
  changes.push_back(std::move(change));
  return changes;
}

// What one of ethtool's short names stands for, and which of it is switched on for "on": the rest
// are refinements that a driver may have off for a reason.
struct FeatureGroup {
  std::array<std::string_view, 4> names;
  std::size_t when_on;
};
constexpr FeatureGroup kGro{{"rx-gro"}, 1};
constexpr FeatureGroup kLro{{"rx-lro"}, 1};
constexpr FeatureGroup kNtuple{{"rx-ntuple-filter"}, 1};
constexpr FeatureGroup kTso{{"tx-tcp-segmentation", "tx-tcp6-segmentation",
                             "tx-tcp-ecn-segmentation", "tx-tcp-mangleid-segmentation"},
                            2};

Expected<Changes> plan_features(const HostView& view, const Setting& setting, const Target& target,
                                const Wanted& wanted, const FeatureGroup& group) {
  const auto on = without_unit(ValueKind::flag, "", wanted.value);
  if (!on) return Failure(on.error());
  const bool enable = *on == "1";
  const auto asked = view.host.ask({"ethtool.requested", target.local});
  if (!asked) return Failure(asked.error());
  const auto list = asked->find(enable ? "off" : "on");
  if (list == asked->end()) {
    return fail(ErrorCode::unsupported, "plan", setting.id, "the driver tells no features");
  }
  const std::vector<std::string_view> other = split(list->second, ',');
  const auto names = std::span(group.names).first(enable ? group.when_on : group.names.size());
  Reply before, after;
  for (std::string_view name : names) {
    if (name.empty() || std::ranges::find(other, name) == other.end()) continue;
    before.emplace(name, enable ? "off" : "on");
    after.emplace(name, enable ? "on" : "off");
  }
  if (after.empty()) {
    return fail(ErrorCode::unsupported, "plan", setting.id,
                "the driver does not let it change, or another feature holds it");
  }
  Change change = change_of(setting, target, ChangeKind::ethtool);
  change.path = "ethtool.requested";
  change.before = show_pairs(before);
  change.after = show_pairs(after);
  return Changes{std::move(change)};
}

}  // namespace

Expected<Changes> plan_ring_rx(const HostView& view, const Setting& setting, const Target& target,
                               const Reading&, const Wanted& wanted) {
  return plan_key(view, setting, target, wanted, "ethtool.ringparam", "rx");
}

Expected<Changes> plan_ring_tx(const HostView& view, const Setting& setting, const Target& target,
                               const Reading&, const Wanted& wanted) {
  return plan_key(view, setting, target, wanted, "ethtool.ringparam", "tx");
}

Expected<Changes> plan_channels(const HostView& view, const Setting& setting, const Target& target,
                                const Reading&, const Wanted& wanted) {
  const probes::Nic* nic = nic_of(view, target);
  if (nic == nullptr) return not_here(setting, "no such interface");
  return plan_key(view, setting, target, wanted, "ethtool.channels", channel_key(*nic));
}

Expected<Changes> plan_adaptive_rx(const HostView& view, const Setting& setting,
                                   const Target& target, const Reading&, const Wanted& wanted) {
  return plan_key(view, setting, target, wanted, "ethtool.coalesce", "adaptive_rx");
}

Expected<Changes> plan_coalesce_rx(const HostView& view, const Setting& setting,
                                   const Target& target, const Reading&, const Wanted& wanted) {
  return plan_key(view, setting, target, wanted, "ethtool.coalesce", "rx_usecs");
}

Expected<Changes> plan_gro(const HostView& view, const Setting& setting, const Target& target,
                           const Reading&, const Wanted& wanted) {
  return plan_features(view, setting, target, wanted, kGro);
}

Expected<Changes> plan_lro(const HostView& view, const Setting& setting, const Target& target,
                           const Reading&, const Wanted& wanted) {
  return plan_features(view, setting, target, wanted, kLro);
}

Expected<Changes> plan_tso(const HostView& view, const Setting& setting, const Target& target,
                           const Reading&, const Wanted& wanted) {
  return plan_features(view, setting, target, wanted, kTso);
}

Expected<Changes> plan_pause(const HostView& view, const Setting& setting, const Target& target,
                             const Reading&, const Wanted& wanted) {
  return plan_key(view, setting, target, wanted, "ethtool.pauseparam", "rx");
}

Expected<Changes> plan_eee(const HostView& view, const Setting& setting, const Target& target,
                           const Reading&, const Wanted& wanted) {
  return plan_key(view, setting, target, wanted, "ethtool.eee", "enabled");
}

Expected<Changes> plan_coalesce_tx(const HostView& view, const Setting& setting,
                                   const Target& target, const Reading&, const Wanted& wanted) {
  return plan_key(view, setting, target, wanted, "ethtool.coalesce", "tx_usecs");
}

Expected<Changes> plan_ntuple(const HostView& view, const Setting& setting, const Target& target,
                              const Reading&, const Wanted& wanted) {
  return plan_features(view, setting, target, wanted, kNtuple);
}

Expected<Changes> plan_rps(const HostView& view, const Setting& setting, const Target& target,
                           const Reading&, const Wanted& wanted) {
  Changes changes;
  const auto queues = view.host.list(fmt::format("/sys/class/net/{}/queues", target.local));
  if (!queues) return Failure(queues.error());
  for (const std::string& queue : *queues) {
    if (!queue.starts_with("rx-")) continue;
    Change change = change_of(setting, target, ChangeKind::write_file);
    change.path = fmt::format("/sys/class/net/{{}}/queues/{}/rps_cpus", queue);
    change.form = ValueForm::mask;
    const auto now = read_now(view.host, change);
    if (!now) return Failure(now.error());
    const auto there = CpuSet::parse_mask(**now);
    if (!there) return Failure(there.error());
    // An empty mask is no steering at all, and within anything.
    if (there->empty() && wanted.match == profiles::Match::at_most) continue;
    const auto ask = cpus_to_ask(wanted, *there);
    if (!ask) return Failure(ask.error());
    change.after = ask->to_mask();
    if (auto added = add_if_differs(view, std::move(change), changes); !added) {
      return Failure(added.error());
    }
  }
  return changes;
}

}  // namespace assay::tuner
