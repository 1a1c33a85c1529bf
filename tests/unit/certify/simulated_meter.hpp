// A meter whose host is a fake and whose latencies are known: what each setting does to them is
// what a test says, and is read from the host's own files, so that a setting that is not really on
// has no effect.
#pragma once

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "certify/prove_meter.hpp"
#include "core/host.hpp"
#include "stats/random.hpp"

namespace assay::certify::testing {

// The factor of a series' latency on a host as it is now.
using Truth = std::function<double(const Host& host, std::size_t series)>;

class SimulatedMeter final : public ProofMeter {
 public:
  struct Options {
    unsigned rounds = 30;
    unsigned samples = 100;     // of a block
    double block_noise = 0.03;  // standard deviation from block to block, of the logarithm
    double drift = 0.004;       // from block to block: a machine that warms up
    double tail = 0.02;         // share of operations that take ten times as long
    std::vector<double> quantiles = {0.5, 0.9};
    std::size_t series = 1;
    std::uint64_t seed = 1;
  };

  SimulatedMeter(const Host& host, Options options, Truth truth)
      : host_(host),
        options_(std::move(options)),
        truth_(std::move(truth)),
        random_(options_.seed) {
    for (std::size_t i = 0; i < options_.series; ++i) {
      const std::string name = "fake." + std::to_string(i);
      for (const double quantile : options_.quantiles) {
        limits_.push_back({i, quantile, name, "host", {}, name});
      }
    }
  }

  const std::vector<ProofLimit>& limits() const override { return limits_; }
  std::size_t measurable() const override { return limits_.size(); }
  unsigned rounds() const override { return options_.rounds; }
  void start(bool by_turns) override {
    started.push_back(by_turns);
    for (auto& side : sides_) side.clear();
    turns.emplace_back();
  }

  Expected<bool> measure(Side side, unsigned rounds) override {
    if (on_measure) {
      if (auto good = on_measure(side); !good) return Failure(good.error());
    }
    auto& measurements = sides_[side == Side::after];
    measurements.resize(options_.series);
    for (unsigned round = 0; round < rounds; ++round) {
      turns.back() += side == Side::after ? 'A' : 'b';
      for (std::size_t i = 0; i < options_.series; ++i) add_block(i, measurements[i]);
      ++blocks_;
    }
    return true;
  }

  std::vector<engine::Measurement> results(Side side) const override {
    auto measurements = sides_[side == Side::after];
    for (engine::Measurement& one : measurements) {
      if (spoil) spoil(side, one);
    }
    return measurements;
  }

  std::function<Expected<void>(Side)> on_measure;         // before each
  std::function<void(Side, engine::Measurement&)> spoil;  // what went wrong with a measurement
  std::vector<bool> started;                              // per group: by turns?
  std::vector<std::string> turns;                         // per group: "bAAbbA..."

 private:
  double normal() {
    return std::sqrt(-2 * std::log(random_.uniform())) * std::cos(6.283185307 * random_.uniform());
  }
  void add_block(std::size_t series, engine::Measurement& into) {
    into.technique = "fake." + std::to_string(series);
    into.engaged = true;
    engine::BlockResult block;
    block.round = static_cast<unsigned>(into.blocks.size());
    block.duration = std::chrono::milliseconds(10);
    const double level = 10'000 * truth_(host_, series) *
                         std::exp(options_.drift * blocks_ + options_.block_noise * normal());
    for (unsigned i = 0; i < options_.samples; ++i) {
      const double slow = random_.uniform() < options_.tail ? 10 : 1;
      block.service.record(static_cast<std::uint64_t>(level * slow * std::exp(0.2 * normal())));
    }
    block.operations = options_.samples;
    into.operations += block.operations;
    into.service.merge(block.service);
    into.blocks.push_back(std::move(block));
  }

  const Host& host_;
  Options options_;
  Truth truth_;
  stats::SplitMix64 random_;
  std::vector<ProofLimit> limits_;
  std::vector<engine::Measurement> sides_[2];
  double blocks_ = 0;
};

}  // namespace assay::certify::testing
