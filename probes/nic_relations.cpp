#include <array>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

Bond read_bond(Reader& reader, const std::string& base) {
  Bond bond;
  const std::string directory = base + "bonding/";
  // "active-backup 1": the name, and its number.
  const auto mode = split(reader.word(directory + "mode"), " ");
  if (!mode.empty()) bond.mode = mode.front();
  bond.active = reader.word(directory + "active_slave");
  bond.members = split(reader.word(directory + "slaves"), " ");
  bond.link_check_ms = reader.number(directory + "miimon");
  bond.link_state = reader.word(directory + "mii_status");
  return bond;
}

std::string value_of(const Reply& reply, std::string_view key) {
  const auto found = reply.find(key);
  return found == reply.end() ? std::string() : found->second;
}

// The kernel's call answers everybody; the file is root's only, but a captured tree may have it.
Vlan read_vlan(Reader& reader, const Nic& nic) {
  constexpr unsigned kIdMax = 4095;
  const Reply info = reader.ask("vlan.info", nic.name);
  Vlan vlan;
  vlan.lower = value_of(info, "lower");
  if (const auto id = number_after(value_of(info, "id"), ""); id && *id <= kIdMax) vlan.id = *id;
  if (!vlan.id && info.empty()) {
    // "eth0.5  VID: 5  REORDER_HDR: 1  dev->priv_flags: 1021"
    const auto words = split(reader.table("/proc/net/vlan/" + nic.name).substr(0, 512), " \t\n");
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
      if (words[i] != "VID:") continue;
      if (const auto id = number_after(words[i + 1], ""); id && *id <= kIdMax) vlan.id = *id;
    }
  }
  if (vlan.lower.empty() && !nic.lowers.empty()) vlan.lower = nic.lowers.front();
  return vlan;
}

}  // namespace

void read_nic_relations(Reader& reader, const std::string& base, Nic& nic) {
  for (const std::string& name : reader.names(base)) {
    if (name.starts_with("upper_")) nic.masters.push_back(printable(name.substr(6)));
    if (name.starts_with("lower_")) nic.lowers.push_back(printable(name.substr(6)));
  }
  if (nic.kind == "bond") nic.bond = read_bond(reader, base);
  if (nic.kind == "vlan") nic.vlan = read_vlan(reader, nic);
}

void read_nic_hardware(Reader& reader, const std::string& base, Nic& nic) {
  nic.fec = reader.ask("ethtool.fec", nic.name);
  nic.flow_rules = reader.ask("ethtool.rxnfc", nic.name);
  nic.qdisc = reader.ask("net.qdisc", nic.name);
  nic.xdp = reader.ask("net.xdp", nic.name);
  // Packets that were lost on the way in or out, and why.
  constexpr auto kErrors =
      std::to_array<std::string_view>({"rx_crc_errors", "rx_dropped", "rx_errors", "rx_fifo_errors",
                                       "rx_missed_errors", "tx_dropped", "tx_errors"});
  for (const std::string_view name : kErrors) {
    if (const auto count = reader.count(base + "statistics/" + std::string(name))) {
      nic.errors.emplace(name, *count);
    }
  }
}

}  // namespace assay::probes
