// Techniques whose latencies are known beforehand, for tests of whatever judges them.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "engine/technique.hpp"

namespace assay::testing {

// How often the stop flag of a test is to be raised: after this many blocks. 0: never.
inline std::atomic<int> blocks_until_stop{0};
inline std::atomic<bool> stop_flag{false};
inline std::atomic<int> blocks_made{0};

// Steered by the parameters, since a row holds plain functions: `message` is the number of samples
// of a block, `block` their median in nanoseconds, `variant` what goes wrong: "not-engaged",
// "errors", "wrong-data", or nothing.
class FakeBlock final : public engine::Block {
 public:
  explicit FakeBlock(const engine::BlockContext& context)
      : parameters_(*context.parameters), state_(context.index * 2654435761ULL + 12345) {}

  Expected<void> warm_up() override { return {}; }

  Expected<void> run(Nanoseconds, engine::Recorder& recorder) override {
    ++blocks_made;
    if (blocks_until_stop > 0 && --blocks_until_stop == 0) stop_flag = true;
    const std::uint64_t median = parameters_.block.count;
    for (std::uint64_t i = 0; i < parameters_.message.count; ++i) {
      // Even over [0.5, 1.5) times the median: p99 at 1.49 of it.
      recorder.record_service(i, median / 2 + median * (next() % 1000) / 1000);
      ++recorder.operations;
      if (parameters_.operation == engine::Operation::write) recorder.bytes += 4096;
    }
    if (parameters_.variant == "errors") recorder.errors = 3;
    return {};
  }

  engine::Engagement engagement() override {
    return {parameters_.variant != "not-engaged", "12 of 12 blocks"};
  }
  engine::Verification verification() override {
    return {parameters_.variant != "wrong-data", true, 1, "block 7 differs"};
  }

 private:
  std::uint64_t next() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return state_ >> 33U;
  }
  engine::Parameters parameters_;
  std::uint64_t state_;
};

inline Expected<std::unique_ptr<engine::Block>> make_fake(const engine::BlockContext& context) {
  return std::make_unique<FakeBlock>(context);
}

inline engine::Availability never_available(const Host&, const probes::Inventory&,
                                            const engine::Parameters&) {
  return {false, "this host has no flux capacitor", "fit one"};
}

// Twice as slow as what it is compared with.
inline engine::Parameters twice_the_block(const engine::Parameters& parameters) {
  engine::Parameters baseline = parameters;
  baseline.block = baseline.block * 2;
  return baseline;
}

inline std::vector<std::string> two_variants(const probes::Inventory&) { return {"one", "two"}; }

inline engine::Technique fake_row(std::string_view id) {
  engine::Technique row;
  row.id = id;
  row.summary = "a fake";
  row.proof = "none";
  row.parameters = "op,block,message,variant,size,regime";
  row.make = make_fake;
  return row;
}

// "fake.base", "fake.better" (half its latency), "fake.absent", "fake.file", "fake.parts",
// "fake.pair" (two threads).
inline std::vector<engine::Technique> fake_techniques() {
  engine::Technique better = fake_row("fake.better");
  better.baseline = "fake.base";
  better.baseline_parameters = twice_the_block;
  better.claim = {"40 % less latency", 0.6, {}, {}};
  engine::Technique absent = fake_row("fake.absent");
  absent.available = never_available;
  engine::Technique file = fake_row("fake.file");
  file.uses_file = true;
  engine::Technique parts = fake_row("fake.parts");
  parts.variants = two_variants;
  engine::Technique pair = fake_row("fake.pair");
  pair.threads = 2;
  return {fake_row("fake.base"), better, absent, file, parts, pair};
}

}  // namespace assay::testing
