// The inventory of a virtual host against known truth: what the kind's row says the host has.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/lab/tests/lab_guest.hpp"

namespace {

using nlohmann::json;

// One probe serves all cases: the host does not change between them.
const json& probed() {
  static const json document = lab::assay_json({"probe"});
  return document;
}

// Rows as text, sorted: the kernel numbers devices in another order than the table of kinds does.
std::multiset<std::string> dumped(const std::vector<json>& rows) {
  std::multiset<std::string> texts;
  for (const json& row : rows) texts.insert(row.dump());
  return texts;
}

std::vector<json> physical_nics() {
  std::vector<json> nics;
  for (const json& nic : probed().at("net")) {
    if (nic.at("kind") == "physical") nics.push_back(nic);
  }
  return nics;
}

TEST(Inventory, CountsProcessors) {
  const json& counts = probed().at("topology").at("counts");
  EXPECT_EQ(counts.at("cpus"), lab::row().at("cpus"));
  EXPECT_EQ(counts.at("cores"), lab::row().at("cores"));
  EXPECT_EQ(counts.at("packages"), lab::row().at("packages"));
  EXPECT_EQ(counts.at("nodes"), lab::row().at("nodes").size());
}

TEST(Inventory, PlacesProcessorsOnNodesWithTheirDistances) {
  const json& nodes = probed().at("topology").at("nodes");
  const json& wanted = lab::row().at("nodes");
  ASSERT_EQ(nodes.size(), wanted.size());
  for (std::size_t n = 0; n < wanted.size(); ++n) {
    EXPECT_EQ(nodes[n].at("id"), n);
    EXPECT_EQ(nodes[n].at("cpus"), wanted[n].at("cpus"));
    EXPECT_EQ(nodes[n].at("distances"), wanted[n].at("distances"));
  }
  for (const json& cpu : probed().at("topology").at("cpus")) {
    const std::size_t per_node = lab::row().at("cpus").get<std::size_t>() / wanted.size();
    EXPECT_EQ(cpu.at("node"), cpu.at("id").get<std::size_t>() / per_node) << cpu.at("id");
  }
}

// The kernel keeps some memory of each node for itself: a tenth, and never a fixed amount.
TEST(Inventory, GivesEachNodeItsMemory) {
  const json& nodes = probed().at("topology").at("nodes");
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const double given = lab::row().at("nodes")[n].at("memory_mib").get<double>() * 1048576.0;
    const double seen = nodes[n].at("memory_bytes").get<double>();
    EXPECT_LE(seen, given) << n;
    EXPECT_GE(seen, given * 0.85) << n;
  }
}

TEST(Inventory, CountsHugePagesPerNode) {
  const json& nodes = probed().at("topology").at("nodes");
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    std::size_t named = 0;
    for (const json& pages : nodes[n].at("huge_pages")) {
      const auto size_kib = std::to_string(pages.at("size_bytes").get<unsigned long>() / 1024);
      const json& wanted = lab::row().at("nodes")[n].at("huge_pages");
      EXPECT_EQ(pages.at("total"), wanted.value(size_kib, 0)) << "node " << n << ", " << size_kib;
      named += wanted.contains(size_kib) ? 1 : 0;
    }
    EXPECT_EQ(named, lab::row().at("nodes")[n].at("huge_pages").size()) << n;
  }
}

TEST(Inventory, FindsDrivesOnTheirNodesWithQueuesAndBlockSizes) {
  std::vector<json> found, wanted;
  for (const json& drive : probed().at("block")) {
    if (drive.at("kind") != "nvme") continue;
    EXPECT_EQ(drive.at("physical_block_bytes"), drive.at("logical_block_bytes"));
    found.push_back({drive.at("node"), drive.at("queues"), drive.at("logical_block_bytes"),
                     drive.at("size_bytes")});
  }
  for (const json& drive : lab::row().at("drives")) {
    wanted.push_back(
        {drive.at("node"), drive.at("queues"), drive.at("block_bytes"), drive.at("size_bytes")});
  }
  EXPECT_EQ(dumped(found), dumped(wanted));
  EXPECT_EQ(probed().at("nvme").size(), wanted.size());
}

