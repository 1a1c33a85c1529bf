// Settings of the network: which queue a packet goes to, and which CPU serves the queue.
#include <fmt/core.h>

#include <array>
#include <set>

#include "core/units.hpp"
#include "tuner/areas.hpp"
#include "tuner/readers.hpp"
#include "tuner/settings_more.hpp"
#include "tuner/text.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

Expected<const probes::Nic*> find_nic(const HostView& view, const Setting& setting,
                                      const Target& target) {
  const probes::Nic* nic = nic_of(view, target);
  if (nic == nullptr) return not_here(setting, "no such interface");
  return nic;
}

Expected<Reading> read_ntuple(const HostView& view, const Setting& setting, const Target& target) {
  auto nic = find_nic(view, setting, target);
  if (!nic) return Failure(nic.error());
  const auto found = (*nic)->features.find("ntuple");
  if (found == (*nic)->features.end()) return not_here(setting, "the driver has no flow steering");
  Reading reading{.configured = found->second};
  const auto rules = (*nic)->flow_rules.find("rules");
  if (rules != (*nic)->flow_rules.end() && !rules->second.empty()) {
    reading.note = fmt::format("{} rules are set", rules->second);
  }
  return reading;
}

// How many queues the hash spreads over; some drivers keep the table when channels change.
Expected<Reading> read_rss_queues(const HostView& view, const Setting& setting,
                                  const Target& target) {
  auto nic = find_nic(view, setting, target);
  if (!nic) return Failure(nic.error());
  const auto queues = (*nic)->rss.find("queues");
  if (queues == (*nic)->rss.end()) return not_here(setting, "the card has no RSS table");
  Reading reading{.configured = queues->second};
  if (const auto size = (*nic)->rss.find("indirection_size"); size != (*nic)->rss.end()) {
    reading.note = fmt::format("a table of {} entries", size->second);
  }
  return reading;
}

// "max" is every receive queue that the card has now.
Expected<std::string> rss_meaning(const HostView& view, const Target& target,
                                  std::string_view wanted) {
  const probes::Nic* nic = nic_of(view, target);
  if (wanted != "max" || nic == nullptr || nic->rx_queues == 0) return std::string(wanted);
  return fmt::format("{}", nic->rx_queues);
}

// Receive flow steering needs both: a table of the host and one of each queue.
Expected<Reading> read_rfs(const HostView& view, const Setting& setting, const Target& target) {
  auto nic = find_nic(view, setting, target);
  if (!nic) return Failure(nic.error());
  std::int64_t flows = 0;
  bool told = false;
  for (const probes::NicQueue& queue : (*nic)->queues) {
    if (!queue.flow_count) continue;
    flows += *queue.flow_count;
    told = true;
  }
  if (!told) return not_here(setting, "this kernel was built without CONFIG_RPS");
  Reading reading{.configured = fmt::format("{}", flows)};
  auto host_wide = view.host.read_uint("/proc/sys/net/core/rps_sock_flow_entries");
  if (host_wide && *host_wide == 0 && flows != 0) {
    reading.effective = "0";
    reading.effect_decides = true;
    reading.note = "net.core.rps_sock_flow_entries is 0, which switches it off";
  }
  return reading;
}

// All transmit queues together: no CPU without a queue of its own has to share one by chance.
Expected<Reading> read_xps(const HostView& view, const Setting& setting, const Target& target) {
  auto nic = find_nic(view, setting, target);
  if (!nic) return Failure(nic.error());
  CpuSet all;
  unsigned queues = 0;
  for (const probes::NicQueue& queue : (*nic)->queues) {
    if (!queue.name.starts_with("tx-") || !queue.cpus) continue;
    all = all | *queue.cpus;
    ++queues;
  }
  if (queues == 0) {
    return not_here(setting, "one transmit queue, or a kernel without CONFIG_XPS");
  }
  return Reading{.configured = show_cpus(all), .note = fmt::format("{} transmit queues", queues)};
}

Expected<Reading> read_driver(const HostView& view, const Setting& setting, const Target& target) {
  auto nic = find_nic(view, setting, target);
  if (!nic) return Failure(nic.error());
  if ((*nic)->driver.empty()) return not_here(setting, "the driver does not say");
  Reading reading{.configured = (*nic)->driver};
  if (!(*nic)->driver_version.empty()) reading.note = "version " + (*nic)->driver_version;
  return reading;
}

