// The JSON of a measurement: the names that others rely on, and values that can be recomputed.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/measurement.hpp"

namespace assay::engine {
namespace {

Measurement measured() {
  Measurement measurement;
  measurement.technique = "storage.pread";
  measurement.target = "host";
  measurement.engaged = true;
  measurement.evidence = "calls counted";
  measurement.duration = std::chrono::seconds(1);
  measurement.cpu_time = std::chrono::milliseconds(900);
  for (unsigned round = 0; round < 30; ++round) {
    BlockResult block;
    block.round = round;
    for (std::uint64_t i = 1; i <= 1000; ++i) block.service.record(1000 + i);
    block.operations = 1000;
    measurement.service.merge(block.service);
    measurement.operations += block.operations;
    measurement.blocks.push_back(std::move(block));
  }
  return measurement;
}

TEST(MeasurementJson, HasTheNamesThatOthersRelyOn) {
  const auto json = to_json(measured(), 0.95, false);
  for (const char* name : {"technique", "parameters", "operations", "errors", "duration_ns",
                           "cpu_ns", "enters", "latency_ns", "intervals", "engaged", "verified"}) {
    EXPECT_TRUE(json.contains(name)) << name;
  }
  for (const char* name : {"p50", "p90", "p99", "p99_9", "p99_99", "min", "max"}) {
    EXPECT_TRUE(json["latency_ns"][name].is_number_unsigned()) << name;
  }
  const auto& p99 = json["intervals"]["p99"];
  for (const char* name : {"low", "high", "confidence", "n", "n_effective"}) {
    EXPECT_TRUE(p99[name].is_number()) << name;
  }
  EXPECT_EQ(json["operations"], 30'000);
  EXPECT_EQ(json["duration_ns"], 1'000'000'000);
  EXPECT_EQ(p99["confidence"], 0.95);
  EXPECT_LE(p99["low"].get<double>(), json["latency_ns"]["p99"].get<double>() * 1.01);
  EXPECT_GE(p99["high"].get<double>(), json["latency_ns"]["p99"].get<double>() * 0.99);
}

TEST(MeasurementJson, IntervalThatCannotBeGivenIsNullWithTheReason) {
  Measurement few = measured();
  few.blocks.resize(1);
  few.blocks[0].service = {};
  for (std::uint64_t i = 1; i <= 20; ++i) few.blocks[0].service.record(i);
  const auto json = to_json(few, 0.95, false);
  EXPECT_TRUE(json["intervals"]["p99_99"].is_null());
  EXPECT_FALSE(json["intervals"]["reasons"]["p99_99"].get<std::string>().empty());
}

TEST(MeasurementJson, OnlyItsOwnParameters) {
  Measurement measurement = measured();
  measurement.parameters.direct = false;
  measurement.parameters.message = Bytes{128};
  const auto json = to_json(measurement, 0.95, false);
  EXPECT_EQ(json["parameters"]["block"], "4KiB");
  EXPECT_EQ(json["parameters"]["direct"], "off");
  EXPECT_FALSE(json["parameters"].contains("message")) << "pread sends no messages";
  EXPECT_FALSE(json["parameters"].contains("depth")) << "pread has no depth";
}

TEST(MeasurementJson, VerifiedIsNullWhereNothingCanBeChecked) {
  Measurement measurement = measured();
  EXPECT_TRUE(to_json(measurement, 0.95, false)["verified"].is_null());
  measurement.verification = {.verified = true, .applies = true, .checked = 5, .detail = ""};
  EXPECT_EQ(to_json(measurement, 0.95, false)["verified"], true);
}

TEST(MeasurementJson, SamplesOfManyOperationsAreDivided) {
  Measurement measurement = measured();
  measurement.operations_per_sample = 1000;
  const auto json = to_json(measurement, 0.95, false);
  EXPECT_NEAR(json["latency_ns"]["p50"].get<double>(), 1.5, 0.02);
  EXPECT_NEAR(json["intervals"]["p50"]["low"].get<double>(), 1.5, 0.1);
}

TEST(MeasurementJson, OpenLoopTellsResponseAndLag) {
  Measurement measurement = measured();
  EXPECT_FALSE(to_json(measurement, 0.95, false).contains("response_ns"));
  measurement.response.record(5000);
  measurement.lag.record(50);
  const auto json = to_json(measurement, 0.95, false);
  EXPECT_EQ(json["lag_ns"]["p50"], 50);
  EXPECT_GT(json["response_ns"]["p99"], 4900);
}

TEST(MeasurementJson, PercentilesCanBeRecomputedFromTheBlocks) {
  const Measurement measurement = measured();
  const auto json = to_json(measurement, 0.95, true);
  stats::Histogram all;
  for (const auto& block : json["blocks"]) {
    std::vector<stats::Bucket> buckets;
    for (const auto& bucket : block["histogram"]["buckets"]) {
      buckets.push_back({bucket[0], bucket[1], bucket[2]});
    }
    all.merge(stats::Histogram::from_buckets(buckets, block["histogram"]["min_ns"],
                                             block["histogram"]["max_ns"]));
  }
  EXPECT_EQ(all.count(), measurement.operations);
  for (const auto& [name, quantile] :
       {std::pair{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99_9", 0.999}}) {
    EXPECT_EQ(all.quantile_ns(quantile), json["latency_ns"][name].get<std::uint64_t>()) << name;
  }
}

TEST(MeasurementJson, SkippedHasReasonAndRemedy) {
  Measurement measurement;
  measurement.technique = "storage.uring";
  measurement.skipped = "io_uring_setup: Operation not permitted";
  measurement.remedy = "set it to 0";
  const auto json = to_json(measurement, 0.95, false);
  EXPECT_EQ(json["skipped"], measurement.skipped);
  EXPECT_EQ(json["remedy"], measurement.remedy);
  EXPECT_TRUE(json["latency_ns"].is_null());
}

}  // namespace
}  // namespace assay::engine
