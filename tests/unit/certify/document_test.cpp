// The certificate as JSON, there and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "certify/certificate.hpp"
#include "certify/json_text.hpp"
#include "certify/pairs.hpp"
#include "sample_certificate.hpp"
#include "stats/intervals.hpp"

namespace assay::certify {
namespace {

using ::testing::HasSubstr;

std::string sample_text() { return json_text(to_json(testing::sample_certificate())); }

TEST(Document, NamesThatOthersRelyOn) {
  const auto document = nlohmann::json::parse(sample_text());
  EXPECT_EQ(document.at("schema"), "assay.certificate");
  EXPECT_EQ(document.at("version"), 1);
  EXPECT_EQ(document.at("verdict"), "PASS");
  EXPECT_EQ(document.at("topology").at("counts").at("cpus"), 4);
  EXPECT_TRUE(document.at("net").is_array());
  EXPECT_TRUE(document.at("block").is_array());
  EXPECT_EQ(document.at("settings").at(0).at("outcome"), "differs");
  const auto& measurement = document.at("measurements").at(0);
  for (const char* name : {"technique", "parameters", "operations", "errors", "duration_ns",
                           "cpu_ns", "enters", "latency_ns", "intervals", "engaged", "verified"}) {
    EXPECT_TRUE(measurement.contains(name)) << name;
  }
}

TEST(Document, RoundTripKeepsWhatIsJudged) {
  const Certificate written = testing::sample_certificate();
  const auto read = certificate_from_json(json_text(to_json(written)));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->id, written.id);
  EXPECT_EQ(read->issued, written.issued);
  EXPECT_EQ(read->expires, written.expires);
  EXPECT_EQ(read->nonce, written.nonce);
  EXPECT_EQ(read->verdict, written.verdict);
  EXPECT_EQ(read->exit_code(), written.exit_code());
  EXPECT_EQ(read->reasons, written.reasons);
  EXPECT_EQ(read->digests.configuration, "sha256:bb");
  EXPECT_EQ(read->inventory.host_name, "lab7");
  EXPECT_EQ(read->checks.rows.at(0).outcome, tuner::Outcome::differs);
  EXPECT_FALSE(read->checks.rows.at(0).required);
  EXPECT_EQ(read->budgets.at(0).outcome, BudgetOutcome::pass);
  EXPECT_EQ(read->claims.at(0).latency_p50.pairs, 30U);
  EXPECT_EQ(read->took, written.took);
}

TEST(Document, AnyPercentileCanBeComputedAgain) {
  const Certificate written = testing::sample_certificate();
  const auto read = certificate_from_json(json_text(to_json(written)));
  ASSERT_TRUE(read) << read.error().message();
  for (std::size_t i = 0; i < written.measurements.size(); ++i) {
    const engine::Measurement& before = written.measurements[i];
    const engine::Measurement& after = read->measurements.at(i);
    for (const double quantile : {0.0, 0.3, 0.5, 0.99, 0.9999, 1.0}) {
      EXPECT_EQ(after.service.quantile_ns(quantile), before.service.quantile_ns(quantile));
    }
    ASSERT_EQ(after.blocks.size(), before.blocks.size());
    EXPECT_EQ(after.blocks[7].service.count(), before.blocks[7].service.count());
    EXPECT_EQ(after.blocks[7].service.max_ns(), before.blocks[7].service.max_ns());
    EXPECT_EQ(after.blocks[7].round, 7U);
    const auto one = stats::quantile_interval(block_histograms(before), 0.99, 0.95);
    const auto other = stats::quantile_interval(block_histograms(after), 0.99, 0.95);
    ASSERT_TRUE(one && other);
    EXPECT_DOUBLE_EQ(one->low_ns, other->low_ns);
    EXPECT_DOUBLE_EQ(one->high_ns, other->high_ns);
  }
}

TEST(Document, ResponsesOfAnOpenLoopSurvive) {
  Certificate written = testing::sample_certificate();
  engine::Measurement& before = written.measurements[0];
  for (engine::BlockResult& block : before.blocks) {
    block.response.emplace();
    block.response->record(block.service.max_ns() * 3);
    before.response.merge(*block.response);
  }
  const auto read = certificate_from_json(json_text(to_json(written)));
  ASSERT_TRUE(read) << read.error().message();
  const engine::Measurement& after = read->measurements.at(0);
  ASSERT_TRUE(after.blocks.at(7).response.has_value());
  EXPECT_EQ(after.blocks[7].response->max_ns(), before.blocks[7].response->max_ns());
  EXPECT_EQ(after.response.count(), 30U);
  EXPECT_FALSE(read->measurements.at(1).blocks.at(0).response.has_value());
}

TEST(Document, ExtremeLatenciesSurvive) {
  Certificate certificate = testing::sample_certificate();
  engine::BlockResult& block = certificate.measurements[0].blocks[0];
  block.service.record(0);
  block.service.record(1ULL << 45U);  // beyond what is tracked: the overflow bucket
  const auto read = certificate_from_json(json_text(to_json(certificate)));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->measurements[0].blocks[0].service.max_ns(), 1ULL << 45U);
  EXPECT_EQ(read->measurements[0].blocks[0].service.min_ns(), 0U);
  EXPECT_EQ(read->measurements[0].blocks[0].service.overflowed(), 1U);
}

