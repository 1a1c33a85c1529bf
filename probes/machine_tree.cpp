#include "probes/machine_tree.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace assay::probes {
namespace {

struct Candidate {
  Box part;
  unsigned rank = 0;  // among parts with the same CPUs: smaller is outside
};

// Cache levels lie between clusters and cores, the highest outside; data outside instructions.
unsigned rank_of(const Cache& cache) {
  const unsigned level = std::min(cache.level, 9U);
  const unsigned kind = cache.type == CacheType::instruction ? 1 : 0;
  // Clusters of Arm servers lie inside the last level and around the second.
  const unsigned base = level >= 3 ? 30 : 50;
  return base + (9 - level) * 2 + kind;
}

void add(BoxKind kind, std::size_t index, CpuSet cpus, unsigned rank,
         std::vector<Candidate>& candidates) {
  if (!cpus.empty()) candidates.push_back({{kind, index, std::move(cpus), {}}, rank});
}

// Packages, dies and clusters, told apart by the numbers of what is around them as well.
void add_groups(const Topology& topology, std::vector<Candidate>& candidates) {
  using Key = std::tuple<unsigned, unsigned, unsigned>;
  std::map<Key, CpuSet> packages, dies, clusters;
  for (const Cpu& cpu : topology.cpus) {
    if (!cpu.online) continue;
    const unsigned package = cpu.package.value_or(0);
    packages[{package, 0, 0}].add(cpu.id.value);
    if (cpu.die) dies[{package, *cpu.die, 0}].add(cpu.id.value);
    if (cpu.cluster) clusters[{package, cpu.die.value_or(0), *cpu.cluster}].add(cpu.id.value);
  }
  for (const auto& [key, cpus] : packages) {
    add(BoxKind::package, std::get<0>(key), cpus, 10, candidates);
  }
  // One die a package, and one core a cluster, are no news.
  if (dies.size() > packages.size()) {
    for (const auto& [key, cpus] : dies) {
      add(BoxKind::die, std::get<1>(key), cpus, 25, candidates);
    }
  }
  if (clusters.size() > packages.size() && clusters.size() < topology.counts.cores) {
    for (const auto& [key, cpus] : clusters) {
      add(BoxKind::cluster, std::get<2>(key), cpus, 45, candidates);
    }
  }
}

std::vector<Candidate> all_candidates(const Topology& topology) {
  std::vector<Candidate> candidates;
  add_groups(topology, candidates);
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    add(BoxKind::node, i, topology.nodes[i].cpus, 20, candidates);
  }
  for (std::size_t i = 0; i < topology.caches.size(); ++i) {
    const Cache& cache = topology.caches[i];
    add(BoxKind::cache, i, cache.shared_by, rank_of(cache), candidates);
  }
  for (std::size_t i = 0; i < topology.cpus.size(); ++i) {
    const Cpu& cpu = topology.cpus[i];
    if (!cpu.online) continue;
    if (cpu.siblings.first() == cpu.id.value) {
      add(BoxKind::core, cpu.id.value, cpu.siblings, 80, candidates);
    }
    add(BoxKind::cpu, i, CpuSet::of(cpu.id), 90, candidates);
  }
  // Outer parts first. Numbers decide the order of neighbours.
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) {
                     const unsigned size_a = a.part.cpus.count();
                     const unsigned size_b = b.part.cpus.count();
                     if (size_a != size_b) return size_a > size_b;
                     if (a.rank != b.rank) return a.rank < b.rank;
                     return a.part.cpus.first() < b.part.cpus.first();
                   });
  return candidates;
}

// Puts it into the deepest part that contains it; a part that cuts through another is left out.
bool insert(Box& into, Box part) {
  for (Box& child : into.children) {
    if (!child.cpus.intersects(part.cpus)) continue;
    return part.cpus.is_subset_of(child.cpus) && insert(child, std::move(part));
  }
  into.children.push_back(std::move(part));
  return true;
}

void sort_children(Box& part) {
  std::stable_sort(part.children.begin(), part.children.end(),
                   [](const Box& a, const Box& b) { return a.cpus.first() < b.cpus.first(); });
  for (Box& child : part.children) sort_children(child);
}

void collect_nodes(const Box& part, std::vector<bool>& placed) {
  if (part.kind == BoxKind::node) placed[part.index] = true;
  for (const Box& child : part.children) collect_nodes(child, placed);
}

}  // namespace

Box machine_tree(const Topology& topology) {
  Box machine;
  machine.cpus = topology.online;
  for (Candidate& candidate : all_candidates(topology)) insert(machine, std::move(candidate.part));
  sort_children(machine);
  return machine;
}

std::vector<std::size_t> nodes_outside(const Topology& topology, const Box& tree) {
  std::vector<bool> placed(topology.nodes.size());
  collect_nodes(tree, placed);
  std::vector<std::size_t> outside;
  for (std::size_t i = 0; i < placed.size(); ++i) {
    if (!placed[i]) outside.push_back(i);
  }
  return outside;
}

}  // namespace assay::probes
