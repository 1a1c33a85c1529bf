#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

const std::string kNet = "/sys/class/net/";

// include/uapi/linux/if_arp.h
constexpr std::int64_t kArpLoopback = 772;

// What udev's DEVTYPE and the drivers call software interfaces, in our words.
struct Kind {
  std::string_view told, kind;
};
constexpr auto kKinds = std::to_array<Kind>({{"bond", "bond"},
                                             {"bridge", "bridge"},
                                             {"vlan", "vlan"},
                                             {"macvlan", "macvlan"},
                                             {"macvtap", "macvlan"},
                                             {"ipvlan", "ipvlan"},
                                             {"vxlan", "vxlan"},
                                             {"wireguard", "wireguard"},
                                             {"veth", "veth"},
                                             {"team", "team"},
                                             {"dummy", "dummy"},
                                             {"tun", "tun"}});

std::string uevent_value(std::string_view uevent, std::string_view key) {
  for (const std::string& line : split(uevent, "\n")) {
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == '=') {
      return printable(std::string_view(line).substr(key.size() + 1));
    }
  }
  return {};
}

// "physical" is what has a device below it; the others name what they are made of.
std::string kind_of(Reader& reader, const std::string& base, const std::string& path,
                    const Nic& nic) {
  if (reader.number(base + "type") == kArpLoopback) return "loopback";
  if (reader.exists(base + "bonding")) return "bond";
  if (reader.exists(base + "bridge")) return "bridge";
  if (reader.exists(base + "tun_flags")) return "tun";
  const std::string type = uevent_value(reader.table(base + "uevent"), "DEVTYPE");
  for (const std::string& told : {type, nic.driver}) {
    const auto row = std::find_if(kKinds.begin(), kKinds.end(),
                                  [&](const Kind& candidate) { return candidate.told == told; });
    if (row != kKinds.end()) return std::string(row->kind);
  }
  const bool is_virtual = path.find("/devices/virtual/") != std::string::npos;
  if (is_virtual || !reader.exists(base + "device")) return "virtual";
  return "physical";
}

// A PCI function with several ports tells them apart by dev_port; the name is never stable.
std::string target_of(Reader& reader, const std::string& base, const Nic& nic) {
  if (nic.pci_address.empty()) return "virtual-" + nic.name;
  const auto port = reader.count(base + "dev_port");
  return fmt::format("pci-{}/{}", nic.pci_address, port.value_or(0));
}

void read_queues(Reader& reader, const std::string& base, Nic& nic) {
  for (const std::string& name : reader.names(base + "queues")) {
    const bool is_receive = number_after(name, "rx-").has_value();
    if (!is_receive && !number_after(name, "tx-")) continue;
    ++(is_receive ? nic.rx_queues : nic.tx_queues);
    // Steering of software interfaces changes nothing that a budget looks at.
    if (nic.kind != "physical") continue;
    const std::string directory = base + "queues/" + name + "/";
    NicQueue queue;
    queue.name = name;
    // xps_cpus of a single queue cannot be read (EINVAL or ENOENT): it means nothing there.
    queue.cpus = reader.cpus("", directory + (is_receive ? "rps_cpus" : "xps_cpus"));
    if (is_receive) {
      queue.flow_count = reader.number(directory + "rps_flow_cnt");
    } else {
      queue.receive_queues = reader.cpus("", directory + "xps_rxqs");
    }
    nic.queues.push_back(std::move(queue));
  }
}

void read_link_state(Reader& reader, const std::string& base, Nic& nic) {
  nic.operstate = reader.word(base + "operstate");
  // -1 and EINVAL both mean that there is no link.
  const auto speed = reader.count(base + "speed");
  if (speed && *speed > 0 && *speed < 0xffffffff) {
    nic.speed_mbps = static_cast<std::int64_t>(*speed);
  }
  const auto mtu = reader.count(base + "mtu");
  if (mtu && *mtu <= 0x7fffffff) nic.mtu = static_cast<unsigned>(*mtu);
  nic.tx_queue_length = reader.number(base + "tx_queue_len");
  nic.napi_defer_hard_irqs = reader.number(base + "napi_defer_hard_irqs");
  nic.gro_flush_timeout_ns = reader.number(base + "gro_flush_timeout");
  nic.threaded_napi = reader.flag(base + "threaded");
  // Reading it of an interface that is down gives EINVAL.
  nic.carrier = reader.flag(base + "carrier");
  read_nic_relations(reader, base, nic);
}

