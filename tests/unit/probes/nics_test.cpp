#include <gtest/gtest.h>

#include "machine.hpp"

namespace assay::probes {
namespace {

const std::string kPort = "pci0000:00/0000:00:03.0";

// A physical port "eth0" with two queues each way.
void put_port(MemoryHost& host) {
  put_pci(host, "0000:00:03.0", kPort, "20000", "ice");
  const std::string base = "/sys/devices/" + kPort + "/net/eth0/";
  host.link("/sys/class/net/eth0", base.substr(0, base.size() - 1));
  host.link(base + "device", "../..");
  host.put(base + "type", "1\n");
  host.put(base + "address", "aa:bb:cc:dd:ee:ff\n");
  host.put(base + "operstate", "up\n");
  host.put(base + "speed", "25000\n");
  host.put(base + "mtu", "9000\n");
  host.put(base + "dev_port", "1\n");
  host.put(base + "tx_queue_len", "1000\n");
  host.put(base + "napi_defer_hard_irqs", "2\n");
  host.put(base + "gro_flush_timeout", "200000\n");
  host.put(base + "threaded", "1\n");
  for (const char* queue : {"rx-0", "rx-1"}) {
    host.put(base + "queues/" + queue + "/rps_cpus", "00000000,00000003\n");
    host.put(base + "queues/" + queue + "/rps_flow_cnt", "4096\n");
  }
  host.put(base + "queues/tx-0/xps_cpus", "1\n");
  host.put(base + "queues/tx-1/traffic_class", "\n");
}

TEST(Nics, ReadsAPhysicalPort) {
  MemoryHost host;
  put_port(host);
  host.put("/proc/interrupts",
           "   CPU0\n 50: 1 PCI-MSIX-0000:00:03.0 0-edge ice-eth0-TxRx-0\n 51: 1 x 0-edge y\n");
  host.reply({"ethtool.drvinfo", "eth0"}, {{"driver", "ice"}, {"firmware", "4.40 0x8001"}});
  host.reply({"ethtool.ringparam", "eth0"}, {{"rx", "512"}, {"rx_max", "8160"}});
  const Inventory inventory = probe(host);
  ASSERT_EQ(inventory.nics.size(), 1U);
  const Nic& nic = inventory.nics[0];
  EXPECT_EQ(nic.kind, "physical");
  EXPECT_EQ(nic.target, "pci-0000:00:03.0/1");
  EXPECT_EQ(nic.driver, "ice");
  EXPECT_EQ(nic.firmware, "4.40 0x8001");
  EXPECT_EQ(nic.speed_mbps, 25000);
  EXPECT_EQ(nic.mtu, 9000U);
  EXPECT_EQ(nic.node, NodeId{0});
  EXPECT_EQ(nic.rx_queues, 2U);
  EXPECT_EQ(nic.tx_queues, 2U);
  ASSERT_EQ(nic.queues.size(), 4U);
  EXPECT_EQ(nic.queues[0].cpus, (CpuSet{0, 1}));
  EXPECT_EQ(nic.queues[0].flow_count, 4096);
  EXPECT_EQ(nic.queues[3].cpus, std::nullopt);
  EXPECT_EQ(nic.napi_defer_hard_irqs, 2);
  EXPECT_EQ(nic.gro_flush_timeout_ns, 200000);
  EXPECT_EQ(nic.threaded_napi, true);
  EXPECT_EQ(nic.ring.at("rx_max"), "8160");
  EXPECT_TRUE(nic.coalesce.empty());
  EXPECT_EQ(nic.irqs, (std::vector<std::string>{"50"}));
  EXPECT_TRUE(nic.address_hash.starts_with("sha256:"));
}

TEST(Nics, TellsTheKindsApart) {
  MemoryHost host;
  const auto make = [&](const std::string& name, const std::string& extra) {
    const std::string base = "/sys/devices/virtual/net/" + name + "/";
    host.put(base + "type", name == "lo" ? "772\n" : "1\n");
    if (!extra.empty()) host.put(base + extra, "");
    host.link("/sys/class/net/" + name, "../../devices/virtual/net/" + name);
  };
  make("lo", "");
  make("bond0", "bonding/mode");
  make("br0", "bridge/bridge_id");
  make("eth0.5", "");
  host.put("/sys/devices/virtual/net/eth0.5/uevent", "DEVTYPE=vlan\nINTERFACE=eth0.5\n");
  make("veth1", "");
  host.reply({"ethtool.drvinfo", "veth1"}, {{"driver", "veth"}});
  make("tun0", "tun_flags");
  make("slave0", "upper_bond0/x");
  host.put("/sys/class/net/bonding_masters", "bond0\n");
  std::map<std::string, std::string> kinds;
  for (const Nic& nic : probe(host).nics) kinds[nic.name] = nic.kind;
  EXPECT_EQ(kinds, (std::map<std::string, std::string>{{"lo", "loopback"},
                                                       {"bond0", "bond"},
                                                       {"br0", "bridge"},
                                                       {"eth0.5", "vlan"},
                                                       {"veth1", "veth"},
                                                       {"tun0", "tun"},
                                                       {"slave0", "virtual"}}));
  for (const Nic& nic : probe(host).nics) {
    EXPECT_EQ(nic.target, "virtual-" + nic.name);
    if (nic.name == "slave0") {
      EXPECT_EQ(nic.masters, (std::vector<std::string>{"bond0"}));
    }
  }
}

TEST(Nics, LyingFilesDoNoHarm) {
  MemoryHost host;
  put_port(host);
  const std::string base = "/sys/devices/" + kPort + "/net/eth0/";
  host.put(base + "speed", "-1\n");
  host.put(base + "mtu", "-9000\n");
  host.put(base + "threaded", "x\n");
  host.put(base + "queues/rx-x/rps_cpus", "zz\n");
  host.put(base + "queues/rx-0/rps_cpus", "\xff\n");
  host.put(base + "dev_port", "x\n");
  host.put(
      "/sys/class/net/a\x01"
      "b/type",
      "1\n");
  const Inventory inventory = probe(host);
  ASSERT_EQ(inventory.nics.size(), 1U);  // a name that no terminal takes is left out
  const Nic& nic = inventory.nics[0];
  EXPECT_EQ(nic.speed_mbps, std::nullopt);
  EXPECT_EQ(nic.mtu, std::nullopt);
  EXPECT_EQ(nic.threaded_napi, std::nullopt);
  EXPECT_EQ(nic.rx_queues, 2U);
  EXPECT_EQ(nic.queues.at(0).cpus, std::nullopt);
  EXPECT_EQ(nic.target, "pci-0000:00:03.0/0");
}

}  // namespace
}  // namespace assay::probes
