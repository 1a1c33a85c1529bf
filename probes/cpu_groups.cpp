#include <set>
#include <tuple>

#include "probes/subsystems.hpp"

namespace assay::probes {

void count_cpu_groups(Topology& topology) {
  std::set<std::tuple<unsigned, unsigned>> dies;
  std::set<std::tuple<unsigned, unsigned, unsigned>> clusters;
  for (const Cpu& cpu : topology.cpus) {
    if (!cpu.online) continue;
    // Ids repeat: a die's over packages, a cluster's over dies.
    const unsigned package = cpu.package.value_or(0);
    if (cpu.die) dies.insert({package, *cpu.die});
    if (cpu.cluster) clusters.insert({package, cpu.die.value_or(0), *cpu.cluster});
  }
  topology.counts.dies = static_cast<unsigned>(dies.size());
  topology.counts.clusters = static_cast<unsigned>(clusters.size());
}

}  // namespace assay::probes
