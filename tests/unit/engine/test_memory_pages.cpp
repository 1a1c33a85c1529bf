// Pages, nodes, first touches and shared lines: each row engages where it can, and a fallback that
// is forced on it is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/memory_host.hpp"
#include "engine/memory_blocks.hpp"
#include "tests/unit/engine/technique_fixture.hpp"

namespace assay::engine {
namespace {

using testing::HasSubstr;

const Technique& row(std::string_view id) { return *find_technique(id); }

class PagesTest : public TechniqueTest {
 protected:
  PagesTest() { parameters_.size = 4_MiB; }

  bool obtainable(PageKind kind) const {
    return pages_obtainable(host(), kind, parameters_.size, std::nullopt).has_value();
  }
};

TEST_F(PagesTest, BasePagesAreAsked) {
  const Outcome outcome = run_block(row("memory.base-pages").make(context_));
  expect_clean(outcome, kLoadsPerSample);
  EXPECT_THAT(outcome.engagement.evidence, HasSubstr("0B of it in huge pages"));
}

TEST_F(PagesTest, TransparentHugePagesAreAsked) {
  if (!obtainable(PageKind::transparent)) GTEST_SKIP() << "switched off here";
  expect_clean(run_block(row("memory.thp").make(context_)), kLoadsPerSample);
}

TEST_F(PagesTest, ReservedHugePagesAreAskedWhereThereAreSome) {
  const std::pair<const char*, PageKind> rows[] = {{"memory.huge-2m", PageKind::huge_2m},
                                                   {"memory.huge-1g", PageKind::huge_1g}};
  for (const auto& [id, kind] : rows) {
    SCOPED_TRACE(id);
    const Availability can = row(id).available(host(), inventory_, parameters_);
    EXPECT_EQ(can.available, obtainable(kind));
    if (can.available) {
      expect_clean(run_block(row(id).make(context_)), kLoadsPerSample);
      continue;
    }
    EXPECT_THAT(can.reason, HasSubstr("map huge pages"));
    const auto made = row(id).make(context_);
    ASSERT_FALSE(made);
    EXPECT_FALSE(made.error().advice.empty());
  }
}

TEST_F(PagesTest, OtherPagesThanClaimedAreNotEngaged) {
  for (const PageKind kind : {PageKind::transparent, PageKind::huge_2m, PageKind::huge_1g}) {
    const Outcome outcome = run_block(make_pages_block(context_, kind, MemoryFault::other_pages));
    EXPECT_FALSE(outcome.engagement.engaged) << outcome.engagement.evidence;
  }
  if (!obtainable(PageKind::transparent)) GTEST_SKIP() << "no other pages than base ones here";
  const Outcome base =
      run_block(make_pages_block(context_, PageKind::base, MemoryFault::other_pages));
  EXPECT_FALSE(base.engagement.engaged) << base.engagement.evidence;
}

TEST_F(PagesTest, PagesThatNobodyReservedAreSaidWithTheRemedy) {
  MemoryHost machine;
  const std::string folder = "/sys/kernel/mm/hugepages/hugepages-2048kB/";
  machine.put(folder + "nr_hugepages", "4\n");
  machine.put(folder + "free_hugepages", "3\n");
  machine.put(folder + "resv_hugepages", "2\n");
  machine.put(folder + "nr_overcommit_hugepages", "0\n");
  machine.put(folder + "surplus_hugepages", "0\n");
  EXPECT_TRUE(pages_obtainable(machine, PageKind::huge_2m, 2_MiB, std::nullopt));
  const auto two = pages_obtainable(machine, PageKind::huge_2m, 4_MiB, std::nullopt);
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().code, ErrorCode::exhausted);
  EXPECT_THAT(two.error().cause, HasSubstr("2 are needed, 1 of 4 reserved are free"));
  EXPECT_THAT(two.error().advice, HasSubstr("echo 2 > " + folder + "nr_hugepages"));
  machine.put(folder + "nr_overcommit_hugepages", "1\n");
  EXPECT_TRUE(pages_obtainable(machine, PageKind::huge_2m, 4_MiB, std::nullopt));
  const auto giant = pages_obtainable(machine, PageKind::huge_1g, 4_MiB, std::nullopt);
  ASSERT_FALSE(giant);
  EXPECT_THAT(giant.error().cause, HasSubstr("none of this size"));
}

TEST_F(PagesTest, ANodeHasItsOwnReservation) {
  MemoryHost machine;
  const std::string folder = "/sys/devices/system/node/node1/hugepages/hugepages-2048kB/";
  machine.put(folder + "nr_hugepages", "8\n");
  machine.put(folder + "free_hugepages", "8\n");
  EXPECT_TRUE(pages_obtainable(machine, PageKind::huge_2m, 16_MiB, NodeId{1}));
  const auto more = pages_obtainable(machine, PageKind::huge_2m, 32_MiB, NodeId{1});
  ASSERT_FALSE(more);
  EXPECT_THAT(more.error().cause, HasSubstr("on node 1"));
  EXPECT_THAT(more.error().advice, HasSubstr(folder));
}

TEST_F(PagesTest, TransparentHugePagesThatAreSwitchedOffAreSaid) {
  MemoryHost machine;
  const std::string path = "/sys/kernel/mm/transparent_hugepage/enabled";
  machine.put(path, "always madvise [never]\n");
  const auto off = pages_obtainable(machine, PageKind::transparent, 4_MiB, std::nullopt);
  ASSERT_FALSE(off);
  EXPECT_THAT(off.error().advice, HasSubstr("echo madvise > " + path));
  machine.put(path, "always [madvise] never\n");
  EXPECT_TRUE(pages_obtainable(machine, PageKind::transparent, 4_MiB, std::nullopt));
}

TEST_F(PagesTest, SizesThatCannotBeWalkedAreRefused) {
  for (const Bytes size : {1_MiB, 3_MiB}) {
    parameters_.size = size;
    for (const char* id : {"memory.base-pages", "memory.thp", "memory.huge-2m", "memory.huge-1g"}) {
      const Availability can = row(id).available(host(), inventory_, parameters_);
      EXPECT_FALSE(can.available) << id;
      EXPECT_THAT(can.reason, HasSubstr("power of two")) << id;
    }
  }
  parameters_.size = 8_GiB;
  inventory_.memory.available = 10_GiB;
  EXPECT_FALSE(row("memory.thp").available(host(), inventory_, parameters_).available);
  EXPECT_FALSE(row("memory.first-touch").available(host(), inventory_, parameters_).available);
}

TEST_F(PagesTest, MappingsAreAloneInTheirRange) {
  for (const PageKind kind : {PageKind::base, PageKind::advised}) {
    const auto first = PageMapping::map({.size = 8_MiB, .pages = kind});
    const auto second = PageMapping::map({.size = 64_KiB, .pages = kind});
    ASSERT_TRUE(first && second);
    first->data()[0] = second->data()[0] = std::byte{1};
    EXPECT_LE(second->usage(host())->resident, 2_MiB);
    EXPECT_LE(first->usage(host())->resident, 2_MiB);
  }
  EXPECT_FALSE(PageMapping::map({.size = 4_MiB, .node = NodeId{1000}}));
}

TEST_F(PagesTest, LocalMemoryNeedsASecondNode) {
  const Technique& local = row("memory.numa-local");
  const Availability alone = local.available(host(), inventory_, parameters_);
  EXPECT_FALSE(alone.available);
  EXPECT_THAT(alone.reason, HasSubstr("no second NUMA node"));
  EXPECT_FALSE(alone.remedy.empty());
  probes::Node node;
  node.id = NodeId{1};
  node.memory = 8_GiB;
  inventory_.topology.nodes.push_back(node);
  inventory_.topology.nodes.front().distances = {10, 20};
  EXPECT_TRUE(local.available(host(), inventory_, parameters_).available);
  const Parameters baseline = local.baseline_parameters(parameters_);
  EXPECT_EQ(baseline.variant, "remote");
  EXPECT_EQ(operations_per_sample(row(local.baseline), baseline),
            operations_per_sample(local, parameters_));
  if (!host().exists("/sys/devices/system/node/node0")) GTEST_SKIP() << "a kernel without NUMA";
  const Outcome outcome = run_block(local.make(context_));
  expect_clean(outcome, kLoadsPerSample);
  EXPECT_THAT(outcome.engagement.evidence, HasSubstr("pages on node 0"));
}

TEST_F(PagesTest, PrefaultedPagesCostNoFaultsAndFreshOnesOneEach) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "ThreadSanitizer's own memory faults with each page";
#endif
  const Technique& prefault = row("memory.prefault-lock");
  if (const Availability can = prefault.available(host(), inventory_, parameters_); can.available) {
    const Outcome kept = run_block(prefault.make(context_));
    expect_clean(kept);
    EXPECT_THAT(kept.engagement.evidence, HasSubstr("4MiB of 4MiB locked"));
    EXPECT_TRUE(kept.verification.applies);
  } else {
    EXPECT_THAT(can.remedy, HasSubstr("memlock limit"));
  }
  const Outcome fresh = run_block(row(prefault.baseline).make(context_));
  expect_clean(fresh);
  EXPECT_GT(fresh.verification.checked, 0U);
}

