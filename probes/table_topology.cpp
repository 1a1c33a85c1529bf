#include <fmt/format.h>

#include <algorithm>

#include "probes/table_sections.hpp"

namespace assay::probes {
namespace {

std::string plural(unsigned count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string smt_words(const Topology& topology) {
  if (topology.smt_control == "notsupported") return "not supported";
  if (topology.smt_control == "notimplemented") return "not told";
  if (!topology.smt_control.empty()) return topology.smt_control;
  return topology.smt_active ? "on" : "off";
}

void cpu_section(const Topology& topology, TextPage& page) {
  page.section("CPU");
  page.fact("model", topology.model_name);
  page.fact("identity",
            join_words({topology.vendor,
                        join_words({topology.family, topology.model, topology.stepping}, "/"),
                        topology.microcode.empty() ? "" : "microcode " + topology.microcode},
                       ", "));
  const Counts& counts = topology.counts;
  page.fact("counts",
            join_words({plural(counts.cpus, "CPU", "CPUs") + " online",
                        plural(counts.cores, "core", "cores"),
                        plural(counts.packages, "package", "packages"),
                        counts.dies > counts.packages ? plural(counts.dies, "die", "dies") : "",
                        counts.clusters > 1 ? plural(counts.clusters, "cluster", "clusters") : "",
                        plural(counts.nodes, "NUMA node", "NUMA nodes")},
                       ", "));
  page.fact("online", topology.online.to_list());
  page.fact("offline", topology.offline.to_list());
  if (topology.allowed != topology.online) page.fact("allowed to us", topology.allowed.to_list());
  page.fact("isolated", topology.isolated.empty() ? "none" : topology.isolated.to_list());
  page.fact("nohz_full", topology.nohz_full.to_list());
  page.fact("SMT", smt_words(topology));
  if (topology.boost) page.fact("turbo", *topology.boost ? "on" : "off");
}

// One line per cache kind: "L2  1 MiB  64 B lines, 8 ways  2 of them, each for 1 CPU".
void cache_section(const Topology& topology, TextPage& page) {
  std::map<std::string, std::vector<std::string>> rows;
  std::map<std::string, unsigned> instances;
  for (const Cache& cache : topology.caches) {
    const char* letter = cache.type == CacheType::data          ? "d"
                         : cache.type == CacheType::instruction ? "i"
                                                                : "";
    const std::string name = fmt::format("L{}{}", cache.level, letter);
    const std::string size = cache.size.count > 0 ? format_bytes_short(cache.size) : "";
    const std::string key = fmt::format("{} {} {}", name, size, cache.shared_by.count());
    ++instances[key];
    rows[key] = {name,
                 size,
                 fmt::format("{} B", cache.line_bytes),
                 cache.ways > 0 ? fmt::format("{}", cache.ways) : "",
                 fmt::format("{}", cache.shared_by.count()),
                 fmt::format("{}", instances[key])};
  }
  std::vector<std::vector<std::string>> lines;
  for (auto& [key, row] : rows) lines.push_back(std::move(row));
  page.section("CACHES");
  page.table({"CACHE", "SIZE>", "LINE>", "WAYS>", "CPUS EACH>", "HOW MANY>"}, std::move(lines));
}

void power_section(const Topology& topology, TextPage& page) {
  page.section("CPU POWER");
  Groups kinds, governors, ranges, preferences, states, limits;
  for (const Cpu& cpu : topology.cpus) {
    if (!cpu.online) continue;
    const unsigned id = cpu.id.value;
    if (!cpu.kind.empty()) kinds[cpu.kind].add(id);
    if (cpu.frequency) {
      const Frequency& f = *cpu.frequency;
      governors[join_words({f.governor, f.driver.empty() ? "" : "(" + f.driver + ")"}, " ")].add(
          id);
      ranges[fmt::format("{:.2f} to {:.2f} GHz", static_cast<double>(f.min_khz) / 1e6,
                         static_cast<double>(f.max_khz) / 1e6)]
          .add(id);
      if (!f.energy_preference.empty()) preferences[f.energy_preference].add(id);
    }
    std::string line;
    for (const IdleState& state : cpu.idle_states) {
      line += fmt::format("{}{} {} µs{}", line.empty() ? "" : ", ", state.name,
                          state.exit_latency.count(), state.disabled ? " (off)" : "");
    }
    if (!line.empty()) states[line].add(id);
    const std::string& limit = cpu.resume_latency_limit;
    if (!limit.empty() && limit != "0") limits[limit + " µs"].add(id);
  }
  page.fact("kinds", describe(kinds));
  page.fact("governor", describe(governors));
  page.fact("frequency", describe(ranges));
  if (ranges.empty() && topology.clock_khz) {
    page.fact("clock", fmt::format("{:.2f} GHz", static_cast<double>(*topology.clock_khz) / 1e6));
  }
  page.fact("energy preference", describe(preferences));
  page.fact("idle states", describe(states));
  page.fact("latency limit", describe(limits));
}

// Every distance on a small host; how far it goes on one with dozens of nodes.
std::string distance_words(const Node& node) {
  constexpr std::size_t kNodes = 8;
  std::vector<unsigned> distances = node.distances;
  if (distances.size() > kNodes) {
    std::sort(distances.begin(), distances.end());
    distances.erase(std::unique(distances.begin(), distances.end()), distances.end());
  }
  return fmt::format("{}", fmt::join(distances, " "));
}

// "110 ns, 200000 MB/s": what firmware says of reads from the nearest CPUs.
std::string access_words(const Node& node) {
  if (node.access.empty()) return {};
  const NodeAccess& access = node.access.back();
  return join_words(
      {access.read_latency_ns ? fmt::format("{} ns", *access.read_latency_ns) : "",
       access.read_bandwidth_mbps ? fmt::format("{} MB/s", *access.read_bandwidth_mbps) : ""},
      ", ");
}

void node_section(const Topology& topology, TextPage& page) {
  std::vector<std::vector<std::string>> rows;
  for (const Node& node : topology.nodes) {
    rows.push_back({fmt::format("{}", node.id.value), node.cpus.to_list(),
                    node.kind == "ordinary" ? "" : node.kind,
                    node.tier ? fmt::format("{}", *node.tier) : "", format_bytes_short(node.memory),
                    format_bytes_short(node.memory_free), huge_page_words(node.huge_pages),
                    distance_words(node), access_words(node)});
  }
  page.section("NUMA");
  page.table(
      {"NODE>", "CPUS", "KIND", "TIER>", "MEMORY>", "FREE>", "HUGE PAGES", "DISTANCES", "MEASURED"},
      std::move(rows));
}

}  // namespace

void memory_section(const Memory& memory, TextPage& page) {
  page.section("MEMORY");
  page.fact("total", fmt::format("{}, {} available", format_bytes_short(memory.total),
                                 format_bytes_short(memory.available)));
  page.fact("huge pages", huge_page_words(memory.huge_pages));
  if (memory.ksm_run) page.fact("page merging", *memory.ksm_run == 0 ? "off" : "on");
  if (!memory.thp_enabled.empty()) {
    page.fact("transparent",
              fmt::format("huge pages {}, defrag {}", memory.thp_enabled, memory.thp_defrag));
  }
  page.fact("swap", memory.swap_total.count == 0
                        ? "none"
                        : fmt::format("{}, {} free", format_bytes_short(memory.swap_total),
                                      format_bytes_short(memory.swap_free)));
}

void topology_section(const Topology& topology, TextPage& page) {
  cpu_section(topology, page);
  cache_section(topology, page);
  power_section(topology, page);
  node_section(topology, page);
  page.section("WHAT DOES NOT FIT TOGETHER");
  for (const std::string& note : topology.notes) page.line(note);
}

}  // namespace assay::probes
