// What `assay bench` takes, and what it means. Internal to cli/.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "engine/bench.hpp"

namespace assay::cli {

// What --baseline without an ID stands for: no technique can be called so.
inline constexpr std::string_view kOwnBaseline = "own";

struct BenchOptions {
  std::vector<std::string> techniques, sweep;
  std::map<std::string, std::string> parameters;  // by key of engine::parameter_rows()
  std::string file, directory, cpus, duration, format, ablate, on_breach, breach_file;
  std::string baseline;  // empty: none; kOwnBaseline: those of each row; else an ID
  unsigned rounds = 30, slow = 0;
  bool direct = false, no_direct = false, destroy_data = false, keep = false;
};

// Errors: invalid, with the option and what was expected; options that exclude each other.
Expected<engine::BenchRequest> bench_request(const BenchOptions& options);

// "500us", or a limit on a percentile: "p99=500us", "p99.9<=1ms".
struct BreachTrigger {
  Nanoseconds threshold{0};
  std::optional<double> quantile;
};
Expected<BreachTrigger> parse_breach(const std::string& text);

}  // namespace assay::cli
