#include "summary.hpp"

#include <fmt/format.h>

#include <map>
#include <set>

namespace assay::probes {
namespace {

using Json = nlohmann::ordered_json;

Json cores(const Topology& topology) {
  std::map<unsigned, std::string> lists;
  for (const Cpu& cpu : topology.cpus) {
    if (cpu.online) lists[*cpu.siblings.first()] = cpu.siblings.to_list();
  }
  Json array = Json::array();
  for (const auto& [first, list] : lists) array.push_back(list);
  return array;
}

template <typename Key>
Json grouped(const Topology& topology, Key key) {
  std::map<std::string, CpuSet> groups;
  for (const Cpu& cpu : topology.cpus) {
    if (cpu.online) groups[key(cpu)].add(cpu.id.value);
  }
  Json object = Json::object();
  for (const auto& [name, cpus] : groups) object[name] = cpus.to_list();
  return object;
}

Json caches(const Topology& topology) {
  Json object = Json::object();
  for (const Cache& cache : topology.caches) {
    const char* letter = cache.type == CacheType::data          ? "d"
                         : cache.type == CacheType::instruction ? "i"
                                                                : "";
    object[fmt::format("L{}{} {}", cache.level, letter, format_bytes(cache.size))].push_back(
        cache.shared_by.to_list());
  }
  return object;
}

Json nodes(const Topology& topology) {
  Json array = Json::array();
  for (const Node& node : topology.nodes) {
    std::string distances;
    for (const unsigned distance : node.distances) {
      distances += fmt::format("{}{}", distances.empty() ? "" : " ", distance);
    }
    array.push_back({{"id", node.id.value},
                     {"cpus", node.cpus.to_list()},
                     {"memory_bytes", node.memory.count},
                     {"distances", distances},
                     {"allowed", node.allowed}});
  }
  return array;
}

Json devices(const Inventory& inventory) {
  Json net = Json::array();
  for (const Nic& nic : inventory.nics) {
    net.push_back(fmt::format("{} {} {} {}", nic.name, nic.kind, nic.target, nic.driver));
  }
  Json block = Json::array();
  for (const BlockDevice& device : inventory.block) {
    const bool told = device.kind == "dm" || device.kind == "md" || device.kind == "optical";
    if (!device.physical && !told) continue;
    block.push_back(fmt::format("{} {} {} {} {}", device.name, device.kind, device.target,
                                format_bytes(device.size), device.scheduler));
  }
  return {{"pci", inventory.pci.size()}, {"net", net}, {"block", block}};
}

}  // namespace

Json summary(const Inventory& inventory) {
  const Topology& topology = inventory.topology;
  const auto number = [](const std::optional<unsigned>& value) {
    return value ? fmt::format("{}", *value) : std::string("-");
  };
  return {
      {"counts",
       {{"cpus", topology.counts.cpus},
        {"cores", topology.counts.cores},
        {"packages", topology.counts.packages},
        {"nodes", topology.counts.nodes}}},
      {"architecture", topology.architecture},
      {"model", topology.vendor + " / " + topology.model_name},
      {"present", topology.present.to_list()},
      {"online", topology.online.to_list()},
      {"allowed", topology.allowed.to_list()},
      {"packages", grouped(topology, [&](const Cpu& cpu) { return number(cpu.package); })},
      {"kinds", grouped(topology, [](const Cpu& cpu) { return cpu.kind; })},
      {"cores", cores(topology)},
      {"caches", caches(topology)},
      {"nodes", nodes(topology)},
      {"memory_bytes", inventory.memory.total.count},
      {"devices", devices(inventory)},
      {"kernel", inventory.kernel.release + " " + inventory.kernel.preempt_model},
      {"board", inventory.environment.board_vendor + " / " + inventory.environment.product_name},
      {"hypervisor", inventory.environment.hypervisor},
      {"cgroup", inventory.environment.cgroup_version},
      {"notes", topology.notes}};
}

}  // namespace assay::probes
