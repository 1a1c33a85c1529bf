#include <gtest/gtest.h>

#include "machine.hpp"
#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

TEST(Pci, FindsTheLastAddressInAPath) {
  EXPECT_EQ(pci_address_in("/sys/devices/pci0000:00/0000:00:01.1/0000:02:00.3/net/eth1"),
            "0000:02:00.3");
  EXPECT_EQ(pci_address_in("/sys/devices/pci10000:00/10000:01:00.0/nvme/nvme0"), "10000:01:00.0");
  EXPECT_EQ(pci_address_in("/sys/devices/virtual/net/lo"), "");
  EXPECT_EQ(pci_address_in("0000:00:02.0"), "0000:00:02.0");
  EXPECT_EQ(pci_address_in(""), "");
  EXPECT_EQ(pci_address_in("4:0:0:0"), "");
}

TEST(Pci, ReadsLinksAndWhatTheSlotCan) {
  MemoryHost host;
  put_pci(host, "0000:00:01.0", "pci0000:00/0000:00:01.0", "60400", "pcieport");
  put_pci(host, "0000:01:00.0", "pci0000:00/0000:00:01.0/0000:01:00.0", "10802", "nvme");
  const std::string port = "/sys/devices/pci0000:00/0000:00:01.0/";
  const std::string drive = port + "0000:01:00.0/";
  host.put(port + "max_link_speed", "16.0 GT/s PCIe\n");
  host.put(port + "max_link_width", "4\n");
  host.put(drive + "max_link_speed", "8.0 GT/s PCIe\n");
  host.put(drive + "current_link_speed", "2.5 GT/s PCIe\n");
  host.put(drive + "max_link_width", "4\n");
  host.put(drive + "current_link_width", "4\n");
  host.link(drive + "iommu_group", "../../../../kernel/iommu_groups/12");
  const Inventory inventory = probe(host);
  ASSERT_EQ(inventory.pci.size(), 2U);
  const PciDevice* found = find_pci(inventory, "0000:01:00.0");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->class_id, "0x010802");
  EXPECT_EQ(found->vendor_id, "0x8086");
  EXPECT_EQ(found->device_id, "0x1521");
  EXPECT_EQ(found->driver, "nvme");
  EXPECT_EQ(found->node, NodeId{0});
  EXPECT_EQ(found->iommu_group, "12");
  ASSERT_TRUE(found->link.has_value());
  EXPECT_DOUBLE_EQ(found->link->speed_gts, 2.5);
  EXPECT_DOUBLE_EQ(found->link->speed_max_gts, 8.0);
  EXPECT_DOUBLE_EQ(found->link->slot_speed_max_gts, 16.0);
  EXPECT_EQ(found->link->slot_width_max, 4U);
  EXPECT_TRUE(found->link->degraded());
}

TEST(Pci, ALinkIsJudgedByBothItsEnds) {
  PcieLink link;
  link.speed_max_gts = 16;
  link.width_max = 16;
  link.speed_gts = 8;
  link.width = 8;
  EXPECT_TRUE(link.degraded());  // a slot that does not tell is taken for one that can
  link.slot_speed_max_gts = 8;
  link.slot_width_max = 8;
  EXPECT_FALSE(link.degraded());  // as fast as this slot goes
  EXPECT_TRUE(link.limited_by_slot());
  link.width = 4;
  EXPECT_TRUE(link.degraded());
  link.width = 0;
  link.speed_gts = 0;
  EXPECT_FALSE(link.degraded());  // not told is not slow
  link.slot_speed_max_gts = 32;
  link.slot_width_max = 16;
  EXPECT_FALSE(link.limited_by_slot());
}

TEST(Pci, TellsHowTheIommuTranslates) {
  MemoryHost host;
  put_pci(host, "0000:01:00.0", "pci0000:00/0000:01:00.0", "20000", "ice");
  host.link("/sys/devices/pci0000:00/0000:01:00.0/iommu_group", "/sys/kernel/iommu_groups/7");
  host.put("/sys/devices/pci0000:00/0000:01:00.0/max_link_speed", "8.0 GT/s PCIe\n");
  host.put("/sys/kernel/iommu_groups/7/type", "identity\n");
  const PciDevice device = probe(host).pci.at(0);
  EXPECT_EQ(device.iommu_group, "7");
  EXPECT_EQ(device.iommu_domain, "identity");
}

TEST(Pci, LyingFilesDoNoHarm) {
  MemoryHost host;
  put_pci(host, "0000:01:00.0", "pci0000:00/0000:01:00.0", "10802", "nvme");
  const std::string base = "/sys/devices/pci0000:00/0000:01:00.0/";
  host.put(base + "numa_node", "-1\n");
  host.put(base + "max_link_speed", "Unknown\n");
  host.put(base + "max_link_width", "255\n");
  host.put("/sys/bus/pci/devices/not-an-address/uevent", "DRIVER=x\n");
  Inventory inventory = probe(host);
  ASSERT_EQ(inventory.pci.size(), 1U);
  EXPECT_FALSE(inventory.pci[0].node.has_value());
  EXPECT_FALSE(inventory.pci[0].link.has_value());
  host.put(base + "max_link_speed", "-8 GT/s\n");
  EXPECT_FALSE(probe(host).pci[0].link.has_value());
  host.put(base + "uevent", "DRIVER\nPCI_CLASS=zz\nPCI_ID=nocolon\n\xff=\xff\n");
  host.put(base + "vendor", "0x144d\n");
  host.link(base + "driver", "../../../bus/pci/drivers/nvme");
  inventory = probe(host);
  EXPECT_EQ(inventory.pci[0].vendor_id, "0x144d");
  EXPECT_EQ(inventory.pci[0].driver, "nvme");
}

}  // namespace
}  // namespace assay::probes