TEST_F(PagesTest, FaultsInTheHotPathAreNotEngaged) {
  const Outcome faulting = run_block(make_touch_block(context_, true, MemoryFault::not_prefaulted));
  EXPECT_FALSE(faulting.engagement.engaged) << faulting.engagement.evidence;
  if (!locking_allowed(parameters_.size)) GTEST_SKIP() << "no memory may be locked here";
  const Outcome warm = run_block(make_touch_block(context_, false, MemoryFault::not_prefaulted));
  EXPECT_FALSE(warm.engagement.engaged) << warm.engagement.evidence;
}

TEST_F(PagesTest, TwoPagesAreTheLeastToTouch) {
  parameters_.size = base_page_size();
  EXPECT_EQ(make_touch_block(context_, false).error().code, ErrorCode::invalid);
  EXPECT_FALSE(row("memory.prefault-lock").available(host(), inventory_, parameters_).available);
}

class PaddingTest : public TechniqueTest {
 protected:
  static constexpr unsigned kAttempts = 20;
  void SetUp() override {
    if (allowed_.count() < 2) GTEST_SKIP() << "one CPU";
  }
};

TEST_F(PaddingTest, PaddedFieldsAreApartAndCountEverything) {
  // A busy machine may keep the other thread off its CPU for a whole block.
  Outcome outcome;
  for (unsigned i = 0; i < kAttempts && !outcome.engagement.engaged; ++i) {
    outcome = run_block(row("memory.padding").make(context_));
  }
  expect_clean(outcome, kIncrementsPerSample);
  EXPECT_TRUE(outcome.verification.applies);
  EXPECT_THAT(outcome.engagement.evidence, HasSubstr("fields 128 bytes apart, lines of 64"));
}

