// CPU selectors on made-up machines.
#include "profiles/selectors.hpp"

#include <gtest/gtest.h>

#include "tests/unit/profiles/topologies.hpp"

namespace assay::profiles {
namespace {

std::string select(std::string_view selector, const probes::Topology& topology,
                   const Roles& roles = {}) {
  const auto cpus = select_cpus(selector, topology, roles);
  return cpus ? cpus->to_list() : cpus.error().message();
}

// Two nodes, four cores each, two threads: core c has the CPUs c and c + 8.
TEST(Selectors, KnowTheWordsOnTwoNodesWithHardwareThreads) {
  const auto topology = make_topology(2, 4, 2);
  EXPECT_EQ(select("all", topology), "0-15");
  EXPECT_EQ(select("online", topology), "0-15");
  EXPECT_EQ(select("first-core", topology), "0,8");
  EXPECT_EQ(select("one-core-per-node", topology), "0,4,8,12");
  EXPECT_EQ(select("one-core-per-package", topology), "0,4,8,12");
  EXPECT_EQ(select("node(1)", topology), "4-7,12-15");
  EXPECT_EQ(select("package(0)", topology), "0-3,8-11");
  EXPECT_EQ(select("siblings-of(0-1)", topology), "8-9");
  EXPECT_EQ(select("siblings-of(0,8)", topology), "");
  EXPECT_EQ(select("cores-of(0-1)", topology), "0-1,8-9");
  EXPECT_EQ(select("not(node(0))", topology), "4-7,12-15");
  EXPECT_EQ(select("kind(performance)", topology), "0-15");
  EXPECT_EQ(select("kind(efficiency)", topology), "");
}

TEST(Selectors, CombineFromLeftToRightWithAndFirst) {
  const auto topology = make_topology(2, 4, 2);
  EXPECT_EQ(select("0-3 + 8", topology), "0-3,8");
  EXPECT_EQ(select("0-3, 8", topology), "0-3,8");
  EXPECT_EQ(select("0-3,8", topology), "0-3,8");
  EXPECT_EQ(select("0-7:1/2", topology), "0,2,4,6");
  EXPECT_EQ(select("0-3 - 1 - 2", topology), "0,3");
  EXPECT_EQ(select("0-3 - (1 - 1)", topology), "0-3");
  EXPECT_EQ(select("0 + 1-3 & 2-5", topology), "0,2-3");
  EXPECT_EQ(select("(0 + 1-3) & 2-5", topology), "2-3");
  EXPECT_EQ(select("0-3,5 & 3-9", topology), "3,5") << "a list is one operand";
  EXPECT_EQ(select("first-core,node(1)", topology), "0,4-8,12-15");
  EXPECT_EQ(select("node(1)-first-core", topology), "4-7,12-15") << "after ) a - is an operator";
  EXPECT_EQ(select("  cores-of( siblings-of( 0 ) ) ", topology), "0,8");
}

TEST(Selectors, SpreadAtMostSoMany) {
  const auto topology = make_topology(2, 4, 2);
  EXPECT_EQ(select("at-most(4, all)", topology), "0,2,4,6") << "a thread of each core first";
  EXPECT_EQ(select("at-most(3, all)", topology), "0,2,5");
  EXPECT_EQ(select("at-most(10, all)", topology), "0-8,12");
  EXPECT_EQ(select("at-most(2, 0,8,9)", topology), "0,9");
  EXPECT_EQ(select("at-most(1, node(1))", topology), "4");
  EXPECT_EQ(select("at-most(16, all)", topology), "0-15");
  EXPECT_EQ(select("at-most(99, 2-3)", topology), "2-3");
}

TEST(Selectors, LeaveOfflineCpusOut) {
  auto topology = make_topology(2, 4, 2);
  take_offline(topology, CpuSet{0, 8, 9});
  EXPECT_EQ(select("all", topology), "1-7,10-15");
  EXPECT_EQ(select("0-3", topology), "1-3");
  EXPECT_EQ(select("first-core", topology), "1") << "its sibling 9 is offline";
  EXPECT_EQ(select("one-core-per-node", topology), "1,4,12");
  EXPECT_EQ(select("siblings-of(1-2)", topology), "10");
  EXPECT_EQ(select("not(1-7)", topology), "10-15");
  EXPECT_EQ(select("node(0)", topology), "1-3,10-11");
}

TEST(Selectors, TellTheCpusOfHybridMachines) {
  const auto topology = make_hybrid();
  EXPECT_EQ(select("kind(performance)", topology), "0-7");
  EXPECT_EQ(select("kind(efficiency)", topology), "8-11");
  EXPECT_EQ(select("kind(performance) - first-core", topology), "2-7");
  EXPECT_EQ(select("siblings-of(kind(efficiency))", topology), "");
}

TEST(Selectors, KnowNodesWithoutCpus) {
  auto topology = make_topology(1, 2, 1);
  probes::Node memory_only;
  memory_only.id = NodeId{1};
  topology.nodes.push_back(memory_only);
  EXPECT_EQ(select("node(1)", topology), "");
  EXPECT_EQ(select("one-core-per-node", topology), "0");
  EXPECT_EQ(select("node(2)", topology),
            "read selector \"node(2)\": column 1: this host has no node 2; it has 0-1");
}

TEST(Selectors, FallBackToWhatTheKernelIsolates) {
  auto topology = make_topology(1, 4, 1);
  EXPECT_EQ(select("isolated", topology), "");
  EXPECT_EQ(select("housekeeping", topology), "0-3");
  topology.isolated = CpuSet{2, 3};
  EXPECT_EQ(select("isolated", topology), "2-3");
  EXPECT_EQ(select("housekeeping", topology), "0-1");
  EXPECT_EQ(select("isolated", topology, {{"isolated", CpuSet{1}}}), "1");
  EXPECT_EQ(select("housekeeping", topology, {{"isolated", CpuSet{1}}}), "0,2-3");
  EXPECT_EQ(select("rest", topology, {{"isolated", CpuSet{1}}, {"polling", CpuSet{2}}}), "0,3");
  topology.allowed = CpuSet{0, 3};
  EXPECT_EQ(select("allowed", topology), "0,3");
}

TEST(Selectors, SayWhatIsWrongAndWhere) {
  const auto topology = make_topology(2, 4, 2);
  const Roles roles = {{"polling", CpuSet{2}}};
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "\"\": column 1: expected a CPU list, a role, a function or (, found the end"},
      {"0-3 8", "\"0-3 8\": column 5: expected +, -, & or the end, found \"8\""},
      {"0-3 &", "\"0-3 &\": column 6: expected a CPU list, a role, a function or (, found the end"},
      {"(0-3", "\"(0-3\": column 5: expected ), found the end"},
      {"node(x)", "\"node(x)\": column 6: expected a number below 65536"},
      {"node", "\"node\": column 5: expected ( after node, found the end"},
      {"sibling-of(0)",
       "\"sibling-of(0)\": column 1: unknown function \"sibling-of\"; did you mean "
       "\"siblings-of\"?"},
      {"pollin",
       "\"pollin\": column 1: unknown role or selector \"pollin\"; did you mean "
       "\"polling\"?"},
      {"0 + 16", "\"0 + 16\": column 5: this host has no CPU 16; it has 0-15"},
      {"package(7)", "\"package(7)\": column 1: this host has no package 7; it has 0-1"},
      {"kind(fast)", "\"kind(fast)\": column 6: expected performance or efficiency"},
      {"at-most(0, all)",
       "\"at-most(0, all)\": column 10: expected a number above 0 before this, "
       "found \",\""},
      {"at-most(2 all)", "\"at-most(2 all)\": column 11: expected , and a selector, found \"a\""},
      {"0x3", "\"0x3\": column 2: expected the end of a CPU list, found \"x\""},
      {"$(id)", "\"$(id)\": column 1: expected a CPU list, a role, a function or (, found \"$\""},
  };
  for (const auto& [selector, message] : cases) {
    EXPECT_EQ(select(selector, topology, roles), "read selector " + message);
  }
}

