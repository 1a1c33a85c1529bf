#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/memory_blocks.hpp"
#include "engine/techniques_memory.hpp"
#include "tests/unit/engine/technique_fixture.hpp"

namespace assay::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class MemoryTest : public TechniqueTest {
 protected:
  const Technique& row() const { return memory_techniques().front(); }

  Outcome run_variant(const std::string& variant, MemoryFault fault = MemoryFault::none) {
    parameters_.variant = variant;
    return run_block(make_memory_block(context_, fault));
  }

  static Parameters parameters_of(const std::string& variant) {
    Parameters parameters;
    parameters.variant = variant;
    return parameters;
  }

  void add_second_node(unsigned distance) {
    auto& nodes = inventory_.topology.nodes;
    probes::Node node;
    node.id = NodeId{static_cast<unsigned>(nodes.size())};
    node.memory = 8_GiB;
    nodes.push_back(node);
    nodes.front().distances.push_back(distance);
  }
};

TEST_F(MemoryTest, EveryVariantOfThisHostEngages) {
  const auto variants = row().variants(inventory_);
  EXPECT_THAT(variants, ElementsAre("l1", "l2", "l3", "dram", "syscall", "context-switch", "pipe",
                                    "socket", "storage"));
  for (const std::string& variant : variants) {
    SCOPED_TRACE(variant);
    if (needs_of(row(), parameters_of(variant)).file) continue;  // below
    parameters_.variant = variant;
    ASSERT_TRUE(row().available(host(), inventory_, parameters_).available);
    const Outcome outcome = run_block(row().make(context_));
    expect_clean(outcome, operations_per_sample(row(), parameters_));
  }
}

TEST_F(MemoryTest, EveryVariantButRemoteHasAClaim) {
  for (const std::string_view variant : memory_variants()) {
    parameters_.variant = variant;
    EXPECT_EQ(claim_of(row(), parameters_).latency_ns_max.has_value(), variant != "remote");
  }
}

TEST_F(MemoryTest, StorageIsReadPastThePageCache) {
  parameters_.variant = "storage";
  EXPECT_TRUE(needs_of(row(), parameters_).file);
  EXPECT_FALSE(needs_of(row(), parameters_of("l1")).file);
  EXPECT_EQ(needs_of(row(), parameters_of("pipe")).threads, 2U);
  const Parameters resolved = row().resolve(parameters_);
  EXPECT_EQ(resolved.regime, Regime::device);
  EXPECT_EQ(resolved.direct, true);
  TestFileOptions options;
  options.size = 1_MiB;
  options.host = &host();
  auto file = TestFile::prepare(options);
  ASSERT_TRUE(file) << file.error().message();
  if (!file->open(false, true)) GTEST_SKIP() << "no O_DIRECT here";
  context_.file = &*file;
  parameters_ = resolved;
  parameters_.size = file->size();
  const Outcome outcome = run_block(row().make(context_));
  expect_clean(outcome);
  EXPECT_TRUE(outcome.verification.applies);
}

TEST_F(MemoryTest, StorageWithoutAFileSaysSo) {
  parameters_.variant = "storage";
  EXPECT_FALSE(row().make(context_));
}

TEST_F(MemoryTest, ARemoteNodeIsAbsentWithItsReason) {
  parameters_.variant = "remote";
  const Availability answer = row().available(host(), inventory_, parameters_);
  EXPECT_FALSE(answer.available);
  EXPECT_THAT(answer.reason, HasSubstr("no second NUMA node"));
}

TEST_F(MemoryTest, TheFarthestNodeIsTheRemoteOne) {
  add_second_node(32);
  add_second_node(21);
  EXPECT_EQ(chase_for(inventory_, {*allowed_.first()}, "remote")->node, NodeId{1});
  EXPECT_EQ(chase_for(inventory_, {*allowed_.first()}, "dram")->node, NodeId{0});
  EXPECT_THAT(row().variants(inventory_), testing::Contains("remote"));
}

