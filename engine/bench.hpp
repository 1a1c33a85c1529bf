// `assay bench` as a function: the named techniques, their baselines when asked for, and nothing
// else that is timed.
#pragma once

#include <string>
#include <vector>

#include "engine/runner.hpp"
#include "engine/sweep.hpp"

namespace assay::engine {

struct BenchRequest {
  std::vector<std::string> techniques;  // ids
  Parameters parameters;                // shared by all; keys that a technique ignores are ignored
  bool whole_file = false;              // use all of parameters.path, whatever parameters.size says
  bool with_baseline = false;           // interleaves each technique's baseline with it
  std::string baseline;  // with_baseline: this technique of the same area instead; empty: the own
  CpuSet cpus;           // empty: the runner chooses
  bool destroy_data = false;  // parameters.path may be overwritten though assay did not make it
  bool keep = false;          // a file made at parameters.path stays
  // Timed time of each series, split into `rounds` blocks. Default: 2 s in 30 blocks.
  Nanoseconds duration{std::chrono::seconds(2)};
  unsigned rounds = 30;
  bool depth_given = false;      // parameters.depth was asked for, and is not only the default
  std::vector<SweepAxis> sweep;  // every combination of their values, all of them interleaved
};

// Checks the request, prepares the test file when a technique needs one, calibrates the clock, and
// runs. A technique that this host cannot run comes back skipped, with the reason. Errors: invalid
// (unknown technique with "did you mean", a baseline asked of a technique that has none, or one
// that cannot be compared), and those of TestFile::prepare() and run(). Not for a captured host:
// unsupported.
Expected<RunResult> bench(const Host& host, const probes::Inventory& inventory,
                          const BenchRequest& request, const RunControl& control);

// The same for series that are made already (their `file` is filled in).
Expected<RunResult> bench_series_of(const Host& host, const probes::Inventory& inventory,
                                    const BenchRequest& request, std::vector<Series> series,
                                    const RunControl& control);

// Fills in what limited each measurement that ran; see limits.hpp.
void add_limits(RunResult& result, const probes::Inventory& inventory);

// What of the request means nothing to a technique, a sentence each: "storage.pread takes no depth:
// ignored". Unknown techniques are left to bench().
std::vector<std::string> ignored_parameters(const BenchRequest& request);

// What a request asks of techniques that they cannot do: a sweep of a parameter that one does not
// take, or together with a baseline. Error: invalid.
Expected<void> check_sweep(const BenchRequest& request);

// The series that a request means, without their file: each variant of each technique, behind it
// its baseline when asked for. Baselines that two techniques share appear once.
Expected<std::vector<Series>> bench_series(const probes::Inventory& inventory,
                                           const BenchRequest& request);

}  // namespace assay::engine