TEST(Selectors, RefuseBackwardRanges) {
  const auto cpus = select_cpus("0,7-3", make_topology(1, 8, 1), {});
  ASSERT_FALSE(cpus);
  EXPECT_EQ(cpus.error().code, ErrorCode::invalid);
  EXPECT_EQ(cpus.error().cause.substr(0, 10), "column 1: ");
}

TEST(Selectors, BoundDepthAndLength) {
  const auto topology = make_topology(1, 2, 1);
  const std::string ok = std::string(32, '(') + "0" + std::string(32, ')');
  EXPECT_EQ(select(ok, topology), "0");
  const auto deep = select_cpus(std::string(4000, '('), topology, {});
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().cause, "column 33: nested more than 32 deep");
  const auto functions = select_cpus("not(" + ok + ")", topology, {});
  ASSERT_FALSE(functions);
  const auto longest = select_cpus(std::string(4097, '0'), topology, {});
  ASSERT_FALSE(longest);
  EXPECT_EQ(longest.error().cause, "column 1: at most 4096 bytes are read");
  std::string chain = "0";
  for (int i = 0; i < 1000; ++i) chain += " + 1";
  EXPECT_EQ(select(chain, topology), "0-1");
}

Profile with_roles(std::map<std::string, std::string> roles) {
  Profile profile;
  profile.cpu_roles = std::move(roles);
  return profile;
}

