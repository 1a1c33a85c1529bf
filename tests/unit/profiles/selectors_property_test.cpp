// What holds for every selector on every machine.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "profiles/selector_syntax.hpp"
#include "profiles/selectors.hpp"
#include "tests/unit/profiles/topologies.hpp"

namespace assay::profiles {
namespace {

probes::Topology any_topology() {
  const auto nodes = *rc::gen::inRange(1U, 4U);
  const auto cores = *rc::gen::inRange(1U, 6U);
  const auto threads = *rc::gen::inRange(1U, 3U);
  auto topology = make_topology(nodes, cores, threads);
  CpuSet offline;
  for (const unsigned cpu : topology.online.to_vector()) {
    if (cpu != 0 && *rc::gen::inRange(0, 5) == 0) offline.add(cpu);
  }
  take_offline(topology, offline);
  for (const unsigned cpu : topology.present.to_vector()) {
    if (*rc::gen::inRange(0, 4) == 0) topology.isolated.add(cpu);
  }
  return topology;
}

// A well-formed selector that needs no roles.
std::string any_selector(const probes::Topology& topology, int depth) {
  const unsigned last = topology.present.last().value_or(0);
  const auto inner = [&] { return any_selector(topology, depth - 1); };
  switch (*rc::gen::inRange(0, depth > 0 ? 14 : 7)) {
    case 0:
      return "all";
    case 1:
      return "first-core";
    case 2:
      return "one-core-per-node";
    case 3:
      return "isolated";
    case 4:
      return "housekeeping";
    case 5:
      return "node(0)";
    case 6: {
      const auto first = *rc::gen::inRange(0U, last + 1);
      return std::to_string(first) + "-" + std::to_string(*rc::gen::inRange(first, last + 1));
    }
    case 7:
      return "(" + inner() + " + " + inner() + ")";
    case 8:
      return "(" + inner() + " - " + inner() + ")";
    case 9:
      return "(" + inner() + " & " + inner() + ")";
    case 10:
      return "siblings-of(" + inner() + ")";
    case 11:
      return "cores-of(" + inner() + ")";
    case 12:
      return "at-most(3, " + inner() + ")";
    default:
      return "not(" + inner() + ")";
  }
}

CpuSet must_select(const std::string& selector, const probes::Topology& topology) {
  const auto cpus = select_cpus(selector, topology, {});
  RC_ASSERT(cpus.has_value());
  return *cpus;
}

RC_GTEST_PROP(SelectorProperties, SelectsOnlyOnlineCpus, ()) {
  const auto topology = any_topology();
  const std::string selector = any_selector(topology, 4);
  RC_LOG() << selector << '\n';
  RC_ASSERT(must_select(selector, topology).is_subset_of(topology.online));
}

RC_GTEST_PROP(SelectorProperties, ObeysTheLawsOfSets, ()) {
  const auto topology = any_topology();
  const std::string a = any_selector(topology, 2);
  const std::string b = any_selector(topology, 2);
  const CpuSet set_a = must_select(a, topology);
  const CpuSet set_b = must_select(b, topology);
  RC_ASSERT(must_select(a + " + " + b, topology) == (set_a | set_b));
  RC_ASSERT(must_select(a + " & " + b, topology) == (set_a & set_b));
  RC_ASSERT(must_select(a + " - " + b, topology) == set_a - set_b);
  RC_ASSERT(must_select("not(not(" + a + "))", topology) == set_a);
  const CpuSet cores = must_select("cores-of(" + a + ")", topology);
  RC_ASSERT(set_a.is_subset_of(cores));
  RC_ASSERT(must_select("siblings-of(" + a + ")", topology) == cores - set_a);
  const CpuSet some = must_select("at-most(2, " + a + ")", topology);
  RC_ASSERT(some.count() == std::min(2U, set_a.count()));
  RC_ASSERT(some.is_subset_of(set_a));
}

RC_GTEST_PROP(SelectorProperties, RestIsDisjointFromEveryOtherRole, ()) {
  const auto topology = any_topology();
  Profile profile;
  profile.cpu_roles = {{"a", any_selector(topology, 3)},
                       {"b", any_selector(topology, 3)},
                       {"c", "a & b"},
                       {"others", "rest"}};
  const auto roles = resolve_roles(profile, topology);
  RC_ASSERT(roles.has_value());
  const CpuSet& rest = roles->at("others");
  CpuSet together = rest;
  for (const auto* name : {"a", "b", "c"}) {
    RC_ASSERT(!rest.intersects(roles->at(name)));
    together = together | roles->at(name);
  }
  RC_ASSERT(together == topology.online);
}

RC_GTEST_PROP(SelectorProperties, AnyTextIsReadOrRefused, ()) {
  const auto text = *rc::gen::container<std::string>(
      rc::gen::elementOf(std::string("0123-,:/ ()&+abnode.siblings-ofrest")));
  const auto selector = parse_selector(text);
  if (!selector) RC_ASSERT(selector.error().code == ErrorCode::invalid);
}

}  // namespace
}  // namespace assay::profiles
