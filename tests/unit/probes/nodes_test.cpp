#include <gtest/gtest.h>

#include "machine.hpp"

namespace assay::probes {
namespace {

const std::string kNodes = "/sys/devices/system/node";

TEST(Nodes, ReadsMemoryDistancesAndHugePages) {
  MemoryHost host;
  put_two_sockets(host);
  host.put(kNodes + "/node1/hugepages/hugepages-2048kB/nr_hugepages", "64\n");
  host.put(kNodes + "/node1/hugepages/hugepages-2048kB/free_hugepages", "60\n");
  host.put(kNodes + "/node1/hugepages/hugepages-1048576kB/nr_hugepages", "1\n");
  const Topology topology = probe(host).topology;
  ASSERT_EQ(topology.nodes.size(), 2U);
  const Node& node = topology.nodes[1];
  EXPECT_EQ(node.memory, 1_GiB);
  EXPECT_EQ(node.memory_free, 512_MiB);
  EXPECT_EQ(node.distances, (std::vector<unsigned>{21, 10}));
  EXPECT_EQ(node.cpus, (CpuSet{2, 3, 6, 7}));
  ASSERT_EQ(node.huge_pages.size(), 2U);
  EXPECT_EQ(node.huge_pages[0].size, 2_MiB);
  EXPECT_EQ(node.huge_pages[0].total, 64U);
  EXPECT_EQ(node.huge_pages[0].free, 60U);
  EXPECT_EQ(node.huge_pages[1].size, 1_GiB);
  EXPECT_TRUE(topology.notes.empty());
}

TEST(Nodes, WithoutNumaEverythingIsOneNode) {
  MemoryHost host;
  put_cpu(host, {0, 0, 0, "0", "0-1"});
  put_cpu(host, {1, 0, 1, "1", "0-1"});
  host.put("/proc/meminfo", "MemTotal: 1024 kB\nMemFree: 512 kB\n");
  const Topology topology = probe(host).topology;
  ASSERT_EQ(topology.nodes.size(), 1U);
  EXPECT_EQ(topology.nodes[0].id, NodeId{0});
  EXPECT_EQ(topology.nodes[0].cpus, CpuSet::range(0, 1));
  EXPECT_EQ(topology.nodes[0].memory, 1_MiB);
  EXPECT_EQ(topology.counts.nodes, 1U);
}

TEST(Nodes, SparseNumbersAndMasks) {
  MemoryHost host;
  put_two_sockets(host);
  host.erase(kNodes);
  host.put(kNodes + "/node3/cpumap", "33\n");
  host.put(kNodes + "/node45/cpumap", "00000000,000000cc\n");
  const Topology topology = probe(host).topology;
  ASSERT_EQ(topology.nodes.size(), 2U);
  EXPECT_EQ(topology.nodes[0].id, NodeId{3});
  EXPECT_EQ(topology.nodes[1].id, NodeId{45});
  EXPECT_EQ(topology.find(CpuId{7})->node, NodeId{45});
}

TEST(Nodes, ANodeOfMemoryOnlyCounts) {
  MemoryHost host;
  put_two_sockets(host);
  host.put(kNodes + "/online", "0-2\n");
  host.put(kNodes + "/node2/cpulist", "\n");
  host.put(kNodes + "/node2/meminfo", "Node 2 MemTotal:  4096 kB\n");
  for (const char* node : {"0", "1", "2"}) {
    host.put(kNodes + "/node" + node + "/distance", "10 21 17\n");
  }
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.counts.nodes, 3U);
  EXPECT_TRUE(topology.nodes.at(2).cpus.empty());
  EXPECT_EQ(topology.nodes.at(2).memory, 4_MiB);
}

TEST(Nodes, ClaimsOfTheSameCpusAreDroppedAndNoted) {
  MemoryHost host;
  put_two_sockets(host);
  host.put(kNodes + "/node0/cpulist", "0-7\n");
  host.put(kNodes + "/node1/cpulist", "0-7\n");
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.counts.nodes, 1U);
  EXPECT_EQ(topology.nodes[0].distances, std::vector<unsigned>{10});  // the other's column is gone
  ASSERT_FALSE(topology.notes.empty());
  EXPECT_NE(topology.notes[0].find("NUMA node 1"), std::string::npos);
}

TEST(Nodes, ACpuOfAnOfflineNodeSaysWhichItIs) {
  MemoryHost host;
  put_two_sockets(host);
  host.put(kNodes + "/online", "1\n");
  host.erase(kNodes + "/node0");
  host.link("/sys/devices/system/cpu/cpu4/node7", "../../node/node7");
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.counts.nodes, 1U);
  EXPECT_EQ(topology.find(CpuId{4})->node, NodeId{7});
  EXPECT_EQ(topology.find(CpuId{2})->node, NodeId{1});
}

TEST(Nodes, MemoryThatDoesNotAddUpIsNoted) {
  MemoryHost host;
  put_two_sockets(host);
  host.put("/proc/meminfo", "MemTotal: 8388608 kB\n");
  const Topology topology = probe(host).topology;
  ASSERT_EQ(topology.notes.size(), 1U);
  EXPECT_NE(topology.notes[0].find("2.00 GiB"), std::string::npos);
  EXPECT_NE(topology.notes[0].find("8.00 GiB"), std::string::npos);
}

TEST(Nodes, LyingFilesDoNoHarm) {
  MemoryHost host;
  put_two_sockets(host);
  host.put(kNodes + "/node0/distance", "10 -3 999 x\n");
  host.put(kNodes + "/node0/meminfo", "Node 0 MemTotal: 99999999999999999 kB\nNode\n\xff\n");
  host.put(kNodes + "/node0/hugepages/hugepages-xkB/nr_hugepages", "1\n");
  host.put(kNodes + "/node0/hugepages/hugepages-0kB/nr_hugepages", "1\n");
  host.put(kNodes + "/node0/hugepages/hugepages-2048kB/nr_hugepages", "-1\n");
  host.put(kNodes + "/nodex/cpulist", "0\n");
  const Node node = probe(host).topology.nodes.at(0);
  EXPECT_TRUE(node.distances.empty());
  EXPECT_EQ(node.memory, Bytes{});
  ASSERT_EQ(node.huge_pages.size(), 1U);
  EXPECT_EQ(node.huge_pages[0].total, 0U);
}

}  // namespace
}  // namespace assay::probes
