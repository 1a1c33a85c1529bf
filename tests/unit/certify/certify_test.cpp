// The whole of certify() on this machine, with techniques whose latencies are known.
#include "certify/certify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/host_lock.hpp"
#include "core/real_host.hpp"
#include "core/replay_host.hpp"
#include "fake_technique.hpp"

namespace assay {
namespace {

using certify::BudgetOutcome;
using certify::Verdict;
using ::testing::Contains;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

// A directory of its own, removed with all that is in it.
class CertifyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "certify-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    techniques_ = testing::fake_techniques();
    options_.techniques = techniques_;
    options_.lock_path = directory_ + "/lock";
    options_.directory = directory_;
    profile_.name = "test";
    profile_.digest = "sha256:00";
    profile_.time_limit = std::chrono::seconds(6);
    profile_.rounds = 12;
    testing::stop_flag = false;
    testing::blocks_until_stop = 0;
  }
  void TearDown() override { fs::remove_all(directory_); }

  // A budget on a fake: p99 of its latencies is 1.49 times `median_ns`.
  profiles::Budget& add_budget(const std::string& technique, std::uint64_t median_ns,
                               std::uint64_t samples, double quantile, Nanoseconds at_most) {
    profiles::Budget budget;
    budget.technique = technique;
    budget.parameters = {{"block", std::to_string(median_ns)},
                         {"message", std::to_string(samples)}};
    budget.limits = {{quantile, at_most, std::nullopt}};
    budget.location = {"test.yaml", 3, 7};
    profile_.budgets.push_back(std::move(budget));
    return profile_.budgets.back();
  }

  Expected<certify::Certificate> run() { return certify::certify(*host_, profile_, options_); }

  std::unique_ptr<Host> host_ = make_real_host();
  std::string directory_;
  std::vector<engine::Technique> techniques_;
  profiles::Profile profile_;
  certify::Options options_;
};

TEST_F(CertifyTest, MetBudgetPasses) {
  add_budget("fake.base", 1000, 500, 0.99, std::chrono::microseconds(2));
  const auto certificate = run();
  ASSERT_TRUE(certificate) << certificate.error().message();
  EXPECT_EQ(certificate->verdict, Verdict::pass);
  EXPECT_EQ(certificate->exit_code(), 0);
  ASSERT_EQ(certificate->budgets.size(), 1U);
  const certify::BudgetVerdict& budget = certificate->budgets[0];
  EXPECT_EQ(budget.outcome, BudgetOutcome::pass);
  EXPECT_EQ(budget.look, 1U);
  EXPECT_NEAR(budget.observed_ns, 1490, 15);
  EXPECT_LE(budget.high_ns, 2000);
  EXPECT_DOUBLE_EQ(budget.confidence, 0.975);  // one limit, two looks
  EXPECT_EQ(certificate->looks_taken, 1U);
  EXPECT_FALSE(certificate->boot_id.empty());
  EXPECT_EQ(certificate->expires - certificate->issued, std::chrono::days(30));
  EXPECT_GT(certificate->noise.spun_for.count(), 0);
}

TEST_F(CertifyTest, MissedBudgetFails) {
  add_budget("fake.base", 1000, 500, 0.99, std::chrono::nanoseconds(1200));
  const auto certificate = run();
  ASSERT_TRUE(certificate) << certificate.error().message();
  EXPECT_EQ(certificate->verdict, Verdict::fail);
  EXPECT_EQ(certificate->exit_code(), 1);
  EXPECT_EQ(certificate->budgets.at(0).outcome, BudgetOutcome::fail);
  EXPECT_THAT(certificate->reasons.at(0), HasSubstr("missed: fake.base on host, p99 ≤ 1200ns"));
}

TEST_F(CertifyTest, MissedBudgetThatIsNotRequiredStillPasses) {
  add_budget("fake.base", 1000, 500, 0.99, std::chrono::nanoseconds(1200)).required = false;
  const auto certificate = run();
  ASSERT_TRUE(certificate) << certificate.error().message();
  EXPECT_EQ(certificate->budgets.at(0).outcome, BudgetOutcome::fail);
  EXPECT_EQ(certificate->exit_code(), 0);
}

TEST_F(CertifyTest, TooFewSamplesAreSaidBeforeAndInconclusiveAfter) {
  add_budget("fake.base", 1000, 20, 0.9999, std::chrono::microseconds(2));
  certify::Plan plan;
  options_.on_plan = [&plan](const certify::Plan& told) { plan = told; };
  const auto certificate = run();
  ASSERT_TRUE(certificate) << certificate.error().message();
  ASSERT_EQ(plan.series.size(), 1U);
  EXPECT_EQ(plan.series[0].samples_needed, 36887U);  // ln(0.025) / ln(0.9999)
  EXPECT_EQ(certificate->verdict, Verdict::inconclusive);
  EXPECT_EQ(certificate->exit_code(), 2);
  EXPECT_EQ(certificate->looks_taken, 2U);  // the second planned look was taken
  EXPECT_THAT(certificate->budgets.at(0).reason, HasSubstr("400 samples"));
}