// Whether two threads run at the same moment is the scheduler's business, and threads of one core
// share their lines without cost: on a machine that never shows it there is nothing to assert.
TEST_F(PaddingTest, FalseSharingIsSeenInTheBaseline) {
  for (unsigned i = 0; i < kAttempts; ++i) {
    const Outcome outcome = run_block(row("memory.shared-line").make(context_));
    EXPECT_TRUE(outcome.verification.verified) << outcome.verification.detail;
    EXPECT_THAT(outcome.engagement.evidence, HasSubstr("fields 8 bytes apart"));
    if (!outcome.engagement.engaged) continue;
    EXPECT_THAT(outcome.engagement.evidence, HasSubstr("false sharing seen"));
    return;
  }
  GTEST_SKIP() << "these two CPUs share a line without cost, or never ran together";
}

TEST_F(PaddingTest, FieldsThatShareALineAreNotEngaged) {
  const Outcome outcome = run_block(make_padding_block(context_, true, MemoryFault::same_line));
  EXPECT_FALSE(outcome.engagement.engaged) << outcome.engagement.evidence;
}

TEST_F(PaddingTest, NobodyBesideIsNotEngaged) {
  for (const bool padded : {true, false}) {
    const Outcome outcome = run_block(make_padding_block(context_, padded, MemoryFault::alone));
    EXPECT_FALSE(outcome.engagement.engaged) << outcome.engagement.evidence;
  }
}

TEST_F(PaddingTest, OneCpuIsTooFew) {
  context_.cpus = one_cpu();
  EXPECT_EQ(make_padding_block(context_, true).error().code, ErrorCode::invalid);
  inventory_.topology.allowed = one_cpu();
  const Availability can = row("memory.padding").available(host(), inventory_, parameters_);
  EXPECT_FALSE(can.available);
  EXPECT_FALSE(can.remedy.empty());
}

}  // namespace
}  // namespace assay::engine
