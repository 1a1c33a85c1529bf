// What limited a run, and which setting or technique would move it.
//
// A table of rules: each asks the evidence one question and, when it holds, names the limit, prints
// the figures that it rests on, and gives the ids of settings (docs/settings.md) and techniques
// (docs/techniques.md) that act on it. Several may hold; the first is the most certain one. Where
// none holds, that is said. Pure but for copy_rate().
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "probes/inventory.hpp"

namespace assay::engine {

struct Measurement;

// Figures of one measurement, each a share of the timed time unless its name says otherwise.
// Absent: not known here, and no rule may rest on it.
struct LimitEvidence {
  unsigned threads = 1, depth = 1, batch = 1;
  bool spins = false;        // burns its CPU while it waits: CPU time tells nothing
  bool has_queue = false;    // the technique can keep several operations in flight
  bool timing_only = false;  // area os: what it measures is the host's own punctuality
  double cpu_share = 0;      // CPU time of the process, per thread
  double enters_per_operation = 0;
  double operations_per_s = 0, bytes_per_s = 0, mean_latency_ns = 0;
  std::optional<double> drive_busy;           // the drive had something to do
  std::optional<double> drive_latency_share;  // time in the drive, of an operation's latency
  std::optional<double> irq_cpu_share;        // of all device interrupts, those on one CPU
  std::optional<double> irq_cpu_load;  // time which that CPU spent in interrupts and softirqs
  unsigned irq_cpu = 0;
  double irqs_per_s = 0;
  std::optional<double> steal;         // taken by the hypervisor
  std::optional<double> throttled;     // the cgroup's quota was used up
  std::optional<double> run_delay;     // runnable, but another thread had the CPU
  std::optional<double> memory_share;  // bytes moved, of what a plain copy reaches here
  double copy_bytes_per_s = 0;
  std::string remote;  // "CPU 3 is on node 0, drive nvme1n1 on node 1"; empty: not remote
  std::optional<double> p99_spread;  // upper over lower end of the p99's interval
  bool open_loop = false;
  double rate_per_s = 0, missed_share = 0;
  double queue_share = 0;  // open loop: of the response, the wait before the start
};

struct LimitFinding {
  std::string id;                   // of the rule: "device"
  std::string limit;                // one sentence
  std::string evidence;             // the figures
  std::vector<std::string> advice;  // ids of settings and techniques
};

struct LimitRule {
  std::string_view id;
  std::string_view limit;
  bool (*holds)(const LimitEvidence&);
  std::string (*evidence)(const LimitEvidence&);
  std::string_view settings, techniques;  // ids, comma-separated
};
std::span<const LimitRule> limit_rules();

// What holds, in the table's order; one finding "none" with the figures when nothing does.
std::vector<LimitFinding> find_limits(const LimitEvidence& evidence);

// The figures of a measurement. `copy_bytes_per_s` 0: not known.
LimitEvidence limit_evidence(const Measurement& measurement, const probes::Inventory& inventory,
                             double copy_bytes_per_s);

// Bytes a second that memcpy(3) moves on this thread's CPU between buffers that no cache holds: the
// best of a few passes, some 30 ms. 0 when there is no memory for it.
double copy_rate();

}  // namespace assay::engine
