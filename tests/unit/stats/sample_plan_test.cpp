#include "stats/sample_plan.hpp"

#include <gtest/gtest.h>

#include "simulation.hpp"
#include "stats/intervals.hpp"

namespace assay::stats {
namespace {

using simulation::Sampler;
using simulation::Shape;

TEST(PlanSamples, OneLookAtOneBudgetIsTheTextbook) {
  const auto plan = plan_samples({.quantile = 0.9999, .confidence = 0.95, .looks = 1});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->confidence_per_look, 0.95);
  EXPECT_EQ(plan->samples_min, 29'956U);
  EXPECT_EQ(plan->samples_useful, 1'000'000U);
  EXPECT_EQ(plan->samples_at_look, std::vector<std::uint64_t>{1'000'000});
}

TEST(PlanSamples, LooksAndBudgetsShareAlpha) {
  const auto plan = plan_samples({.quantile = 0.999, .confidence = 0.95, .looks = 4, .budgets = 5});
  ASSERT_TRUE(plan);
  EXPECT_NEAR(plan->confidence_per_look, 1 - 0.05 / 20, 1e-12);
  EXPECT_EQ(plan->samples_min, samples_to_prove(0.999, plan->confidence_per_look));
  EXPECT_EQ(plan->samples_useful, 100'000U);
  EXPECT_EQ(plan->samples_at_look, (std::vector<std::uint64_t>{12'500, 25'000, 50'000, 100'000}));
}

TEST(PlanSamples, NoLookIsBelowTheMinimum) {
  const auto plan = plan_samples({.quantile = 0.99, .confidence = 0.99, .looks = 9});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->samples_at_look.size(), 9U);
  for (const std::uint64_t samples : plan->samples_at_look) EXPECT_GE(samples, plan->samples_min);
}

TEST(PlanSamples, RejectsNonsense) {
  EXPECT_FALSE(plan_samples({.quantile = 1.0}));
  EXPECT_FALSE(plan_samples({.quantile = 0.0}));
  EXPECT_FALSE(plan_samples({.confidence = 1.0}));
  EXPECT_FALSE(plan_samples({.looks = 0}));
  EXPECT_FALSE(plan_samples({.budgets = 0}));
}

std::vector<Histogram> sampled_blocks(int each, std::uint64_t seed) {
  const Sampler sampler(Shape::lognormal);
  SplitMix64 random(seed);
  std::vector<Histogram> blocks(30);
  for (Histogram& block : blocks) {
    for (int i = 0; i < each; ++i) block.record(static_cast<std::uint64_t>(sampler.draw(random)));
  }
  return blocks;
}

TEST(JudgeBudget, BelowAboveAndBetween) {
  const auto blocks = sampled_blocks(500, 1);
  const double truth = simulation::quantile_of(Shape::lognormal, 0.99);
  const auto below = judge_budget(blocks, 0.99, 1.2 * truth, 0.99);
  ASSERT_TRUE(below);
  EXPECT_EQ(below->side, BudgetSide::below);
  EXPECT_LT(below->bound_ns, 1.2 * truth);
  EXPECT_GE(below->bound_ns, below->quantile_ns);
  EXPECT_EQ(below->n, 15'000U);
  EXPECT_EQ(below->samples_needed, 0U);
  EXPECT_LE(below->n_effective, 15'000.0);

  const auto above = judge_budget(blocks, 0.99, 0.8 * truth, 0.99);
  ASSERT_TRUE(above);
  EXPECT_EQ(above->side, BudgetSide::above);
  EXPECT_GT(above->bound_ns, 0.8 * truth);
  EXPECT_LE(above->bound_ns, above->quantile_ns);

  const auto between = judge_budget(blocks, 0.99, below->quantile_ns * 1.001, 0.99);
  ASSERT_TRUE(between);
  EXPECT_EQ(between->side, BudgetSide::undecided);
  EXPECT_GT(between->samples_needed, between->n);
  EXPECT_FALSE(between->reason.empty());
  EXPECT_EQ(to_string(between->side), "undecided");
  EXPECT_EQ(to_string(above->side), "above");
  EXPECT_EQ(to_string(below->side), "below");
}

TEST(JudgeBudget, TooFewSamplesAreUndecidedAndSayHowManyAreNeeded) {
  const auto blocks = sampled_blocks(100, 2);  // 3,000 for a p99.99
  const auto found = judge_budget(blocks, 0.9999, 1e9, 0.95);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->side, BudgetSide::undecided);
  EXPECT_EQ(found->bound_ns, 0.0);
  EXPECT_GE(found->samples_needed, 29'956U);
  EXPECT_LE(found->samples_needed, 100'000U);
  EXPECT_NE(found->reason.find("too few"), std::string::npos);
  EXPECT_NE(found->reason.find("p99.99"), std::string::npos);

  const auto nothing = judge_budget(std::vector<Histogram>(30), 0.99, 1000, 0.95);
  ASSERT_TRUE(nothing);
  EXPECT_EQ(nothing->side, BudgetSide::undecided);
  EXPECT_GE(nothing->samples_needed, 299U);
}

TEST(JudgeBudget, ZeroExceedancesProve) {
  std::vector<Histogram> blocks(30);
  for (Histogram& block : blocks) block.record_many(100, 1000);
  const auto found = judge_budget(blocks, 0.9999, 200, 0.95);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->side, BudgetSide::below);
  // Exactly at the budget is not below it.
  EXPECT_EQ(judge_budget(blocks, 0.9999, 100, 0.95)->side, BudgetSide::undecided);
}

TEST(JudgeBudget, AMedianBeyondTheBudgetDecidesWithoutATail) {
  // p99.9 of dependent blocks has no bound, but nearly every operation is over the budget.
  std::vector<Histogram> blocks(12);
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    blocks[b].record_many(50'000, 100);
    if (b == 3) blocks[b].record_many(900'000, 20);
  }
  const auto found = judge_budget(blocks, 0.999, 1'000, 0.95);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->side, BudgetSide::above);
}

TEST(JudgeBudget, RejectsNonsense) {
  const auto blocks = sampled_blocks(20, 3);
  EXPECT_FALSE(judge_budget(blocks, 1.0, 100, 0.95));
  EXPECT_FALSE(judge_budget(blocks, 0.5, 0, 0.95));
  EXPECT_FALSE(judge_budget(blocks, 0.5, HUGE_VAL, 0.95));
  EXPECT_FALSE(judge_budget(blocks, 0.5, 100, 0.5));
  EXPECT_FALSE(judge_budget(blocks, 0.5, 100, 1.0));
}

// A budget right at the truth: looking up to three times with shared alpha, both kinds of wrong
// certainty together stay below 2 * 5 %.
TEST(JudgeBudget, RepeatedLooksKeepTheErrorRate) {
  constexpr int kRuns = 600;
  const Sampler sampler(Shape::exponential);
  const auto plan = plan_samples({.quantile = 0.9, .confidence = 0.95, .looks = 3});
  ASSERT_TRUE(plan);
  const double truth = simulation::quantile_of(Shape::exponential, 0.9);
  SplitMix64 random(17);
  int below = 0;
  int above = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<Histogram> blocks(30);
    BudgetSide side = BudgetSide::undecided;
    for (int look = 0; look < 3 && side == BudgetSide::undecided; ++look) {
      for (Histogram& block : blocks) {
        for (int i = 0; i < 20; ++i) {
          block.record(static_cast<std::uint64_t>(sampler.draw(random)));
        }
      }
      side = judge_budget(blocks, 0.9, truth, plan->confidence_per_look)->side;
    }
    below += side == BudgetSide::below ? 1 : 0;
    above += side == BudgetSide::above ? 1 : 0;
  }
  EXPECT_LE(below, 0.05 * kRuns + 8);
  EXPECT_LE(above, 0.05 * kRuns + 8);
  EXPECT_GT(below + above, 0);
}

}  // namespace
}  // namespace assay::stats
