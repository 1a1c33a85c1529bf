// Settings of the network: queues and interrupts of each NIC, and the kernel's socket limits.
#include <fmt/core.h>

#include <array>

#include "core/units.hpp"
#include "tuner/areas.hpp"
#include "tuner/planners.hpp"
#include "tuner/readers.hpp"
#include "tuner/settings_more.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

using Answers = std::map<std::string, std::string, std::less<>>;

// One key of an ethtool answer that the inventory holds, in the row's unit.
Expected<Reading> read_answer(const HostView& view, const Setting& setting, const Target& target,
                              const Answers probes::Nic::* answers, std::string_view key) {
  const probes::Nic* nic = nic_of(view, target);
  if (nic == nullptr) return not_here(setting, "no such interface");
  auto found = (nic->*answers).find(key);
  if (found == (nic->*answers).end()) {
    return not_here(setting, fmt::format("driver {} does not answer ethtool for it",
                                         nic->driver.empty() ? "(unknown)" : nic->driver));
  }
  return Reading{.configured = with_unit(setting.kind, setting.unit, found->second)};
}

Expected<Reading> read_ring_rx(const HostView& view, const Setting& setting, const Target& target) {
  return read_answer(view, setting, target, &probes::Nic::ring, "rx");
}

Expected<Reading> read_ring_tx(const HostView& view, const Setting& setting, const Target& target) {
  return read_answer(view, setting, target, &probes::Nic::ring, "tx");
}

Expected<Reading> read_channels(const HostView& view, const Setting& setting,
                                const Target& target) {
  const probes::Nic* nic = nic_of(view, target);
  if (nic == nullptr) return not_here(setting, "no such interface");
  return read_answer(view, setting, target, &probes::Nic::channels, channel_key(*nic));
}

Expected<Reading> read_adaptive_rx(const HostView& view, const Setting& setting,
                                   const Target& target) {
  return read_answer(view, setting, target, &probes::Nic::coalesce, "adaptive_rx");
}

Expected<Reading> read_coalesce_rx(const HostView& view, const Setting& setting,
                                   const Target& target) {
  auto reading = read_answer(view, setting, target, &probes::Nic::coalesce, "rx_usecs");
  if (reading) {
    auto adaptive = nic_of(view, target)->coalesce.find("adaptive_rx");
    if (adaptive != nic_of(view, target)->coalesce.end() && adaptive->second == "1") {
      reading->note = "adaptive coalescing is on and changes it as it sees fit";
    }
  }
  return reading;
}

Expected<Reading> read_gro(const HostView& view, const Setting& setting, const Target& target) {
  return read_answer(view, setting, target, &probes::Nic::features, "gro");
}

Expected<Reading> read_lro(const HostView& view, const Setting& setting, const Target& target) {
  return read_answer(view, setting, target, &probes::Nic::features, "lro");
}

Expected<Reading> read_tso(const HostView& view, const Setting& setting, const Target& target) {
  return read_answer(view, setting, target, &probes::Nic::features, "tso");
}

// "max" is what the driver offers.
Expected<std::string> maximum(const HostView& view, const Target& target, std::string_view wanted,
                              const Answers probes::Nic::* answers, std::string_view key) {
  const probes::Nic* nic = nic_of(view, target);
  if (wanted != "max" || nic == nullptr) return std::string(wanted);
  auto found = (nic->*answers).find(fmt::format("{}_max", key));
  return found == (nic->*answers).end() ? std::string(wanted) : found->second;
}

Expected<std::string> ring_rx_meaning(const HostView& view, const Target& target,
                                      std::string_view wanted) {
  return maximum(view, target, wanted, &probes::Nic::ring, "rx");
}

Expected<std::string> ring_tx_meaning(const HostView& view, const Target& target,
                                      std::string_view wanted) {
  return maximum(view, target, wanted, &probes::Nic::ring, "tx");
}

Expected<std::string> channels_meaning(const HostView& view, const Target& target,
                                       std::string_view wanted) {
  const probes::Nic* nic = nic_of(view, target);
  if (nic == nullptr) return std::string(wanted);
  return maximum(view, target, wanted, &probes::Nic::channels, channel_key(*nic));
}

// All receive queues together: one mask that reaches an isolated CPU is one too many.
Expected<Reading> read_rps(const HostView& view, const Setting& setting, const Target& target) {
  const std::string folder = fmt::format("/sys/class/net/{}/queues", target.local);
  auto queues = view.host.list(folder);
  if (!queues) return Failure(queues.error());
  CpuSet all;
  unsigned readable = 0;
  for (const std::string& queue : *queues) {
    if (!queue.starts_with("rx-")) continue;
    auto text = view.host.read_trimmed(fmt::format("{}/{}/rps_cpus", folder, queue));
    if (!text) {
      if (text.error().code == ErrorCode::absent) continue;
      return Failure(text.error());
    }
    auto cpus = CpuSet::parse_mask(*text);
    if (!cpus) return Failure(cpus.error());
    all = all | *cpus;
    ++readable;
  }
  if (readable == 0) return not_here(setting, "this kernel was built without CONFIG_RPS");
  return Reading{.configured = show_cpus(all)};
}