TEST(Document, WhatIsNoCertificateIsRefusedWithTheReason) {
  const auto error_of = [](const std::string& text) {
    const auto read = certificate_from_json(text);
    return read ? std::string("no error") : read.error().message();
  };
  EXPECT_THAT(error_of(""), HasSubstr("no JSON"));
  EXPECT_THAT(error_of("[]"), HasSubstr("schema"));
  EXPECT_THAT(error_of(R"({"schema":"assay.probe"})"), HasSubstr("schema"));
  EXPECT_THAT(error_of(R"({"schema":"assay.certificate","version":2})"), HasSubstr("version 2"));
  EXPECT_THAT(error_of(R"({"schema":"assay.certificate","version":1})"), HasSubstr("time"));
  EXPECT_NE(error_of(std::string(100000, '[')), "no error");
}

// Every member in turn replaced by something of another type: an error or a certificate, no crash.
TEST(Document, WrongTypesNeverThrow) {
  Certificate small = testing::sample_certificate();
  for (engine::Measurement& measurement : small.measurements) measurement.blocks.resize(2);
  const auto whole = nlohmann::json::parse(json_text(to_json(small)));
  const std::vector<nlohmann::json> wrong{
      nullptr, 7, -1, 1e300, "x", nlohmann::json::array({1}), nlohmann::json::object(), true};
  for (const auto& [key, value] : whole.items()) {
    for (const nlohmann::json& one : wrong) {
      auto broken = whole;
      broken[key] = one;
      EXPECT_NO_THROW((void)certificate_from_json(broken.dump())) << key << " = " << one;
      auto deep = whole;
      deep["measurements"][0]["blocks"][0][key] = one;
      deep["measurements"][0]["blocks"][0]["counts"] = one;
      EXPECT_NO_THROW((void)certificate_from_json(deep.dump())) << key << " = " << one;
    }
  }
}

TEST(Document, BlocksBeyondTheHistogramAreRefused) {
  auto document = nlohmann::json::parse(sample_text());
  document["measurements"][0]["blocks"][0]["counts"] = {99999999, 1};
  EXPECT_FALSE(certificate_from_json(document.dump()));
  document["measurements"][0]["blocks"] = nlohmann::json(30000, nlohmann::json::object());
  const auto read = certificate_from_json(document.dump());
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message(), HasSubstr("too many blocks"));
}

TEST(Document, TimesAreReadStrictly) {
  EXPECT_EQ(format_time(*parse_time("2024-02-29T23:59:60Z")), "2024-03-01T00:00:00Z");
  EXPECT_FALSE(parse_time("2023-02-29T00:00:00Z"));
  EXPECT_FALSE(parse_time("2024-01-01"));
  EXPECT_FALSE(parse_time("2024-01-01T00:00:00Z and more"));
  EXPECT_FALSE(parse_time("2024-13-01T00:00:00Z"));
}

TEST(JsonText, KeepsTheDocument) {
  const auto document = to_json(testing::sample_certificate());
  EXPECT_EQ(nlohmann::ordered_json::parse(json_text(document)), document);
}

TEST(JsonText, NumbersStayOnOneLineAndBadBytesAreReplaced) {
  const nlohmann::ordered_json document{
      {"buckets", {{1, 2, 3}, {4, 5, 6}}}, {"name", "a\xff"}, {"list", {"x", "y"}}};
  const std::string text = json_text(document);
  EXPECT_THAT(text, HasSubstr("\"buckets\": [[1,2,3],[4,5,6]]"));
  EXPECT_THAT(text, HasSubstr("a\xEF\xBF\xBD"));
}

}  // namespace
}  // namespace assay::certify
