#include "profiles/near.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>

#include "core/suggest.hpp"

namespace assay::profiles {
namespace {

constexpr std::string_view kNic = "nic:";
constexpr std::string_view kDrive = "drive:";

// A '*' stands for any number of characters.
bool matches(std::string_view pattern, std::string_view text) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (std::size_t from = star; from <= text.size(); ++from) {
    if (matches(rest, text.substr(from))) return true;
  }
  return false;
}

// The kind that is asked for, and the name without it.
struct Asked {
  bool nics = true, drives = true;
  std::string_view name;
};

Asked parse(std::string_view which) {
  if (which.starts_with(kNic)) return {true, false, which.substr(kNic.size())};
  if (which.starts_with(kDrive)) return {false, true, which.substr(kDrive.size())};
  return {true, true, which};
}

void add_drives(const probes::Inventory& inventory, std::string_view name,
                std::vector<NamedDevice>& found) {
  const bool wild = name.find('*') != std::string_view::npos;
  for (const probes::BlockDevice& drive : inventory.block) {
    // A pattern means drives to work with, not what is stacked on them.
    if (wild && !drive.physical) continue;
    const bool part = std::ranges::any_of(
        drive.parts, [&](const probes::Partition& one) { return one.name == name; });
    if (matches(name, drive.name) || matches(name, drive.target) || part ||
        name == drive.pci_address) {
      found.push_back({drive.name, drive.node});
    }
  }
  for (const probes::NvmeController& nvme : inventory.nvme) {
    if (name == nvme.name) found.push_back({nvme.name, nvme.node});
  }
}

// What a person could have meant, and what there is.
std::string not_there(const probes::Inventory& inventory, const Asked& asked) {
  constexpr std::size_t kShown = 8;
  std::vector<std::string_view> names;
  if (asked.nics) {
    for (const probes::Nic& nic : inventory.nics) {
      if (!nic.pci_address.empty() || nic.kind == "physical") names.push_back(nic.name);
    }
  }
  if (asked.drives) {
    for (const probes::BlockDevice& drive : inventory.block) {
      if (drive.physical) names.push_back(drive.name);
    }
  }
  const std::string_view what = asked.nics ? asked.drives ? "NIC or drive" : "NIC" : "drive";
  std::string text = fmt::format("this host has no {} \"{}\"{}", what, asked.name,
                                 did_you_mean(asked.name, names));
  const std::size_t shown = std::min(names.size(), kShown);
  text += names.empty()
              ? "; it has none"
              : fmt::format("; it has {}{}",
                            fmt::join(names.begin(),
                                      names.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
                            names.size() > shown ? ", ..." : "");
  return text;
}

// A node's CPUs; a node of memory alone is served by those that reach it soonest.
CpuSet cpus_of(const probes::Topology& topology, NodeId id) {
  const auto own = std::ranges::find(topology.nodes, id, &probes::Node::id);
  if (own == topology.nodes.end()) return {};
  if (const CpuSet cpus = own->cpus & topology.online; !cpus.empty()) return cpus;
  CpuSet nearest;
  unsigned least = std::numeric_limits<unsigned>::max();
  for (std::size_t i = 0; i < topology.nodes.size() && i < own->distances.size(); ++i) {
    const CpuSet cpus = topology.nodes[i].cpus & topology.online;
    if (cpus.empty() || own->distances[i] > least) continue;
    nearest = own->distances[i] == least ? nearest | cpus : cpus;
    least = own->distances[i];
  }
  return nearest;
}

}  // namespace

std::vector<NamedDevice> find_devices(const probes::Inventory& inventory, std::string_view which) {
  const Asked asked = parse(which);
  std::string_view name = asked.name;
  if (name.starts_with("/dev/")) name.remove_prefix(5);
  std::vector<NamedDevice> found;
  if (asked.nics) {
    const bool wild = name.find('*') != std::string_view::npos;
    for (const probes::Nic& nic : inventory.nics) {
      if (wild && nic.pci_address.empty()) continue;  // not the loopback, nor a bridge
      if (matches(name, nic.name) || matches(name, nic.target) || name == nic.pci_address) {
        found.push_back({nic.name, nic.node});
      }
    }
  }
  if (asked.drives) add_drives(inventory, name, found);
  return found;
}

Expected<CpuSet> cpus_near(const probes::Inventory& inventory, std::string_view which) {
  const probes::Topology& topology = inventory.topology;
  const std::vector<NamedDevice> devices = find_devices(inventory, which);
  if (devices.empty()) {
    return fail(ErrorCode::invalid, "select CPUs", which, not_there(inventory, parse(which)));
  }
  if (topology.nodes.size() < 2) return topology.online;
  CpuSet cpus;
  for (const NamedDevice& device : devices) {
    const CpuSet near = device.node ? cpus_of(topology, *device.node) : CpuSet();
    if (near.empty()) {
      return fail(ErrorCode::invalid, "select CPUs", which,
                  fmt::format("the firmware does not tell the node of {}; name it with node(N)",
                              device.name));
    }
    cpus = cpus | near;
  }
  return cpus;
}

}  // namespace assay::profiles
