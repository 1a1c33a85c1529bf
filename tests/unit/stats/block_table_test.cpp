#include "stats/block_table.hpp"

#include <gtest/gtest.h>

#include "simulation.hpp"

namespace assay::stats {
namespace {

std::vector<Histogram> three_blocks() {
  std::vector<Histogram> blocks(3);
  for (const std::uint64_t value : {10U, 20U, 30U}) blocks[0].record(value);
  for (const std::uint64_t value : {15U, 25U}) blocks[2].record(value);
  return blocks;
}

TEST(BlockTable, EmptyBlocksKeepTheirPlace) {
  const auto blocks = three_blocks();
  const BlockTable table(blocks);
  EXPECT_EQ(table.blocks(), 3U);
  EXPECT_EQ(table.filled_blocks(), 2U);
  EXPECT_EQ(table.total(), 5.0);
  EXPECT_EQ(table.sizes()[1], 0.0);
}

TEST(BlockTable, NothingAtAllIsZero) {
  const BlockTable table(std::vector<Histogram>(4));
  EXPECT_EQ(table.quantile_ns(0.5), 0.0);
  EXPECT_EQ(table.at_rank_ns(1), 0.0);
  EXPECT_EQ(table.reported_quantile_ns(0.5), 0.0);
  EXPECT_EQ(table.spread(0.5).design_effect, 1.0);
}

TEST(BlockTable, RanksRunThroughAllBlocks) {
  const auto blocks = three_blocks();
  const BlockTable table(blocks);
  for (int rank = 1; rank <= 5; ++rank) EXPECT_EQ(table.at_rank_ns(rank), 5.0 + 5 * rank);
  EXPECT_DOUBLE_EQ(table.at_rank_ns(2.5), 17.5);
  EXPECT_EQ(table.at_rank_ns(-1), 10.0);
  EXPECT_EQ(table.at_rank_ns(9), 30.0);
}

TEST(BlockTable, WeightsCountBlocksSeveralTimes) {
  const auto blocks = three_blocks();
  const BlockTable table(blocks);
  EXPECT_EQ(table.weighted_quantile_ns(std::vector{0.0, 0.0, 1.0}, 0.5), 15.0);
  EXPECT_EQ(table.weighted_quantile_ns(std::vector{1.0, 5.0, 0.0}, 1.0), 30.0);
  EXPECT_EQ(table.weighted_quantile_ns(std::vector{1.0, 0.0, 7.0}, 0.4), 15.0);
  EXPECT_EQ(table.weighted_quantile_ns(std::vector{0.0, 1.0, 0.0}, 0.5), 0.0);
}

TEST(BlockTable, WeightedQuantileIsThatOfTheRepeatedBlocks) {
  SplitMix64 random(21);
  for (int attempt = 0; attempt < 300; ++attempt) {
    std::vector<Histogram> blocks(8);
    for (Histogram& block : blocks) {
      // Blocks far apart and of different sizes: the pooled counts are a bad guess here.
      const std::uint64_t shift = random.below(200);
      for (std::uint64_t i = 0; i < 1 + random.below(30); ++i)
        block.record(shift + random.below(50));
    }
    std::vector<double> weights;
    Histogram repeated;
    for (const Histogram& block : blocks) {
      weights.push_back(static_cast<double>(random.below(4)));
      for (int k = 0; k < static_cast<int>(weights.back()); ++k) repeated.merge(block);
    }
    if (repeated.empty()) continue;
    // A quantile between two ranks, so that rounding plays no part.
    const auto rank = 1 + random.below(repeated.count());
    const double q = (static_cast<double>(rank) - 0.5) / static_cast<double>(repeated.count());
    EXPECT_EQ(BlockTable(blocks).weighted_quantile_ns(weights, q),
              static_cast<double>(repeated.value_at_rank_ns(rank)));
  }
}

TEST(BlockTable, ReportsTheSamePercentileAsTheMergedHistogram) {
  SplitMix64 random(11);
  for (const auto shape : simulation::kShapes) {
    const simulation::Sampler sampler(shape);
    std::vector<Histogram> blocks(5);
    Histogram merged;
    for (Histogram& block : blocks) {
      for (int i = 0; i < 200; ++i) block.record(static_cast<std::uint64_t>(sampler.draw(random)));
      merged.merge(block);
    }
    const BlockTable table(blocks);
    for (const double q : {0.0, 0.001, 0.25, 0.5, 0.9, 0.999, 1.0}) {
      EXPECT_EQ(table.reported_quantile_ns(q), static_cast<double>(merged.quantile_ns(q)));
      EXPECT_NEAR(table.quantile_ns(q), table.reported_quantile_ns(q),
                  0.008 * table.quantile_ns(q));
    }
  }
}

TEST(BlockTable, DesignEffectSeesBlocksThatDiffer) {
  // Ten blocks of ten: all below in five of them, all above in the others.
  std::vector<Histogram> blocks(10);
  for (std::size_t b = 0; b < blocks.size(); ++b) blocks[b].record_many(b % 2 == 0 ? 100 : 200, 10);
  // Between the blocks 25 each, expected 10 * 1/4 * (1 - 1/10).
  EXPECT_NEAR(BlockTable(blocks).spread(0.5).design_effect, 25.0 / (10 * 0.25 * 0.9), 1e-9);

  // The same values evenly spread: less than chance would leave.
  for (Histogram& block : blocks) {
    block.reset();
    block.record_many(100, 5);
    block.record_many(200, 5);
  }
  EXPECT_NEAR(BlockTable(blocks).spread(0.5).design_effect, 0.0, 1e-9);
}

TEST(BlockTable, IndependentValuesHaveDesignEffectOne) {
  // On average, also for blocks of very different sizes and where a tie holds the quantile.
  SplitMix64 random(5);
  double sum = 0;
  double tied = 0;
  constexpr int kRepeats = 400;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    std::vector<Histogram> blocks(20);
    std::vector<Histogram> ties(20);
    for (std::size_t b = 0; b < blocks.size(); ++b) {
      for (std::size_t i = 0; i < 20 + 30 * (b % 4); ++i) {
        blocks[b].record(random.below(100'000));
        ties[b].record(random.below(4));
      }
    }
    sum += BlockTable(blocks).spread(0.9).design_effect;
    tied += BlockTable(ties).spread(0.6).design_effect;
  }
  EXPECT_NEAR(sum / kRepeats, 1.0, 0.05);
  EXPECT_NEAR(tied / kRepeats, 1.0, 0.05);
}

}  // namespace
}  // namespace assay::stats
