#include <gtest/gtest.h>

#include "machine.hpp"

namespace assay::probes {
namespace {

const std::string kNode = "/sys/devices/system/node/node";

// Two sockets, a node of CXL memory without a CPU, and a node without anything.
void put_expander(MemoryHost& host) {
  put_two_sockets(host);
  host.put("/sys/devices/system/node/online", "0-3\n");
  host.put(kNode + "2/cpulist", "\n");
  host.put(kNode + "2/meminfo", "Node 2 MemTotal:  268435456 kB\nNode 2 MemFree:  1024 kB\n");
  host.put(kNode + "3/cpulist", "\n");
  host.put(kNode + "3/meminfo", "Node 3 MemTotal:  0 kB\n");
  host.put("/sys/devices/virtual/memory_tiering/memory_tier4/nodelist", "0-1\n");
  host.put("/sys/devices/virtual/memory_tiering/memory_tier22/nodelist", "2\n");
  host.put("/sys/devices/virtual/memory_tiering/power/async", "disabled\n");
  host.link(kNode + "2/access0/initiators/node1", "../../../node1");
  host.put(kNode + "2/access0/initiators/read_latency", "255\n");
  host.put(kNode + "2/access0/initiators/read_bandwidth", "32768\n");
  host.put(kNode + "2/access0/initiators/write_latency", "0\n");
  host.put(kNode + "2/memory_side_cache/index1/size", "1048576\n");
}

TEST(MemoryTiers, AMemoryOnlyNodeHasItsPlace) {
  MemoryHost host;
  put_expander(host);
  const Topology topology = probe(host).topology;
  ASSERT_EQ(topology.nodes.size(), 4U);
  EXPECT_EQ(topology.nodes[0].kind, "ordinary");
  EXPECT_EQ(topology.nodes[0].tier, 4U);
  const Node& expander = topology.nodes[2];
  EXPECT_EQ(expander.kind, "memory-only");
  EXPECT_EQ(expander.memory, 256_GiB);
  EXPECT_EQ(expander.tier, 22U);
  EXPECT_EQ(expander.side_cache, 1_MiB);
  ASSERT_EQ(expander.access.size(), 1U);
  EXPECT_EQ(expander.access[0].access_class, 0U);
  EXPECT_EQ(expander.access[0].initiators, (std::vector<NodeId>{NodeId{1}}));
  EXPECT_EQ(expander.access[0].read_latency_ns, 255U);
  EXPECT_EQ(expander.access[0].read_bandwidth_mbps, 32768U);
  EXPECT_EQ(expander.access[0].write_latency_ns, std::nullopt);
  EXPECT_EQ(topology.nodes[3].kind, "empty");
  EXPECT_EQ(topology.nodes[3].tier, std::nullopt);
  ASSERT_EQ(topology.memory_tiers.size(), 2U);
  EXPECT_EQ(topology.memory_tiers[0].number, 4U);
  EXPECT_EQ(topology.memory_tiers[1].nodes, (std::vector<NodeId>{NodeId{2}}));
  // No CPU is ever placed on a node without one.
  for (const Cpu& cpu : topology.cpus) EXPECT_LT(cpu.node.value, 2U);
}

TEST(MemoryTiers, ANodeWithoutMemoryIsNoError) {
  MemoryHost host;
  put_two_sockets(host);
  host.put(kNode + "1/meminfo", "Node 1 MemTotal:  0 kB\n");
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.nodes.at(1).kind, "cpu-only");
}

TEST(MemoryTiers, LiesAreLeftOut) {
  MemoryHost host;
  put_expander(host);
  host.put("/sys/devices/virtual/memory_tiering/memory_tier22/nodelist", "2,zz\n");
  host.put(kNode + "2/access0/initiators/read_latency", "-5\n");
  host.put(kNode + "2/memory_side_cache/index1/size", "99999999999999999999\n");
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.memory_tiers.size(), 1U);
  EXPECT_EQ(topology.nodes[2].access.at(0).read_latency_ns, std::nullopt);
  EXPECT_EQ(topology.nodes[2].side_cache, Bytes{});
}

TEST(CpuGroups, DiesAndClustersAreCounted) {
  MemoryHost host;
  put_two_sockets(host);
  for (unsigned cpu = 0; cpu < 8; ++cpu) {
    const std::string base = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    host.put(base + "die_id", std::to_string(cpu % 2) + "\n");
    host.put(base + "cluster_id", std::to_string(cpu % 4) + "\n");
  }
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.counts.packages, 2U);
  EXPECT_EQ(topology.counts.dies, 4U);  // ids repeat over packages
  EXPECT_EQ(topology.counts.clusters, 4U);
  host.put("/sys/devices/system/cpu/cpu0/topology/die_id", "-1\n");
  EXPECT_EQ(probe(host).topology.counts.dies, 4U);  // its sibling tells the same die
}

TEST(HugePages, ReservedAndOvercommit) {
  MemoryHost host;
  const std::string base = "/sys/kernel/mm/hugepages/hugepages-2048kB/";
  host.put(base + "nr_hugepages", "64\n");
  host.put(base + "free_hugepages", "60\n");
  host.put(base + "resv_hugepages", "3\n");
  host.put(base + "nr_overcommit_hugepages", "16\n");
  const HugePages pages = probe(host).memory.huge_pages.at(0);
  EXPECT_EQ(pages.total, 64U);
  EXPECT_EQ(pages.reserved, 3U);
  EXPECT_EQ(pages.overcommit, 16U);
}

}  // namespace
}  // namespace assay::probes
