#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

std::optional<CacheType> cache_type(std::string_view word) {
  if (word == "Data") return CacheType::data;
  if (word == "Instruction") return CacheType::instruction;
  if (word == "Unified") return CacheType::unified;
  return std::nullopt;
}

unsigned small_count(std::optional<std::uint64_t> value) {
  return value && *value < 1U << 20 ? static_cast<unsigned>(*value) : 0;
}

// Firmware tables tell the ways in four bits on some Arm servers (15 for 128), and a fully
// associative cache is 0 or -1. Size, sets and line together cannot be wrong in that way.
unsigned true_ways(Reader& reader, const std::string& directory, const Cache& cache) {
  const std::uint64_t sets = small_count(reader.count(directory + "/number_of_sets"));
  if (sets <= 1 || cache.line_bytes == 0 || cache.size.count == 0)
    return sets == 1 ? 0 : cache.ways;
  const std::uint64_t ways = cache.size.count / cache.line_bytes / sets;
  if (ways == cache.ways) return cache.ways;
  const std::uint64_t lines = small_count(reader.count(directory + "/physical_line_partition"));
  return static_cast<unsigned>(ways / std::max<std::uint64_t>(lines, 1));
}

// Everything of one cpuN/cache/indexM but its size in doubt: no level or type, no cache.
std::optional<Cache> read_cache(Reader& reader, const std::string& directory, unsigned cpu,
                                Topology& topology) {
  const auto level = reader.count(directory + "/level");
  const auto type = cache_type(reader.word(directory + "/type"));
  if (!level || *level == 0 || *level > 8 || !type) return std::nullopt;
  Cache cache;
  cache.level = static_cast<unsigned>(*level);
  cache.type = *type;
  if (const auto size = parse_bytes(reader.word(directory + "/size"))) cache.size = *size;
  cache.line_bytes = small_count(reader.count(directory + "/coherency_line_size"));
  cache.ways = small_count(reader.count(directory + "/ways_of_associativity"));
  cache.ways = true_ways(reader, directory, cache);
  const auto shared = reader.cpus(directory + "/shared_cpu_list", directory + "/shared_cpu_map");
  cache.shared_by = shared.value_or(CpuSet{}) & topology.online;
  // Some ia64 kernels name nobody: then it is the core's own.
  if (cache.shared_by.empty()) cache.shared_by = topology.find(CpuId{cpu})->siblings;
  if (!cache.shared_by.contains(cpu)) {
    topology.notes.push_back(fmt::format("the L{} cache of CPU {} claims to serve CPUs {} instead",
                                         cache.level, cpu, cache.shared_by.to_list()));
    cache.shared_by = CpuSet{cpu};
  }
  return cache;
}

}  // namespace

void read_caches(Reader& reader, Topology& topology) {
  // indexM of every CPU behind a cache is that cache: it is read once. This keeps a host with
  // hundreds of CPUs from costing thousands of reads.
  std::map<unsigned, CpuSet> done;
  for (const unsigned cpu : topology.online.to_vector()) {
    const std::string base = fmt::format("/sys/devices/system/cpu/cpu{}/cache", cpu);
    for (const std::string& name : reader.names(base)) {
      const auto index = number_after(name, "index");
      if (!index || done[*index].contains(cpu)) continue;
      const auto cache = read_cache(reader, base + "/" + name, cpu, topology);
      if (!cache) continue;
      done[*index] = done[*index] | cache->shared_by;
      topology.caches.push_back(*cache);
    }
  }
  std::stable_sort(topology.caches.begin(), topology.caches.end(),
                   [](const Cache& a, const Cache& b) {
                     if (a.level != b.level) return a.level < b.level;
                     if (a.type != b.type) return a.type < b.type;
                     return a.shared_by.first() < b.shared_by.first();
                   });
  // Where CPUs of two kinds number one cache differently it was read twice.
  const auto same = [](const Cache& a, const Cache& b) {
    return a.level == b.level && a.type == b.type && a.shared_by == b.shared_by;
  };
  topology.caches.erase(std::unique(topology.caches.begin(), topology.caches.end(), same),
                        topology.caches.end());
}

}  // namespace assay::probes
