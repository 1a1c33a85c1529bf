// Verdicts from known histograms; what the verdict over everything is made of.
#include "certify/judge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "certify/claims.hpp"
#include "certify/judge_words.hpp"
#include "fake_technique.hpp"
#include "sample_certificate.hpp"

namespace assay::certify {
namespace {

using ::testing::HasSubstr;

constexpr double kConfidence = 0.975;

class JudgeTest : public ::testing::Test {
 protected:
  JudgeTest() {
    ExpandedSeries candidate;
    candidate.technique = &techniques_[1];  // fake.better
    candidate.baseline = 1;
    ExpandedSeries baseline;
    baseline.technique = &techniques_[0];
    baseline.is_baseline = true;
    expansion_.series = {candidate, baseline};
    measurements_ = {testing::sample_measurement("fake.better", 30, 1000),
                     testing::sample_measurement("fake.base", 30, 2000)};
  }

  BudgetVerdict judged(profiles::Limit limit) {
    expansion_.limits = {{0, limit, true, {}}};
    auto verdicts = open_verdicts(expansion_, kConfidence);
    judge(evidence(), 1, verdicts);
    return verdicts.at(0);
  }
  Evidence evidence() const { return {&expansion_, measurements_, kConfidence}; }
  static profiles::Limit at_most(double quantile, std::int64_t ns) {
    return {quantile, Nanoseconds(ns), std::nullopt};
  }

