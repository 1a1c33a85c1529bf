#include "summary.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

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

std::string told(const std::optional<CpuSet>& cpus) { return cpus ? cpus->to_list() : "-"; }

template <typename Number>
std::string told(const std::optional<Number>& number) {
  return number ? fmt::format("{}", *number) : "-";
}

// Those of devices: what fires, for which queue, where it may and where it does.
Json interrupts(const Interrupts& interrupts) {
  Json array = Json::array();
  for (const Irq& irq : interrupts.irqs) {
    if (irq.device.empty()) continue;
    array.push_back(fmt::format("{} queue {} {} asked {} effective {} managed {}", irq.target,
                                irq.queue.empty() ? "-" : irq.queue, fmt::join(irq.serves, "+"),
                                irq.asked.to_list(), told(irq.effective), told(irq.managed)));
  }
  return array;
}

using Answers = std::map<std::string, std::string, std::less<>>;

// What ethtool answered, of the ports that answered anything. Timestamps of a link come and go.
Json ethtool(const std::vector<Nic>& nics) {
  Json object = Json::object();
  for (const Nic& nic : nics) {
    if (nic.kind != "physical" || (nic.channels.empty() && nic.ring.empty())) continue;
    Json port = Json::object();
    const std::pair<const char*, const Answers*> parts[] = {
        {"ring", &nic.ring},         {"channels", &nic.channels},
        {"coalesce", &nic.coalesce}, {"features", &nic.features},
        {"pause", &nic.pause},       {"timestamping", &nic.timestamping}};
    for (const auto& [name, answers] : parts) {
      std::string line;
      for (const auto& [key, value] : *answers) {
        line += fmt::format("{}{}={}", line.empty() ? "" : " ", key, value);
      }
      port[name] = line;
    }
    object[nic.name] = port;
  }
  return object;
}

Json nvme(const std::vector<NvmeController>& controllers) {
  Json array = Json::array();
  for (const NvmeController& drive : controllers) {
    Json spaces = Json::array();
    for (const NvmeNamespace& space : drive.spaces) {
      spaces.push_back(fmt::format("{} {} blocks of {} format {}", space.name,
                                   format_bytes(space.size), space.block_bytes,
                                   told(space.format)));
    }
    array.push_back(
        {{"name", drive.name},
         {"model", drive.model},
         {"firmware", drive.firmware},
         {"version", drive.version},
         {"place", fmt::format("{} node {}", drive.pci_address,
                               drive.node ? fmt::format("{}", drive.node->value) : "-")},
         {"queues", drive.queue_count},
         {"power_states", drive.power_states.size()},
         {"health", drive.health
                        ? fmt::format("warning {} spare {} %", drive.health->critical_warning,
                                      drive.health->spare_percent)
                        : drive.health_error},
         {"namespaces", spaces}});
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
      {"interrupts", interrupts(inventory.interrupts)},
      {"ethtool", ethtool(inventory.nics)},
      {"nvme", nvme(inventory.nvme)},
      {"kernel", inventory.kernel.release + " " + inventory.kernel.preempt_model},
      {"board", inventory.environment.board_vendor + " / " + inventory.environment.product_name},
      {"hypervisor", inventory.environment.hypervisor},
      {"cgroup", inventory.environment.cgroup_version},
      {"notes", topology.notes}};
}

}  // namespace assay::probes