Expected<Reading> read_pause(const HostView& view, const Setting& setting, const Target& target) {
  return read_answer(view, setting, target, &probes::Nic::pause, "rx");
}

Expected<Reading> read_eee(const HostView& view, const Setting& setting, const Target& target) {
  return read_answer(view, setting, target, &probes::Nic::eee, "enabled");
}

constexpr std::array<std::string_view, 2> kAfterAdaptive{"net.coalesce-adaptive-rx",
                                                         "net.channels"};
// What may be written for a row.
constexpr std::array<std::string_view, 1> kRings{"ethtool.ringparam"};
constexpr std::array<std::string_view, 1> kChannels{"ethtool.channels"};
constexpr std::array<std::string_view, 1> kCoalesce{"ethtool.coalesce"};
constexpr std::array<std::string_view, 1> kFeatures{"ethtool.requested"};
constexpr std::array<std::string_view, 1> kPause{"ethtool.pauseparam"};
constexpr std::array<std::string_view, 1> kEee{"ethtool.eee"};
constexpr std::array<std::string_view, 1> kQueueFiles{"/sys/class/net/{}/queues/*/rps_cpus"};
constexpr std::string_view kEthtool = "ethtool(8)";
constexpr std::string_view kNetSysctl = "Documentation/admin-guide/sysctl/net.rst";
constexpr std::string_view kNapi = "Documentation/networking/napi.rst";

constexpr Setting nic_row(std::string_view id, std::string_view where, ValueKind kind,
                          std::string_view reason, decltype(Setting::read) read,
                          decltype(Setting::plan) plan = nullptr,
                          std::span<const std::string_view> writes = {}) {
  return {.id = id,
          .kind = kind,
          .set_on = TargetKind::nic,
          .where = where,
          .reason = reason,
          .source = kEthtool,
          .targets = device_nics,
          .read = read,
          .not_applicable = kNoNic,
          .plan = plan,
          .writes = writes};
}

constexpr Setting resized(Setting row, decltype(Setting::meaning) meaning) {
  row.throughput = "max";
  row.disruption = Disruption::link_reset;
  row.risk = Risk::medium;
  row.words = kMaxWord;
  row.meaning = meaning;
  return row;
}

constexpr Setting with_values(Setting row, std::string_view low_latency,
                              std::string_view throughput, std::string_view unit = {}) {
  row.low_latency = low_latency;
  row.throughput = throughput;
  row.unit = unit;
  return row;
}

constexpr Setting after_adaptive(Setting row) {
  row.after = row.moved_by = kAfterAdaptive;
  return row;
}

constexpr Setting napi(Setting row, std::string_view unit) {
  row.source = kNapi;
  row.unit = unit;
  row.lasting = Lasting::udev;
  return row;
}

constexpr Setting placed(Setting row) {
  row.lasting = Lasting::recorded;
  row.source = "Documentation/ABI/testing/sysfs-bus-pci";
  row.low_latency = "yes";
  return row;
}

constexpr Setting net_sysctl(std::string_view id, std::string_view where, ValueKind kind,
                             std::string_view unit, std::string_view reason) {
  return {.id = id,
          .kind = kind,
          .unit = unit,
          .where = where,
          .lasting = Lasting::sysctl,
          .reason = reason,
          .source = kNetSysctl,
          .targets = the_host,
          .read = read_sysctl,
          .plan = plan_file};
}

constexpr Setting kept_discipline() {
  Setting row =
      net_sysctl("net.queue-discipline", "/proc/sys/net/core/default_qdisc", ValueKind::word, "",
                 "A queue in front of the card may reorder and delay; which one suits "
                 "depends on the traffic.");
  row.low_latency = row.throughput = "keep";
  row.lasting = Lasting::recorded;
  row.plan = nullptr;
  return row;
}

