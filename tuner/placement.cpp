#include "tuner/placement.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "profiles/near.hpp"
#include "tuner/placement_groups.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

struct Planner {
  const Host& host;
  const probes::Inventory& inventory;
  const profiles::Roles& roles;
  const PlacementRequest& request;
  const std::vector<Partition>& partitions;
  const CpuSet& isolated;  // now, by the boot line or by a partition
  Placement placement = {};

  void cannot(std::string option, std::string wanted, std::string reason) {
    placement.missing.push_back({std::move(option), std::move(wanted), "", std::move(reason)});
  }
};

// A role or word such as "isolated": people mean whole cores by it. Lists and formulas are exact.
bool is_bare_word(std::string_view text) {
  return !text.empty() && text.front() >= 'a' && text.front() <= 'z' &&
         text.find_first_of(" (),+&") == std::string_view::npos;
}

// Without the CPUs whose sibling thread is not among them: they would share a core with whatever
// runs there.
CpuSet whole_cores(const probes::Topology& topology, const CpuSet& cpus) {
  CpuSet whole;
  for (const probes::Cpu& cpu : topology.cpus) {
    if (!cpus.contains(cpu.id.value)) continue;
    if ((cpu.siblings & topology.online).is_subset_of(cpus)) whole.add(cpu.id.value);
  }
  return whole;
}

CpuSet cpus_of_node(const probes::Topology& topology, NodeId node) {
  for (const probes::Node& one : topology.nodes) {
    if (one.id == node) return one.cpus;
  }
  return {};
}

// Keeps the CPUs on the device's node. Error: no such device.
Expected<CpuSet> narrow_to_device(Planner& planner, const CpuSet& cpus) {
  const std::string& name = planner.request.near;
  const std::string option = "--near " + name;
  const probes::Topology& topology = planner.inventory.topology;
  const auto found = profiles::find_devices(planner.inventory, name);
  if (found.empty()) {
    return fail(ErrorCode::absent, "run", "--near",
                fmt::format("there is no NIC or drive \"{}\" here", name),
                "`assay probe net block` lists them");
  }
  if (topology.nodes.size() < 2) return cpus;  // every CPU is as near as any other
  const std::optional<NodeId> node = found.front().node;
  if (!node) {
    planner.cannot(option, "CPUs near " + name, "the firmware does not tell the device's node");
    return cpus;
  }
  const CpuSet near = cpus_of_node(topology, *node);
  const CpuSet kept = cpus & near;
  if (kept.empty()) {
    planner.cannot(option, "CPUs near " + name,
                   fmt::format("node {} has the CPUs {}, and none of {} is among them", node->value,
                               show_cpus(near), show_cpus(cpus)));
    return cpus;
  }
  return kept;
}

// Which CPUs; empty: as they are.
Expected<CpuSet> choose_cpus(Planner& planner) {
  const PlacementRequest& request = planner.request;
  const probes::Topology& topology = planner.inventory.topology;
  CpuSet cpus;
  if (!request.cpus.empty()) {
    auto selected = profiles::select_cpus(request.cpus, planner.inventory, planner.roles);
    if (!selected) return selected;
    cpus = *selected;
    if (cpus.empty()) {
      planner.cannot("--cpus " + request.cpus, "CPUs " + request.cpus,
                     "the host has none of them online; `assay check` with a profile tells how to "
                     "get isolated ones");
      return cpus;
    }
  }
  if (is_bare_word(request.cpus)) {
    const CpuSet whole = whole_cores(topology, cpus);
    if (whole.empty()) {
      planner.placement.notes.push_back(
          fmt::format("each of the CPUs {} shares its core with one outside", show_cpus(cpus)));
    } else if (whole != cpus) {
      planner.placement.notes.push_back(
          fmt::format("without {}, whose cores are shared with CPUs outside of \"{}\"",
                      show_cpus(cpus - whole), request.cpus));
      cpus = whole;
    }
  }
  if (request.near.empty()) return cpus;
  return narrow_to_device(planner, cpus.empty() ? topology.online : cpus);
}

void plan_group(Planner& planner, const CpuSet& cpus) {
  const std::string& wanted = planner.request.group;
  if (wanted == "none") return;
  if (wanted != "auto") {
    auto group = find_group(planner.host, wanted);
    if (!group) {
      planner.cannot("--cgroup " + wanted, "group " + wanted, group.error().message());
      return;
    }
    planner.placement.steps.push_back({"--cgroup " + wanted, *group});
    return;
  }
  if (cpus.empty()) return;
  for (const Partition& partition : planner.partitions) {
    if (!partition.cpus.intersects(cpus)) continue;
    if (!cpus.is_subset_of(partition.cpus)) {
      planner.placement.notes.push_back(
          fmt::format("the cgroup partition {} holds {}; a process is in it or outside of it, and "
                      "cannot use both",
                      partition.group.name, show_cpus(partition.cpus & cpus)));
      return;
    }
    if (is_own_group(planner.host, partition.group.name)) return;
    planner.placement.steps.push_back({"--cgroup auto", partition.group});
    return;
  }
}

