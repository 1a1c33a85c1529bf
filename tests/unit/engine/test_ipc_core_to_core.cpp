// The matrix of core-to-core latencies: the plan, the order, and pairs that really answered.
#include <gtest/gtest.h>

#include "core/replay_host.hpp"
#include "engine/core_to_core.hpp"
#include "tests/unit/engine/technique_fixture.hpp"

namespace assay::engine {
namespace {

class CoreToCoreTest : public TechniqueTest {
 protected:
  // Two nodes with a cache each, two threads a core: CPU n and n + count/2 share one.
  static probes::Inventory machine(unsigned count) {
    probes::Inventory inventory;
    auto& topology = inventory.topology;
    for (unsigned cpu = 0; cpu < count; ++cpu) {
      const unsigned core = cpu % (count / 2);
      probes::Cpu made;
      made.id = CpuId{cpu};
      made.node = NodeId{core < count / 4 ? 0U : 1U};
      made.siblings = CpuSet{core};
      made.siblings.add(core + count / 2);
      topology.cpus.push_back(made);
    }
    for (const unsigned node : {0U, 1U}) {
      probes::Cache cache;
      cache.level = 3;
      for (const probes::Cpu& cpu : topology.cpus) {
        if (cpu.node == NodeId{node}) cache.shared_by.add(cpu.id.value);
      }
      topology.caches.push_back(cache);
    }
    return inventory;
  }
  static CpuSet first(unsigned count) {
    CpuSet cpus;
    for (unsigned cpu = 0; cpu < count; ++cpu) cpus.add(cpu);
    return cpus;
  }
};

TEST_F(CoreToCoreTest, KnowsWhatTwoCpusShare) {
  const probes::Inventory eight = machine(8);
  const auto relation = [&](unsigned a, unsigned b) {
    return relation_of(eight.topology, CpuId{a}, CpuId{b});
  };
  EXPECT_EQ(relation(0, 4), CpuRelation::same_core);
  EXPECT_EQ(relation(0, 1), CpuRelation::same_cache);
  EXPECT_EQ(relation(0, 3), CpuRelation::other_node);
  EXPECT_EQ(to_string(relation(0, 3)), "other node");
}

TEST_F(CoreToCoreTest, MeasuresEveryPairOfThisHost) {
  if (two_cpus().count() < 2) GTEST_SKIP() << "one CPU makes no pair";
  const auto plan = plan_core_to_core(
      host(), inventory_, {.cpus = two_cpus(), .duration = std::chrono::milliseconds(20)});
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_EQ(plan->pairs, 1U);
  std::uint64_t told = 0;
  const auto matrix = measure_core_to_core(
      host(), *plan, nullptr, [&](std::uint64_t, std::uint64_t total) { told = total; });
  ASSERT_TRUE(matrix) << matrix.error().message();
  ASSERT_EQ(matrix->pairs.size(), 1U);
  const PairLatency& pair = matrix->pair(1, 0);
  EXPECT_EQ(&pair, &matrix->pair(0, 1));
  // A busy host may take a CPU away all the time: then the reason is told.
  EXPECT_TRUE(pair.batches > 0 || !pair.skipped.empty());
  if (pair.batches > 0) {
    EXPECT_GT(pair.min_ns, 0.5) << "no line travels that fast";
    EXPECT_LE(pair.min_ns, pair.one_way_ns_p50);
    EXPECT_LE(pair.one_way_ns_p50, pair.p99_ns);
  }
  EXPECT_EQ(told, plan->passes);
  EXPECT_EQ(current_affinity().value(), allowed_) << "put back";
}

TEST_F(CoreToCoreTest, OneCpuMakesNoPair) {
  const auto plan = plan_core_to_core(host(), inventory_, {.cpus = one_cpu()});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::unsupported);
  EXPECT_FALSE(plan.error().advice.empty());
}

TEST_F(CoreToCoreTest, RefusesCpusThatAreNotOurs) {
  const auto plan = plan_core_to_core(host(), inventory_, {.cpus = CpuSet{0, 8000}});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::invalid);
  EXPECT_FALSE(plan_core_to_core(*open_replay_host(testing::TempDir()).value(), inventory_, {}));
}

TEST_F(CoreToCoreTest, StopsOnRequest) {
  if (two_cpus().count() < 2) GTEST_SKIP() << "one CPU makes no pair";
  const auto plan = plan_core_to_core(host(), inventory_, {.cpus = two_cpus()});
  ASSERT_TRUE(plan);
  const std::atomic<bool> stop{true};
  const auto matrix = measure_core_to_core(host(), *plan, &stop, {});
  ASSERT_FALSE(matrix);
  EXPECT_EQ(matrix.error().code, ErrorCode::interrupted);
}

TEST_F(CoreToCoreTest, TheTimeIsBoundedForManyCpus) {
  CoreToCorePlan plan = plan_pairs(machine(256).topology, first(256), std::chrono::seconds(10));
  EXPECT_EQ(plan.cpus.size(), 256U);
  EXPECT_EQ(plan.pairs, 32'640U);
  EXPECT_EQ(plan.passes, 1U);
  EXPECT_LE(plan.expected, std::chrono::seconds(12));
  // Neighbours by node, then core: the two threads of a core stand side by side.
  EXPECT_EQ(plan.cpus[0], 0U);
  EXPECT_EQ(plan.cpus[1], 128U);
  plan = plan_pairs(machine(4).topology, first(2), std::chrono::seconds(10));
  EXPECT_LE(plan.expected, std::chrono::seconds(1)) << "two CPUs need no ten seconds";
}

}  // namespace
}  // namespace assay::engine
