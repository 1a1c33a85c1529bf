// How long a cache line takes from one CPU to another, for every pair of CPUs.
//
// Two threads, pinned, pass one line back and forth: each writes its number and spins until the
// other's is there. One way is half a round trip. A pair's figures come from batches of round trips
// in several passes over all pairs, so that a disturbance of the host does not hit one pair alone.
// The time is bounded whatever the number of CPUs: two have one pair, 256 have 32,640.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/clock.hpp"
#include "engine/runner.hpp"
#include "probes/inventory.hpp"

namespace assay::engine {

// What two CPUs share, the closest first.
enum class CpuRelation : std::uint8_t { same_core, same_cache, same_node, other_node };
std::string_view to_string(CpuRelation relation);  // "same core", "same cache", ...
CpuRelation relation_of(const probes::Topology& topology, CpuId a, CpuId b);

struct PairLatency {
  unsigned batches = 0;                               // 0: not measured
  double min_ns = 0, one_way_ns_p50 = 0, p99_ns = 0;  // one way, of batch means
  std::string skipped;                                // why it was not measured
};

struct CoreToCore {
  std::vector<unsigned> cpus;      // by node, cache, core: neighbours stand side by side
  std::vector<PairLatency> pairs;  // the lower triangle, row by row: use pair()
  unsigned passes = 0;
  Nanoseconds pair_time{0};  // of one pass
  Nanoseconds took{0};
  ClockReport clock;
  // Of the CPUs that stand at places `i` and `j` of `cpus`, which differ.
  const PairLatency& pair(std::size_t i, std::size_t j) const;
};

struct CoreToCoreRequest {
  CpuSet cpus;                                     // empty: all that this process may use
  Nanoseconds duration{std::chrono::seconds(10)};  // bound for all pairs and passes, roughly
};

// What a request comes to, known beforehand.
struct CoreToCorePlan {
  std::vector<unsigned> cpus;
  std::uint64_t pairs = 0;
  unsigned passes = 1;
  Nanoseconds pair_time{0}, expected{0};
};

// Errors: unsupported (fewer than two CPUs; a captured host), invalid (CPUs that this process may
// not use).
Expected<CoreToCorePlan> plan_core_to_core(const Host& host, const probes::Inventory& inventory,
                                           const CoreToCoreRequest& request);

// The same for CPUs that are known to be usable: at least two.
CoreToCorePlan plan_pairs(const probes::Topology& topology, const CpuSet& cpus,
                          Nanoseconds duration);

// Measures. Between pairs `on_pair(done, total)` is called and `stop` looked at. Changes this
// thread's affinity and puts it back. A pair that cannot be measured (a CPU that went offline, a
// side that did not answer within a second) is skipped with the reason. Errors: interrupted;
// those of Clock::calibrate(); exhausted (no thread).
Expected<CoreToCore> measure_core_to_core(
    const Host& host, const CoreToCorePlan& plan, const std::atomic<bool>* stop,
    const std::function<void(std::uint64_t done, std::uint64_t total)>& on_pair);

}  // namespace assay::engine