  std::vector<engine::Technique> techniques_ = testing::fake_techniques();
  Expansion expansion_;
  std::vector<engine::Measurement> measurements_;
};

// Latencies are even over [500, 1500): the 99th percentile is 1490.
TEST_F(JudgeTest, BoundsDecide) {
  EXPECT_EQ(judged(at_most(0.99, 1600)).outcome, BudgetOutcome::pass);
  EXPECT_EQ(judged(at_most(0.99, 1400)).outcome, BudgetOutcome::fail);
  const BudgetVerdict between = judged(at_most(0.99, 1490));
  EXPECT_EQ(between.outcome, BudgetOutcome::inconclusive);
  EXPECT_LT(between.low_ns, 1490);
  EXPECT_GT(between.high_ns, 1490);
  EXPECT_THAT(between.reason, HasSubstr("the limit ≤ 1490ns is in between"));
}

// At a rate a client waits from the intended start: a fast service behind a queue misses the limit.
TEST_F(JudgeTest, AtARateTheResponseIsJudged) {
  for (engine::BlockResult& block : measurements_[0].blocks) {
    block.response.emplace();
    for (int i = 0; i < 200; ++i) block.response->record(5000 + static_cast<unsigned>(i));
    measurements_[0].response.merge(*block.response);
  }
  const BudgetVerdict missed = judged(at_most(0.99, 1600));
  EXPECT_EQ(missed.outcome, BudgetOutcome::fail);
  EXPECT_NEAR(missed.observed_ns, 5197, 40);
  EXPECT_EQ(judged(at_most(0.99, 5300)).outcome, BudgetOutcome::pass);
}

TEST_F(JudgeTest, TooFewToProveMayBeEnoughToDisprove) {
  const BudgetVerdict met = judged(at_most(0.9999, 1600));
  EXPECT_EQ(met.outcome, BudgetOutcome::inconclusive);
  EXPECT_EQ(met.high_ns, 0);
  EXPECT_EQ(judged(at_most(0.9999, 1000)).outcome, BudgetOutcome::fail);
}

// The blocks disagree about p99 by 1 ns, without any doubt: thousands of samples in each are 174 ns
// in one block and 175 ns in the next. That says nothing against a limit of 1 ms.
TEST_F(JudgeTest, BlocksThatDisagreeFarBelowTheLimitStillProveIt) {
  engine::Measurement& measurement = measurements_[0];
  measurement.service.reset();
  for (engine::BlockResult& block : measurement.blocks) {
    block.service.reset();
    for (int i = 0; i < 20000; ++i) {
      block.service.record(i % 2000 == 0 ? 1300 + i / 100 : 174 + block.round % 2);
    }
    measurement.service.merge(block.service);
  }
  const BudgetVerdict verdict = judged(at_most(0.99, 1'000'000));
  EXPECT_EQ(verdict.outcome, BudgetOutcome::pass) << verdict.reason;
}

TEST_F(JudgeTest, SampleOfManyOperationsIsJudgedPerOperation) {
  measurements_[0].operations_per_sample = 100;  // p99 is 14.9 ns an operation
  EXPECT_EQ(judged(at_most(0.99, 16)).outcome, BudgetOutcome::pass);
  EXPECT_EQ(judged(at_most(0.99, 14)).outcome, BudgetOutcome::fail);
}

TEST_F(JudgeTest, RatioIsPairedByRound) {
  EXPECT_EQ(judged({0.5, std::nullopt, 0.6}).outcome, BudgetOutcome::pass);
  EXPECT_EQ(judged({0.5, std::nullopt, 0.4}).outcome, BudgetOutcome::fail);
  // Rounds that only one side has are left out; with too few in common nothing can be said.
  measurements_[1].blocks.resize(3);
  const BudgetVerdict few = judged({0.5, std::nullopt, 0.6});
  EXPECT_EQ(few.outcome, BudgetOutcome::inconclusive) << few.reason;
}

TEST_F(JudgeTest, BaselineThatDidNotRunOrDoesNotCount) {
  measurements_[1].skipped = "no such thing";
  EXPECT_EQ(judged({0.5, std::nullopt, 0.6}).outcome, BudgetOutcome::skipped);
  measurements_[1].skipped.clear();
  measurements_[1].invalid = {"unsteady"};
  const BudgetVerdict verdict = judged({0.5, std::nullopt, 0.6});
  EXPECT_EQ(verdict.outcome, BudgetOutcome::invalid);
  EXPECT_THAT(verdict.reason, HasSubstr("fake.base does not count: unsteady"));
}

TEST_F(JudgeTest, EarlierDecisionStands) {
  expansion_.limits = {{0, at_most(0.99, 1600), true, {}}};
  auto verdicts = open_verdicts(expansion_, kConfidence);
  judge(evidence(), 1, verdicts);
  ASSERT_EQ(verdicts[0].outcome, BudgetOutcome::pass);
  EXPECT_FALSE(wants_another_look(evidence(), verdicts));
  measurements_[0] = testing::sample_measurement("fake.better", 30, 9000);
  judge(evidence(), 2, verdicts);
  EXPECT_EQ(verdicts[0].outcome, BudgetOutcome::pass);
  EXPECT_EQ(verdicts[0].look, 1U);
  measurements_[0].invalid = {"unsteady"};
  judge(evidence(), 2, verdicts);
  EXPECT_EQ(verdicts[0].outcome, BudgetOutcome::invalid);
}

TEST_F(JudgeTest, OnlyWhatMayChangeIsLookedAtAgain) {
  expansion_.limits = {{0, at_most(0.99, 1490), true, {}}};
  auto verdicts = open_verdicts(expansion_, kConfidence);
  judge(evidence(), 1, verdicts);
  EXPECT_TRUE(wants_another_look(evidence(), verdicts));
  verdicts[0].required = false;
  EXPECT_FALSE(wants_another_look(evidence(), verdicts));
  verdicts[0].required = true;
  verdicts[0].outcome = BudgetOutcome::invalid;
  EXPECT_TRUE(wants_another_look(evidence(), verdicts));  // unsteadiness may go away
  measurements_[0].engaged = false;
  EXPECT_FALSE(wants_another_look(evidence(), verdicts));
}

TEST_F(JudgeTest, WrongClockVoidsWhatWasMeasured) {
  expansion_.limits = {{0, at_most(0.99, 1600), true, {}}};
  auto verdicts = open_verdicts(expansion_, kConfidence);
  judge(evidence(), 1, verdicts);
  engine::ClockReport clock;
  clock.valid = false;
  clock.error_ppm = 120;
  void_by_clock(clock, verdicts);
  EXPECT_EQ(verdicts[0].outcome, BudgetOutcome::invalid);
  EXPECT_THAT(verdicts[0].reason, HasSubstr("120 ppm"));
}

TEST_F(JudgeTest, ClaimsAreConfirmedOnlyByTheWholeInterval) {
  auto rows = judge_claims(expansion_, measurements_, 0.95);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].verdict, "confirmed");  // half the latency, 0.6 was claimed
  EXPECT_EQ(rows[0].latency_p50.pairs, 30U);

  techniques_[1].claim.latency_ratio_max = 0.3;
  rows = judge_claims(expansion_, measurements_, 0.95);
  EXPECT_EQ(rows[0].verdict, "not confirmed on this host");

