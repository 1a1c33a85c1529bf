// The matrix of core-to-core latencies on invented machines, from 2 CPUs to 256.
#include "report/core_to_core.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Two nodes, four CPUs to a cache.
probes::Inventory machine(unsigned count) {
  probes::Inventory inventory;
  inventory.topology.model_name = "Invented <CPU> & Co";
  for (unsigned cpu = 0; cpu < count; ++cpu) {
    probes::Cpu made;
    made.id = CpuId{cpu};
    made.node = NodeId{cpu < count / 2 ? 0U : 1U};
    made.siblings = CpuSet{cpu};
    inventory.topology.cpus.push_back(made);
    if (cpu % 4 == 0) {
      inventory.topology.caches.push_back({});
      inventory.topology.caches.back().level = 3;
    }
    inventory.topology.caches.back().shared_by.add(cpu);
  }
  return inventory;
}

engine::CoreToCore matrix_of(unsigned count, const probes::Inventory& inventory) {
  engine::CoreToCore matrix;
  matrix.passes = 1;
  for (unsigned i = 0; i < count; ++i) {
    matrix.cpus.push_back(i);
    for (unsigned j = 0; j < i; ++j) {
      const auto relation = engine::relation_of(inventory.topology, CpuId{i}, CpuId{j});
      const double ns = 20 + 40.0 * static_cast<int>(relation) + (i * 7 + j * 3) % 11;
      matrix.pairs.push_back({10, ns - 2, ns, ns + 30, ""});
    }
  }
  return matrix;
}

TEST(CoreToCoreReport, SummarisesTheKindsOfPairs) {
  const probes::Inventory inventory = machine(8);
  const auto kinds = relation_summaries(matrix_of(8, inventory), inventory);
  ASSERT_EQ(kinds.size(), 2U);
  EXPECT_EQ(kinds[0].relation, engine::CpuRelation::same_cache);
  EXPECT_EQ(kinds[0].pairs, 12U);
  EXPECT_EQ(kinds[1].pairs, 16U);
  EXPECT_LT(kinds[0].highest_ns, kinds[1].lowest_ns);
}

TEST(CoreToCoreReport, TheTableShowsEveryPairOnce) {
  const probes::Inventory inventory = machine(8);
  engine::CoreToCore matrix = matrix_of(8, inventory);
  matrix.pairs[0] = {0, 0, 0, 0, "the other CPU did not answer"};
  const std::string text = core_to_core_text(matrix, inventory);
  EXPECT_THAT(text, HasSubstr("same cache"));
  EXPECT_THAT(text, HasSubstr("skipped: CPU 1 and CPU 0: the other CPU did not answer"));
  const std::string large = core_to_core_text(matrix_of(256, machine(256)), machine(256));
  EXPECT_THAT(large, HasSubstr("--format svg"));
  EXPECT_LT(large.size(), 2000U);
}

TEST(CoreToCoreReport, TheDrawingHasEveryCellAndEscapesNames) {
  const probes::Inventory inventory = machine(8);
  const std::string svg = core_to_core_svg(matrix_of(8, inventory), inventory);
  EXPECT_THAT(svg, HasSubstr("Invented &lt;CPU&gt; &amp; Co"));
  EXPECT_THAT(svg, HasSubstr("CPU 7 and CPU 0, other node"));
  EXPECT_THAT(svg, HasSubstr("class=\"node\""));
}

TEST(CoreToCoreReport, TheDrawingStaysSmallForManyCpus) {
  const probes::Inventory inventory = machine(256);
  const std::string svg = core_to_core_svg(matrix_of(256, inventory), inventory);
  EXPECT_LT(svg.size(), 8U << 20);
  EXPECT_THAT(svg, Not(HasSubstr("CPU 7 and CPU 0")));
}

TEST(CoreToCoreReport, OnePairThatWasNotMeasuredIsStillADrawing) {
  engine::CoreToCore matrix;
  matrix.cpus = {0, 1};
  matrix.pairs = {{0, 0, 0, 0, "a thread was moved"}};
  EXPECT_THAT(core_to_core_svg(matrix, machine(4)), HasSubstr("a thread was moved"));
  EXPECT_THAT(core_to_core_document(matrix, machine(4)), HasSubstr("a thread was moved"));
}

}  // namespace
}  // namespace assay::report