std::string resolve_error(const Profile& profile, const probes::Topology& topology) {
  const auto roles = resolve_roles(profile, topology);
  return roles ? std::string("resolved") : roles.error().message();
}

TEST(Roles, ResolveInAnyOrder) {
  const auto topology = make_topology(2, 4, 2);
  const auto roles = resolve_roles(with_roles({{"housekeeping", "one-core-per-node"},
                                               {"isolated", "rest"},
                                               {"polling", "cores-of(1)"},
                                               {"storage", "node(1) & 5-6"}}),
                                   topology);
  ASSERT_TRUE(roles) << roles.error().message();
  EXPECT_EQ(roles->at("housekeeping").to_list(), "0,4,8,12");
  EXPECT_EQ(roles->at("polling").to_list(), "1,9");
  EXPECT_EQ(roles->at("storage").to_list(), "5-6");
  EXPECT_EQ(roles->at("isolated").to_list(), "2-3,7,10-11,13-15");
}

TEST(Roles, ReferToEachOther) {
  const auto topology = make_topology(1, 4, 2);
  const auto roles = resolve_roles(
      with_roles({{"a", "b + siblings-of(b)"}, {"b", "c - 0"}, {"c", "0-1"}}), topology);
  ASSERT_TRUE(roles) << roles.error().message();
  EXPECT_EQ(roles->at("a").to_list(), "1,5");
}

TEST(Roles, RefuseCycles) {
  const auto topology = make_topology(1, 4, 1);
  EXPECT_EQ(resolve_error(with_roles({{"a", "b"}, {"b", "not(a)"}}), topology),
            "resolve role a: roles need each other: a -> b -> a (`rest` needs every other role)");
  EXPECT_EQ(resolve_error(with_roles({{"a", "rest"}, {"b", "rest"}}), topology),
            "resolve role a: roles need each other: a -> b -> a (`rest` needs every other role)");
  EXPECT_NE(resolve_error(with_roles({{"isolated", "not(housekeeping)"}}), topology), "resolved");
}

TEST(Roles, RefuseAnEmptyHousekeepingRole) {
  const auto topology = make_topology(1, 2, 1);
  EXPECT_EQ(resolve_error(with_roles({{"housekeeping", "rest"}, {"isolated", "0-1"}}), topology),
            "resolve role housekeeping: no CPU is left for housekeeping; the kernel needs at "
            "least one");
  EXPECT_EQ(resolve_error(with_roles({{"housekeeping", "first-core"}, {"isolated", "rest"}}),
                          make_topology(1, 1, 2)),
            "resolved")
      << "a role that isolates nothing is allowed";
}

TEST(Roles, NameTheRoleWhoseSelectorIsWrong) {
  EXPECT_EQ(resolve_error(with_roles({{"a", "b"}, {"b", "0-9"}}), make_topology(1, 4, 1)),
            "resolve role b: selector \"0-9\": column 1: this host has no CPU 4-9; it has 0-3");
}

}  // namespace
}  // namespace assay::profiles