  measurements_[1] = testing::sample_measurement("fake.base", 30, 1001);
  rows = judge_claims(expansion_, measurements_, 0.95);
  EXPECT_EQ(rows[0].verdict, "no improvement");

  measurements_[1].skipped = "not here";
  rows = judge_claims(expansion_, measurements_, 0.95);
  EXPECT_EQ(rows[0].verdict, "not measured");
}

// --- the verdict over everything ---

tuner::CheckRow check_row(tuner::Outcome outcome, bool required) {
  tuner::CheckRow row;
  row.id = "cpu.governor";
  row.target = "cpu0";
  row.wanted = "performance";
  row.configured = "powersave";
  row.outcome = outcome;
  row.required = required;
  return row;
}

Certificate with_settings(std::vector<tuner::CheckRow> rows) {
  Certificate certificate;
  certificate.checks.rows = std::move(rows);
  conclude(certificate);
  return certificate;
}

TEST(Conclude, SettingsCount) {
  using tuner::Outcome;
  EXPECT_EQ(with_settings({check_row(Outcome::ok, true)}).exit_code(), 0);
  const Certificate differs = with_settings({check_row(Outcome::differs, true)});
  EXPECT_EQ(differs.verdict, Verdict::fail);
  EXPECT_EQ(differs.exit_code(), 1);
  EXPECT_THAT(differs.reasons.at(0),
              HasSubstr("cpu.governor on cpu0 differs: is powersave, wanted performance"));
  EXPECT_EQ(with_settings({check_row(Outcome::differs, false)}).exit_code(), 0);
  EXPECT_EQ(with_settings({check_row(Outcome::pending_reboot, true)}).exit_code(), 1);
  EXPECT_EQ(with_settings({check_row(Outcome::denied, true)}).exit_code(), 3);
  EXPECT_EQ(with_settings({check_row(Outcome::denied, false)}).exit_code(), 0);
  for (const Outcome harmless :
       {Outcome::waived, Outcome::not_applicable, Outcome::kernel_managed}) {
    EXPECT_EQ(with_settings({check_row(harmless, true)}).exit_code(), 0);
  }
}

TEST(Conclude, WorstOutcomeDecidesAndComesFirst) {
  const auto budget = [](BudgetOutcome outcome) {
    BudgetVerdict verdict;
    verdict.technique = "fake.base";
    verdict.target = "host";
    verdict.outcome = outcome;
    return verdict;
  };
  Certificate certificate;
  certificate.budgets = {budget(BudgetOutcome::inconclusive)};
  conclude(certificate);
  EXPECT_EQ(certificate.exit_code(), 2);
  certificate.budgets.push_back(budget(BudgetOutcome::skipped));
  conclude(certificate);
  EXPECT_EQ(certificate.verdict, Verdict::fail);
  EXPECT_EQ(certificate.exit_code(), 3);
  certificate.budgets.push_back(budget(BudgetOutcome::fail));
  conclude(certificate);
  EXPECT_EQ(certificate.exit_code(), 1);
  EXPECT_THAT(certificate.reasons.at(0), HasSubstr("missed"));
  EXPECT_THAT(certificate.reasons.at(1), HasSubstr("skipped"));
  EXPECT_THAT(certificate.reasons.at(2), HasSubstr("undecided"));
  certificate.partial = true;
  conclude(certificate);
  EXPECT_EQ(certificate.verdict, Verdict::inconclusive);
  EXPECT_EQ(certificate.exit_code(), 130);
}

TEST(Conclude, LongListsAreCounted) {
  const Certificate certificate =
      with_settings(std::vector(20, check_row(tuner::Outcome::differs, true)));
  EXPECT_EQ(certificate.reasons.size(), 9U);
  EXPECT_THAT(certificate.reasons.back(), HasSubstr("and 12 more"));
}

TEST(Words, NumbersReadWell) {
  EXPECT_EQ(quantile_name(0.999), "p99.9");
  EXPECT_EQ(grouped(1234567), "1,234,567");
  EXPECT_EQ(grouped(12), "12");
  EXPECT_EQ(percent(0.95), "95 %");
  EXPECT_EQ(percent(0.9975), "99.75 %");
  EXPECT_EQ(percent(0.99987), "99.987 %");
}

}  // namespace
}  // namespace assay::certify
