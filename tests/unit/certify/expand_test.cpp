// Budgets become series: targets, variants, baselines, shared files.
#include "certify/expand.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_technique.hpp"

namespace assay::certify {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Four CPUs on two nodes; "nvme0n1" with a mounted filesystem, "nvme1n1" without, a NIC.
probes::Inventory two_drives() {
  probes::Inventory inventory;
  probes::Topology& topology = inventory.topology;
  topology.online = topology.possible = topology.present = CpuSet::range(0, 3);
  topology.allowed = CpuSet::range(0, 2);
  topology.counts = {4, 4, 1, 2};
  for (unsigned i = 0; i < 4; ++i) {
    probes::Cpu cpu;
    cpu.id = CpuId{i};
    cpu.node = NodeId{i / 2};
    cpu.siblings = CpuSet{i};
    cpu.core = i;
    cpu.package = 0;
    topology.cpus.push_back(cpu);
  }
  for (unsigned i = 0; i < 2; ++i) {
    probes::Node node;
    node.id = NodeId{i};
    node.cpus = CpuSet::range(2 * i, 2 * i + 1);
    topology.nodes.push_back(node);
  }
  for (const char* name : {"nvme0n1", "nvme1n1", "zram0"}) {
    probes::BlockDevice drive;
    drive.name = name;
    drive.target = std::string("pci-") + name;
    drive.kind = "nvme";
    drive.physical = drive.name != "zram0";
    drive.partitions = {drive.name + "p1"};
    inventory.block.push_back(drive);
  }
  probes::BlockDevice stacked;
  stacked.name = "dm-0";
  stacked.kind = "dm";
  stacked.slaves = {"nvme0n1p1"};
  inventory.block.push_back(stacked);
  probes::Mount root;
  root.point = "/";
  root.type = "ext4";
  root.options = "rw,relatime";
  root.block_device = "dm-0";
  probes::Mount memory;
  memory.point = "/tmp";
  memory.type = "tmpfs";
  memory.options = "rw";
  inventory.mounts = {root, memory};
  probes::Nic nic;
  nic.name = "eth0";
  nic.target = "pci-0000:00:04.0/0";
  nic.kind = "physical";
  inventory.nics = {nic};
  return inventory;
}

class ExpandTest : public ::testing::Test {
 protected:
  ExpandTest() {
    context_.inventory = &inventory_;
    context_.roles = &roles_;
    context_.writable = [](const std::string&) { return true; };
    context_.find = [this](std::string_view id) -> const engine::Technique* {
      for (const engine::Technique& row : techniques_) {
        if (row.id == id) return &row;
      }
      return nullptr;
    };
  }

  profiles::Budget& add(const std::string& technique, profiles::Target target) {
    profiles::Budget budget;
    budget.technique = technique;
    budget.target = target;
    budget.limits = {{0.99, std::chrono::microseconds(1), std::nullopt}};
    profile_.budgets.push_back(budget);
    return profile_.budgets.back();
  }
  Expansion expanded() {
    auto expansion = expand(profile_, context_);
    EXPECT_TRUE(expansion) << expansion.error().message();
    return expansion ? *expansion : Expansion{};
  }
  static std::vector<std::string> targets(const Expansion& expansion) {
    std::vector<std::string> all;
    for (const ExpandedSeries& series : expansion.series) all.push_back(series.target);
    return all;
  }

