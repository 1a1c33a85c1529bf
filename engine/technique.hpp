// A technique: one way to move data or wait, its baseline, the claim it is tested against, and the
// proof that it really ran. One file and one row each; the rows stand in engine/catalogue.cpp.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/cpuset.hpp"
#include "core/error.hpp"
#include "core/host.hpp"
#include "engine/clock.hpp"
#include "engine/parameters.hpp"
#include "engine/recorder.hpp"
#include "engine/test_file.hpp"
#include "probes/inventory.hpp"

namespace assay::engine {

// What a published guide promises of a technique. Printed beside what was measured.
struct Claim {
  std::string_view text;  // "30-50 % less latency, 1.5-2x throughput"
  std::optional<double> latency_ratio_max =
      {};  // candidate/baseline median that the claim implies: 0.7
  std::optional<double> throughput_ratio_min = {};   // 1.5
  std::optional<std::uint64_t> latency_ns_max = {};  // absolute claims, on the median
  std::optional<double> bytes_per_s_min = {};        // absolute claims, over the whole measurement
};

// Did the fast path run? Asked after the block has run.
struct Engagement {
  bool engaged = false;
  std::string evidence = {};  // "page cache grew by 0 of 16384 pages", "6.9 operations per enter"
};

// Was the data right? Checked outside the timed part.
struct Verification {
  bool verified = true;       // false: wrong data seen
  bool applies = false;       // whether the technique moves data that can be checked
  std::uint64_t checked = 0;  // blocks compared
  std::string detail = {};
};

// By how much the clock of CPU b is ahead of that of CPU a: no less than low, no more than high.
struct ClockOffset {
  CpuId a, b;
  double low_ns = 0, high_ns = 0;
  std::uint64_t exchanges = 0;  // of time stamps, that these bounds come from
};

// Everything that a block may use. Outlives the block.
struct BlockContext {
  const Clock* clock = nullptr;
  const Host* host = nullptr;
  const probes::Inventory* inventory = nullptr;
  const Parameters* parameters = nullptr;
  TestFile* file = nullptr;  // storage and copy; shared by candidate and baseline
  CpuSet cpus;               // where it runs; the first is the measuring thread's
  unsigned index = 0;        // which block: seeds the pattern, so that both sides see the same one
  // Of several threads that do the same, this one: each has its own part of the file.
  unsigned lane = 0, lanes = 1;
};

// One block: built fresh (ring, buffers, threads), warmed up, run once, asked for proof, destroyed.
// Used by one thread at a time, which the runner has pinned to context.cpus.
class Block {
 public:
  virtual ~Block() = default;
  // Untimed: faults pages in, warms or evicts the cache and verifies that, checks data.
  virtual Expected<void> warm_up() = 0;
  // Timed: operations until `duration` has passed. Errors of single operations are counted in the
  // recorder; an Error is returned only when going on makes no sense.
  virtual Expected<void> run(Nanoseconds duration, Recorder& recorder) = 0;
  virtual Engagement engagement() = 0;
  virtual Verification verification() { return {}; }
  // What it found of the CPUs' clocks; asked last.
  virtual std::vector<ClockOffset> clock_offsets() { return {}; }
};

// Whether this host can run it. Not available: `reason` says why, `remedy` what would make it run.
struct Availability {
  bool available = true;
  std::string reason, remedy;
};

// What a series needs beyond a CPU.
struct Needs {
  bool file = false;     // a TestFile
  unsigned threads = 1;  // CPUs
};

struct Technique {
  std::string_view id;             // "storage.uring.fixed-buffers"
  std::string_view summary;        // one line
  std::string_view baseline = {};  // id of what it is compared with; empty: a baseline itself
  // id of a second one, measured beside the first by `assay bench --baseline`; empty: none.
  std::string_view also_against = {};
  Claim claim = {};
  std::string_view proof = {};  // how it proves that it engaged, in words
  bool uses_file = false;       // needs a TestFile
  bool moves_data = false;
  unsigned threads = 1;  // CPUs it wants
  // Keys of Parameters that mean something to it: "op,block,depth,pattern,...".
  std::string_view parameters = {};
  // How many operations one recorded latency covers; null: 1. A cache hit takes 1 ns, too short to
  // be timed alone: its sample is the time of that many dependent operations. Every latency_ns that
  // is shown or judged is the sample divided by this; `operations` counts single operations.
  unsigned (*operations_per_sample)(const Parameters&) = nullptr;
  // What is claimed of one variant ("l1"); null: `claim` holds for all. Use claim_of().
  Claim (*variant_claim)(std::string_view variant) = nullptr;
  // The parts that are measured one by one ("l1", "l2"); empty function: one part, "".
  std::vector<std::string> (*variants)(const probes::Inventory&) = nullptr;
  // What one variant needs; null: `uses_file` and `threads` hold for all. Use needs_of().
  Needs (*variant_needs)(std::string_view variant) = nullptr;
  // Where it runs, when that is part of what it is (a housekeeping CPU, all CPUs): of the CPUs that
  // were asked for (empty: none in particular) and those allowed. Empty, or null: where asked.
  CpuSet (*place)(const probes::Inventory&, const Parameters&, const CpuSet& asked,
                  const CpuSet& allowed) = nullptr;
  // What the baseline must be given to be a fair comparison; null: the same parameters.
  Parameters (*baseline_parameters)(const Parameters&) = nullptr;
  Availability (*available)(const Host&, const probes::Inventory&, const Parameters&) = nullptr;
  Expected<std::unique_ptr<Block>> (*make)(const BlockContext&) = nullptr;
  // Fills in what the parameters leave to the technique (direct, regime, batch), so that a result
  // names what was done; null: nothing is left open.
  Parameters (*resolve)(const Parameters&) = nullptr;
};

// Operations behind one recorded latency of this technique with these parameters; at least 1.
inline unsigned operations_per_sample(const Technique& technique, const Parameters& parameters) {
  return technique.operations_per_sample == nullptr ? 1
                                                    : technique.operations_per_sample(parameters);
}

// The claim that this measurement is tested against.
inline Claim claim_of(const Technique& technique, const Parameters& parameters) {
  return technique.variant_claim == nullptr ? technique.claim
                                            : technique.variant_claim(parameters.variant);
}

// What a series of this technique with these parameters needs.
inline Needs needs_of(const Technique& technique, const Parameters& parameters) {
  const Needs general{technique.uses_file, technique.threads};
  if (technique.variant_needs == nullptr || parameters.variant.empty()) return general;
  return technique.variant_needs(parameters.variant);
}

// Whether a key of Parameters means something to the technique.
bool takes_parameter(const Technique& technique, std::string_view key);
// `given` without what the technique does not take, so that a result is not labelled with a depth
// that a call like pread(2) has not.
Parameters only_taken(const Technique& technique, const Parameters& given);

// Every registered technique, by area. Lives for the whole program.
std::span<const Technique> techniques();
const Technique* find_technique(std::string_view id);
std::vector<std::string_view> technique_ids();

}  // namespace assay::engine
