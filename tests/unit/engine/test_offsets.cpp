// The order of offsets, and the schedule of an open loop.
#include <gtest/gtest.h>
// gtest first: rapidcheck's header looks for it.
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

#include "engine/offsets.hpp"
#include "engine/schedule.hpp"

namespace assay::engine {
namespace {

RC_GTEST_PROP(RandomBlocks, MeetsEveryBlockOnceInAPass, ()) {
  const auto blocks = *rc::gen::inRange<std::uint64_t>(1, 5000);
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  RandomBlocks order(blocks, seed);
  std::vector<unsigned> met(blocks);
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const std::uint64_t block = order.next();
    RC_ASSERT(block < blocks);
    ++met[block];
  }
  // A pass starts anywhere in the permutation, so a count of blocks that is no power of two may
  // wrap; then the next pass has to bring the missing ones, never a third time.
  RC_ASSERT(std::ranges::all_of(met, [](unsigned times) { return times == 1; }));
}

RC_GTEST_PROP(SequentialBlocks, GoesRound, ()) {
  const auto blocks = *rc::gen::inRange<std::uint64_t>(1, 500);
  SequentialBlocks order(blocks, *rc::gen::arbitrary<std::uint64_t>());
  std::uint64_t before = order.next();
  for (std::uint64_t i = 0; i < 2 * blocks; ++i) {
    const std::uint64_t now = order.next();
    RC_ASSERT(now == (before + 1) % blocks);
    before = now;
  }
}

TEST(RandomBlocks, SameSeedSameOrder) {
  RandomBlocks one(1000, 42), same(1000, 42), other(1000, 43);
  unsigned different = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t block = one.next();
    EXPECT_EQ(block, same.next());
    different += block != other.next() ? 1 : 0;
  }
  EXPECT_GT(different, 900U);
}

// Neighbours in the order must not be neighbours in the file: readahead would make it sequential.
TEST(RandomBlocks, IsNotSequentialInDisguise) {
  constexpr std::uint64_t kBlocks = 16384;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    RandomBlocks order(kBlocks, seed);
    std::uint64_t before = order.next();
    unsigned near = 0, up = 0;
    for (std::uint64_t i = 1; i < kBlocks; ++i) {
      const std::uint64_t block = order.next();
      const std::uint64_t distance = block > before ? block - before : before - block;
      near += distance <= 4 ? 1 : 0;
      up += block > before ? 1 : 0;
      before = block;
    }
    EXPECT_LT(near, kBlocks / 100) << "seed " << seed;
    EXPECT_NEAR(up, kBlocks / 2.0, kBlocks * 0.2) << "seed " << seed;
  }
}

TEST(Schedule, FixedIsEvenlySpaced) {
  Schedule schedule(1000.0, Arrival::fixed, 1);
  for (std::uint64_t i = 1; i <= 100; ++i) {
    EXPECT_EQ(schedule.due(), i * 1000);
    schedule.advance();
  }
}

TEST(Schedule, PoissonHasTheRightMeanAndSpread) {
  constexpr double kMean = 5000;
  constexpr int kGaps = 200'000;
  Schedule schedule(kMean, Arrival::poisson, 99);
  double sum = 0, squares = 0, before = 0;
  for (int i = 0; i < kGaps; ++i) {
    const auto due = static_cast<double>(schedule.due());
    ASSERT_GE(due, before);
    const double gap = due - before;
    sum += gap;
    squares += gap * gap;
    before = due;
    schedule.advance();
  }
  const double mean = sum / kGaps;
  const double deviation = std::sqrt(squares / kGaps - mean * mean);
  EXPECT_NEAR(mean, kMean, kMean * 0.02);
  EXPECT_NEAR(deviation, kMean, kMean * 0.03) << "an exponential's deviation is its mean";
}

TEST(Schedule, IsFixedBeforehand) {
  Schedule one(100.0, Arrival::poisson, 5), other(100.0, Arrival::poisson, 5);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(one.due(), other.due());
    one.advance();
    other.advance();
  }
}

}  // namespace
}  // namespace assay::engine
