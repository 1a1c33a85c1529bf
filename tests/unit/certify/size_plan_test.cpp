// Time and writes are shared out so that budgets can be proven and limits hold.
#include "certify/size_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "fake_technique.hpp"

namespace assay::certify {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SizePlanTest : public ::testing::Test {
 protected:
  void add(double samples_per_s, double quantile, double bytes_per_s = 0) {
    ExpandedSeries series;
    series.technique = &technique_;
    series.target = "cpu" + std::to_string(expansion_.series.size());
    if (bytes_per_s > 0) series.parameters.operation = engine::Operation::write;
    expansion_.series.push_back(series);
    if (quantile > 0) {
      expansion_.limits.push_back(
          {expansion_.series.size() - 1, {quantile, std::chrono::seconds(1), {}}, true, {}});
    }
    pilot_.push_back({true, samples_per_s, bytes_per_s, std::chrono::milliseconds(5)});
  }
  double planned_s(const Sizing& sizing) const {
    const double rounds = sizing.rounds + sizing.more_rounds * (limits_.looks - 1.0);
    double sum = 0;
    for (std::size_t i = 0; i < pilot_.size(); ++i) {
      sum += std::chrono::duration<double>(sizing.blocks[i] + pilot_[i].overhead).count() * rounds;
    }
    return sum;
  }

  engine::Technique technique_ = testing::fake_row("fake.base");
  Expansion expansion_;
  std::vector<PilotFigure> pilot_;
  SizeLimits limits_{std::chrono::seconds(50), 2_GiB, 30, 2, 0.95};
};

TEST_F(SizePlanTest, ConfidenceIsSharedOverLooksAndLimits) {
  EXPECT_DOUBLE_EQ(confidence_per_verdict(0.95, 2, 5), 0.995);
  EXPECT_DOUBLE_EQ(confidence_per_verdict(0.95, 1, 0), 0.95);
}

TEST_F(SizePlanTest, AllLooksFitIntoTheTime) {
  for (int i = 0; i < 25; ++i) add(i % 2 == 0 ? 1e6 : 1e3, 0.99);
  const Sizing sizing = size_run(expansion_, pilot_, limits_);
  EXPECT_EQ(sizing.rounds, 30U);
  EXPECT_LE(planned_s(sizing), 50.0 * 1.001);
}

TEST_F(SizePlanTest, SlowSeriesGetLongerBlocks) {
  add(1e6, 0.999);
  add(1e3, 0.999);  // a wake-up every millisecond
  const Sizing sizing = size_run(expansion_, pilot_, limits_);
  EXPECT_GT(sizing.blocks[1], 3 * sizing.blocks[0]);
  const Plan plan = describe_plan(expansion_, pilot_, limits_, sizing);
  EXPECT_GE(plan.series[1].samples_expected, plan.series[1].samples_needed);
  EXPECT_THAT(plan.warnings, IsEmpty());
}

TEST_F(SizePlanTest, WhatTheTimeCannotProveIsSaidBefore) {
  add(10, 0.9999);
  const Sizing sizing = size_run(expansion_, pilot_, limits_);
  const Plan plan = describe_plan(expansion_, pilot_, limits_, sizing);
  ASSERT_EQ(plan.warnings.size(), 1U);
  EXPECT_THAT(plan.warnings[0], HasSubstr("not proven"));
  EXPECT_LE(planned_s(sizing), 50.0 * 1.001);
}

TEST_F(SizePlanTest, FewerRoundsWhenBuildingBlocksEatsTheTime) {
  add(1e6, 0.99);
  pilot_[0].overhead = std::chrono::seconds(1);
  const Sizing sizing = size_run(expansion_, pilot_, limits_);
  EXPECT_LT(sizing.rounds, 30U);
  EXPECT_GE(sizing.rounds, 8U);
}

TEST_F(SizePlanTest, WritersStayBelowHalfOfTheLimit) {
  add(1e5, 0.99, 2e9);
  add(1e5, 0.99, 1e9);
  const Sizing sizing = size_run(expansion_, pilot_, limits_);
  const double rounds = sizing.rounds + sizing.more_rounds;
  double bytes = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    bytes +=
        std::chrono::duration<double>(sizing.blocks[i]).count() * pilot_[i].bytes_per_s * rounds;
  }
  EXPECT_LE(bytes, 1.01 * static_cast<double>((1_GiB).count));
}

TEST_F(SizePlanTest, OneLookGetsAllOfTheTime) {
  limits_.looks = 1;
  add(1e3, 0.999);
  const Sizing sizing = size_run(expansion_, pilot_, limits_);
  EXPECT_EQ(sizing.more_rounds, 0U);
  EXPECT_LE(planned_s(sizing), 50.0 * 1.001);
}

TEST_F(SizePlanTest, SeriesThatDidNotRunGetsNothing) {
  add(1e3, 0.999);
  pilot_[0].ran = false;
  const Sizing sizing = size_run(expansion_, pilot_, limits_);
  EXPECT_EQ(sizing.blocks[0].count(), 0);
}

}  // namespace
}  // namespace assay::certify
