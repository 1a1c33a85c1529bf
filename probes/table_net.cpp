#include <fmt/format.h>

#include <algorithm>

#include "probes/table_sections.hpp"

namespace assay::probes {
namespace {

using Answers = std::map<std::string, std::string, std::less<>>;

std::string value_of(const Answers& reply, std::string_view key) {
  const auto found = reply.find(key);
  return found == reply.end() ? std::string() : found->second;
}

// "rx 8 µs, tx 8 µs, adaptive rx".
std::string coalesce_words(const Answers& coalesce) {
  if (coalesce.empty()) return {};
  std::string text =
      fmt::format("{}/{} µs", value_of(coalesce, "rx_usecs"), value_of(coalesce, "tx_usecs"));
  if (value_of(coalesce, "adaptive_rx") == "1") text += " adaptive";
  return text;
}

std::string offload_words(const Answers& features) {
  std::vector<std::string> on;
  for (const char* name : {"gro", "lro", "tso", "gso", "ntuple", "rxhash"}) {
    if (value_of(features, name) == "on") on.emplace_back(name);
  }
  return join_words(on, " ");
}

std::string channel_words(const Answers& channels) {
  const auto words = [&](const char* now, const char* most) {
    const std::string count = value_of(channels, now);
    const std::string limit = value_of(channels, most);
    return count.empty() || limit == "0" ? std::string() : count + " of " + limit;
  };
  const std::string combined = words("combined", "combined_max");
  return combined.empty() ? words("rx", "rx_max") : combined;
}

std::string stamp_words(const Nic& nic) {
  if (!nic.ptp_clock.empty()) return nic.ptp_clock;
  return value_of(nic.timestamping, "software_rx") == "1" ? "software" : "";
}

std::string qdisc_words(const Nic& nic) {
  return join_words({value_of(nic.qdisc, "root"), value_of(nic.qdisc, "leaves")}, ">");
}

std::string xdp_words(const Nic& nic) {
  const std::string features = value_of(nic.xdp, "features");
  if (features.empty()) return {};
  return features.find("zero_copy") != std::string::npos ? "zero copy" : "copies";
}

void name_table(const Inventory& inventory, TextPage& page) {
  std::vector<std::vector<std::string>> rows;
  for (const Nic& nic : inventory.nics) {
    const std::string speed = nic.speed_mbps ? fmt::format("{} Mb/s", *nic.speed_mbps) : "";
    const std::string ring = join_words({value_of(nic.ring, "rx"), value_of(nic.ring, "tx")}, "/");
    rows.push_back({nic.name, nic.target, nic.kind, nic.driver, nic.operstate, speed,
                    nic.mtu ? fmt::format("{}", *nic.mtu) : "",
                    fmt::format("{}/{}", nic.rx_queues, nic.tx_queues), ring, node_word(nic.node),
                    speed_words(nic.link)});
  }
  page.section("NETWORK");
  page.table({"NAME!", "TARGET!", "KIND", "DRIVER", "STATE", "SPEED>", "MTU>", "RX/TX>", "RING>",
              "NODE>", "PCIE"},
             std::move(rows));
}

void settings_table(const Inventory& inventory, TextPage& page) {
  std::vector<std::vector<std::string>> rows;
  for (const Nic& nic : inventory.nics) {
    if (nic.kind != "physical") continue;
    rows.push_back({nic.name, nic.firmware, channel_words(nic.channels),
                    coalesce_words(nic.coalesce), offload_words(nic.features),
                    value_of(nic.rss, "queues"), value_of(nic.flow_rules, "rules"),
                    qdisc_words(nic), stamp_words(nic), value_of(nic.fec, "active"),
                    xdp_words(nic)});
  }
  const bool any = std::any_of(rows.begin(), rows.end(), [](const auto& row) {
    return std::any_of(row.begin() + 1, row.end(), [](const auto& cell) { return !cell.empty(); });
  });
  if (!any) return;  // a captured tree without ethtool's answers
  page.section("NETWORK SETTINGS");
  page.table({"NAME!", "FIRMWARE", "CHANNELS", "COALESCE", "OFFLOADS", "RSS>", "RULES>", "QDISC",
              "STAMPS", "FEC", "XDP"},
             std::move(rows));
}

// "off", "CPUs 0-3 for each", or how queues differ: 128 queues are one line.
std::string steering(const Nic& nic, std::string_view prefix) {
  Groups groups;
  for (const NicQueue& queue : nic.queues) {
    if (!queue.name.starts_with(prefix) || !queue.cpus) continue;
    const auto number = parse_uint(std::string_view(queue.name).substr(prefix.size()));
    if (!number || *number >= CpuSet::kMaxCpus) continue;
    groups[queue.cpus->empty() ? "off" : "CPUs " + queue.cpus->to_list()].add(
        static_cast<unsigned>(*number));
  }
  constexpr std::size_t kGroups = 4;
  if (groups.size() > kGroups) {
    CpuSet all;
    for (const NicQueue& queue : nic.queues) {
      if (queue.name.starts_with(prefix) && queue.cpus) all = all | *queue.cpus;
    }
    return fmt::format("{} different sets over CPUs {}", groups.size(), all.to_list());
  }
  std::string text;
  for (const auto& [cpus, queues] : groups) {
    if (!text.empty()) text += "; ";
    text += cpus;
    if (groups.size() > 1) text += " for queues " + queues.to_list();
  }
  return text;
}

void relation_lines(const Nic& nic, TextPage& page) {
  if (nic.bond) {
    page.fact(
        nic.name,
        fmt::format("{} bond over {}{}", nic.bond->mode,
                    nic.bond->members.empty() ? "nothing" : join_words(nic.bond->members, ", "),
                    nic.bond->active.empty() ? "" : ", active " + nic.bond->active));
  } else if (nic.vlan) {
    page.fact(nic.name,
              fmt::format("VLAN {} on {}", nic.vlan->id ? fmt::format("{}", *nic.vlan->id) : "?",
                          nic.vlan->lower));
  } else if (!nic.lowers.empty()) {
    page.fact(nic.name, nic.kind + " over " + join_words(nic.lowers, ", "));
  }
  if (!nic.masters.empty()) page.fact(nic.name, "below " + join_words(nic.masters, ", "));
}

void detail_lines(const Nic& nic, TextPage& page) {
  relation_lines(nic, page);
  if (nic.kind != "physical") return;
  const std::string receive = steering(nic, "rx-");
  const std::string transmit = steering(nic, "tx-");
  if (!receive.empty() && receive != "off") page.fact(nic.name, "RPS: " + receive);
  if (!transmit.empty() && transmit != "off") page.fact(nic.name, "XPS: " + transmit);
  std::vector<std::string> errors;
  for (const auto& [name, count] : nic.errors) {
    if (count > 0) errors.push_back(fmt::format("{} {}", count, name));
  }
  if (!errors.empty()) page.fact(nic.name, join_words(errors, ", ") + " since the driver came up");
  if (nic.link && nic.link->limited_by_slot()) {
    page.fact(nic.name, fmt::format("the card could do {:g} GT/s x{}; its slot cannot",
                                    nic.link->speed_max_gts, nic.link->width_max));
  }
}

void rdma_table(const Inventory& inventory, TextPage& page) {
  std::vector<std::vector<std::string>> rows;
  for (const RdmaDevice& device : inventory.rdma) {
    for (const RdmaPort& port : device.ports) {
      rows.push_back({fmt::format("{}/{}", device.name, port.number), device.target,
                      device.software ? "software" : "hardware", device.driver, device.firmware,
                      port.state, port.link_layer, port.rate, join_words(port.interfaces, " "),
                      node_word(device.node)});
    }
  }
  page.section("RDMA");
  page.table({"PORT", "TARGET!", "KIND", "DRIVER", "FIRMWARE", "STATE", "LAYER", "RATE",
              "INTERFACE", "NODE>"},
             std::move(rows));
}

}  // namespace

std::string speed_words(const std::optional<PcieLink>& link) {
  if (!link) return {};
  return fmt::format("{:g} GT/s x{}{}", link->speed_gts, link->width,
                     link->degraded() ? " (!)" : "");
}

std::string node_word(const std::optional<NodeId>& node) {
  return node ? fmt::format("{}", node->value) : std::string();
}

void network_section(const Inventory& inventory, TextPage& page) {
  name_table(inventory, page);
  settings_table(inventory, page);
  // A host of containers has hundreds of virtual interfaces: their relations are for the JSON.
  constexpr std::size_t kDetailed = 32;
  page.section("NETWORK DETAILS");
  std::size_t shown = 0;
  for (const Nic& nic : inventory.nics) {
    const bool passing = nic.kind == "veth" || nic.kind == "tun" || nic.kind == "virtual";
    if (!passing && shown++ < kDetailed) detail_lines(nic, page);
  }
}

void rdma_section(const Inventory& inventory, TextPage& page) { rdma_table(inventory, page); }

}  // namespace assay::probes
