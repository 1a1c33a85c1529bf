// Bonds, VLANs and what else stands above and below an interface.
#include <gtest/gtest.h>

#include "machine.hpp"

namespace assay::probes {
namespace {

std::string put_interface(MemoryHost& host, const std::string& name, const std::string& place) {
  const std::string base = "/sys/devices/" + place + "/net/" + name + "/";
  host.put(base + "type", "1\n");
  host.link("/sys/class/net/" + name, base.substr(0, base.size() - 1));
  return base;
}

// eth0 and eth1, two functions of a card, form bond0; bond0.100 is a VLAN on it.
void put_bond(MemoryHost& host) {
  for (const unsigned port : {0U, 1U}) {
    const std::string address = "0000:81:00." + std::to_string(port);
    put_pci(host, address, "pci0000:80/" + address, "20000", "ice");
    const std::string name = "eth" + std::to_string(port);
    const std::string base = put_interface(host, name, "pci0000:80/" + address);
    host.link(base + "device", "../..");
    host.link(base + "upper_bond0", "../../bond0");
    host.put(base + "carrier", port == 0 ? "1\n" : "0\n");
    host.put(base + "statistics/rx_missed_errors", "17\n");
    host.put(base + "queues/tx-0/xps_rxqs", "3\n");
  }
  const std::string bond = put_interface(host, "bond0", "virtual");
  host.put(bond + "bonding/mode", "active-backup 1\n");
  host.put(bond + "bonding/active_slave", "eth0\n");
  host.put(bond + "bonding/slaves", "eth0 eth1\n");
  host.put(bond + "bonding/miimon", "100\n");
  host.put(bond + "bonding/mii_status", "up\n");
  host.link(bond + "lower_eth0", "../eth0");
  host.link(bond + "lower_eth1", "../eth1");
  const std::string vlan = put_interface(host, "bond0.100", "virtual");
  host.put(vlan + "uevent", "DEVTYPE=vlan\nINTERFACE=bond0.100\n");
  host.link(vlan + "lower_bond0", "../bond0");
}

const Nic& find(const Inventory& inventory, const std::string& name) {
  for (const Nic& nic : inventory.nics) {
    if (nic.name == name) return nic;
  }
  throw std::runtime_error("no interface " + name);
}

TEST(NicRelations, ABondKnowsItsMembersAndThemIt) {
  MemoryHost host;
  put_bond(host);
  const Inventory inventory = probe(host);
  const Nic& bond = find(inventory, "bond0");
  EXPECT_EQ(bond.kind, "bond");
  ASSERT_TRUE(bond.bond.has_value());
  EXPECT_EQ(bond.bond->mode, "active-backup");
  EXPECT_EQ(bond.bond->active, "eth0");
  EXPECT_EQ(bond.bond->members, (std::vector<std::string>{"eth0", "eth1"}));
  EXPECT_EQ(bond.bond->link_check_ms, 100);
  EXPECT_EQ(bond.bond->link_state, "up");
  EXPECT_EQ(bond.lowers, (std::vector<std::string>{"eth0", "eth1"}));
  const Nic& port = find(inventory, "eth0");
  EXPECT_EQ(port.kind, "physical");
  EXPECT_EQ(port.masters, (std::vector<std::string>{"bond0"}));
  EXPECT_EQ(port.carrier, true);
  EXPECT_EQ(find(inventory, "eth1").carrier, false);
  EXPECT_EQ(port.errors.at("rx_missed_errors"), 17U);
  EXPECT_EQ(port.queues.at(0).receive_queues, (CpuSet{0, 1}));
  EXPECT_FALSE(port.bond || port.vlan);
}

TEST(NicRelations, AVlanHasANumberAndACarrier) {
  MemoryHost host;
  put_bond(host);
  host.reply({"vlan.info", "bond0.100"}, {{"id", "100"}, {"lower", "bond0"}});
  const Nic vlan = find(probe(host), "bond0.100");
  EXPECT_EQ(vlan.kind, "vlan");
  ASSERT_TRUE(vlan.vlan.has_value());
  EXPECT_EQ(vlan.vlan->id, 100U);
  EXPECT_EQ(vlan.vlan->lower, "bond0");
}

TEST(NicRelations, AVlanOfATreeIsToldByItsFile) {
  MemoryHost host;
  put_bond(host);
  host.put("/proc/net/vlan/bond0.100", "bond0.100  VID: 100\t REORDER_HDR: 1\nDevice: bond0\n");
  const Nic vlan = find(probe(host), "bond0.100");
  EXPECT_EQ(vlan.vlan->id, 100U);
  EXPECT_EQ(vlan.vlan->lower, "bond0");
  host.put("/proc/net/vlan/bond0.100", "bond0.100  VID: 999999\n");
  EXPECT_EQ(find(probe(host), "bond0.100").vlan->id, std::nullopt);
}

TEST(NicRelations, TheDriverTellsWhatUdevDoesNot) {
  MemoryHost host;
  const std::map<std::string, std::string> drivers{
      {"d0", "dummy"}, {"t0", "team"}, {"v0", "veth"}, {"x0", "something"}};
  for (const auto& [name, driver] : drivers) {
    put_interface(host, name, "virtual");
    host.reply({"ethtool.drvinfo", name}, {{"driver", driver}});
  }
  put_interface(host, "m0", "virtual");
  host.put("/sys/class/net/m0/uevent", "DEVTYPE=macvlan\n");
  const Inventory inventory = probe(host);
  EXPECT_EQ(find(inventory, "d0").kind, "dummy");
  EXPECT_EQ(find(inventory, "t0").kind, "team");
  EXPECT_EQ(find(inventory, "v0").kind, "veth");
  EXPECT_EQ(find(inventory, "x0").kind, "virtual");
  EXPECT_EQ(find(inventory, "m0").kind, "macvlan");
}

TEST(NicRelations, HardwareTellsMore) {
  MemoryHost host;
  put_bond(host);
  host.reply({"ethtool.ts_info", "eth0"}, {{"phc_index", "2"}, {"software_rx", "1"}});
  host.reply({"ethtool.ts_info", "eth1"}, {{"phc_index", "-1"}});
  host.reply({"ethtool.link", "eth0"}, {{"duplex", "full"}, {"autoneg", "1"}});
  host.reply({"ethtool.fec", "eth0"}, {{"active", "rs"}});
  host.reply({"ethtool.rxnfc", "eth0"}, {{"rules", "3"}, {"rings", "8"}});
  host.reply({"net.xdp", "eth0"}, {{"features", "basic,zero_copy"}});
  host.reply({"net.qdisc", "eth0"}, {{"root", "mq"}, {"leaves", "fq_codel"}});
  host.put("/sys/devices/pci0000:80/0000:81:00.1/sriov_totalvfs", "64\n");
  host.put("/sys/devices/pci0000:80/0000:81:00.1/sriov_numvfs", "4\n");
  host.link("/sys/devices/pci0000:80/0000:81:00.0/physfn", "../0000:80:01.0");
  host.link("/sys/class/ptp/ptp2", "/sys/devices/pci0000:80/0000:81:00.0/ptp/ptp2");
  host.put("/sys/devices/pci0000:80/0000:81:00.0/ptp/ptp2/clock_name", "ice clock\n");
  host.put("/sys/devices/pci0000:80/0000:81:00.0/ptp/ptp2/max_adjustment", "100000000\n");
  host.put("/sys/devices/pci0000:80/0000:81:00.0/ptp/ptp2/pps_available", "1\n");
  const Inventory inventory = probe(host);
  const Nic& port = find(inventory, "eth0");
  EXPECT_EQ(port.ptp_clock, "ptp2");
  EXPECT_EQ(find(inventory, "eth1").ptp_clock, "");
  EXPECT_EQ(port.duplex, "full");
  EXPECT_EQ(port.fec.at("active"), "rs");
  EXPECT_EQ(port.flow_rules.at("rules"), "3");
  EXPECT_EQ(port.qdisc.at("root"), "mq");
  EXPECT_EQ(port.xdp.at("features"), "basic,zero_copy");
  EXPECT_TRUE(port.virtual_function);
  ASSERT_EQ(inventory.time.ptp.size(), 1U);
  EXPECT_EQ(inventory.time.ptp[0].clock_name, "ice clock");
  EXPECT_EQ(inventory.time.ptp[0].pci_address, "0000:81:00.0");
  EXPECT_EQ(inventory.time.ptp[0].interfaces, (std::vector<std::string>{"eth0"}));
  EXPECT_EQ(inventory.time.ptp[0].pulse_per_second, true);
  EXPECT_EQ(inventory.time.ptp_clocks, (std::vector<std::string>{"ptp2: ice clock"}));
  const PciDevice& second = inventory.pci.at(1);
  EXPECT_EQ(second.virtual_functions_max, 64U);
  EXPECT_EQ(second.virtual_functions, 4U);
}

}  // namespace
}  // namespace assay::probes