TEST(Inventory, FindsPortsOnTheirNodesWithDriverAndQueues) {
  std::vector<json> found, wanted;
  for (const json& nic : physical_nics()) {
    EXPECT_EQ(nic.at("rx_queues"), nic.at("tx_queues")) << nic.at("name");
    found.push_back({nic.at("node"), nic.at("driver"), nic.at("rx_queues")});
  }
  for (const json& nic : lab::row().at("nics")) {
    wanted.push_back({nic.at("node"), nic.at("driver"), nic.at("queues")});
  }
  EXPECT_EQ(dumped(found), dumped(wanted));
}

// A drive has one interrupt for each queue of its own, and one for the controller's.
TEST(Inventory, GivesEachDriveQueueAnInterrupt) {
  for (const json& drive : probed().at("block")) {
    if (drive.at("kind") != "nvme") continue;
    EXPECT_EQ(drive.at("irqs").size(), drive.at("queues").get<std::size_t>() + 1);
  }
}

// The kernel spreads the drives' queues and lets nobody move them; all else may be moved.
TEST(Inventory, KnowsTheInterruptsThatTheKernelPlaces) {
  std::size_t placed = 0, queues = 0;
  for (const json& irq : probed().at("interrupts").at("irqs")) {
    if (irq.at("device") == "") continue;
    const bool truth = lab::kernel_places(irq.at("number"));
    placed += truth ? 1 : 0;
    EXPECT_EQ(irq.at("managed") == true, truth) << irq.dump();
  }
  for (const json& drive : lab::row().at("drives")) queues += drive.at("queues").get<std::size_t>();
  EXPECT_EQ(placed, queues);
}

TEST(Inventory, ReadsTheBootLineInEffect) {
  const json& kernel = probed().at("kernel");
  std::string line;
  for (const json& word : lab::row().at("boot_line")) {
    line += (line.empty() ? "" : " ") + word.get<std::string>();
  }
  EXPECT_EQ(kernel.at("command_line"), line);
  EXPECT_EQ(kernel.at("release"), lab::row().at("kernel_release"));
  EXPECT_EQ(probed().at("topology").at("isolated"), lab::row().at("isolated"));
  EXPECT_EQ(probed().at("topology").at("nohz_full"), lab::row().at("nohz_full"));
}

TEST(Inventory, KnowsARealtimeKernel) {
  EXPECT_EQ(probed().at("kernel").at("realtime"), lab::row().at("realtime"));
  EXPECT_EQ(probed().at("kernel").at("preempt_model") == "PREEMPT_RT",
            lab::row().at("realtime").get<bool>());
}

TEST(Inventory, PutsDevicesInIommuGroupsExactlyWhereThereIsAnIommu) {
  std::size_t looked_at = 0;
  for (const json& device : probed().at("pci")) {
    const std::string driver = device.at("driver");
    if (driver != "nvme" && driver != "e1000e" && driver != "vmxnet3") continue;
    EXPECT_EQ(!device.at("iommu_group").get<std::string>().empty(),
              lab::row().at("iommu").get<bool>())
        << device.at("address");
    ++looked_at;
  }
  EXPECT_GT(looked_at, 0U);
}

TEST(Inventory, KnowsWhetherCoresHaveSiblings) {
  const json& topology = probed().at("topology");
  const bool smt = lab::row().at("smt");
  EXPECT_EQ(topology.at("smt_active"), smt);
  EXPECT_EQ(topology.at("smt_control") == "on", smt);
  for (const json& cpu : topology.at("cpus")) {
    const bool alone = cpu.at("siblings") == std::to_string(cpu.at("id").get<unsigned>());
    EXPECT_EQ(alone, !smt) << cpu.at("id");
  }
}

TEST(Inventory, KnowsTheHypervisor) {
  EXPECT_EQ(probed().at("environment").at("hypervisor"), lab::row().at("hypervisor"));
}

TEST(Inventory, ReadsEverythingAsRoot) { EXPECT_EQ(probed().at("unreadable"), json::array()); }

}  // namespace