// The nodes that hold the CPUs and have memory.
Expected<void> plan_memory(Planner& planner, const CpuSet& cpus) {
  const std::string& text = planner.request.memory;
  if (text.empty()) return {};
  const std::string option = "--mem-node " + text;
  const probes::Topology& topology = planner.inventory.topology;
  if (text != "local") {
    auto policy = parse_memory_policy(text);
    if (!policy) return Failure(policy.error());
    planner.placement.steps.push_back({option, *policy});
    return {};
  }
  const CpuSet& used = cpus.empty() ? topology.allowed : cpus;
  CpuSet nodes;
  for (const probes::Node& node : topology.nodes) {
    if (node.cpus.intersects(used) && node.kind != "cpu-only") nodes.add(node.id.value);
  }
  if (nodes.empty()) {
    planner.cannot(option, "memory local", "the kernel tells no NUMA node with memory for them");
    return {};
  }
  if (nodes.count() > 1) {
    planner.placement.notes.push_back(
        fmt::format("the CPUs are on the nodes {}: \"local\" keeps memory on these, not on the "
                    "one of each thread",
                    nodes.to_list()));
  }
  planner.placement.steps.push_back({option, MemoryPolicy{MemoryPolicyKind::bind, nodes}});
  return {};
}

Expected<void> plan_limits(Planner& planner) {
  if (planner.request.lock_memory) {
    planner.placement.steps.push_back({"--mlock", RaiseLimit{}});
    planner.placement.notes.emplace_back(
        "locks end with execve(2), so nobody can lock a program's memory for it: the program "
        "itself calls mlockall(2), which --mlock allows it");
  }
  for (const std::string& text : planner.request.limits) {
    auto limit = parse_limit(text);
    if (!limit) return Failure(limit.error());
    planner.placement.steps.push_back({"--limit " + text, *limit});
  }
  return {};
}

Expected<void> plan_scheduling(Planner& planner) {
  const std::string& text = planner.request.scheduling;
  if (text.empty()) return {};
  auto scheduling = parse_scheduling(text);
  if (!scheduling) return Failure(scheduling.error());
  if (scheduling->priority == 99) {
    planner.placement.notes.emplace_back(
        "priority 99 competes with the kernel's own watchdog and migration threads");
  }
  if (scheduling->kind == SchedulingClass::deadline) {
    planner.placement.notes.emplace_back(
        "threads and processes that a deadline task starts run as SCHED_OTHER");
  }
  planner.placement.steps.push_back({"--sched " + text, *scheduling});
  return {};
}

// CPUs that isolcpus= or an isolated partition took out of load balancing.
void note_unbalanced(Planner& planner, const CpuSet& cpus) {
  if ((cpus & planner.isolated).count() < 2) return;
  planner.placement.notes.push_back(
      fmt::format("the scheduler does not balance isolated CPUs: threads stay on the one of {} "
                  "that they start on until the program pins them",
                  show_cpus(cpus & planner.isolated)));
}

}  // namespace

Expected<Placement> plan_placement(const Host& host, const probes::Inventory& inventory,
                                   profiles::Roles roles, const PlacementRequest& request) {
  const std::vector<Partition> partitions = find_partitions(host);
  CpuSet isolated =
      inventory.topology.isolated | inventory.environment.cpuset_isolated.value_or(CpuSet{});
  for (const Partition& partition : partitions) {
    if (partition.isolated) isolated = isolated | partition.cpus;
  }
  // A profile's roles come first; without one, what is isolated now.
  if (!roles.contains("isolated")) {
    roles["isolated"] = isolated & inventory.topology.online;
    roles.try_emplace("housekeeping", inventory.topology.online - isolated);
  }
  Planner planner{host, inventory, roles, request, partitions, isolated};
  auto cpus = choose_cpus(planner);
  if (!cpus) return Failure(cpus.error());
  plan_group(planner, *cpus);
  if (!cpus->empty()) {
    const std::string option =
        request.cpus.empty() ? "--near " + request.near : "--cpus " + request.cpus;
    planner.placement.steps.push_back({option, *cpus});
    note_unbalanced(planner, *cpus);
  }
  if (auto done = plan_memory(planner, *cpus); !done) return Failure(done.error());
  if (auto done = plan_limits(planner); !done) return Failure(done.error());
  // Last: from here on an ordinary task would wait for this one.
  if (auto done = plan_scheduling(planner); !done) return Failure(done.error());
  return std::move(planner.placement);
}

}  // namespace assay::tuner
