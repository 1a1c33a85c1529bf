#include "certify/sites.hpp"

#include <fmt/format.h>

namespace assay::certify {
namespace {

Site host_site(const ExpandContext& context, const profiles::Budget& budget, const CpuSet& named) {
  Site site;
  site.cpus = named;
  site.directory = context.directory;
  if (!budget.cpus.empty() && named.empty()) {
    site.skipped = fmt::format("the CPUs '{}' are none on this host", budget.cpus);
    site.remedy = "change the role in the profile";
  }
  return site;
}

std::vector<Site> cpu_sites(const ExpandContext& context, const CpuSet& cpus,
                            const engine::Technique& technique,
                            const engine::Parameters& parameters) {
  const unsigned threads = engine::needs_of(technique, parameters).threads;
  std::vector<Site> sites;
  for (const unsigned cpu : cpus.to_vector()) {
    Site site;
    site.target = fmt::format("cpu{}", cpu);
    site.cpus = CpuSet{cpu};
    site.directory = context.directory;
    if (threads > 1) {
      site.skipped = fmt::format("it runs on {} CPUs at once, not on one", threads);
      site.remedy = "budget it for the target host, with cpus: naming the CPUs";
    }
    sites.push_back(std::move(site));
  }
  return sites;
}

std::vector<Site> node_sites(const ExpandContext& context, const CpuSet& cpus) {
  std::vector<Site> sites;
  for (const probes::Node& node : context.inventory->topology.nodes) {
    Site site;
    site.target = fmt::format("node{}", node.id.value);
    site.directory = context.directory;
    site.cpus = node.cpus & cpus;
    if (site.cpus.empty()) {
      site.skipped =
          fmt::format("none of the tested CPUs ({}) is on {}", cpus.to_list(), site.target);
      site.remedy = node.cpus.empty() ? "the node has memory and no CPU"
                                      : "allow this process a CPU of the node";
    }
    sites.push_back(std::move(site));
  }
  return sites;
}

std::vector<Site> drive_sites(const ExpandContext& context, const CpuSet& cpus,
                              const engine::Technique& technique,
                              const engine::Parameters& parameters) {
  const bool reads_only = parameters.operation == engine::Operation::read;
  std::vector<Site> sites;
  for (const probes::BlockDevice& drive : context.inventory->block) {
    if (!drive.physical || drive.kind == "partition") continue;
    Site site;
    site.target = drive.target;
    site.cpus = cpus;
    if (engine::needs_of(technique, parameters).file) {
      DrivePlace place = drive_place(*context.inventory, drive, context.directory, reads_only,
                                     context.is_root, context.writable);
      site.directory = std::move(place.directory);
      site.device = std::move(place.device);
      site.skipped = std::move(place.skipped);
      site.remedy = std::move(place.remedy);
    } else {
      site.skipped = fmt::format("{} works on no drive", technique.id);
      site.remedy = "budget it for the target host";
    }
    sites.push_back(std::move(site));
  }
  return sites;
}

std::vector<Site> nic_sites(const ExpandContext& context, const engine::Technique& technique) {
  std::vector<Site> sites;
  for (const probes::Nic& nic : context.inventory->nics) {
    if (nic.kind != "physical") continue;
    Site site;
    site.target = nic.target;
    // A wire needs a peer at its other end; what goes over loopback says nothing about a NIC.
    site.skipped = fmt::format("{} measures over loopback, not over {}", technique.id, nic.name);
    site.remedy = "budget it for the target host";
    sites.push_back(std::move(site));
  }
  return sites;
}

std::string_view nothing_there(profiles::Target target) {
  switch (target) {
    case profiles::Target::each_drive:
      return "this host has no physical drive";
    case profiles::Target::each_nic:
      return "this host has no physical network interface";
    case profiles::Target::each_node:
      return "this host tells of no NUMA node";
    default:
      return "no CPU is left to test";
  }
}

}  // namespace

Failure budget_error(const profiles::Budget& budget, std::string_view cause,
                     std::string_view advice) {
  return fail(ErrorCode::invalid, "budget of " + budget.technique, budget.location.to_string(),
              cause, advice);
}

Expected<std::vector<Site>> sites_of(const ExpandContext& context, const profiles::Budget& budget,
                                     const engine::Technique& technique,
                                     const engine::Parameters& parameters) {
  CpuSet named;
  if (!budget.cpus.empty()) {
    auto selected = profiles::select_cpus(budget.cpus, context.inventory->topology, *context.roles);
    if (!selected) return budget_error(budget, selected.error().message());
    named = std::move(*selected);
  }
  const auto tested = tested_cpus(context.inventory->topology, *context.roles);
  if (!tested) return budget_error(budget, tested.error().message());
  const CpuSet& cpus = budget.cpus.empty() ? *tested : named;

  std::vector<Site> sites;
  switch (budget.target) {
    case profiles::Target::host:
      sites.push_back(host_site(context, budget, named));
      break;
    case profiles::Target::each_cpu:
      sites = cpu_sites(context, cpus, technique, parameters);
      break;
    case profiles::Target::each_node:
      sites = node_sites(context, cpus);
      break;
    case profiles::Target::each_drive:
      sites = drive_sites(context, named, technique, parameters);
      break;
    case profiles::Target::each_nic:
      sites = nic_sites(context, technique);
      break;
  }
  if (sites.empty()) {
    Site none;
    none.skipped = nothing_there(budget.target);
    none.remedy = "leave the budget out for this host, or make it required: false";
    sites.push_back(std::move(none));
  }
  return sites;
}

}  // namespace assay::certify
