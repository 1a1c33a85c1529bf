#include <gtest/gtest.h>

#include <set>

#include "machine.hpp"

namespace assay::probes {
namespace {

// A block device at `path` below /sys/devices, with 1 GiB.
std::string put_block(MemoryHost& host, const std::string& name, const std::string& path) {
  const std::string base = "/sys/devices/" + path + "/";
  host.put(base + "size", "2097152\n");
  host.put(base + "ro", "0\n");
  host.put(base + "queue/scheduler", "[none] mq-deadline kyber\n");
  host.put(base + "queue/logical_block_size", "512\n");
  host.put(base + "queue/physical_block_size", "4096\n");
  host.put(base + "queue/rotational", "0\n");
  host.put(base + "queue/nr_requests", "1023\n");
  host.put(base + "queue/io_poll", "1\n");
  host.put(base + "queue/write_cache", "write back\n");
  host.link("/sys/block/" + name, base.substr(0, base.size() - 1));
  return base;
}

const BlockDevice* find(const Inventory& inventory, const std::string& name) {
  for (const BlockDevice& device : inventory.block) {
    if (device.name == name) return &device;
  }
  return nullptr;
}

TEST(Block, ReadsAnNvmeNamespace) {
  MemoryHost host;
  put_pci(host, "0000:01:00.0", "pci0000:00/0000:01:00.0", "10802", "nvme");
  const std::string base = put_block(host, "nvme0n2", "pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n2");
  host.link(base + "device", "../../nvme0");
  host.put("/sys/devices/pci0000:00/0000:01:00.0/nvme/nvme0/model", "Fast Drive        \n");
  host.put("/sys/devices/pci0000:00/0000:01:00.0/nvme/nvme0/serial", "S123   \n");
  host.put("/sys/devices/pci0000:00/0000:01:00.0/nvme/nvme0/firmware_rev", "1.0\n");
  host.put(base + "nvme0n2p1/partition", "1\n");
  host.put(base + "mq/0/cpu_list", "0\n");
  host.put(base + "mq/1/cpu_list", "1\n");
  host.directory(base + "holders/dm-0");
  host.put("/proc/interrupts", " CPU0\n 9: 1 PCI-MSIX-0000:01:00.0 1-edge nvme0q1\n");
  const Inventory inventory = probe(host);
  ASSERT_EQ(inventory.block.size(), 1U);
  const BlockDevice& drive = inventory.block[0];
  EXPECT_EQ(drive.kind, "nvme");
  EXPECT_TRUE(drive.physical);
  EXPECT_EQ(drive.target, "pci-0000:01:00.0/ns2");
  EXPECT_EQ(drive.model, "Fast Drive");
  EXPECT_EQ(drive.firmware, "1.0");
  EXPECT_EQ(drive.serial_hash.find("S123"), std::string::npos);
  EXPECT_TRUE(drive.serial_hash.starts_with("sha256:"));
  EXPECT_EQ(drive.size, 1_GiB);
  EXPECT_EQ(drive.scheduler, "none");
  EXPECT_EQ(drive.nr_requests, 1023);
  EXPECT_EQ(drive.io_poll, true);
  EXPECT_EQ(drive.write_cache, "write back");
  EXPECT_EQ(drive.queues, 2U);
  EXPECT_EQ(drive.node, NodeId{0});
  EXPECT_EQ(drive.partitions, (std::vector<std::string>{"nvme0n2p1"}));
  EXPECT_EQ(drive.holders, (std::vector<std::string>{"dm-0"}));
  EXPECT_EQ(drive.irqs, (std::vector<std::string>{"9"}));
  EXPECT_EQ(drive.nomerges, std::nullopt);
}

TEST(Block, MultipathNamespacesFindTheirController) {
  MemoryHost host;
  put_pci(host, "0000:01:00.0", "pci0000:00/0000:01:00.0", "10802", "nvme");
  const std::string base =
      put_block(host, "nvme0n1", "virtual/nvme-subsystem/nvme-subsys0/nvme0n1");
  host.link(base + "device", "../../nvme-subsys0");
  host.link("/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0",
            "/sys/devices/pci0000:00/0000:01:00.0/nvme/nvme0");
  host.put("/sys/devices/pci0000:00/0000:01:00.0/nvme/nvme0/model", "Fast Drive\n");
  const std::string hidden =
      put_block(host, "nvme0c0n1", "pci0000:00/0000:01:00.0/nvme/nvme0/nvme0c0n1");
  host.put(hidden + "hidden", "1\n");
  host.put(hidden + "mq/0/cpu_list", "0\n");
  host.put(hidden + "mq/1/cpu_list", "1\n");
  const Inventory inventory = probe(host);
  ASSERT_EQ(inventory.block.size(), 1U);
  EXPECT_EQ(inventory.block[0].target, "pci-0000:01:00.0/ns1");
  EXPECT_EQ(inventory.block[0].queues, 2U) << "the path's: the head has none of its own";
  EXPECT_TRUE(inventory.block[0].physical);
}

TEST(Block, TargetsNeverNameThisBoot) {
  MemoryHost host;
  put_pci(host, "0000:00:02.0", "pci0000:00/0000:00:02.0", "10000", "virtio-pci");
  put_pci(host, "0000:00:1f.2", "pci0000:00/0000:00:1f.2", "10601", "ahci");
  put_block(host, "vda", "pci0000:00/0000:00:02.0/virtio1/block/vda");
  const std::string adapter = "pci0000:00/0000:00:1f.2/";
  put_block(host, "sda", adapter + "ata1/host4/target4:0:0/4:0:0:0/block/sda");
  put_block(host, "sdb", adapter + "ata2/host5/target5:0:1/5:0:1:0/block/sdb");
  put_block(host, "sdc", adapter + "ata3/host6/target6:0:1/6:0:1:0/block/sdc");
  const std::string disk = "/sys/devices/" + adapter + "ata1/host4/target4:0:0/4:0:0:0/";
  host.link(disk + "block/sda/device", "../../../4:0:0:0");
  host.put(disk + "vpd_pg80", std::string("\0\x80\0\x08WD-12345", 12));
  const std::string mapped = put_block(host, "dm-0", "virtual/block/dm-0");
  host.put(mapped + "dm/name", "vg-root\n");
  put_block(host, "loop7", "virtual/block/loop7");
  const Inventory inventory = probe(host);
  EXPECT_EQ(find(inventory, "vda")->target, "pci-0000:00:02.0");
  EXPECT_TRUE(find(inventory, "sda")->target.starts_with("pci-0000:00:1f.2/serial-"));
  EXPECT_EQ(find(inventory, "sdb")->target, "pci-0000:00:1f.2/scsi-0:1:0");
  EXPECT_EQ(find(inventory, "sdc")->target, "pci-0000:00:1f.2/scsi-0:1:0#2");
  EXPECT_EQ(find(inventory, "dm-0")->target, "virtual-vg-root");
  EXPECT_FALSE(find(inventory, "dm-0")->physical);
  EXPECT_EQ(find(inventory, "loop7")->target, "virtual-loop7");
  std::set<std::string> targets;
  for (const BlockDevice& device : inventory.block) targets.insert(device.target);
  EXPECT_EQ(targets.size(), inventory.block.size());
}

TEST(Block, EmptyLoopDevicesAreListedWithoutDetails) {
  MemoryHost host;
  const std::string base = put_block(host, "loop0", "virtual/block/loop0");
  host.put(base + "size", "0\n");
  const BlockDevice loop = probe(host).block.at(0);
  EXPECT_EQ(loop.kind, "loop");
  EXPECT_EQ(loop.size, Bytes{});
  EXPECT_EQ(loop.scheduler, "");
}

TEST(Block, TheClassServesWithoutTheBlockDirectory) {
  MemoryHost host;
  put_block(host, "sda", "virtual/x/block/sda");
  host.erase("/sys/block");
  host.put("/sys/devices/virtual/x/block/sda/sda1/partition", "1\n");
  host.link("/sys/class/block/sda", "../../devices/virtual/x/block/sda");
  host.link("/sys/class/block/sda1", "../../devices/virtual/x/block/sda/sda1");
  const Inventory inventory = probe(host);
  ASSERT_EQ(inventory.block.size(), 1U);
  EXPECT_EQ(inventory.block[0].partitions, (std::vector<std::string>{"sda1"}));
}

TEST(Block, LyingFilesDoNoHarm) {
  MemoryHost host;
  const std::string base = put_block(host, "sda", "virtual/x/block/sda");
  host.put(base + "size", "-1\n");
  host.put(base + "queue/logical_block_size", "-512\n");
  host.put(base + "queue/physical_block_size", "99999999999\n");
  host.put(base + "queue/scheduler", "\n");
  host.put(base + "queue/io_poll", "2\n");
  host.put(base + "device/model", std::string("\x00\xff\x7f", 3));
  const BlockDevice device = probe(host).block.at(0);
  EXPECT_EQ(device.size, Bytes{});
  EXPECT_EQ(device.logical_block_bytes, 0U);
  EXPECT_EQ(device.physical_block_bytes, 0U);
  EXPECT_EQ(device.scheduler, "");
  EXPECT_EQ(device.io_poll, std::nullopt);
  EXPECT_EQ(device.model, "??");
  host.put(base + "size", "18446744073709551615\n");
  EXPECT_EQ(probe(host).block.at(0).size, Bytes{});
}

TEST(Nvme, ReadsTheController) {
  MemoryHost host;
  put_pci(host, "0000:01:00.0", "pci0000:00/0000:01:00.0", "10802", "nvme");
  const std::string path = "pci0000:00/0000:01:00.0/nvme/nvme0";
  put_block(host, "nvme0n1", path + "/nvme0n1");
  const std::string base = "/sys/devices/" + path + "/";
  host.link("/sys/class/nvme/nvme0", "../../devices/" + path);
  host.put(base + "model", "Fast Drive   \n");
  host.put(base + "serial", "S123\n");
  host.put(base + "firmware_rev", "1.0\n");
  host.put(base + "transport", "pcie\n");
  host.put(base + "state", "live\n");
  host.put(base + "queue_count", "9\n");
  host.put(base + "numa_node", "-1\n");
  host.put(base + "power/pm_qos_latency_tolerance_us", "100000\n");
  host.put(base + "hwmon1/temp1_input", "36850\n");
  const Inventory inventory = probe(host);
  ASSERT_EQ(inventory.nvme.size(), 1U);
  const NvmeController& nvme = inventory.nvme[0];
  EXPECT_EQ(nvme.pci_address, "0000:01:00.0");
  EXPECT_EQ(nvme.model, "Fast Drive");
  EXPECT_EQ(nvme.state, "live");
  EXPECT_EQ(nvme.queue_count, 9U);
  EXPECT_EQ(nvme.node, NodeId{0});  // the PCI device's, since its own says -1
  EXPECT_EQ(nvme.latency_tolerance_us, "100000");
  ASSERT_TRUE(nvme.temperature_celsius.has_value());
  EXPECT_DOUBLE_EQ(*nvme.temperature_celsius, 36.85);
  EXPECT_EQ(nvme.namespaces, (std::vector<std::string>{"nvme0n1"}));
}

TEST(Nvme, LyingFilesDoNoHarm) {
  MemoryHost host;
  host.put("/sys/class/nvme/nvme0/queue_count", "-1\n");
  host.put("/sys/class/nvme/nvme0/hwmon0/temp1_input", "-300000\n");
  host.put("/sys/class/nvme/nvme-subsys0/model", "x\n");
  const Inventory inventory = probe(host);
  ASSERT_EQ(inventory.nvme.size(), 1U);
  EXPECT_EQ(inventory.nvme[0].queue_count, 0U);
  EXPECT_FALSE(inventory.nvme[0].temperature_celsius.has_value());
}

TEST(Mounts, FindTheirDrives) {
  MemoryHost host;
  const std::string base = put_block(host, "sda", "virtual/x/block/sda");
  host.put(base + "sda2/partition", "2\n");
  host.link("/sys/dev/block/8:2", "../../devices/virtual/x/block/sda/sda2");
  host.put("/proc/self/mountinfo",
           "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
           "27 1 8:2 / / rw,noatime shared:1 master:2 - ext4 /dev/sda2 rw,discard\n"
           "28 27 0:44 /sub /my\\040data ro - btrfs /dev/sda2 rw\n"
           "29 27 9:9 / /gone rw - ext4 /dev/none rw\n");
  const auto mounts = probe(host).mounts;
  ASSERT_EQ(mounts.size(), 4U);
  EXPECT_EQ(mounts[0].block_device, "");
  EXPECT_EQ(mounts[1].point, "/");
  EXPECT_EQ(mounts[1].type, "ext4");
  EXPECT_EQ(mounts[1].options, "rw,noatime");
  EXPECT_EQ(mounts[1].block_device, "sda2");
  EXPECT_EQ(mounts[1].drive, "sda");
  EXPECT_EQ(mounts[2].point, "/my data");
  EXPECT_EQ(mounts[2].drive, "sda");
  EXPECT_EQ(mounts[3].block_device, "");
}

TEST(Mounts, TheShortTableServesForCaptures) {
  MemoryHost host;
  const std::string base = put_block(host, "dm-0", "virtual/block/dm-0");
  host.put(base + "dm/name", "vg-root\n");
  host.put("/proc/mounts", "rootfs / rootfs rw 0 0\n/dev/mapper/vg-root / xfs rw 0 0\nbroken\n");
  const auto mounts = probe(host).mounts;
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[1].drive, "dm-0");
}

TEST(Mounts, LyingTablesDoNoHarm) {
  MemoryHost host;
  host.put(
      "/proc/self/mountinfo",
      " - \n1 2 3 - x\n1 2 ../../../etc / /a rw - t s\n1 2 8:1 / /b\\999\\04 rw - t s\n\xff\n");
  const auto mounts = probe(host).mounts;
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].block_device, "");
  EXPECT_EQ(mounts[1].point, "/b\\999\\04");
}

}  // namespace
}  // namespace assay::probes
