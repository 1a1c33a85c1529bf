#include <fmt/format.h>

#include <algorithm>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

const std::string kNodes = "/sys/devices/system/node";

// "Node 0 MemTotal:  2096684 kB" → bytes.
Bytes node_memory(std::string_view meminfo, std::string_view key) {
  for (const std::string& line : split(meminfo, "\n")) {
    const auto words = split(line, " \t");
    if (words.size() < 4 || words[2] != key) continue;
    const auto value = parse_uint(words[3]);
    constexpr std::uint64_t kLimit = 1ULL << 50;  // in KiB; more is a lie
    return value && *value < kLimit ? Bytes{*value << 10} : Bytes{};
  }
  return {};
}

// The nodes that the kernel lists and that have a directory.
std::vector<unsigned> node_numbers(Reader& reader) {
  const auto online = reader.cpus(kNodes + "/online");
  std::vector<unsigned> numbers;
  for (const std::string& name : reader.names(kNodes)) {
    const auto number = number_after(name, "node");
    if (number && (!online || online->contains(*number))) numbers.push_back(*number);
  }
  return numbers;
}

CpuSet node_cpus(Reader& reader, const std::string& directory) {
  return reader.cpus(directory + "/cpulist", directory + "/cpumap").value_or(CpuSet{});
}

Node read_node(Reader& reader, unsigned number, const CpuSet& online) {
  const std::string directory = fmt::format("{}/node{}", kNodes, number);
  Node node;
  node.id = NodeId{number};
  node.cpus = node_cpus(reader, directory) & online;
  const std::string meminfo = reader.table(directory + "/meminfo");
  node.memory = node_memory(meminfo, "MemTotal:");
  node.memory_free = node_memory(meminfo, "MemFree:");
  for (const std::string& word : split(reader.word(directory + "/distance"), " ")) {
    const auto value = parse_uint(word);
    if (value && *value <= 255) node.distances.push_back(static_cast<unsigned>(*value));
  }
  node.huge_pages = read_huge_pages(reader, directory + "/hugepages");
  return node;
}

// Broken firmware lets several nodes claim the same CPUs. The first keeps them; a node of which
// nothing certain is left is no node to place work on (lstopo drops it too).
void drop_overlapping(Topology& topology) {
  CpuSet taken;
  std::vector<Node> kept;
  std::vector<std::size_t> columns;  // of the kept ones
  const std::size_t before = topology.nodes.size();
  for (std::size_t i = 0; i < before; ++i) {
    Node& node = topology.nodes[i];
    if (node.cpus.intersects(taken)) {
      topology.notes.push_back(
          fmt::format("NUMA node {} claims CPUs {} that another node has already; it is left out",
                      node.id.value, (node.cpus & taken).to_list()));
      continue;
    }
    taken = taken | node.cpus;
    kept.push_back(std::move(node));
    columns.push_back(i);
  }
  for (Node& node : kept) {
    if (kept.size() == before || node.distances.size() != before) continue;
    std::vector<unsigned> rest;
    for (const std::size_t column : columns) rest.push_back(node.distances[column]);
    node.distances = std::move(rest);
  }
  topology.nodes = std::move(kept);
}

void check_distances(Topology& topology) {
  for (Node& node : topology.nodes) {
    if (node.distances.empty() || node.distances.size() == topology.nodes.size()) continue;
    topology.notes.push_back(fmt::format("NUMA node {} tells {} distances for {} nodes",
                                         node.id.value, node.distances.size(),
                                         topology.nodes.size()));
    node.distances.clear();
  }
}

// Hot-added memory, firmware that hides some, and kernels that bring memory up late make the nodes'
// own totals smaller than the host's: placement by node would then be based on the wrong numbers.
void check_memory(const Memory& memory, Topology& topology) {
  Bytes sum;
  for (const Node& node : topology.nodes) sum = sum + node.memory;
  const std::uint64_t tenth = memory.total.count / 10;
  if (sum.count == 0 || memory.total.count == 0) return;
  if (sum.count + tenth >= memory.total.count && sum.count <= memory.total.count + tenth) return;
  topology.notes.push_back(fmt::format("the NUMA nodes' memory adds up to {}, the host says {}",
                                       format_bytes_short(sum), format_bytes_short(memory.total)));
}

// A CPU whose node is offline or hidden still says which it is: cpu4/node0.
std::optional<NodeId> own_node(Reader& reader, CpuId cpu) {
  const std::string directory = fmt::format("/sys/devices/system/cpu/cpu{}", cpu.value);
  for (const std::string& name : reader.names(directory)) {
    if (const auto number = number_after(name, "node")) return NodeId{*number};
  }
  return std::nullopt;
}

void place_cpus(Reader& reader, Topology& topology) {
  for (Cpu& cpu : topology.cpus) {
    const auto home = std::find_if(topology.nodes.begin(), topology.nodes.end(),
                                   [&](const Node& n) { return n.cpus.contains(cpu.id.value); });
    if (home != topology.nodes.end()) {
      cpu.node = home->id;
    } else if (topology.nodes.size() == 1 && topology.nodes[0].cpus.empty()) {
      cpu.node = topology.nodes[0].id;
    } else {
      cpu.node = own_node(reader, cpu.id).value_or(NodeId{0});
    }
  }
}

void mark_allowed(Reader& reader, Topology& topology) {
  std::optional<CpuSet> allowed;
  for (const std::string& line : split(reader.table("/proc/self/status"), "\n")) {
    constexpr std::string_view kKey = "Mems_allowed_list:";
    if (!line.starts_with(kKey)) continue;
    if (auto set = CpuSet::parse_list(trimmed(std::string_view(line).substr(kKey.size())))) {
      allowed = std::move(*set);
    }
  }
  if (!allowed) allowed = read_cgroup(reader).nodes;
  if (!allowed) return;
  for (Node& node : topology.nodes) node.allowed = allowed->contains(node.id.value);
}

}  // namespace

void read_nodes(Reader& reader, Inventory& inventory) {
  Topology& topology = inventory.topology;
  for (const unsigned number : node_numbers(reader)) {
    topology.nodes.push_back(read_node(reader, number, topology.online));
  }
  drop_overlapping(topology);
  check_distances(topology);
  if (topology.nodes.empty() && !topology.online.empty()) {
    // A kernel without NUMA: everything is one node, and the memory is the host's.
    Node node;
    node.cpus = topology.online;
    node.memory = inventory.memory.total;
    node.memory_free = inventory.memory.free;
    node.distances = {10};
    node.huge_pages = inventory.memory.huge_pages;
    topology.nodes.push_back(std::move(node));
  } else {
    mark_allowed(reader, topology);
    check_memory(inventory.memory, topology);
  }
  place_cpus(reader, topology);
  topology.counts.nodes = static_cast<unsigned>(topology.nodes.size());
}

}  // namespace assay::probes
