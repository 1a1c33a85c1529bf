// Planners of packet steering: which queue the card picks, and which CPUs serve it.
#include <fmt/core.h>

#include <algorithm>

#include "core/units.hpp"
#include "tuner/planners.hpp"
#include "tuner/readers.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

// The queues of one direction ("rx-", "tx-"), by number.
Expected<std::vector<std::string>> queues_of(const HostView& view, const Target& target,
                                             std::string_view prefix) {
  auto queues = view.host.list(fmt::format("/sys/class/net/{}/queues", target.local));
  if (!queues) return queues;
  std::erase_if(*queues, [&](const std::string& name) { return !name.starts_with(prefix); });
  return queues;
}

Change queue_file(const Setting& setting, const Target& target, std::string_view queue,
                  std::string_view file) {
  Change change = change_of(setting, target, ChangeKind::write_file);
  change.path = fmt::format("/sys/class/net/{{}}/queues/{}/{}", queue, file);
  return change;
}

}  // namespace

Expected<Changes> plan_rss(const HostView& view, const Setting& setting, const Target& target,
                           const Reading&, const Wanted& wanted) {
  static constexpr std::string_view kTable = "ethtool.rxfh";
  const auto queues = parse_uint(wanted.value);
  const probes::Nic* nic = nic_of(view, target);
  if (!queues || *queues == 0 || nic == nullptr ||
      (nic->rx_queues != 0 && *queues > nic->rx_queues)) {
    return fail(ErrorCode::unsupported, "plan", setting.id,
                "a table spreads over one queue or more, and over no more than there are");
  }
  const auto answer = view.host.ask({std::string(kTable), target.local});
  if (!answer) return Failure(answer.error());
  const auto table = answer->find("indirection");
  const auto size = answer->find("indirection_size");
  const auto entries =
      size == answer->end() ? Expected<std::uint64_t>(0) : parse_uint(size->second);
  if (table == answer->end() || !entries || *entries == 0 || *entries < *queues) {
    return fail(ErrorCode::unsupported, "plan", setting.id, "the card tells no table to fill");
  }
  Change change = change_of(setting, target, ChangeKind::ethtool);
  change.path = kTable;
  change.before = "indirection=" + table->second;
  change.after = "indirection=";
  for (std::uint64_t i = 0; i < *entries; ++i) {
    change.after += fmt::format("{}{}", i == 0 ? "" : ",", i % *queues);
  }
  return change.before == change.after ? Changes{} : Changes{std::move(change)};
}

Expected<Changes> plan_rfs(const HostView& view, const Setting& setting, const Target& target,
                           const Reading&, const Wanted& wanted) {
  static constexpr std::string_view kHostTable = "/proc/sys/net/core/rps_sock_flow_entries";
  static constexpr std::uint64_t kHostFlows = 32768;  // as scaling.rst suggests
  const auto flows = parse_uint(wanted.value);
  if (!flows) return Failure(flows.error());
  const auto queues = queues_of(view, target, "rx-");
  if (!queues) return Failure(queues.error());
  Changes changes;
  const std::uint64_t count = std::max<std::size_t>(1, queues->size());
  for (const std::string& queue : *queues) {
    Change change = queue_file(setting, target, queue, "rps_flow_cnt");
    change.after = fmt::format("{}", (*flows + count - 1) / count);
    if (auto added = add_if_differs(view, std::move(change), changes); !added) {
      return Failure(added.error());
    }
  }
  const auto host_wide = view.host.read_uint(kHostTable);
  if (*flows == 0 || !host_wide || *host_wide != 0) return changes;
  Change change = change_of(setting, target, ChangeKind::write_file);
  change.path = kHostTable;
  change.after = fmt::format("{}", std::max(kHostFlows, *flows));
  if (auto added = add_if_differs(view, std::move(change), changes); !added) {
    return Failure(added.error());
  }
  return changes;
}

Expected<Changes> plan_xps(const HostView& view, const Setting& setting, const Target& target,
                           const Reading& reading, const Wanted& wanted) {
  const auto there = parse_cpus(reading.configured);
  if (!there) return Failure(there.error());
  const auto ask = cpus_to_ask(wanted, *there);
  if (!ask) return Failure(ask.error());
  const auto queues = queues_of(view, target, "tx-");
  if (!queues) return Failure(queues.error());
  const std::vector<unsigned> cpus = ask->to_vector();
  std::vector<CpuSet> shares(queues->size());
  // Fewer CPUs than queues: some queues have the same one, so that none is left without.
  for (std::size_t i = 0; i < std::max(cpus.size(), shares.size()) && !cpus.empty(); ++i) {
    shares[i % shares.size()].add(cpus[i % cpus.size()]);
  }
  Changes changes;
  for (std::size_t i = 0; i < queues->size(); ++i) {
    Change change = queue_file(setting, target, (*queues)[i], "xps_cpus");
    change.form = ValueForm::mask;
    change.after = shares[i].to_mask();
    if (auto added = add_if_differs(view, std::move(change), changes); !added) {
      return Failure(added.error());
    }
  }
  return changes;
}

}  // namespace assay::tuner
