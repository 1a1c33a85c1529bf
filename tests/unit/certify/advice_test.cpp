// What ties the engine's advice and verdicts to the rest: ids that exist, and what is judged at a
// rate.
#include <gtest/gtest.h>

#include "certify/pairs.hpp"
#include "engine/limits.hpp"
#include "sample_certificate.hpp"
#include "tuner/setting.hpp"

namespace assay::certify {
namespace {

TEST(Advice, NamesSettingsThatExist) {
  for (const engine::LimitRule& rule : engine::limit_rules()) {
    std::string_view names = rule.settings;
    while (!names.empty()) {
      const std::string_view name = names.substr(0, names.find(','));
      EXPECT_NE(tuner::find_setting(name), nullptr) << rule.id << ": " << name;
      names.remove_prefix(std::min(name.size() + 1, names.size()));
    }
  }
}

// The response of a block is ten times its service.
engine::Measurement at_a_rate() {
  engine::Measurement measurement = testing::sample_measurement("fake.better", 30, 1000);
  for (engine::BlockResult& block : measurement.blocks) {
    block.response.emplace();
    for (const stats::Bucket& bucket : block.service.buckets()) {
      block.response->record_many(bucket.low_ns * 10, bucket.count);
    }
    measurement.response.merge(*block.response);
  }
  return measurement;
}

TEST(Judged, AtARateIsTheResponse) {
  const engine::Measurement closed = testing::sample_measurement("fake.better", 30, 1000);
  const engine::Measurement open = at_a_rate();
  EXPECT_EQ(&engine::judged(closed), &closed.service);
  EXPECT_EQ(&engine::judged(open), &open.response);
  EXPECT_GT(block_histograms(open).front().min_ns(), 9 * block_histograms(closed).front().min_ns());
  const auto ratio = paired_quantile_ratio(open, closed, 0.5, 0.95);
  ASSERT_TRUE(ratio.has_value());
  EXPECT_NEAR(ratio->ratio, 10, 0.2);
}

TEST(Pairs, CpuAndEntersForEachOperation) {
  engine::Measurement one = testing::sample_measurement("fake.better", 30, 1000);
  engine::Measurement other = one;
  for (engine::BlockResult& block : one.blocks) {
    block.cpu_time /= 3;
    block.enters = 10;
  }
  for (engine::BlockResult& block : other.blocks) block.enters = 200;
  EXPECT_NEAR(paired_cpu_ratio(one, other, 0.95)->ratio, 1.0 / 3, 1e-3);
  EXPECT_NEAR(paired_enters_ratio(one, other, 0.95)->ratio, 0.05, 1e-6);
  other.blocks.resize(3);
  EXPECT_FALSE(paired_cpu_ratio(one, other, 0.95).has_value());
}

}  // namespace
}  // namespace assay::certify
