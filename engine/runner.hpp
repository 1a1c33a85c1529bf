// Runs measurements so that they can be compared: interleaved, pinned, warmed up, and watched.
//
// Series take turns, one block each a round; odd rounds go backwards. Two series so make A B B A A
// B B A ..., and a drift of the machine hits both sides alike. Every block builds its ring, buffers
// and threads anew, so that what differs between two builds shows up as variance inside a run.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/host.hpp"
#include "core/units.hpp"
#include "engine/clock.hpp"
#include "engine/measurement.hpp"
#include "engine/technique.hpp"

namespace assay::engine {

// One line of a run: a technique with its parameters on a target.
struct Series {
  const Technique* technique = nullptr;
  Parameters parameters;
  std::string target = "host";
  CpuSet cpus;  // empty: the runner chooses
  TestFile* file = nullptr;
  bool is_baseline = false;
  Nanoseconds block{0};  // timed length of its blocks; 0: the plan's
  // Why it cannot run, where that is known beforehand, and what would help; empty: it can.
  std::string skipped = {}, remedy = {};
};

struct RunPlan {
  unsigned rounds = 30;         // timed blocks per series
  unsigned warm_up_rounds = 1;  // blocks run and thrown away first
  Nanoseconds block{std::chrono::milliseconds(20)};
  bool check_steadiness = true;
  // A series that writes ends before all series together have written more than this.
  Bytes write_limit{2_GiB};
};

// Breaches that one measurement keeps.
inline constexpr std::size_t kBreachesMax = 16;

// What one block may last at most, so that Ctrl-C is honoured soon: run() cuts longer ones into
// more rounds.
inline constexpr Nanoseconds kBlockMax = std::chrono::seconds(1);

struct Progress {
  unsigned round = 0, rounds = 0;
  std::string_view technique;
};

struct RunControl {
  const std::atomic<bool>* stop = nullptr;  // set by Ctrl-C: the run ends after the current block
  std::function<void(const Progress&)> on_progress;  // between blocks, never inside one
  // Keep the records around each operation that took longer than this; with `breach_quantile` only
  // in blocks whose own percentile lies above it. Of several threads, the first is watched.
  std::optional<BreachOptions> breach = {};
  std::optional<double> breach_quantile = {};
};

class HostCounters;

struct RunResult {
  std::vector<Measurement> measurements;  // one per series, in their order
  ClockReport clock;
  bool interrupted = false;
  // For extend(): when the first timed block began, on the run's clock, and what the host had
  // counted by then.
  std::uint64_t began_ns = 0;
  std::shared_ptr<const HostCounters> counters_before;
};

// Runs all series. A series that cannot run is returned skipped, with the reason; an Error is
// returned only when nothing can be measured (no clock). Changes this thread's affinity and puts it
// back.
Expected<RunResult> run(const Host& host, const probes::Inventory& inventory, const Clock& clock,
                        std::span<const Series> series, const RunPlan& plan,
                        const RunControl& control);

// Continues a run: adds `plan.rounds` further rounds to the measurements of an earlier one (a
// planned look).
Expected<void> extend(RunResult& result, const Host& host, const probes::Inventory& inventory,
                      const Clock& clock, std::span<const Series> series, const RunPlan& plan,
                      const RunControl& control);

}  // namespace assay::engine
