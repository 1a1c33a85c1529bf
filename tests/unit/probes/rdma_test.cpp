#include <gtest/gtest.h>

#include "machine.hpp"

namespace assay::probes {
namespace {

TEST(Rdma, ReadsADeviceWithItsPort) {
  MemoryHost host;
  const std::string place = "pci0000:80/0000:81:00.0";
  put_pci(host, "0000:81:00.0", place, "20700", "mlx5_core");
  host.put("/sys/devices/" + place + "/numa_node", "1\n");
  host.put("/sys/devices/" + place + "/net/eth0/type", "1\n");
  host.link("/sys/class/net/eth0", "/sys/devices/" + place + "/net/eth0");
  host.link("/sys/devices/" + place + "/net/eth0/device", "../..");
  const std::string base = "/sys/devices/" + place + "/infiniband/mlx5_0/";
  host.link("/sys/class/infiniband/mlx5_0", base.substr(0, base.size() - 1));
  host.link(base + "device", "../..");
  host.put(base + "fw_ver", "16.35.2000\n");
  host.put(base + "board_id", "MT_0000000008\n");
  host.put(base + "node_type", "1: CA\n");
  host.put(base + "ports/1/state", "4: ACTIVE\n");
  host.put(base + "ports/1/phys_state", "5: LinkUp\n");
  host.put(base + "ports/1/rate", "100 Gb/sec (4X EDR)\n");
  host.put(base + "ports/1/link_layer", "Ethernet\n");
  host.put(base + "ports/1/gid_attrs/ndevs/0", "eth0\n");
  host.put(base + "ports/1/gid_attrs/ndevs/1", "eth0\n");
  host.put(base + "ports/1/gid_attrs/ndevs/2", "");
  host.fail(base + "ports/1/gid_attrs/ndevs/2", EINVAL);
  const Inventory inventory = probe(host);
  ASSERT_EQ(inventory.rdma.size(), 1U);
  const RdmaDevice& device = inventory.rdma[0];
  EXPECT_EQ(device.target, "pci-0000:81:00.0");
  EXPECT_EQ(device.driver, "mlx5_core");
  EXPECT_EQ(device.firmware, "16.35.2000");
  EXPECT_EQ(device.board, "MT_0000000008");
  EXPECT_EQ(device.node_type, "CA");
  EXPECT_FALSE(device.software);
  EXPECT_EQ(device.node, NodeId{1});
  ASSERT_EQ(device.ports.size(), 1U);
  EXPECT_EQ(device.ports[0].state, "active");
  EXPECT_EQ(device.ports[0].physical_state, "linkup");
  EXPECT_EQ(device.ports[0].rate, "100 Gb/sec (4X EDR)");
  EXPECT_EQ(device.ports[0].interfaces, (std::vector<std::string>{"eth0"}));
  EXPECT_EQ(inventory.nics.at(0).rdma, (std::vector<std::string>{"mlx5_0"}));
}

TEST(Rdma, SoftwareIsToldApart) {
  MemoryHost host;
  const std::string base = "/sys/devices/virtual/infiniband/rxe0/";
  host.link("/sys/class/infiniband/rxe0", base.substr(0, base.size() - 1));
  host.put(base + "parent", "veth1\n");
  host.put(base + "ports/1/state", "4: ACTIVE\n");
  const RdmaDevice device = probe(host).rdma.at(0);
  EXPECT_TRUE(device.software);
  EXPECT_EQ(device.target, "virtual-rxe0");
  EXPECT_EQ(device.ports.at(0).interfaces, (std::vector<std::string>{"veth1"}));
}

}  // namespace
}  // namespace assay::probes