const std::array kNetRows{
    resized(nic_row("net.ring-rx", "ethtool -g {}: rx", ValueKind::number,
                    "A longer ring holds a burst that a short one would drop.", read_ring_rx,
                    plan_ring_rx, kRings),
            ring_rx_meaning),
    resized(nic_row("net.ring-tx", "ethtool -g {}: tx", ValueKind::number,
                    "A longer ring lets a sender queue a burst without waiting.", read_ring_tx,
                    plan_ring_tx, kRings),
            ring_tx_meaning),
    resized(nic_row("net.channels", "ethtool -l {}", ValueKind::number,
                    "One queue for each CPU keeps packets and interrupts where the work is.",
                    read_channels, plan_channels, kChannels),
            channels_meaning),
    with_values(nic_row("net.coalesce-adaptive-rx", "ethtool -c {}: adaptive-rx", ValueKind::flag,
                        "Adaptive moderation trades each packet's delay for fewer interrupts.",
                        read_adaptive_rx, plan_adaptive_rx, kCoalesce),
                "off", "on"),
    after_adaptive(
        with_values(nic_row("net.coalesce-rx", "ethtool -c {}: rx-usecs", ValueKind::duration,
                            "The card holds a packet back this long before it interrupts.",
                            read_coalesce_rx, plan_coalesce_rx, kCoalesce),
                    "at_most 0us", "", "us")),
    with_values(nic_row("net.gro", "ethtool -k {}: generic-receive-offload", ValueKind::flag,
                        "Joining packets saves work a packet, and makes the first wait for the "
                        "last.",
                        read_gro, plan_gro, kFeatures),
                "off", "on"),
    with_values(nic_row("net.lro", "ethtool -k {}: large-receive-offload", ValueKind::flag,
                        "Joining packets in the card delays them and loses their boundaries.",
                        read_lro, plan_lro, kFeatures),
                "off", ""),
    with_values(nic_row("net.tso", "ethtool -k {}: tcp-segmentation-offload", ValueKind::flag,
                        "The card cuts large sends; small messages gain nothing by it.", read_tso,
                        plan_tso, kFeatures),
                "off", "on"),
    with_values(nic_row("net.rps", "/sys/class/net/{}/queues/rx-*/rps_cpus", ValueKind::cpu_list,
                        "Steering packets by software interrupts the CPU that they are steered "
                        "to.",
                        read_rps, plan_rps, kQueueFiles),
                "at_most housekeeping", ""),
    napi(nic_row("net.napi-defer-hard-irqs", "/sys/class/net/{}/napi_defer_hard_irqs",
                 ValueKind::number,
                 "With busy polling the card's interrupt stays off for this many empty polls.",
                 read_file, plan_file),
         ""),
    napi(
        nic_row("net.gro-flush-timeout", "/sys/class/net/{}/gro_flush_timeout", ValueKind::duration,
                "How long a deferred interrupt may wait for a program that polls.", read_file,
                plan_file),
        "ns"),
    napi(nic_row("net.threaded-napi", "/sys/class/net/{}/threaded", ValueKind::flag,
                 "Receive work in a thread can be given a CPU and a priority of its own.",
                 read_file, plan_file),
         ""),
    nic_row("net.pause", "ethtool -a {}: rx", ValueKind::flag,
            "A pause frame from the switch stops every sender of the host, not only the one that "
            "was too quick.",
            read_pause, plan_pause, kPause),
    with_values(nic_row("net.eee", "ethtool --show-eee {}", ValueKind::flag,
                        "Energy-efficient Ethernet puts the link to sleep between packets, and "
                        "waking it takes microseconds.",
                        read_eee, plan_eee, kEee),
                "off", ""),
    kept_discipline(),
    with_values(placed(nic_row("net.pcie-link",
                               "/sys/bus/pci/devices/*/current_link_speed, current_link_width",
                               ValueKind::flag,
                               "A link that trained below what card and slot can do drops packets "
                               "long before the wire is full.",
                               read_link_full)),
                "yes", "yes"),
    placed(nic_row("net.numa-node", "/sys/bus/pci/devices/*/numa_node", ValueKind::flag,
                   "A card on another node than the CPUs that serve it pays the way between the "
                   "sockets on each packet.",
                   read_near)),
    with_values(
        net_sysctl("net.busy-poll", "/proc/sys/net/core/busy_poll", ValueKind::duration, "us",
                   "poll and select look at the card themselves for this long before "
                   "they sleep."),
        "at_least 50us", "", "us"),
    with_values(
        net_sysctl("net.busy-read", "/proc/sys/net/core/busy_read", ValueKind::duration, "us",
                   "A blocking read looks at the card itself for this long before it "
                   "sleeps."),
        "at_least 50us", "", "us"),
    with_values(net_sysctl("net.rmem-max", "/proc/sys/net/core/rmem_max", ValueKind::bytes, "B",
                           "The largest receive buffer that a program may ask for."),
                "at_least 16MiB", "at_least 16MiB", "B"),
    with_values(net_sysctl("net.wmem-max", "/proc/sys/net/core/wmem_max", ValueKind::bytes, "B",
                           "The largest send buffer that a program may ask for."),
                "at_least 16MiB", "at_least 16MiB", "B"),
    with_values(
        net_sysctl("net.backlog", "/proc/sys/net/core/netdev_max_backlog", ValueKind::number, "",
                   "Packets that may wait for a CPU when they arrive faster than it works."),
        "at_least 10000", "at_least 10000"),
    with_values(net_sysctl("net.somaxconn", "/proc/sys/net/core/somaxconn", ValueKind::number, "",
                           "Connections that may wait to be accepted; what is above is refused."),
                "at_least 4096", "at_least 4096"),
};

}  // namespace

std::span<const Setting> net_settings() { return kNetRows; }

}  // namespace assay::tuner
