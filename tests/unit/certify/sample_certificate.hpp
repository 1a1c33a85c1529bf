// A small certificate with something in every part, made without measuring.
#pragma once

#include "certify/certificate.hpp"

namespace assay::testing {

// Two series, "fake.better" and its baseline, with `blocks` blocks of 200 samples each around
// `median_ns` and twice that.
inline engine::Measurement sample_measurement(const std::string& technique, unsigned blocks,
                                              std::uint64_t median_ns) {
  engine::Measurement measurement;
  measurement.technique = technique;
  measurement.target = "host";
  measurement.engaged = true;
  measurement.evidence = "12 of 12 blocks";
  std::uint64_t state = median_ns;
  for (unsigned round = 0; round < blocks; ++round) {
    engine::BlockResult block;
    block.round = round;
    block.started = std::chrono::milliseconds(20 * round);
    block.duration = std::chrono::milliseconds(10);
    block.cpu_time = std::chrono::milliseconds(9);
    for (int i = 0; i < 200; ++i) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      block.service.record(median_ns / 2 + median_ns * ((state >> 33U) % 1000) / 1000);
      ++block.operations;
    }
    measurement.operations += block.operations;
    measurement.duration += block.duration;
    measurement.cpu_time += block.cpu_time;
    measurement.service.merge(block.service);
    measurement.blocks.push_back(std::move(block));
  }
  return measurement;
}

inline certify::Certificate sample_certificate() {
  certify::Certificate certificate;
  certificate.id = "20260131T120000Z-1f0c9a";
  certificate.issued =
      std::chrono::sys_days(std::chrono::year(2026) / 1 / 31) + std::chrono::hours(12);
  certificate.expires = certificate.issued + std::chrono::days(30);
  certificate.nonce = "abc \"quoted\"";
  certificate.tool_version = "0.1.0";
  certificate.tool_build = "g++ 12.2.0, debug";
  certificate.boot_id = "b00t";
  certificate.notes = {"forced: load"};
  certificate.inventory.host_name = "lab7";
  certificate.inventory.topology.model_name = "Some CPU";
  certificate.inventory.topology.counts = {4, 2, 1, 1};
  certificate.inventory.kernel.release = "6.1.0";
  certificate.digests = {"sha256:aa", "sha256:bb", "sha256:cc"};
  certificate.profile_name = "default";
  certificate.profile_digest = "sha256:dd";
  certificate.clock.source = engine::ClockSource::tsc;
  certificate.clock.hz = 2.9e9;
  certificate.noise.cpu = 1;
  certificate.noise.gap_max_ns = 31000;
  certificate.checks.profile = "default";
  certificate.checks.rows = {{.id = "memory.swappiness",
                              .target = "host",
                              .wanted = "≤ 10",
                              .configured = "60",
                              .effective = {},
                              .outcome = tuner::Outcome::differs,
                              .required = false,
                              .reason = "swaps"}};
  certificate.measurements = {sample_measurement("fake.better", 30, 1000),
                              sample_measurement("fake.base", 30, 2000)};
  certificate.measurements[1].is_baseline = true;
  certify::ClaimRow claim;
  claim.technique = "fake.better";
  claim.baseline = "fake.base";
  claim.target = "host";
  claim.claim = "40 % less latency";
  claim.latency_p50 = {0.5, 0.49, 0.51, 0.95, 30};
  claim.verdict = "confirmed";
  certificate.claims = {claim};
  certify::BudgetVerdict budget;
  budget.technique = "fake.better";
  budget.target = "host";
  budget.quantile = 0.99;
  budget.limit = "≤ 2us";
  budget.outcome = certify::BudgetOutcome::pass;
  budget.observed_ns = 1490;
  budget.low_ns = 1480;
  budget.high_ns = 1499;
  budget.confidence = 0.975;
  budget.n = 6000;
  budget.n_effective = 5000;
  budget.look = 1;
  budget.reason = "p99 is at most 1.5 µs";
  certificate.budgets = {budget};
  certificate.looks_planned = 2;
  certificate.looks_taken = 1;
  certificate.took = std::chrono::seconds(42);
  certificate.written = 128_MiB;
  certify::conclude(certificate);
  return certificate;
}

}  // namespace assay::testing
