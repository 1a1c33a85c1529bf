// From a directory down to its drives.
#include "probes/storage.hpp"

#include <gtest/gtest.h>

#include "machine.hpp"

namespace assay::probes {
namespace {

// A block device of 1 GiB below /sys/devices.
std::string put_stacked_block(MemoryHost& host, const std::string& name, const std::string& path) {
  const std::string base = "/sys/devices/" + path + "/" + name + "/";
  host.put(base + "size", "2097152\n");
  host.link("/sys/block/" + name, base.substr(0, base.size() - 1));
  return base;
}

std::string put_nvme(MemoryHost& host, unsigned number) {
  const std::string address = "0000:0" + std::to_string(number) + ":00.0";
  const std::string place = "pci0000:00/" + address;
  put_pci(host, address, place, "10802", "nvme");
  const std::string name = "nvme" + std::to_string(number);
  host.put("/sys/devices/" + place + "/nvme/" + name + "/model", "Fast Drive\n");
  const std::string base = put_stacked_block(host, name + "n1", place + "/nvme/" + name);
  host.link(base + "device", "/sys/devices/" + place + "/nvme/" + name);
  return base;
}

// /data: ext4 on an encrypted logical volume on a RAID 1 of a partition of each of two NVMe drives;
// on it lies the image of a loop device that is mounted at /image.
void put_stack(MemoryHost& host) {
  for (const unsigned number : {1U, 2U}) {
    const std::string base = put_nvme(host, number);
    const std::string part = "nvme" + std::to_string(number) + "n1p3/";
    host.put(base + part + "partition", "3\n");
    host.put(base + part + "start", "2048\n");
    host.put(base + part + "size", "1048576\n");
    host.directory(base + part + "holders/md0");
  }
  const std::string md = put_stacked_block(host, "md0", "virtual/block");
  host.put(md + "md/level", "raid1\n");
  host.put(md + "md/array_state", "clean\n");
  host.put(md + "md/degraded", "0\n");
  host.directory(md + "slaves/nvme1n1p3");
  host.directory(md + "slaves/nvme2n1p3");
  const std::string volume = put_stacked_block(host, "dm-0", "virtual/block");
  host.put(volume + "dm/name", "vg0-data\n");
  host.put(volume + "dm/uuid", "LVM-abcdef\n");
  host.directory(volume + "slaves/md0");
  const std::string crypt = put_stacked_block(host, "dm-1", "virtual/block");
  host.put(crypt + "dm/name", "data_crypt\n");
  host.put(crypt + "dm/uuid", "CRYPT-LUKS2-123-data_crypt\n");
  host.directory(crypt + "slaves/dm-0");
  const std::string loop = put_stacked_block(host, "loop0", "virtual/block");
  host.put(loop + "loop/backing_file", "/data/images/a.img\n");
  host.link("/sys/dev/block/253:1", "../../devices/virtual/block/dm-1");
  host.link("/sys/dev/block/7:0", "../../devices/virtual/block/loop0");
  host.put("/proc/self/mountinfo",
           "21 1 0:30 / / rw - tmpfs tmpfs rw\n"
           "22 21 253:1 / /data rw,relatime - ext4 /dev/mapper/data_crypt rw\n"
           "23 21 7:0 / /image ro - ext4 /dev/loop0 ro\n"
           "24 21 253:1 /sub /bound rw - ext4 /dev/mapper/data_crypt rw\n");
}

// "dm-1>dm-0>md0>nvme1n1p3>nvme1n1": always the first one below.
std::string chain(const StorageNode& node) {
  return node.below.empty() ? node.name : node.name + ">" + chain(node.below.front());
}

TEST(Storage, GoesDownThroughEveryLayer) {
  MemoryHost host;
  put_stack(host);
  const Inventory inventory = probe(host);
  const auto data = storage_of_path(host, inventory, "/data/trades/today");
  ASSERT_TRUE(data.has_value());
  EXPECT_EQ(data->mount_point, "/data");
  EXPECT_EQ(data->type, "ext4");
  ASSERT_EQ(data->tree.size(), 1U);
  EXPECT_EQ(chain(data->tree[0]), "dm-1>dm-0>md0>nvme1n1p3>nvme1n1");
  const StorageNode& crypt = data->tree[0];
  EXPECT_EQ(crypt.what, "crypt");
  EXPECT_EQ(crypt.detail, "data_crypt");
  EXPECT_EQ(crypt.below[0].what, "lvm");
  const StorageNode& raid = crypt.below[0].below[0];
  EXPECT_EQ(raid.what, "raid1");
  ASSERT_EQ(raid.below.size(), 2U);
  EXPECT_EQ(raid.below[1].name, "nvme2n1p3");
  EXPECT_EQ(raid.below[1].what, "partition");
  EXPECT_EQ(raid.below[1].size, Bytes{1048576ULL * 512});
  EXPECT_TRUE(raid.below[1].below[0].is_drive);
  EXPECT_EQ(raid.below[1].below[0].detail, "Fast Drive");
  EXPECT_EQ(data->drives,
            (std::vector<std::string>{"pci-0000:01:00.0/ns1", "pci-0000:02:00.0/ns1"}));
}

TEST(Storage, ALoopDeviceStandsOnWhatItsFileStandsOn) {
  MemoryHost host;
  put_stack(host);
  const Inventory inventory = probe(host);
  const auto image = storage_of_path(host, inventory, "/image");
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(chain(image->tree.at(0)), "loop0>dm-1>dm-0>md0>nvme1n1p3>nvme1n1");
  EXPECT_EQ(image->tree[0].what, "loop");
  EXPECT_EQ(image->tree[0].detail, "/data/images/a.img");
  EXPECT_EQ(image->drives.size(), 2U);
}

TEST(Storage, MountedOnesAreListedOncePerDevice) {
  MemoryHost host;
  put_stack(host);
  std::vector<std::string> points;
  for (const StoragePath& path : mounted_storage(probe(host))) points.push_back(path.path);
  EXPECT_EQ(points, (std::vector<std::string>{"/data", "/image"}));
}

TEST(Storage, SaysWhyThereIsNoDrive) {
  MemoryHost host;
  put_stack(host);
  const Inventory inventory = probe(host);
  const auto memory = storage_of_path(host, inventory, "/tmp/x");
  ASSERT_TRUE(memory.has_value());
  EXPECT_TRUE(memory->tree.empty());
  EXPECT_EQ(memory->note, "it lives in memory");
  EXPECT_EQ(storage_of_path(host, inventory, "data").error().code, ErrorCode::invalid);
  EXPECT_EQ(storage_of_path(MemoryHost{}, Inventory{}, "/data").error().code,
            ErrorCode::unsupported);
}

TEST(Storage, PathsEndAtTheirMountAndNotAtItsName) {
  MemoryHost host;
  put_stack(host);
  const Inventory inventory = probe(host);
  EXPECT_EQ(storage_of_path(host, inventory, "/database")->mount_point, "/");
  EXPECT_EQ(storage_of_path(host, inventory, "/data/")->mount_point, "/data");
  host.link("/var/data", "/data/deep");
  host.directory("/data/deep");
  EXPECT_EQ(storage_of_path(host, inventory, "/var/data")->mount_point, "/data");
}

TEST(Storage, SpansEveryDeviceOfAFileSystem) {
  MemoryHost host;
  put_nvme(host, 1);
  put_nvme(host, 2);
  host.put("/proc/self/mountinfo", "22 1 0:40 / / rw - btrfs /dev/nvme1n1 rw,subvol=/\n");
  host.directory("/sys/fs/btrfs/1234/devices/nvme1n1");
  host.directory("/sys/fs/btrfs/1234/devices/nvme2n1");
  const Inventory inventory = probe(host);
  const auto root = storage_of_path(host, inventory, "/");
  ASSERT_TRUE(root.has_value());
  EXPECT_EQ(root->tree.size(), 2U);
  EXPECT_EQ(root->drives.size(), 2U);
}

TEST(Storage, AnOverlayWritesToItsUpperDirectory) {
  MemoryHost host;
  put_stack(host);
  host.put("/proc/self/mountinfo",
           "22 1 253:1 / /data rw - ext4 /dev/mapper/data_crypt rw\n"
           "23 1 0:50 / / rw - overlay overlay rw,lowerdir=/l,upperdir=/data/up,workdir=/w\n");
  const auto root = storage_of_path(host, probe(host), "/etc");
  ASSERT_TRUE(root.has_value());
  EXPECT_EQ(root->drives.size(), 2U);
}

TEST(Storage, CyclesEnd) {
  MemoryHost host;
  const std::string one = put_stacked_block(host, "dm-0", "virtual/block");
  const std::string two = put_stacked_block(host, "dm-1", "virtual/block");
  for (const char* slave : {"dm-0", "dm-1"}) {
    host.directory(one + "slaves/" + slave);
    host.directory(two + "slaves/" + slave);
  }
  const std::string loop = put_stacked_block(host, "loop0", "virtual/block");
  host.put(loop + "loop/backing_file", "/x\n");
  host.link("/sys/dev/block/7:0", "../../devices/virtual/block/loop0");
  host.put("/proc/self/mountinfo", "22 1 7:0 / / rw - ext4 /dev/loop0 rw\n");
  const Inventory inventory = probe(host);
  EXPECT_FALSE(storage_under(inventory, "dm-0").below.empty());
  EXPECT_TRUE(storage_of_path(host, inventory, "/")->drives.empty());
  EXPECT_EQ(storage_under(inventory, "gone").what, "unknown");
}

TEST(Storage, ADegradedArrayIsNamed) {
  MemoryHost host;
  put_stack(host);
  host.put("/sys/block/md0/md/degraded", "1\n");
  const Inventory inventory = probe(host);
  EXPECT_EQ(storage_under(inventory, "md0").detail, "degraded");
}

TEST(Block, ADiscIsNoDriveToTune) {
  MemoryHost host;
  put_pci(host, "0000:00:1f.2", "pci0000:00/0000:00:1f.2", "10601", "ahci");
  put_stacked_block(host, "sr0", "pci0000:00/0000:00:1f.2/ata2/host1/target1:0:0/1:0:0:0/block");
  const Inventory inventory = probe(host);
  ASSERT_EQ(inventory.block.size(), 1U);
  EXPECT_EQ(inventory.block[0].kind, "optical");
  EXPECT_FALSE(inventory.block[0].physical);
  EXPECT_EQ(inventory.block[0].target, "pci-0000:00:1f.2/scsi-0:0:0");
}

TEST(Block, TellsWhatATransferMayBe) {
  MemoryHost host;
  const std::string base = put_nvme(host, 1);
  host.put(base + "queue/max_sectors_kb", "128\n");
  host.put(base + "queue/max_hw_sectors_kb", "1024\n");
  host.put(base + "queue/dma_alignment", "3\n");
  host.put(base + "queue/fua", "1\n");
  host.put(base + "queue/zoned", "none\n");
  host.put(base + "queue/discard_granularity", "512\n");
  host.put(base + "mq/0/nr_tags", "1023\n");
  host.put("/sys/kernel/debug/block/nvme1n1/hctx0/type", "default\n");
  host.put("/sys/kernel/debug/block/nvme1n1/hctx1/type", "poll\n");
  const BlockDevice drive = probe(host).block.at(0);
  EXPECT_EQ(drive.max_transfer_kb, 128);
  EXPECT_EQ(drive.max_hardware_transfer_kb, 1024);
  EXPECT_EQ(drive.dma_alignment_bytes, 4);
  EXPECT_EQ(drive.force_unit_access, true);
  EXPECT_EQ(drive.zoned, "none");
  EXPECT_EQ(drive.discard_granularity_bytes, 512);
  EXPECT_EQ(drive.queue_tags, 1023);
  EXPECT_EQ(drive.poll_queues, 1U);
}

}  // namespace
}  // namespace assay::probes