TEST_F(MemoryTest, SizesFollowTheCaches) {
  const CpuId cpu{*allowed_.first()};
  EXPECT_EQ(chase_for(inventory_, cpu, "l1")->size, 16_KiB);
  EXPECT_EQ(chase_for(inventory_, cpu, "l2")->size, 256_KiB);
  EXPECT_EQ(chase_for(inventory_, cpu, "l3")->size, 2_MiB);
  EXPECT_EQ(chase_for(inventory_, cpu, "dram")->size, 64_MiB);
  inventory_.topology.caches.back().size = 64_MiB;
  EXPECT_EQ(chase_for(inventory_, cpu, "dram")->size, 128_MiB);
  inventory_.topology.caches.back().size = 500_MiB;
  EXPECT_EQ(chase_for(inventory_, cpu, "dram")->size, 256_MiB);
  inventory_.topology.caches.at(1).size = 48_KiB;
  EXPECT_EQ(chase_for(inventory_, cpu, "l1")->size, 16_KiB);
}

TEST_F(MemoryTest, LevelsThatCannotBeToldApartAreAbsent) {
  const CpuId cpu{*allowed_.first()};
  inventory_.topology.caches.back().size = 1_MiB;  // L3 twice as large as L2
  EXPECT_THAT(chase_for(inventory_, cpu, "l3").error().cause, HasSubstr("told apart"));
  inventory_.topology.caches.clear();
  EXPECT_THAT(chase_for(inventory_, cpu, "l1").error().cause, HasSubstr("no L1 cache"));
  EXPECT_EQ(chase_for(inventory_, cpu, "dram")->size, 64_MiB);
}

TEST_F(MemoryTest, LittleMemoryIsSaidBeforehand) {
  inventory_.memory.available = 100_MiB;
  parameters_.variant = "dram";
  const Availability answer = row().available(host(), inventory_, parameters_);
  EXPECT_FALSE(answer.available);
  EXPECT_THAT(answer.reason, HasSubstr("needs 64MiB"));
}

TEST_F(MemoryTest, AnUnknownVariantIsInvalid) {
  parameters_.variant = "l5";
  EXPECT_FALSE(row().available(host(), inventory_, parameters_).available);
  EXPECT_EQ(make_memory_block(context_).error().code, ErrorCode::invalid);
}

TEST_F(MemoryTest, AGuessableOrderIsNotEngaged) {
  for (const char* variant : {"l1", "l2", "dram"}) {
    const Outcome outcome = run_variant(variant, MemoryFault::guessable_order);
    EXPECT_FALSE(outcome.engagement.engaged) << outcome.engagement.evidence;
  }
}

TEST_F(MemoryTest, ALostPlaceIsNotEngaged) {
  const Outcome outcome = run_variant("l2", MemoryFault::lost_place);
  EXPECT_FALSE(outcome.engagement.engaged);
  EXPECT_THAT(outcome.engagement.evidence, HasSubstr("lost their place"));
}

TEST_F(MemoryTest, CallsThatTheKernelDidNotServeAreNotEngaged) {
  const Outcome outcome = run_variant("syscall", MemoryFault::no_kernel);
  EXPECT_FALSE(outcome.engagement.engaged) << outcome.engagement.evidence;
}

TEST_F(MemoryTest, AThreadThatIsNotSwitchedOutIsNotEngaged) {
  const Outcome outcome = run_variant("context-switch", MemoryFault::no_kernel);
  EXPECT_FALSE(outcome.engagement.engaged) << outcome.engagement.evidence;
}

TEST_F(MemoryTest, PagesOfANodeAreAskedForOneByOne) {
  if (!host().exists("/sys/devices/system/node/node0")) GTEST_SKIP() << "a kernel without NUMA";
  parameters_.variant = "dram";
  ChaseOptions options{.size = 4_MiB, .cold = true, .node = NodeId{0}};
  const Outcome here = run_block(make_chase_block(context_, options, MemoryFault::none));
  EXPECT_TRUE(here.engagement.engaged) << here.engagement.evidence;
  EXPECT_THAT(here.engagement.evidence, HasSubstr("1024 of 1024 pages on node 0"));
  const Outcome elsewhere = run_block(make_chase_block(context_, options, MemoryFault::other_node));
  EXPECT_FALSE(elsewhere.engagement.engaged) << elsewhere.engagement.evidence;
}

TEST_F(MemoryTest, WorksWithoutAChoiceOfCpus) {
  context_.cpus = {};
  for (const char* variant : {"l1", "syscall", "context-switch"}) {
    EXPECT_TRUE(run_variant(variant).engagement.engaged) << variant;
  }
}

}  // namespace
}  // namespace assay::engine