TEST_F(CertifyTest, SecondLookDecidesWhatTheFirstLeftOpen) {
  // 12 blocks are too few samples for p99.9 at 97.5 %, 20 are enough (3,687 and some for
  // dependence).
  profile_.rounds = 12;
  add_budget("fake.base", 1000, 300, 0.999, std::chrono::microseconds(2));
  const auto certificate = run();
  ASSERT_TRUE(certificate) << certificate.error().message();
  EXPECT_EQ(certificate->budgets.at(0).outcome, BudgetOutcome::pass)
      << certificate->budgets.at(0).reason;
  EXPECT_EQ(certificate->budgets.at(0).look, 2U);
  EXPECT_EQ(certificate->looks_taken, 2U);
  EXPECT_EQ(certificate->exit_code(), 0);
}

TEST_F(CertifyTest, RequiredSkipFailsWithExit3) {
  add_budget("fake.absent", 1000, 100, 0.99, std::chrono::microseconds(2));
  add_budget("fake.base", 1000, 500, 0.99, std::chrono::microseconds(2));
  const auto certificate = run();
  ASSERT_TRUE(certificate) << certificate.error().message();
  EXPECT_EQ(certificate->verdict, Verdict::fail);
  EXPECT_EQ(certificate->exit_code(), 3);
  EXPECT_EQ(certificate->budgets.at(0).outcome, BudgetOutcome::skipped);
  EXPECT_THAT(certificate->budgets.at(0).reason, HasSubstr("flux capacitor; fit one"));
  EXPECT_EQ(certificate->budgets.at(1).outcome, BudgetOutcome::pass);
}

TEST_F(CertifyTest, SkippedBudgetThatIsNotRequiredDoesNotCount) {
  add_budget("fake.absent", 1000, 100, 0.99, std::chrono::microseconds(2)).required = false;
  const auto certificate = run();
  ASSERT_TRUE(certificate) << certificate.error().message();
  EXPECT_EQ(certificate->budgets.at(0).outcome, BudgetOutcome::skipped);
  EXPECT_EQ(certificate->exit_code(), 0);
}

TEST_F(CertifyTest, WhatDoesNotCountIsInvalid) {
  for (const char* wrong : {"not-engaged", "wrong-data", "errors"}) {
    profile_.budgets.clear();
    add_budget("fake.base", 1000, 500, 0.99, std::chrono::microseconds(2)).parameters["variant"] =
        wrong;
    const auto certificate = run();
    ASSERT_TRUE(certificate) << certificate.error().message();
    EXPECT_EQ(certificate->budgets.at(0).outcome, BudgetOutcome::invalid) << wrong;
    EXPECT_EQ(certificate->verdict, Verdict::inconclusive) << wrong;
    EXPECT_EQ(certificate->exit_code(), 2) << wrong;
    EXPECT_FALSE(certificate->budgets.at(0).reason.empty()) << wrong;
  }
}

TEST_F(CertifyTest, RatioIsJudgedAgainstTheInterleavedBaseline) {
  profiles::Budget& budget =
      add_budget("fake.better", 1000, 500, 0.99, std::chrono::microseconds(2));
  budget.limits = {{0.99, std::nullopt, 0.6}, {0.5, std::nullopt, 0.4}};
  const auto certificate = run();
  ASSERT_TRUE(certificate) << certificate.error().message();
  ASSERT_EQ(certificate->measurements.size(), 2U);
  EXPECT_TRUE(certificate->measurements[1].is_baseline);
  ASSERT_EQ(certificate->budgets.size(), 2U);
  EXPECT_EQ(certificate->budgets[0].outcome, BudgetOutcome::pass) << certificate->budgets[0].reason;
  EXPECT_NEAR(certificate->budgets[0].observed_ns, 0.5, 0.01);
  EXPECT_EQ(certificate->budgets[0].limit, "≤ 0.6x fake.base");
  EXPECT_EQ(certificate->budgets[1].outcome, BudgetOutcome::fail) << certificate->budgets[1].reason;
  ASSERT_EQ(certificate->claims.size(), 1U);
  EXPECT_EQ(certificate->claims[0].verdict, "confirmed");
}

TEST_F(CertifyTest, StopGivesAPartialCertificate) {
  add_budget("fake.base", 1000, 500, 0.99, std::chrono::microseconds(2));
  options_.stop = &testing::stop_flag;
  testing::blocks_until_stop = 7;  // two of the pilot, some of the run
  const auto certificate = run();
  ASSERT_TRUE(certificate) << certificate.error().message();
  EXPECT_TRUE(certificate->partial);
  EXPECT_EQ(certificate->verdict, Verdict::inconclusive);
  EXPECT_EQ(certificate->exit_code(), 130);
  ASSERT_EQ(certificate->measurements.size(), 1U);
  EXPECT_GT(certificate->measurements[0].blocks.size(), 0U);
  EXPECT_LT(certificate->measurements[0].blocks.size(), 12U);
}