void read_ethtool(Reader& reader, Nic& nic) {
  nic.ring = reader.ask("ethtool.ringparam", nic.name);
  nic.channels = reader.ask("ethtool.channels", nic.name);
  nic.coalesce = reader.ask("ethtool.coalesce", nic.name);
  nic.pause = reader.ask("ethtool.pauseparam", nic.name);
  nic.eee = reader.ask("ethtool.eee", nic.name);
  nic.features = reader.ask("ethtool.features", nic.name);
  nic.rss = reader.ask("ethtool.rxfh", nic.name);
  nic.timestamping = reader.ask("ethtool.ts_info", nic.name);
  const auto clock = nic.timestamping.find("phc_index");
  if (clock != nic.timestamping.end() && number_after(clock->second, "")) {
    nic.ptp_clock = "ptp" + clock->second;
  }
  nic.link_mode = reader.ask("ethtool.link", nic.name);
  const auto duplex = nic.link_mode.find("duplex");
  if (duplex != nic.link_mode.end()) nic.duplex = duplex->second;
}

void take_driver(Reader& reader, const std::string& base, Nic& nic) {
  const Reply info = reader.ask("ethtool.drvinfo", nic.name);
  const auto value = [&](const char* key) {
    const auto found = info.find(key);
    return found == info.end() ? std::string() : found->second;
  };
  nic.driver = value("driver");
  nic.driver_version = value("version");
  nic.firmware = value("firmware");
  if (nic.driver.empty()) nic.driver = reader.link_name(base + "device/driver");
}

// Interrupts of the device behind it, and those that drivers name after the interface.
std::vector<std::string> interrupts_of(const Interrupts& interrupts, const Nic& nic) {
  std::vector<std::string> numbers = irqs_of(interrupts, nic.pci_address);
  if (!numbers.empty()) return numbers;
  for (const Irq& irq : interrupts.irqs) {
    const bool named = std::any_of(irq.actions.begin(), irq.actions.end(), [&](const auto& action) {
      return action == nic.name || action.starts_with(nic.name + "-");
    });
    if (named) numbers.push_back(irq.number);
  }
  return numbers;
}

Nic read_nic(Reader& reader, const std::string& name, const Inventory& inventory) {
  const std::string base = kNet + name + "/";
  const std::string path = reader.resolved(kNet + name);
  Nic nic;
  nic.name = name;
  nic.pci_address = pci_address_in(path);
  take_driver(reader, base, nic);
  nic.kind = kind_of(reader, base, path, nic);
  nic.target = target_of(reader, base, nic);
  read_link_state(reader, base, nic);
  read_queues(reader, base, nic);
  if (nic.kind == "physical") {
    nic.node = reader.node(base + "device/numa_node");
    nic.address_hash = hide("network address", reader.word(base + "address"));
    nic.irqs = interrupts_of(inventory.interrupts, nic);
    if (const PciDevice* device = find_pci(inventory, nic.pci_address)) {
      nic.link = device->link;
      if (!nic.node) nic.node = device->node;
      nic.virtual_function = !device->physical_function.empty();
    }
    read_nic_hardware(reader, base, nic);
  }
  // The loopback's and a bridge's offloads shape latency too; asking costs a system call each.
  read_ethtool(reader, nic);
  return nic;
}

}  // namespace

void read_nics(Reader& reader, Inventory& inventory) {
  for (const std::string& name : reader.names("/sys/class/net")) {
    // bonding_masters is a file in the same directory. Names that are not printable are refused:
    // they are handed to ioctls and documents.
    if (name == "bonding_masters" || printable(name) != name) continue;
    inventory.nics.push_back(read_nic(reader, name, inventory));
  }
}

}  // namespace assay::probes
