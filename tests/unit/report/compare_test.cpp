// Two certificates side by side.
#include "report/compare.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "../certify/sample_certificate.hpp"
#include "report/render.hpp"

namespace assay::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const ComparedMeasurement& row(const Comparison& comparison, const std::string& series,
                               double quantile) {
  for (const ComparedMeasurement& one : comparison.measurements) {
    if (one.series == series && one.quantile == quantile) return one;
  }
  throw std::runtime_error("no such row: " + series);
}

TEST(Compare, SameRunHasNoDifference) {
  const auto certificate = testing::sample_certificate();
  const Comparison comparison = compare(certificate, certificate, 0.95);
  ASSERT_EQ(comparison.measurements.size(), 4U);  // two series, p50 and p99
  for (const ComparedMeasurement& one : comparison.measurements) {
    EXPECT_EQ(one.verdict, "no difference") << one.series;
    EXPECT_TRUE(one.difference.contains_zero());
  }
  EXPECT_TRUE(comparison.same_configuration);
  EXPECT_THAT(comparison_text(comparison, Style{}), HasSubstr("4 of 4 differences contain 0"));
}

TEST(Compare, SlowerAndFasterAreFound) {
  const auto earlier = testing::sample_certificate();
  auto later = earlier;
  later.measurements[0] = testing::sample_measurement("fake.better", 30, 1300);
  const Comparison comparison = compare(earlier, later, 0.95);
  EXPECT_EQ(row(comparison, "fake.better on host", 0.5).verdict, "slower");
  EXPECT_NEAR(row(comparison, "fake.better on host", 0.5).difference.difference_ns, 300, 30);
  EXPECT_EQ(row(comparison, "fake.base on host", 0.5).verdict, "no difference");
  EXPECT_EQ(row(compare(later, earlier, 0.95), "fake.better on host", 0.99).verdict, "faster");
}

TEST(Compare, IsPerOperation) {
  auto earlier = testing::sample_certificate();
  auto later = testing::sample_certificate();
  later.measurements[0] = testing::sample_measurement("fake.better", 30, 1300);
  for (auto* one : {&earlier, &later}) one->measurements[0].operations_per_sample = 100;
  const Comparison comparison = compare(earlier, later, 0.95);
  EXPECT_NEAR(row(comparison, "fake.better on host", 0.5).difference.difference_ns, 3, 0.3);
  EXPECT_NEAR(row(comparison, "fake.better on host", 0.5).earlier_ns, 10, 0.5);
}

TEST(Compare, WhatDoesNotCountIsNotCompared) {
  const auto earlier = testing::sample_certificate();
  auto later = earlier;
  later.measurements[0].invalid = {"unsteady"};
  later.measurements[1].blocks.resize(2);
  const Comparison comparison = compare(earlier, later, 0.95);
  EXPECT_EQ(row(comparison, "fake.better on host", 0.5).verdict,
            "not comparable: the later one unsteady");
  EXPECT_FALSE(row(comparison, "fake.better on host", 0.5).comparable());
  EXPECT_THAT(row(comparison, "fake.base on host", 0.5).verdict, HasSubstr("not comparable"));
}

TEST(Compare, ParametersAndTargetsKeepSeriesApart) {
  const auto earlier = testing::sample_certificate();
  auto later = earlier;
  later.measurements[0].parameters.depth = 32;
  later.measurements[1].target = "cpu1";
  const Comparison comparison = compare(earlier, later, 0.95);
  EXPECT_TRUE(comparison.measurements.empty());
  EXPECT_THAT(comparison.only_earlier, ElementsAre("fake.base on host", "fake.better on host"));
  EXPECT_THAT(comparison.only_later, ElementsAre("fake.base on cpu1", "fake.better d32 on host"));
}

TEST(Compare, ChangedSettingsAreNamed) {
  const auto earlier = testing::sample_certificate();
  auto later = earlier;
  later.checks.rows[0].configured = "10";
  later.digests.configuration = "sha256:ee";
  const Comparison comparison = compare(earlier, later, 0.95);
  EXPECT_FALSE(comparison.same_configuration);
  EXPECT_TRUE(comparison.same_identity);
  EXPECT_THAT(comparison.changed_settings, ElementsAre("memory.swappiness on host: 60 → 10"));
}

TEST(Compare, DocumentSaysWhatScriptsNeed) {
  const auto certificate = testing::sample_certificate();
  const auto document = to_json(compare(certificate, certificate, 0.95));
  EXPECT_EQ(document.at("schema"), "assay.comparison");
  EXPECT_EQ(document.at("measurements").at(0).at("difference").at("contains_zero"), true);
  EXPECT_EQ(document.at("measurements").at(0).at("quantile"), 0.5);
}

}  // namespace
}  // namespace assay::report