TEST_F(CertifyTest, StopBeforeAnythingIsMeasured) {
  add_budget("fake.file", 1000, 500, 0.99, std::chrono::microseconds(2)).parameters["size"] =
      "1MiB";
  testing::stop_flag = true;
  options_.stop = &testing::stop_flag;
  const auto certificate = run();
  ASSERT_TRUE(certificate) << certificate.error().message();
  EXPECT_TRUE(certificate->partial);
  EXPECT_EQ(certificate->exit_code(), 130);
  EXPECT_EQ(certificate->budgets.size(), 1U);
}

TEST_F(CertifyTest, SecondCertifyIsRefusedWithThePid) {
  const auto lock = HostLock::take(options_.lock_path);
  ASSERT_TRUE(lock) << lock.error().message();
  const auto certificate = run();
  ASSERT_FALSE(certificate);
  EXPECT_EQ(certificate.error().code, ErrorCode::busy);
  EXPECT_THAT(certificate.error().message(), HasSubstr(std::to_string(::getpid())));
}

TEST_F(CertifyTest, LoadAboveTheLimitNeedsForce) {
  profile_.load_limit = -1;  // any load is above it
  const auto refused = run();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::busy);
  EXPECT_THAT(refused.error().message(), HasSubstr("--force"));
  options_.force = true;
  const auto certificate = run();
  ASSERT_TRUE(certificate) << certificate.error().message();
  EXPECT_TRUE(certificate->forced);
  EXPECT_THAT(certificate->notes, Contains(HasSubstr("forced: load of")));
}

TEST_F(CertifyTest, TestFilesAreGoneAfterwards) {
  add_budget("fake.file", 1000, 500, 0.99, std::chrono::microseconds(2)).parameters["size"] =
      "1MiB";
  const auto certificate = run();
  ASSERT_TRUE(certificate) << certificate.error().message();
  EXPECT_GE(certificate->written.count, 1_MiB .count);
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(directory_)) {
    left.push_back(entry.path().filename());
  }
  EXPECT_EQ(left, std::vector<std::string>{"lock"});
}

TEST_F(CertifyTest, MissingDirectoryForTestFilesIsAnError) {
  add_budget("fake.file", 1000, 500, 0.99, std::chrono::microseconds(2));
  options_.directory = directory_ + "/none";
  const auto certificate = run();
  ASSERT_FALSE(certificate);
  EXPECT_THAT(certificate.error().message(), HasSubstr("/none"));
}

TEST_F(CertifyTest, WritingStaysBelowTheLimit) {
  profile_.write_limit = 8_MiB;
  profiles::Budget& budget = add_budget("fake.base", 1000, 500, 0.99, std::chrono::microseconds(2));
  budget.parameters["op"] = "write";  // each fake block "writes" 500 x 4 KiB, 2 MB
  const auto certificate = run();
  ASSERT_TRUE(certificate) << certificate.error().message();
  EXPECT_LE(certificate->written.count, profile_.write_limit.count);
  EXPECT_EQ(certificate->budgets.at(0).outcome, BudgetOutcome::invalid);
}

TEST_F(CertifyTest, BudgetsThatMakeNoSenseAreErrorsWithTheirPlace) {
  const auto error_of = [this] {
    const auto certificate = run();
    return certificate ? std::string("no error") : certificate.error().message();
  };
  add_budget("fake.nonsense", 1000, 100, 0.99, std::chrono::microseconds(2));
  EXPECT_THAT(error_of(), HasSubstr("test.yaml:3:7"));
  profile_.budgets.clear();
  add_budget("fake.base", 1000, 100, 0.99, std::chrono::microseconds(2)).parameters["depth"] = "4";
  EXPECT_THAT(error_of(), HasSubstr("no parameter 'depth'"));
  profile_.budgets.clear();
  add_budget("fake.base", 1000, 100, 0.99, std::chrono::microseconds(2)).limits = {
      {0.99, std::nullopt, 1.5}};
  EXPECT_THAT(error_of(), HasSubstr("a ratio needs a baseline"));
}

TEST_F(CertifyTest, ProfileWithoutBudgetsIsJudgedByItsSettings) {
  const auto certificate = run();
  ASSERT_TRUE(certificate) << certificate.error().message();
  EXPECT_EQ(certificate->verdict, Verdict::pass);
  EXPECT_TRUE(certificate->measurements.empty());
}

TEST_F(CertifyTest, CapturedHostIsNotMeasured) {
  const auto captured = open_replay_host(directory_);
  ASSERT_TRUE(captured) << captured.error().message();
  const auto certificate = certify::certify(**captured, profile_, options_);
  ASSERT_FALSE(certificate);
  EXPECT_EQ(certificate.error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace assay
