// What a block needs to run in a test: this machine's clock and CPUs, and an invented inventory.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "core/real_host.hpp"
#include "engine/scheduling.hpp"
#include "engine/technique.hpp"

namespace assay::engine {

inline constexpr Nanoseconds kShortBlock{std::chrono::milliseconds(10)};

class TechniqueTest : public testing::Test {
 protected:
  TechniqueTest() {
    allowed_ = current_affinity().value();
    context_.clock = &clock();
    context_.host = &host();
    context_.inventory = &inventory_;
    context_.parameters = &parameters_;
    context_.cpus = two_cpus();
    fill_inventory();
  }

  static const Host& host() {
    static const std::unique_ptr<Host> real = make_real_host();
    return *real;
  }
  static const Clock& clock() {
    static const Clock calibrated = Clock::calibrate(host(), std::chrono::milliseconds(20)).value();
    return calibrated;
  }

  CpuSet one_cpu() const { return CpuSet{*allowed_.first()}; }
  CpuSet two_cpus() const {
    CpuSet cpus = one_cpu();
    if (const auto second = allowed_.next(*allowed_.first())) cpus.add(*second);
    return cpus;
  }

  probes::Cache cache(unsigned level, Bytes size, probes::CacheType type) const {
    probes::Cache made;
    made.level = level;
    made.type = type;
    made.size = size;
    made.line_bytes = 64;
    made.shared_by = allowed_;
    return made;
  }

  // One node, small caches: what a test measures is the machinery, not this machine.
  void fill_inventory() {
    auto& topology = inventory_.topology;
    topology.online = topology.allowed = allowed_;
    topology.caches = {
        cache(1, 32_KiB, probes::CacheType::instruction), cache(1, 32_KiB, probes::CacheType::data),
        cache(2, 512_KiB, probes::CacheType::unified), cache(3, 8_MiB, probes::CacheType::unified)};
    probes::Node node;
    node.cpus = allowed_;
    node.memory = 8_GiB;
    node.distances = {10};
    topology.nodes = {node};
  }

  // Warm-up, one short block, and the proof: for techniques that are expected to work.
  struct Outcome {
    Recorder recorder;
    Engagement engagement;
    Verification verification;
  };
  Outcome run_block(Expected<std::unique_ptr<Block>> block, Nanoseconds duration = kShortBlock) {
    Outcome outcome;
    if (!block) {
      ADD_FAILURE() << block.error().message();
      return outcome;
    }
    if (auto warm = (*block)->warm_up(); !warm) ADD_FAILURE() << warm.error().message();
    if (auto ran = (*block)->run(duration, outcome.recorder); !ran) {
      ADD_FAILURE() << ran.error().message();
    }
    outcome.engagement = (*block)->engagement();
    outcome.verification = (*block)->verification();
    return outcome;
  }

  static void expect_clean(const Outcome& outcome, unsigned operations_per_sample = 1) {
    EXPECT_TRUE(outcome.engagement.engaged) << outcome.engagement.evidence;
    EXPECT_TRUE(outcome.verification.verified) << outcome.verification.detail;
    EXPECT_GT(outcome.recorder.operations, 0U);
    EXPECT_EQ(outcome.recorder.errors, 0U);
    EXPECT_EQ(outcome.recorder.service.count() * operations_per_sample,
              outcome.recorder.operations);
  }

  CpuSet allowed_;
  probes::Inventory inventory_;
  Parameters parameters_;
  BlockContext context_;
};

}  // namespace assay::engine
