#include <fmt/format.h>

#include <algorithm>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

// One of a node's access classes; the numbers come from firmware and may be missing one by one.
std::optional<NodeAccess> read_access(Reader& reader, const std::string& node, unsigned number) {
  const std::string base = fmt::format("{}/access{}/initiators", node, number);
  const auto names = reader.names(base);
  if (names.empty()) return std::nullopt;
  NodeAccess access;
  access.access_class = number;
  for (const std::string& name : names) {
    if (const auto id = number_after(name, "node")) access.initiators.push_back(NodeId{*id});
  }
  // The kernel writes 0 for "not told".
  const auto told = [&](const char* name) {
    const auto value = reader.count(base + name);
    return value && *value > 0 ? value : std::nullopt;
  };
  access.read_latency_ns = told("/read_latency");
  access.write_latency_ns = told("/write_latency");
  access.read_bandwidth_mbps = told("/read_bandwidth");
  access.write_bandwidth_mbps = told("/write_bandwidth");
  return access;
}

Bytes read_side_cache(Reader& reader, const std::string& node) {
  constexpr std::uint64_t kLimit = 1ULL << 50;  // more is a lie
  Bytes sum;
  for (const std::string& name : reader.names(node + "/memory_side_cache")) {
    if (!number_after(name, "index")) continue;
    const auto size = reader.count(node + "/memory_side_cache/" + name + "/size");
    if (size && *size < kLimit) sum.count += *size;
  }
  return sum;
}

std::string kind_of(const Node& node) {
  const bool has_memory = node.memory.count > 0;
  if (node.cpus.empty()) return has_memory ? "memory-only" : "empty";
  return has_memory ? "ordinary" : "cpu-only";
}

void read_tiers(Reader& reader, Topology& topology) {
  const std::string base = "/sys/devices/virtual/memory_tiering";
  constexpr std::size_t kTiersMax = 64;  // kernels make a handful
  for (const std::string& name : reader.names(base)) {
    if (topology.memory_tiers.size() == kTiersMax) break;
    const auto number = number_after(name, "memory_tier");
    const auto nodes = reader.cpus(base + "/" + name + "/nodelist");
    if (!number || !nodes || nodes->empty()) continue;
    MemoryTier tier;
    tier.number = *number;
    for (Node& node : topology.nodes) {
      if (!nodes->contains(node.id.value)) continue;
      tier.nodes.push_back(node.id);
      node.tier = *number;
    }
    topology.memory_tiers.push_back(std::move(tier));
  }
  // A smaller abstract distance is faster, and the number counts that distance.
  std::sort(topology.memory_tiers.begin(), topology.memory_tiers.end(),
            [](const MemoryTier& a, const MemoryTier& b) { return a.number < b.number; });
}

}  // namespace

void read_memory_tiers(Reader& reader, Topology& topology) {
  for (Node& node : topology.nodes) {
    node.kind = kind_of(node);
    const std::string path = fmt::format("/sys/devices/system/node/node{}", node.id.value);
    for (const unsigned number : {0U, 1U}) {
      if (auto access = read_access(reader, path, number)) {
        node.access.push_back(std::move(*access));
      }
    }
    node.side_cache = read_side_cache(reader, path);
  }
  read_tiers(reader, topology);
}

}  // namespace assay::probes
