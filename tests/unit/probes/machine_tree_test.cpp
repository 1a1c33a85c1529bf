#include "probes/machine_tree.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "machine.hpp"

namespace assay::probes {
namespace {

// "package(node(core(0 4) core(1 5)))": the nesting, without caches' sizes.
std::string words(const Box& part, const Topology& topology) {
  if (part.kind == BoxKind::cpu) return fmt::format("{}", topology.cpus[part.index].id.value);
  constexpr std::array<const char*, 7> kNames{"machine", "package", "node", "die",
                                              "cluster", "cache",   "core"};
  std::string text = fmt::format("{}(", kNames.at(static_cast<std::size_t>(part.kind)));
  for (const Box& child : part.children) {
    if (!text.ends_with('(')) text += ' ';
    text += words(child, topology);
  }
  return text + ")";
}

CpuSet cpus_in(const Box& part, const Topology& topology, unsigned& count) {
  CpuSet cpus;
  if (part.kind == BoxKind::cpu) {
    ++count;
    cpus.add(topology.cpus[part.index].id.value);
  }
  for (const Box& child : part.children) cpus = cpus | cpus_in(child, topology, count);
  return cpus;
}

Topology two_sockets() {
  MemoryHost host;
  put_two_sockets(host);
  return probe(host).topology;
}

TEST(MachineTree, NestsPackagesNodesCoresAndThreads) {
  const Topology topology = two_sockets();
  EXPECT_EQ(words(machine_tree(topology), topology),
            "machine(package(node(core(0 4) core(1 5))) package(node(core(2 6) core(3 7))))");
  EXPECT_TRUE(nodes_outside(topology, machine_tree(topology)).empty());
}

TEST(MachineTree, ANodeOfTwoPackagesIsOutside) {
  Topology topology = two_sockets();
  topology.nodes.resize(1);
  topology.nodes[0].cpus = topology.online;
  EXPECT_EQ(words(machine_tree(topology), topology),
            "machine(node(package(core(0 4) core(1 5)) package(core(2 6) core(3 7))))");
}

TEST(MachineTree, CachesLieAroundTheirCores) {
  Topology topology = two_sockets();
  topology.caches = {{1, CacheType::data, Bytes{1}, 64, 8, CpuSet{0, 4}},
                     {1, CacheType::instruction, Bytes{1}, 64, 8, CpuSet{0, 4}},
                     {3, CacheType::unified, Bytes{1}, 64, 8, CpuSet{0, 1, 4, 5}}};
  EXPECT_EQ(words(machine_tree(topology), topology),
            "machine(package(node(cache(cache(cache(core(0 4))) core(1 5)))) "
            "package(node(core(2 6) core(3 7))))");
}

TEST(MachineTree, WhatCutsThroughAnotherIsLeftOutAndNoCpuIsLost) {
  Topology topology = two_sockets();
  topology.nodes[0].cpus = CpuSet{0, 1, 2};  // half of a core, and of the other package
  topology.caches = {{2, CacheType::unified, Bytes{1}, 64, 8, CpuSet{1, 2}}};
  const Box tree = machine_tree(topology);
  unsigned count = 0;
  EXPECT_EQ(cpus_in(tree, topology, count), topology.online);
  EXPECT_EQ(count, 8U);
  EXPECT_EQ(nodes_outside(topology, tree), std::vector<std::size_t>{0});
}

TEST(MachineTree, NodesWithoutCpusAreOutside) {
  Topology topology = two_sockets();
  Node memory_only;
  memory_only.id = NodeId{2};
  topology.nodes.push_back(memory_only);
  EXPECT_EQ(nodes_outside(topology, machine_tree(topology)), std::vector<std::size_t>{2});
}

TEST(MachineTree, DiesAndClustersShowWhereTheyTellMoreThanTheirSurroundings) {
  Topology topology = two_sockets();
  for (Cpu& cpu : topology.cpus) {
    cpu.die = 0;
    cpu.cluster = *cpu.core;
  }
  // One die a package and one core a cluster are no news.
  EXPECT_EQ(words(machine_tree(topology), topology).find("die"), std::string::npos);
  EXPECT_EQ(words(machine_tree(topology), topology).find("cluster"), std::string::npos);
  for (Cpu& cpu : topology.cpus) cpu.die = *cpu.core;
  EXPECT_NE(words(machine_tree(topology), topology).find("node(die(core(0 4)) die(core(1 5)))"),
            std::string::npos);
}

TEST(MachineTree, NothingIsAnEmptyMachine) {
  EXPECT_TRUE(machine_tree(Topology{}).children.empty());
}

}  // namespace
}  // namespace assay::probes
