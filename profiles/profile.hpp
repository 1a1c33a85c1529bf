// What we want of a host: settings, CPU roles, latency budgets, waivers. Plain values.
//
// The YAML form is described in docs/profiles.md and by profiles/profile.schema.json.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/cpuset.hpp"
#include "core/units.hpp"

namespace assay::profiles {

// Where a thing stands in its file; 1-based.
struct Location {
  std::string file;
  int line = 0, column = 0;
  std::string to_string() const;  // "low-latency.yaml:12:5"
};

// How a wanted value binds.
enum class Match : std::uint8_t {
  equal,     // the value itself
  at_least,  // raise only
  at_most,   // lower only
  keep,      // recorded, never enforced
};

struct WantedSetting {
  std::string id;  // "cpu.governor"
  Match match = Match::equal;
  std::string value;     // as text; CPU lists may be selectors ("isolated"), resolved when checked
  bool required = true;  // false: a difference is reported and does not fail
  std::string select;    // restricts the targets: a role or selector for CPUs, a glob for devices
  Location location;
};

struct Waiver {
  std::string setting;  // the id that is waived
  std::string owner, reason;
  std::chrono::year_month_day expires;  // the last day it holds, UTC
  Location location;
};

// Over what a budget is expanded.
enum class Target : std::uint8_t { host, each_drive, each_node, each_cpu, each_nic };

// One line of a budget: this percentile of this technique, absolute, against its baseline, or both.
struct Limit {
  double quantile = 0.99;               // 0.5, 0.9, 0.99, 0.999, 0.9999
  std::optional<Nanoseconds> at_most;   // absolute
  std::optional<double> ratio_at_most;  // candidate / baseline
};

struct Budget {
  std::string technique;                          // "storage.uring"
  std::map<std::string, std::string> parameters;  // "block": "4KiB", ... as bench's options
  Target target = Target::host;
  std::string cpus;  // a role or selector; empty: the default placement
  std::vector<Limit> limits;
  bool required = true;
  Location location;
};

struct Profile {
  std::string name, description;
  std::vector<std::string> extends;              // what it was merged from, nearest last
  std::map<std::string, std::string> cpu_roles;  // "isolated" → selector
  std::map<std::string, Location, std::less<>> cpu_role_locations;  // where each role stands
  std::vector<WantedSetting> settings;           // merged, one per id, in order
  std::vector<Budget> budgets;                   // merged
  std::vector<Waiver> waivers;
  // How it is measured.
  Nanoseconds time_limit{std::chrono::seconds(60)};  // of the whole certify run
  unsigned rounds = 30;                              // interleaved blocks per technique
  unsigned looks = 2;                                // K planned looks
  double confidence = 0.95;                          // shared over the required budgets
  Bytes write_limit{2ULL << 30};
  std::optional<double> load_limit;  // refuse to start above it, per CPU
  std::string digest;                // of the merged profile, "sha256:..."

  const WantedSetting* setting(std::string_view id) const;
  const Waiver* waiver(std::string_view id) const;
};

}  // namespace assay::profiles
