// Which part of a machine contains which: packages, nodes, dies, caches, cores, CPUs. Internal to
// probes; pure, plain values.
//
// Parts are nested by their CPUs. Hosts differ in what contains what (a package with four nodes, a
// node of two packages), so the order comes from the sets themselves.
#pragma once

#include <cstdint>
#include <vector>

#include "probes/inventory.hpp"

namespace assay::probes {

// In the order of nesting where two parts have the same CPUs.
enum class BoxKind : std::uint8_t { machine, package, node, die, cluster, cache, core, cpu };

struct Box {
  BoxKind kind = BoxKind::machine;
  // What it is: index into Topology::nodes, caches or cpus; the kernel's number of a package, die
  // or cluster; the first CPU of a core.
  std::size_t index = 0;
  CpuSet cpus;
  std::vector<Box> children;
  double x = 0, y = 0, width = 0, height = 0;  // of the drawing, in pixels; filled in by the layout
};

// Every online CPU is in it exactly once, and so is every node with CPUs that does not cut through
// a part around it. Offline CPUs and nodes without CPUs are not in it.
Box machine_tree(const Topology& topology);

// Nodes that machine_tree() could not place: those without online CPUs, and those that cut through
// another part. As indices into Topology::nodes.
std::vector<std::size_t> nodes_outside(const Topology& topology, const Box& tree);

}  // namespace assay::probes
