// Profiles and CPU selectors from hostile text. Nothing may crash, hang or leave the limits; what
// is accepted must keep its promises.
#include <string>
#include <string_view>

#include "fuzz.hpp"
#include "profiles/canonical.hpp"
#include "profiles/loader.hpp"
#include "profiles/selector_syntax.hpp"
#include "profiles/selectors.hpp"

namespace assay::fuzz {
namespace {

// Two nodes with two cores of two threads each; CPU 5 is offline, CPU 3 isolated.
probes::Topology small_machine() {
  probes::Topology topology;
  for (unsigned id = 0; id < 8; ++id) {
    const unsigned core = id % 4;
    probes::Cpu cpu;
    cpu.id = CpuId{id};
    cpu.node = NodeId{core / 2};
    cpu.package = core / 2;
    cpu.siblings = CpuSet{core, core + 4};
    topology.cpus.push_back(cpu);
    topology.present.add(id);
  }
  topology.online = topology.present - CpuSet{5};
  topology.allowed = topology.online;
  topology.isolated = CpuSet{3};
  return topology;
}

void check_selector(std::string_view text) {
  static const probes::Topology machine = small_machine();
  const auto cpus = profiles::select_cpus(text, machine, {{"isolated", CpuSet{2}}});
  if (cpus) {
    require(cpus->is_subset_of(machine.online), "only online CPUs are selected");
    require(profiles::parse_selector(text).has_value(), "what is selected was parsed");
  } else {
    require(cpus.error().code == ErrorCode::invalid, "a bad selector is invalid");
  }
}

void check_profile(std::string_view text) {
  static const probes::Topology machine = small_machine();
  const auto profile = profiles::parse_profile(text, "fuzz.yaml", {});
  if (!profile) {
    require(profile.error().code == ErrorCode::invalid, "a bad profile is invalid");
    require(profile.error().subject.find(".yaml:") != std::string::npos, "an error has its place");
    require(!profile.error().cause.empty(), "an error has its cause");
    return;
  }
  require(profile->rounds >= 30 && profile->looks >= 1, "rounds and looks are in range");
  require(profile->confidence > 0.5 && profile->confidence < 1, "confidence is in range");
  require(profile->digest == profiles::digest_of(*profile), "the digest is the content's");
  for (const profiles::Waiver& waiver : profile->waivers) {
    require(waiver.expires.ok(), "dates exist");
  }
  for (const profiles::Budget& budget : profile->budgets) {
    require(!budget.limits.empty(), "budgets have limits");
  }
  const auto roles = profiles::resolve_roles(*profile, machine);
  if (!roles) return;
  for (const auto& [role, cpus] : *roles) {
    require(cpus.is_subset_of(machine.online), "roles hold only online CPUs");
  }
}

}  // namespace

// The first byte chooses: '@' before a selector, anything else is a profile.
void fuzz_one(std::string_view input) {
  if (input.starts_with('@')) {
    check_selector(input.substr(1));
  } else {
    check_profile(input);
  }
}

}  // namespace assay::fuzz
