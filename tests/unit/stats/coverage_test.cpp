// Do intervals of 95 and 99 % cover the truth in 95 and 99 % of runs? Simulated runs of known
// distributions; the seeds are fixed, so that a result is a property of the code, not of luck.
#include <gtest/gtest.h>

#include <map>

#include "simulation.hpp"
#include "stats/intervals.hpp"

namespace assay::stats {
namespace {

using simulation::Sampler;
using simulation::Shape;

constexpr std::array kConfidences{0.95, 0.99};
constexpr std::size_t kBlocks = 30;

struct Tally {
  int covered = 0;
  int below = 0;  // the interval lies below the truth
  int above = 0;
  int none = 0;  // too few samples for an interval
  int asked() const { return covered + below + above; }
  double coverage() const { return covered / static_cast<double>(asked()); }
};

// Per quantile and confidence.
using Tallies = std::map<std::pair<double, double>, Tally>;

// The recorded time is a whole number: the truth is known to 1 ns.
void judge(const std::vector<Histogram>& blocks, double quantile, double truth, Tallies& tallies) {
  for (const double confidence : kConfidences) {
    Tally& tally = tallies[{quantile, confidence}];
    const auto interval = quantile_interval(blocks, quantile, confidence);
    if (!interval) {
      ++tally.none;
    } else if (interval->low_ns > truth) {
      ++tally.above;
    } else if (interval->high_ns + 1 < truth) {
      ++tally.below;
    } else {
      ++tally.covered;
    }
  }
}

void expect_nominal(const Tallies& tallies, double tolerance) {
  for (const auto& [key, tally] : tallies) {
    const auto [quantile, confidence] = key;
    EXPECT_NEAR(tally.coverage(), confidence, tolerance)
        << "quantile " << quantile << ", " << tally.below << " below, " << tally.above
        << " above, of " << tally.asked();
    EXPECT_LT(tally.none, tally.asked() / 20) << "quantile " << quantile;
    // Neither side takes all of the error.
    const double miss = (1 - confidence) * tally.asked();
    EXPECT_LT(tally.below, 0.8 * miss + 5) << quantile << " at " << confidence;
    EXPECT_LT(tally.above, 0.8 * miss + 5) << quantile << " at " << confidence;
  }
}

TEST(Coverage, IndependentValuesInBlocks) {
  constexpr int kRunsPerShape = 2500;  // 10,000 runs together
  Tallies all;
  std::vector<Histogram> blocks(kBlocks);
  for (const Shape shape : simulation::kShapes) {
    const Sampler sampler(shape);
    Tallies tallies;
    SplitMix64 random(100 + static_cast<std::uint64_t>(shape));
    for (int run = 0; run < kRunsPerShape; ++run) {
      for (std::size_t b = 0; b < kBlocks; ++b) {
        blocks[b].reset();
        const std::uint64_t size = 40 + 20 * (b % 3);  // blocks end by time, not by count
        for (std::uint64_t i = 0; i < size; ++i) {
          blocks[b].record(static_cast<std::uint64_t>(sampler.draw(random)));
        }
      }
      for (const double q : {0.5, 0.9, 0.99}) judge(blocks, q, sampler.at(q), tallies);
    }
    SCOPED_TRACE(simulation::name(shape));
    expect_nominal(tallies, 0.02);
    for (const auto& [key, tally] : tallies) {
      all[key].covered += tally.covered;
      all[key].below += tally.below;
      all[key].above += tally.above;
      all[key].none += tally.none;
    }
  }
  expect_nominal(all, 0.01);
}

// Runs of 180,000, which leave 180 above the p99.9: with half of them the interval, whose ends are
// whole ranks, covers 1 % more than it says. Only what lies in the upper 0.4 % is drawn one by one,
// the rest is far below.
TEST(Coverage, FarTail) {
  constexpr int kRunsPerShape = 2500;
  constexpr std::uint64_t kSize = 6000;
  constexpr double kTail = 0.004;
  Tallies all;
  std::vector<Histogram> blocks(kBlocks);
  for (const Shape shape : simulation::kShapes) {
    const Sampler sampler(shape);
    SplitMix64 random(200 + static_cast<std::uint64_t>(shape));
    for (int run = 0; run < kRunsPerShape; ++run) {
      for (Histogram& block : blocks) {
        block.reset();
        std::uint64_t in_tail = 0;
        // Geometric gaps between those that fall into the tail.
        double place = std::log(random.uniform()) / std::log1p(-kTail);
        while (place < static_cast<double>(kSize)) {
          const double p = 1 - kTail * random.uniform();
          block.record(static_cast<std::uint64_t>(simulation::quantile_of(shape, p)));
          ++in_tail;
          place = std::floor(place) + 1 + std::log(random.uniform()) / std::log1p(-kTail);
        }
        block.record_many(static_cast<std::uint64_t>(sampler.at(0.5)), kSize - in_tail);
      }
      judge(blocks, 0.999, simulation::quantile_of(shape, 0.999), all);
    }
  }
  for (const auto& [key, tally] : all) {
    EXPECT_NEAR(tally.coverage(), key.second, 0.01) << key.second;
    EXPECT_LT(tally.none, tally.asked() / 20);
  }
}

// Every block is faster or slower as a whole: the truth is the mixture's quantile.
TEST(Coverage, BlocksThatDiffer) {
  constexpr int kRuns = 2500;
  constexpr double kEffect = 0.1;
  Tallies tallies;
  std::vector<Histogram> blocks(kBlocks);
  const Sampler sampler(Shape::lognormal);
  // A lognormal block effect on a lognormal value is a wider lognormal.
  const double sigma = std::sqrt(0.3 * 0.3 + kEffect * kEffect);
  SplitMix64 random(300);
  for (int run = 0; run < kRuns; ++run) {
    for (Histogram& block : blocks) {
      block.reset();
      const double effect = std::exp(kEffect * simulation::normal(random));
      for (int i = 0; i < 100; ++i) {
        block.record(static_cast<std::uint64_t>(effect * sampler.draw(random)));
      }
    }
    for (const double q : {0.5, 0.9}) {
      judge(blocks, q, 10'000 * std::exp(sigma * simulation::normal_quantile(q)), tallies);
    }
  }
  expect_nominal(tallies, 0.0125);
}

// Neighbouring operations resemble each other (a queue drains, a frequency lasts).
TEST(Coverage, DependenceInsideBlocks) {
  constexpr int kRuns = 2500;
  Tallies tallies;
  std::vector<Histogram> blocks(kBlocks);
  SplitMix64 random(400);
  for (int run = 0; run < kRuns; ++run) {
    for (Histogram& block : blocks) {
      block.reset();
      simulation::Drift drift(0.7, random);
      for (int i = 0; i < 100; ++i) {
        block.record(static_cast<std::uint64_t>(10'000 * std::exp(0.3 * drift.next(random))));
      }
    }
    for (const double q : {0.5, 0.9}) {
      judge(blocks, q, simulation::quantile_of(Shape::lognormal, q), tallies);
    }
  }
  expect_nominal(tallies, 0.0125);
  // Treating them as independent covers far less often.
  Tally naive;
  for (int run = 0; run < 300; ++run) {
    Histogram pooled;
    for (std::size_t b = 0; b < kBlocks; ++b) {
      simulation::Drift drift(0.7, random);
      for (int i = 0; i < 100; ++i) {
        pooled.record(static_cast<std::uint64_t>(10'000 * std::exp(0.3 * drift.next(random))));
      }
    }
    const auto interval = quantile_interval_iid(pooled, 0.5, 0.95);
    ASSERT_TRUE(interval);
    naive.covered += interval->low_ns <= 10'000 && interval->high_ns >= 9'999 ? 1 : 0;
  }
  EXPECT_LT(naive.covered, 0.85 * 300);
}

TEST(Coverage, OneHistogramOfIndependentValues) {
  constexpr int kRuns = 10'000;
  const Sampler sampler(Shape::exponential);
  SplitMix64 random(500);
  int covered = 0;
  Histogram values;
  for (int run = 0; run < kRuns; ++run) {
    values.reset();
    for (int i = 0; i < 200; ++i) values.record(static_cast<std::uint64_t>(sampler.draw(random)));
    const auto interval = quantile_interval_iid(values, 0.9, 0.95);
    ASSERT_TRUE(interval);
    covered += interval->low_ns <= sampler.at(0.9) && interval->high_ns + 1 >= sampler.at(0.9);
  }
  EXPECT_NEAR(covered / static_cast<double>(kRuns), 0.95, 0.01);
}

}  // namespace
}  // namespace assay::stats