  probes::Inventory inventory_ = two_drives();
  profiles::Roles roles_;
  profiles::Profile profile_;
  std::vector<engine::Technique> techniques_ = testing::fake_techniques();
  ExpandContext context_;
};

TEST_F(ExpandTest, EveryCpuThatThisProcessMayUse) {
  add("fake.base", profiles::Target::each_cpu);
  const Expansion expansion = expanded();
  EXPECT_THAT(targets(expansion), ElementsAre("cpu0", "cpu1", "cpu2"));
  EXPECT_EQ(expansion.series[1].cpus, CpuSet{1});
}

TEST_F(ExpandTest, IsolatedCpusComeBeforeAllOthers) {
  roles_["isolated"] = CpuSet{3};
  roles_["housekeeping"] = CpuSet::range(0, 2);
  add("fake.base", profiles::Target::each_cpu);
  EXPECT_THAT(targets(expanded()), ElementsAre("cpu3"));
}

TEST_F(ExpandTest, CpusOfTheBudgetRestrictItsTargets) {
  add("fake.base", profiles::Target::each_cpu).cpus = "1-2";
  EXPECT_THAT(targets(expanded()), ElementsAre("cpu1", "cpu2"));
}

TEST_F(ExpandTest, TechniqueOfTwoThreadsCannotRunOnOneCpu) {
  add("fake.pair", profiles::Target::each_cpu);
  EXPECT_THAT(expanded().series.at(0).skipped, HasSubstr("2 CPUs at once"));
}

TEST_F(ExpandTest, EveryNodeRunsOnItsOwnCpus) {
  add("fake.base", profiles::Target::each_node);
  const Expansion expansion = expanded();
  EXPECT_THAT(targets(expansion), ElementsAre("node0", "node1"));
  EXPECT_EQ(expansion.series[1].cpus, CpuSet{2});  // 3 is not allowed
}

TEST_F(ExpandTest, NodeWithoutTestedCpusIsSkippedNotForgotten) {
  inventory_.topology.allowed = CpuSet{0};
  add("fake.base", profiles::Target::each_node);
  const Expansion expansion = expanded();
  EXPECT_TRUE(expansion.series.at(0).skipped.empty());
  EXPECT_THAT(expansion.series.at(1).skipped, HasSubstr("node1"));
}

TEST_F(ExpandTest, EveryPhysicalDriveItsOwnFileOrItself) {
  context_.is_root = true;
  add("fake.file", profiles::Target::each_drive);
  const Expansion expansion = expanded();
  EXPECT_THAT(targets(expansion), ElementsAre("pci-nvme0n1", "pci-nvme1n1"));
  ASSERT_EQ(expansion.files.size(), 2U);
  EXPECT_EQ(expansion.files[0].directory, "/var/tmp");  // /tmp is another filesystem
  EXPECT_EQ(expansion.files[1].device, "/dev/nvme1n1");
  EXPECT_FALSE(expansion.files[1].for_writing);
}

TEST_F(ExpandTest, DriveWithoutFilesystemIsNeverWritten) {
  context_.is_root = true;
  add("fake.file", profiles::Target::each_drive).parameters["op"] = "write";
  const Expansion expansion = expanded();
  EXPECT_TRUE(expansion.series.at(0).skipped.empty());
  EXPECT_THAT(expansion.series.at(1).skipped, HasSubstr("writes no raw device"));
  for (const FileRequest& file : expansion.files) EXPECT_TRUE(file.device.empty());
}

TEST_F(ExpandTest, DriveThatAnOrdinaryUserCannotReadIsSkippedWithARemedy) {
  add("fake.file", profiles::Target::each_drive);
  const Expansion expansion = expanded();
  EXPECT_THAT(expansion.series.at(1).skipped, HasSubstr("nvme1n1"));
  EXPECT_THAT(expansion.series.at(1).remedy, HasSubstr("root"));
}

TEST_F(ExpandTest, UnwritableFilesystemIsSkippedForAUserAndReadByRoot) {
  context_.writable = [](const std::string&) { return false; };
  add("fake.file", profiles::Target::each_drive);
  EXPECT_THAT(expanded().series.at(0).skipped, HasSubstr("no directory on nvme0n1"));
  context_.is_root = true;
  EXPECT_EQ(expanded().files.at(0).device, "/dev/nvme0n1");
}

TEST_F(ExpandTest, NicIsNotMeasuredOverLoopback) {
  add("fake.base", profiles::Target::each_nic);
  const Expansion expansion = expanded();
  EXPECT_EQ(expansion.series.at(0).target, "pci-0000:00:04.0/0");
  EXPECT_THAT(expansion.series.at(0).skipped, HasSubstr("loopback"));
}

TEST_F(ExpandTest, NothingToMeasureOnIsSaid) {
  inventory_.block.clear();
  add("fake.file", profiles::Target::each_drive);
  const Expansion expansion = expanded();
  ASSERT_EQ(expansion.series.size(), 1U);
  EXPECT_EQ(expansion.series[0].skipped, "this host has no physical drive");
  EXPECT_EQ(expansion.limits.size(), 1U);
}

TEST_F(ExpandTest, EveryVariantIsASeriesWithEveryLimit) {
  add("fake.parts", profiles::Target::host);
  const Expansion expansion = expanded();
  ASSERT_EQ(expansion.series.size(), 2U);
  EXPECT_EQ(expansion.series[1].parameters.variant, "two");
  EXPECT_EQ(expansion.limits.size(), 2U);
}

TEST_F(ExpandTest, NamedVariantIsTheOnlyOne) {
  add("fake.parts", profiles::Target::host).parameters["variant"] = "two";
  EXPECT_EQ(expanded().series.size(), 1U);
}

TEST_F(ExpandTest, BaselineIsAddedOnceAndShared) {
  add("fake.better", profiles::Target::host).parameters["block"] = "1000";
  add("fake.better", profiles::Target::host).parameters["block"] = "1000";
  add("fake.base", profiles::Target::host).parameters["block"] = "2000";  // the baseline itself
  const Expansion expansion = expanded();
  ASSERT_EQ(expansion.series.size(), 2U);
  EXPECT_EQ(expansion.series[0].baseline, 1U);
  EXPECT_TRUE(expansion.series[1].is_baseline);
  EXPECT_EQ(expansion.limits.size(), 3U);
  EXPECT_EQ(expansion.limits[2].series, 1U);
  EXPECT_EQ(expansion.required_limits(), 3U);
}

TEST_F(ExpandTest, LimitOfBothKindsMakesTwoVerdicts) {
  add("fake.better", profiles::Target::host).limits = {{0.5, std::chrono::seconds(1), 0.9}};
  const Expansion expansion = expanded();
  ASSERT_EQ(expansion.limits.size(), 2U);
  EXPECT_TRUE(expansion.limits[0].limit.at_most && !expansion.limits[0].limit.ratio_at_most);
  EXPECT_TRUE(!expansion.limits[1].limit.at_most && expansion.limits[1].limit.ratio_at_most);
}

TEST_F(ExpandTest, RegimesAndWritesHaveFilesOfTheirOwn) {
  add("fake.file", profiles::Target::host).parameters["size"] = "1MiB";
  add("fake.file", profiles::Target::host).parameters["size"] = "4MiB";
  add("fake.file", profiles::Target::host).parameters["regime"] = "device";
  add("fake.file", profiles::Target::host).parameters["op"] = "write";
  const Expansion expansion = expanded();
  ASSERT_EQ(expansion.files.size(), 3U);
  EXPECT_EQ(expansion.files[0].kind, "cached");
  EXPECT_EQ(expansion.files[0].size, 4_MiB);  // the largest that any of its series wants
  EXPECT_EQ(expansion.files[1].kind, "device");
  EXPECT_EQ(expansion.files[2].kind, "written");
  EXPECT_TRUE(expansion.files[2].for_writing);
}

TEST(Places, MountOfFindsTheLongestPoint) {
  const probes::Inventory inventory = two_drives();
  EXPECT_EQ(mount_of(inventory, "/tmp/x")->type, "tmpfs");
  EXPECT_EQ(mount_of(inventory, "/tmpfile")->point, "/");
  EXPECT_EQ(mount_of(inventory, "/var/tmp")->point, "/");
}

TEST(Places, StackThatStandsOnItselfEnds) {
  probes::Inventory inventory = two_drives();
  inventory.block.back().slaves = {"dm-0"};
  EXPECT_FALSE(is_backed_by(inventory, "dm-0", inventory.block[0]));
}

}  // namespace
}  // namespace assay::certify
