#include <gtest/gtest.h>

#include <set>

#include "engine/memory_chase.hpp"
#include "tests/unit/engine/technique_fixture.hpp"

namespace assay::engine {
namespace {

TEST(LineOrder, IsABijectionWithItsInverseForEverySizeAndSeed) {
  for (unsigned bits = 1; bits <= 14; ++bits) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      const LineOrder order(bits, seed);
      std::vector<bool> hit(1ULL << bits);
      for (std::uint64_t step = 0; step < hit.size(); ++step) {
        const std::uint64_t line = order.line_at(step);
        ASSERT_LT(line, hit.size());
        ASSERT_FALSE(hit[line]) << "bits " << bits << " seed " << seed;
        hit[line] = true;
        ASSERT_EQ(order.step_of(line), step);
      }
    }
  }
}

TEST(LineOrder, CanBeTurnedRoundAtItsWidest) {
  for (const unsigned bits : {31U, 32U, 33U, 47U, 48U}) {
    const LineOrder order(bits, 12345);
    const std::uint64_t mask = (1ULL << bits) - 1;
    for (std::uint64_t i = 0; i < 10'000; ++i) {
      const std::uint64_t step = (i * 0x9e37'79b9'7f4a'7c15ULL) & mask;
      ASSERT_EQ(order.step_of(order.line_at(step)), step);
    }
  }
}

TEST(LineOrder, StartsAtZeroAfterTheLastStep) {
  const LineOrder order(10, 3);
  EXPECT_EQ(order.line_at(1024), order.line_at(0));
}

TEST(ChaseBuffer, WalksEveryLineOnceAndReturns) {
  for (const std::uint64_t kib : {16U, 256U, 4096U}) {
    for (const bool cold : {false, true}) {
      const auto buffer =
          ChaseBuffer::build({.size = Bytes{kib << 10}, .cold = cold, .node = {}, .seed = 7});
      ASSERT_TRUE(buffer) << buffer.error().message();
      ASSERT_EQ(buffer->lines(), (kib << 10) / 64);
      std::set<const void*> seen;
      const void* at = buffer->position(0);
      for (std::size_t i = 0; i < buffer->lines(); ++i) {
        ASSERT_EQ(at, buffer->position(i));
        ASSERT_TRUE(seen.insert(at).second);
        at = chase(at, 1);
      }
      EXPECT_EQ(at, buffer->position(0));
    }
  }
}

TEST(ChaseBuffer, TheOrderIsNotToBeGuessed) {
  for (const std::uint64_t kib : {16U, 64U, 512U, 8192U}) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto buffer = ChaseBuffer::build({.size = Bytes{kib << 10}, .node = {}, .seed = seed});
      ASSERT_TRUE(buffer);
      EXPECT_LE(buffer->neighbour_share(buffer->position(0),
                                        std::min<std::size_t>(buffer->lines(), 4096)),
                0.05)
          << kib << " KiB, seed " << seed;
    }
  }
}

TEST(ChaseBuffer, NoStrideIsCommon) {
  const auto buffer = ChaseBuffer::build({.size = 512_KiB, .node = {}, .seed = 1});
  ASSERT_TRUE(buffer);
  std::map<std::ptrdiff_t, unsigned> strides;
  const void* at = buffer->position(0);
  for (std::size_t i = 0; i < buffer->lines(); ++i) {
    const void* const next = chase(at, 1);
    ++strides[static_cast<const char*>(next) - static_cast<const char*>(at)];
    at = next;
  }
  for (const auto& [stride, count] : strides) {
    EXPECT_LT(count, buffer->lines() / 50) << "stride " << stride;
  }
}

TEST(ChaseBuffer, TheNextSeedGivesAnotherOrder) {
  const auto one = ChaseBuffer::build({.size = 64_KiB, .node = {}, .seed = 1});
  const auto two = ChaseBuffer::build({.size = 64_KiB, .node = {}, .seed = 2});
  ASSERT_TRUE(one && two);
  const auto offset = [](const ChaseBuffer& buffer, std::uint64_t step) {
    return static_cast<const char*>(buffer.position(step)) -
           static_cast<const char*>(buffer.position(0));
  };
  unsigned same = 0;
  for (std::uint64_t step = 1; step < 1024; ++step)
    same += offset(*one, step) == offset(*two, step);
  EXPECT_LT(same, 20U);
}

TEST(ChaseBuffer, ASequentialWalkIsFoundOut) {
  const auto buffer =
      ChaseBuffer::build({.size = 64_KiB, .node = {}, .seed = 1, .sequential = true});
  ASSERT_TRUE(buffer);
  EXPECT_GT(buffer->neighbour_share(buffer->position(0), 1024), 0.99);
}

TEST(ChaseBuffer, RefusesSizesThatAreNoPowerOfTwo) {
  for (const std::uint64_t size : {0U, 64U, 96U, 3U << 10}) {
    EXPECT_FALSE(ChaseBuffer::build({.size = Bytes{size}, .node = {}}));
  }
}

TEST_F(TechniqueTest, TellsOfItsPages) {
  const auto buffer = ChaseBuffer::build({.size = 4_MiB});
  ASSERT_TRUE(buffer);
  const auto usage = buffer->mapping().usage(host());
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->resident, 4_MiB);
  EXPECT_LE(usage->transparent, 4_MiB);  // how much depends on this machine's settings
  EXPECT_EQ(usage->kernel_page, base_page_size());
}

TEST_F(TechniqueTest, AMissingNodeIsAnError) {
  EXPECT_FALSE(ChaseBuffer::build({.size = 64_KiB, .node = NodeId{1000}}));
}

}  // namespace
}  // namespace assay::engine