Expected<Reading> read_nic_firmware(const HostView& view, const Setting& setting,
                                    const Target& target) {
  auto nic = find_nic(view, setting, target);
  if (!nic) return Failure(nic.error());
  if ((*nic)->firmware.empty()) return not_here(setting, "the driver tells no firmware");
  return Reading{.configured = (*nic)->firmware};
}

// The best that the card can: the wire's own time, or the driver's.
Expected<Reading> read_timestamping(const HostView& view, const Setting& setting,
                                    const Target& target) {
  auto nic = find_nic(view, setting, target);
  if (!nic) return Failure(nic.error());
  const auto& answers = (*nic)->timestamping;
  if (answers.empty()) return not_here(setting, "the driver does not say");
  const auto is = [&](std::string_view key) {
    const auto found = answers.find(key);
    return found != answers.end() && (found->second == "1" || found->second == "on");
  };
  Reading reading{.configured = "none"};
  if (is("software_rx")) reading.configured = "software";
  if (is("hardware_rx") && is("hardware_clock")) reading.configured = "hardware";
  if (!(*nic)->ptp_clock.empty()) reading.note = "PTP clock " + (*nic)->ptp_clock;
  return reading;
}

constexpr std::string_view kScaling = "Documentation/networking/scaling.rst";

constexpr Setting row(std::string_view id, std::string_view where, ValueKind kind,
                      std::string_view source, std::string_view reason,
                      decltype(Setting::read) read) {
  return {.id = id,
          .kind = kind,
          .set_on = TargetKind::nic,
          .where = where,
          .lasting = Lasting::recorded,
          .reason = reason,
          .source = source,
          .targets = device_nics,
          .read = read,
          .not_applicable = kNoNic};
}

constexpr Setting recorded(Setting one) {
  one.privilege = Privilege::none;
  if (one.low_latency.empty()) one.low_latency = one.throughput = "keep";
  return one;
}

constexpr Setting rss() {
  Setting one = row("net.rss-queues", "ethtool -x {}", ValueKind::number, kScaling,
                    "The card's hash spreads packets over the queues of its table, and over no "
                    "others, however many channels there are.",
                    read_rss_queues);
  one.words = kMaxWord;
  one.meaning = rss_meaning;
  one.throughput = "max";
  return one;
}

constexpr Setting timestamping() {
  Setting one = row("net.timestamping", "ethtool -T {}", ValueKind::word,
                    "Documentation/networking/timestamping.rst",
                    "A time stamp that the card makes does not contain the way through the kernel.",
                    read_timestamping);
  one.low_latency = "hardware";
  one.throughput = "keep";
  return recorded(one);
}

constexpr Setting with_low_latency(Setting one, std::string_view value) {
  one.low_latency = value;
  return one;
}

const std::array kNetSteeringRows{
    row("net.ntuple", "ethtool -k {}: ntuple-filters", ValueKind::flag, "ethtool(8)",
        "With flow rules a stream goes to the queue, and so to the CPU, that its program is on.",
        read_ntuple),
    rss(),
    with_low_latency(
        row("net.rfs", "/sys/class/net/{}/queues/rx-*/rps_flow_cnt", ValueKind::number, kScaling,
            "Following the program with software interrupts costs an interrupt on "
            "another CPU for each packet.",
            read_rfs),
        "0"),
    row("net.xps", "/sys/class/net/{}/queues/tx-*/xps_cpus", ValueKind::cpu_list, kScaling,
        "A CPU with a transmit queue of its own takes no lock that another one holds.", read_xps),
    recorded(row("net.driver", "ethtool -i {}: driver", ValueKind::word, "ethtool(8)",
                 "Two versions of a driver are two different cards to a latency test.",
                 read_driver)),
    recorded(row("net.firmware", "ethtool -i {}: firmware-version", ValueKind::word, "ethtool(8)",
                 "Hosts that differ in their cards' firmware differ in their latency.",
                 read_nic_firmware)),
    timestamping(),
};

}  // namespace

std::span<const Setting> net_steering_settings() { return kNetSteeringRows; }

}  // namespace assay::tuner
