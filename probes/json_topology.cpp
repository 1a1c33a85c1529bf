#include "probes/json_parts.hpp"

namespace assay::probes {
namespace {

const char* type_word(CacheType type) {
  switch (type) {
    case CacheType::data:
      return "data";
    case CacheType::instruction:
      return "instruction";
    case CacheType::unified:
      return "unified";
  }
  return "unified";
}

Json frequency_json(const std::optional<Frequency>& frequency) {
  if (!frequency) return nullptr;
  return object({{"driver", frequency->driver},
                 {"governor", frequency->governor},
                 {"min_khz", frequency->min_khz},
                 {"max_khz", frequency->max_khz},
                 {"hardware_min_khz", frequency->hardware_min_khz},
                 {"hardware_max_khz", frequency->hardware_max_khz},
                 {"current_khz", optional_json(frequency->current_khz)},
                 {"energy_preference", frequency->energy_preference}});
}

Json idle_states_json(const std::vector<IdleState>& states) {
  Json list = Json::array();
  for (const IdleState& state : states) {
    list.push_back(object({{"index", state.index},
                           {"name", state.name},
                           {"exit_latency_us", state.exit_latency.count()},
                           {"disabled", state.disabled}}));
  }
  return list;
}

Json cpu_json(const Cpu& cpu) {
  return object({{"id", cpu.id.value},
                 {"online", cpu.online},
                 {"allowed", cpu.allowed},
                 {"isolated", cpu.isolated},
                 {"nohz_full", cpu.nohz_full},
                 {"package", optional_json(cpu.package)},
                 {"die", optional_json(cpu.die)},
                 {"cluster", optional_json(cpu.cluster)},
                 {"core", optional_json(cpu.core)},
                 {"node", cpu.node.value},
                 {"siblings", cpu.siblings.to_list()},
                 {"kind", cpu.kind},
                 {"frequency", frequency_json(cpu.frequency)},
                 {"idle_states", idle_states_json(cpu.idle_states)},
                 {"energy_perf_bias", optional_json(cpu.energy_perf_bias)},
                 {"resume_latency_limit_us", cpu.resume_latency_limit}});
}

Json caches_json(const std::vector<Cache>& caches) {
  Json list = Json::array();
  for (const Cache& cache : caches) {
    list.push_back(object({{"level", cache.level},
                           {"type", type_word(cache.type)},
                           {"size_bytes", cache.size.count},
                           {"line_bytes", cache.line_bytes},
                           {"ways", cache.ways},
                           {"shared_by", cache.shared_by.to_list()}}));
  }
  return list;
}

Json node_ids_json(const std::vector<NodeId>& nodes) {
  Json list = Json::array();
  for (const NodeId node : nodes) list.push_back(node.value);
  return list;
}

Json access_json(const std::vector<NodeAccess>& classes) {
  Json list = Json::array();
  for (const NodeAccess& access : classes) {
    list.push_back(object({{"class", access.access_class},
                           {"initiators", node_ids_json(access.initiators)},
                           {"read_latency_ns", optional_json(access.read_latency_ns)},
                           {"write_latency_ns", optional_json(access.write_latency_ns)},
                           {"read_bandwidth_mbps", optional_json(access.read_bandwidth_mbps)},
                           {"write_bandwidth_mbps", optional_json(access.write_bandwidth_mbps)}}));
  }
  return list;
}

Json tiers_json(const std::vector<MemoryTier>& tiers) {
  Json list = Json::array();
  for (const MemoryTier& tier : tiers) {
    list.push_back(object({{"number", tier.number}, {"nodes", node_ids_json(tier.nodes)}}));
  }
  return list;
}

Json nodes_json(const std::vector<Node>& nodes) {
  Json list = Json::array();
  for (const Node& node : nodes) {
    list.push_back(object({{"id", node.id.value},
                           {"allowed", node.allowed},
                           {"cpus", node.cpus.to_list()},
                           {"memory_bytes", node.memory.count},
                           {"memory_free_bytes", node.memory_free.count},
                           {"distances", node.distances},
                           {"huge_pages", huge_pages_json(node.huge_pages)},
                           {"kind", node.kind},
                           {"tier", optional_json(node.tier)},
                           {"side_cache_bytes", node.side_cache.count},
                           {"access", access_json(node.access)}}));
  }
  return list;
}

Json uncore_json(const std::vector<Uncore>& domains) {
  Json list = Json::array();
  for (const Uncore& domain : domains) {
    list.push_back(object({{"name", domain.name},
                           {"min_khz", domain.min_khz},
                           {"max_khz", domain.max_khz},
                           {"hardware_min_khz", domain.hardware_min_khz},
                           {"hardware_max_khz", domain.hardware_max_khz}}));
  }
  return list;
}

}  // namespace

Json huge_pages_json(const std::vector<HugePages>& sizes) {
  Json list = Json::array();
  for (const HugePages& pages : sizes) {
    list.push_back(object({{"size_bytes", pages.size.count},
                           {"total", pages.total},
                           {"free", pages.free},
                           {"surplus", pages.surplus},
                           {"reserved", pages.reserved},
                           {"overcommit", pages.overcommit}}));
  }
  return list;
}

Json topology_json(const Topology& topology) {
  const Counts& counts = topology.counts;
  Json cpus = Json::array();
  for (const Cpu& cpu : topology.cpus) cpus.push_back(cpu_json(cpu));
  return object({{"counts",
                  {{"cpus", counts.cpus},
                   {"cores", counts.cores},
                   {"packages", counts.packages},
                   {"nodes", counts.nodes},
                   {"dies", counts.dies},
                   {"clusters", counts.clusters}}},
                 {"architecture", topology.architecture},
                 {"vendor", topology.vendor},
                 {"model_name", topology.model_name},
                 {"family", topology.family},
                 {"model", topology.model},
                 {"stepping", topology.stepping},
                 {"microcode", topology.microcode},
                 {"clock_khz", optional_json(topology.clock_khz)},
                 {"possible", topology.possible.to_list()},
                 {"present", topology.present.to_list()},
                 {"online", topology.online.to_list()},
                 {"offline", topology.offline.to_list()},
                 {"isolated", topology.isolated.to_list()},
                 {"nohz_full", topology.nohz_full.to_list()},
                 {"allowed", topology.allowed.to_list()},
                 {"smt_control", topology.smt_control},
                 {"smt_active", topology.smt_active},
                 {"boost", optional_json(topology.boost)},
                 {"frequency_mode", topology.frequency_mode},
                 {"idle_driver", topology.idle_driver},
                 {"idle_governor", topology.idle_governor},
                 {"governors", topology.governors},
                 {"energy_preferences", topology.energy_preferences},
                 {"uncore", uncore_json(topology.uncore)},
                 {"nodes", nodes_json(topology.nodes)},
                 {"memory_tiers", tiers_json(topology.memory_tiers)},
                 {"caches", caches_json(topology.caches)},
                 {"cpus", std::move(cpus)},
                 {"flags", topology.flags},
                 {"notes", topology.notes}});
}

}  // namespace assay::probes
