// What was measured: everything that a verdict, a certificate or a later comparison needs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/cpuset.hpp"
#include "engine/block_counters.hpp"
#include "engine/clock.hpp"
#include "engine/limits.hpp"
#include "engine/parameters.hpp"
#include "engine/recorder.hpp"
#include "engine/slow_causes.hpp"
#include "engine/technique.hpp"
#include "stats/histogram.hpp"
#include "stats/intervals.hpp"

namespace assay::engine {

// One block's part, kept so that intervals and comparisons can be computed again.
struct BlockResult {
  unsigned round = 0;      // position in the interleaving
  Nanoseconds started{0};  // since the run began
  Nanoseconds duration{0}, cpu_time{0};
  std::uint64_t operations = 0, bytes = 0, errors = 0, enters = 0;
  stats::Histogram service;
  std::optional<stats::Histogram> response;  // open loop only
};

// Where it ran, read back while it ran.
struct Placement {
  CpuSet asked, got;  // affinity
  CpuSet siblings;    // hardware threads that share a core with `got`
  bool siblings_busy = false;
  // Interrupts that fired on `got` during the run: "36 virtio1-req.0 (1204)".
  std::vector<std::string> irqs;
  std::uint64_t migrations = 0;   // blocks that ended on a CPU outside `asked`
  std::uint64_t preemptions = 0;  // involuntary context switches of the measuring thread
  std::uint64_t major_faults = 0, minor_faults = 0;
  std::string scheduling;  // "SCHED_OTHER"
  double steal_fraction = 0;
};

struct Measurement {
  std::string technique;
  std::string target;  // stable: "host", "pci-0000:00:02.0", "cpu3"
  Parameters parameters;
  std::string file;  // what it worked on, in words; empty: none
  bool is_baseline = false;
  std::uint64_t operations = 0, bytes = 0, errors = 0, short_transfers = 0, enters = 0;
  std::uint64_t missed = 0;              // open loop: intended operations that were never started
  int first_errno = 0;                   // of the first failed operation
  unsigned operations_per_sample = 1;    // every latency is a histogram's value divided by this
  Nanoseconds duration{0}, cpu_time{0};  // of the timed parts; CPU of the whole process
  stats::Histogram service, response, lag;
  std::vector<BlockResult> blocks;
  std::vector<ExplainedEvent> slowest;  // slowest first
  BlockCounters counters;               // what the host counted during the timed blocks
  std::vector<LimitFinding> limits;     // what limited it, the most certain first
  std::vector<Breach> breaches;         // with --on-breach: the records around each
  std::uint64_t breaches_seen = 0;      // records over its threshold
  bool engaged = false;
  std::string evidence;
  Verification verification;
  std::vector<ClockOffset> clock_offsets;  // by pair of CPUs, of all blocks together
  Placement placement;
  std::string broken;                // the error that ended the series early; empty: none
  std::vector<std::string> invalid;  // reasons that void it: drift, migration, lag, unsteady, not
                                     // engaged, wrong data, failed operations; empty: valid
  std::string skipped;               // why it did not run; empty: it ran
  std::string remedy;                // what would make it run
};

// What is judged: at a rate the response, since a wait for one's turn is a wait; else the service.
inline const stats::Histogram& judged(const Measurement& measurement) {
  return measurement.response.empty() ? measurement.service : measurement.response;
}
inline const stats::Histogram& judged(const BlockResult& block) {
  return block.response ? *block.response : block.service;
}

// The reasons that void a measurement: see `invalid`. `check_steadiness` false leaves out whether
// its blocks drifted.
std::vector<std::string> reasons_against(const Measurement& measurement, const ClockReport& clock,
                                         bool check_steadiness);

// {technique, target, parameters, operations, errors, duration_ns, cpu_ns, enters,
// latency_ns{p50,...}, intervals{p99{...}|null}, ...} With `with_blocks`, every block's histogram
// too, so that any percentile can be recomputed.
nlohmann::ordered_json to_json(const Measurement& measurement, double confidence, bool with_blocks);

}  // namespace assay::engine
