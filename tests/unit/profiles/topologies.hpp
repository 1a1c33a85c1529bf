// Made-up machines for the tests of selectors.
#pragma once

#include "probes/inventory.hpp"

namespace assay::profiles {

// A machine with `nodes` packages of `cores` cores of `threads` hardware threads, numbered as Linux
// does on x86: first the first threads of every core, then the second ones.
inline probes::Topology make_topology(unsigned nodes, unsigned cores, unsigned threads) {
  probes::Topology topology;
  const unsigned cores_total = nodes * cores;
  for (unsigned id = 0; id < cores_total * threads; ++id) {
    const unsigned core = id % cores_total;
    probes::Cpu cpu;
    cpu.id = CpuId{id};
    cpu.node = NodeId{core / cores};
    cpu.package = core / cores;
    cpu.core = core;
    for (unsigned thread = 0; thread < threads; ++thread) {
      cpu.siblings.add(core + thread * cores_total);
    }
    topology.cpus.push_back(cpu);
    topology.present.add(id);
  }
  topology.possible = topology.online = topology.allowed = topology.present;
  for (unsigned node = 0; node < nodes; ++node) {
    probes::Node entry;
    entry.id = NodeId{node};
    entry.cpus = CpuSet::range(node * cores, node * cores + cores - 1);
    topology.nodes.push_back(entry);
  }
  return topology;
}

inline void take_offline(probes::Topology& topology, const CpuSet& cpus) {
  topology.online = topology.online - cpus;
  topology.offline = topology.offline | cpus;
  for (probes::Cpu& cpu : topology.cpus) {
    cpu.online = topology.online.contains(cpu.id.value);
    cpu.siblings = cpu.siblings - cpus;
  }
}

// Four performance cores with two threads each (0-7) and four efficiency cores (8-11).
inline probes::Topology make_hybrid() {
  probes::Topology topology;
  for (unsigned id = 0; id < 12; ++id) {
    probes::Cpu cpu;
    cpu.id = CpuId{id};
    cpu.package = 0;
    cpu.kind = id < 8 ? "performance" : "efficiency";
    cpu.siblings = id < 8 ? CpuSet{id & ~1U, id | 1U} : CpuSet{id};
    topology.cpus.push_back(cpu);
    topology.present.add(id);
  }
  topology.possible = topology.online = topology.allowed = topology.present;
  probes::Node node;
  node.cpus = topology.online;
  topology.nodes.push_back(node);
  return topology;
}

}  // namespace assay::profiles
