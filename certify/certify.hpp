// The main job: certify one host against one profile.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "certify/certificate.hpp"
#include "core/host.hpp"
#include "engine/technique.hpp"
#include "profiles/profile.hpp"

namespace assay::certify {

// One series to measure, and why.
struct PlannedSeries {
  std::string technique, target, baseline;  // baseline: id, empty when there is none
  std::map<std::string, std::string> parameters;
  unsigned blocks = 0;                 // up to the first look
  Nanoseconds block{0};                // timed part of each
  double quantile = 0;                 // the tightest one budgeted on it, 0: none
  std::uint64_t samples_needed = 0;    // independent ones that prove it, none above the limit
  std::uint64_t samples_expected = 0;  // up to the last look, from the rate of the pilot blocks
  std::string skipped;                 // why it will not run
};

// What will be done, told before anything is measured.
struct Plan {
  std::string profile;
  std::vector<PlannedSeries> series;
  Nanoseconds expected{0};  // with all looks
  Nanoseconds time_limit{0};
  Bytes written;             // at most
  unsigned rounds = 0;       // up to the first look
  unsigned more_rounds = 0;  // added before each further look
  unsigned looks = 1;
  std::size_t limits_required = 0;
  double confidence_per_verdict = 0;  // 1 - alpha / (looks x required limits)
  std::vector<std::string> warnings;  // what cannot be proven, and why
};

struct Options {
  std::string directory;  // of test files; empty: the default place
  std::string nonce;      // stands in the certificate as given
  bool force = false;     // start above the load limit; recorded in the certificate
  std::chrono::days valid_for{30};
  const std::atomic<bool>* stop = nullptr;            // set by Ctrl-C
  std::function<void(std::string_view)> on_progress;  // one line, for a terminal
  std::function<void(const Plan&)> on_plan;           // called once, before measuring
  std::span<const engine::Technique> techniques;      // empty: the catalogue
  std::string lock_path;                              // empty: HostLock::default_path()
};

// Measures and judges. Takes a lock on the host (busy when another certify holds it, with its pid).
// Errors: busy (lock, load above the limit), exhausted (no room for test files), denied or absent
// (their directory), invalid (roles, budgets: with file and line), unsupported (a captured host).
// A Ctrl-C gives a partial certificate, not an error. Changes this thread's affinity and puts it
// back. One at a time in a process.
Expected<Certificate> certify(const Host& host, const profiles::Profile& profile,
                              const Options& options);

}  // namespace assay::certify
