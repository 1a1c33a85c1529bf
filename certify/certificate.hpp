// The certificate: what a host is, how its settings differ, what it measured, and the verdict.
//
// A versioned JSON document (docs/schemas/certificate.schema.json). A host that signs its own
// certificate proves origin, not honesty. Plain values: copyable, thread-safe to read.
#pragma once

#include <chrono>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "engine/clock.hpp"
#include "engine/measurement.hpp"
#include "probes/inventory.hpp"
#include "probes/inventory_json.hpp"
#include "profiles/profile.hpp"
#include "stats/bootstrap.hpp"
#include "tuner/check.hpp"

namespace assay::certify {

// invalid: measured, but the run does not count (clock, steadiness, not engaged, wrong data).
enum class BudgetOutcome : std::uint8_t { pass, fail, inconclusive, skipped, invalid };
std::string_view to_string(BudgetOutcome outcome);

// One limit of one budget on one target, judged.
struct BudgetVerdict {
  std::string technique, target;
  std::map<std::string, std::string>
      parameters;  // those of the series, as `assay bench` takes them
  double quantile = 0;
  std::string limit;  // "≤ 500us", "≤ 1.05x storage.pread"
  bool required = true;
  BudgetOutcome outcome = BudgetOutcome::inconclusive;
  // Point and two-sided interval, in nanoseconds; for ratios, the ratio. low = high = 0: the sample
  // is too small for an interval.
  double observed_ns = 0, low_ns = 0, high_ns = 0;
  bool is_ratio = false;
  double confidence = 0;     // of the one-sided bound that decides at this look, alpha shared
  std::uint64_t n = 0;       // observations
  double n_effective = 0;    // independent ones that they are worth; for ratios, paired blocks
  std::uint64_t needed = 0;  // independent observations without an exceedance that would prove it
  unsigned look = 0;         // which planned look decided, from 1; 0: none
  std::string reason;        // in words, with the numbers
};

// A claim beside what was measured.
struct ClaimRow {
  std::string technique, baseline, target, claim;
  std::map<std::string, std::string> parameters;
  // candidate / baseline, over paired blocks; `pairs` 0: could not be computed.
  stats::RatioInterval latency_p50, latency_p99, throughput;
  // "confirmed", "not confirmed on this host", "no improvement", "improved" (nothing in numbers was
  // claimed), "not measured".
  std::string verdict;
};

enum class Verdict : std::uint8_t { pass, fail, inconclusive };
std::string_view to_string(Verdict verdict);  // "PASS", "FAIL", "INCONCLUSIVE"

// What a loop that only takes time stamps sees on the tested CPU: nothing below it can be measured.
struct NoiseFloor {
  unsigned cpu = 0;
  Nanoseconds spun_for{0};
  std::uint64_t timer_p50_ns = 0, timer_p99_ns = 0;  // two successive time stamps
  std::uint64_t gap_p99_9_ns = 0, gap_max_ns = 0;    // of the spin
  double gaps_over_10us_per_s = 0;
};

struct Certificate {
  static constexpr std::string_view kSchema = "assay.certificate";
  static constexpr int kVersion = 1;

  std::string id;  // "20260131T120000Z-1f0c9a": sorts by time
  std::chrono::sys_seconds issued{}, expires{};
  std::string nonce;  // the caller's, may be empty
  std::string tool_version, tool_build;
  std::string boot_id;
  bool partial = false;  // stopped by Ctrl-C
  bool forced = false;   // --force was given: what it overrode stands in `notes`
  std::vector<std::string> notes;
  probes::Inventory inventory;
  probes::InventoryDigests digests;
  std::string profile_name, profile_digest;
  engine::ClockReport clock;
  NoiseFloor noise;
  tuner::CheckReport checks;
  std::vector<engine::Measurement> measurements;
  std::vector<ClaimRow> claims;
  std::vector<BudgetVerdict> budgets;
  Verdict verdict = Verdict::inconclusive;
  std::vector<std::string> reasons;  // why this verdict, worst first
  double confidence = 0.95;          // of all required budgets together
  unsigned looks_planned = 1, looks_taken = 0;
  Nanoseconds took{0};
  Bytes written;

  // 130 partial; else 1 FAIL by evaluation, 3 FAIL because something required was skipped or
  // denied, 2 INCONCLUSIVE (or invalid), 0 PASS, in this order of precedence.
  int exit_code() const;
};

nlohmann::ordered_json to_json(const Certificate& certificate);

// Reads back what history, compare and a recomputation of verdicts need; of the inventory only the
// host's name and the figures of the header. Never throws. Errors: invalid for text that is no
// certificate, a newer version, or one beyond the limits (64 MiB, 20,000 blocks).
Expected<Certificate> certificate_from_json(const std::string& text);

// Sets `verdict` and `reasons` from the checks and the judged budgets.
void conclude(Certificate& certificate);

// "2026-01-31T12:00:00Z" and back; error: invalid.
std::string format_time(std::chrono::sys_seconds time);
Expected<std::chrono::sys_seconds> parse_time(const std::string& text);

}  // namespace assay::certify
