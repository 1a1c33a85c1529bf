#include "stats/difference.hpp"

#include <gtest/gtest.h>

#include "simulation.hpp"

namespace assay::stats {
namespace {

using simulation::Sampler;
using simulation::Shape;

struct Machine {
  double factor = 1;  // of the whole run
  double memory = 0;  // autocorrelation of neighbouring blocks' drift
  double drift = 0;   // its standard deviation, as a share
  double noise = 0;   // of each block for itself
};

std::vector<Histogram> run_blocks(const Machine& machine, const Sampler& sampler,
                                  SplitMix64& random, std::size_t count = 30, int each = 60) {
  std::vector<Histogram> blocks(count);
  simulation::Drift drift(machine.memory, random);
  for (Histogram& block : blocks) {
    const double factor = machine.factor * std::exp(machine.drift * drift.next(random) +
                                                    machine.noise * simulation::normal(random));
    for (int i = 0; i < each; ++i) {
      block.record(static_cast<std::uint64_t>(factor * sampler.draw(random)));
    }
  }
  return blocks;
}

// Share of pairs of runs of one machine whose 95 % interval contains 0, without any allowance.
double share_with_zero(const Machine& machine, Shape shape, double quantile, std::uint64_t seed) {
  constexpr int kPairsOfRuns = 500;
  const Sampler sampler(shape);
  SplitMix64 random(seed);
  const DifferenceOptions none{.between_run_fraction = 0, .resolution_ns = 0};
  int contained = 0;
  for (int i = 0; i < kPairsOfRuns; ++i) {
    const auto earlier = run_blocks(machine, sampler, random);
    const auto later = run_blocks(machine, sampler, random);
    const auto difference = quantile_difference(earlier, later, quantile, 0.95, none);
    EXPECT_TRUE(difference) << difference.error().message();
    contained += difference && difference->contains_zero() ? 1 : 0;
  }
  return contained / static_cast<double>(kPairsOfRuns);
}

TEST(QuantileDifference, TwoRunsOfASteadyMachineDoNotDiffer) {
  EXPECT_GE(share_with_zero({}, Shape::lognormal, 0.5, 1), 0.93);
  EXPECT_GE(share_with_zero({}, Shape::exponential, 0.9, 2), 0.93);
  EXPECT_GE(share_with_zero({.noise = 0.05}, Shape::pareto, 0.5, 3), 0.93);
}

TEST(QuantileDifference, NorDoTwoRunsOfADriftingOne) {
  EXPECT_GE(share_with_zero({.memory = 0.5, .drift = 0.1}, Shape::lognormal, 0.5, 4), 0.93);
  EXPECT_GE(share_with_zero({.memory = 0.8, .drift = 0.1}, Shape::lognormal, 0.5, 5), 0.93);
  EXPECT_GE(share_with_zero({.memory = 0.8, .drift = 0.1, .noise = 0.1}, Shape::lognormal, 0.5, 6),
            0.93);
  EXPECT_GE(share_with_zero({.memory = 0.8, .drift = 0.05}, Shape::exponential, 0.9, 7), 0.93);
}

TEST(QuantileDifference, ALongerRunsDriftInOneDirection) {
  // Both runs warm up by 30 %: the blocks' variance is drift, not noise.
  const Sampler sampler(Shape::lognormal);
  SplitMix64 random(8);
  int contained = 0;
  for (int i = 0; i < 100; ++i) {
    std::vector<std::vector<Histogram>> runs(2, std::vector<Histogram>(30));
    for (auto& run : runs) {
      for (std::size_t b = 0; b < run.size(); ++b) {
        const double factor = 1 + 0.01 * static_cast<double>(b);
        for (int k = 0; k < 60; ++k) {
          run[b].record(static_cast<std::uint64_t>(factor * sampler.draw(random)));
        }
      }
    }
    contained += quantile_difference(runs[0], runs[1], 0.5, 0.95)->contains_zero() ? 1 : 0;
  }
  EXPECT_GE(contained, 98);
}

TEST(QuantileDifference, FindsARealChange) {
  const Sampler sampler(Shape::lognormal);
  SplitMix64 random(9);
  const auto earlier = run_blocks({}, sampler, random, 30, 400);
  const auto later = run_blocks({.factor = 1.2}, sampler, random, 30, 400);
  const auto slower = quantile_difference(earlier, later, 0.5, 0.95);
  ASSERT_TRUE(slower);
  EXPECT_FALSE(slower->contains_zero());
  EXPECT_GT(slower->low_ns, 0);
  EXPECT_NEAR(slower->difference_ns, 2000, 200);
  EXPECT_NEAR(slower->earlier_ns, 10'000, 150);
  EXPECT_NEAR(slower->later_ns, 12'000, 180);
  const auto faster = quantile_difference(later, earlier, 0.5, 0.95);
  ASSERT_TRUE(faster);
  EXPECT_LT(faster->high_ns, 0);
}

TEST(QuantileDifference, OneDisturbedBlockIsNoChange) {
  const Sampler sampler(Shape::lognormal);
  SplitMix64 random(10);
  const auto earlier = run_blocks({}, sampler, random, 30, 1000);
  auto later = run_blocks({}, sampler, random, 30, 1000);
  later[11].record_many(10'000'000, 1000);
  const auto difference = quantile_difference(earlier, later, 0.99, 0.95);
  ASSERT_TRUE(difference);
  EXPECT_TRUE(difference->contains_zero());
}

TEST(QuantileDifference, AllowancesWiden) {
  const Sampler sampler(Shape::lognormal);
  SplitMix64 random(11);
  const auto earlier = run_blocks({}, sampler, random, 30, 400);
  const auto later = run_blocks({.factor = 1.03}, sampler, random, 30, 400);
  const DifferenceOptions none{.between_run_fraction = 0, .resolution_ns = 0};
  const auto strict = quantile_difference(earlier, later, 0.5, 0.95, none);
  const auto coarse = quantile_difference(earlier, later, 0.5, 0.95,
                                          {.between_run_fraction = 0, .resolution_ns = 500});
  const auto between = quantile_difference(earlier, later, 0.5, 0.95,
                                           {.between_run_fraction = 0.05, .resolution_ns = 0});
  ASSERT_TRUE(strict && coarse && between);
  EXPECT_FALSE(strict->contains_zero());
  EXPECT_DOUBLE_EQ(coarse->low_ns, strict->low_ns - 500);
  EXPECT_DOUBLE_EQ(coarse->high_ns, strict->high_ns + 500);
  EXPECT_TRUE(between->contains_zero());
  // 1.96 * sqrt(2) * 5 % on either side, at least.
  EXPECT_LT(between->low_ns, between->difference_ns - 0.13 * between->earlier_ns);
}

TEST(QuantileDifference, ATickIsNoChange) {
  // Times of a few nanoseconds are all on one tick; without the resolution nothing would be unsure.
  std::vector<Histogram> earlier(10);
  std::vector<Histogram> later(10);
  for (Histogram& block : earlier) block.record_many(40, 500);
  for (Histogram& block : later) block.record_many(41, 500);
  const auto difference = quantile_difference(earlier, later, 0.5, 0.95);
  ASSERT_TRUE(difference);
  EXPECT_NEAR(difference->difference_ns, 1.0, 1e-9);
  EXPECT_TRUE(difference->contains_zero());
  EXPECT_FALSE(quantile_difference(earlier, later, 0.5, 0.95, {0, 0})->contains_zero());
}

TEST(QuantileDifference, SaysWhatATailNeeds) {
  const Sampler sampler(Shape::lognormal);
  SplitMix64 random(12);
  const auto blocks = run_blocks({}, sampler, random, 30, 100);
  const auto refused = quantile_difference(blocks, blocks, 0.999, 0.95);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid);
  EXPECT_NE(refused.error().advice.find("60000"), std::string::npos) << refused.error().message();
}

TEST(QuantileDifference, RejectsBadArguments) {
  const Sampler sampler(Shape::lognormal);
  SplitMix64 random(13);
  const auto blocks = run_blocks({}, sampler, random);
  EXPECT_FALSE(quantile_difference(blocks, blocks, 0.0, 0.95));
  EXPECT_FALSE(quantile_difference(blocks, blocks, 1.0, 0.95));
  EXPECT_FALSE(quantile_difference(blocks, blocks, 0.5, 1.0));
  EXPECT_FALSE(quantile_difference(blocks, {}, 0.5, 0.95));
  EXPECT_FALSE(quantile_difference(blocks, blocks, 0.5, 0.95, {-0.1, 0}));
  EXPECT_FALSE(quantile_difference(blocks, blocks, 0.5, 0.95, {0, std::nan("")}));
}

}  // namespace
}  // namespace assay::stats
