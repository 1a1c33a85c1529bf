#include "engine/core_to_core.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <tuple>

#include "engine/peer_thread.hpp"
#include "engine/scheduling.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

constexpr unsigned kRoundTrips = 64;  // a batch: long against the clock's own cost
constexpr unsigned kBatchesWarm = 4;  // the line and the code come in
constexpr unsigned kPassesMax = 5;
constexpr Nanoseconds kPairMin{std::chrono::microseconds(150)};
constexpr Nanoseconds kPairMax{std::chrono::milliseconds(10)};
// A host that is busy takes either side away, again and again: it may take this long, no longer.
constexpr std::uint64_t kPairPatienceNs = 1'000'000'000;
constexpr Nanoseconds kPairSetUp{std::chrono::microseconds(150)};  // a thread made and pinned
constexpr unsigned kPairSpinsPerLook = 4096;

// The line that goes back and forth, alone in its pair of lines.
struct alignas(128) PassedLine {
  std::atomic<std::uint64_t> turn{0};
};

const probes::Cache* last_cache(const probes::Topology& topology, CpuId cpu) {
  const probes::Cache* last = nullptr;
  for (const probes::Cache& cache : topology.caches) {
    if (!cache.shared_by.contains(cpu.value)) continue;
    if (last == nullptr || cache.level > last->level) last = &cache;
  }
  return last;
}

std::size_t triangle(std::size_t i, std::size_t j) {
  const std::size_t high = std::max(i, j), low = std::min(i, j);
  return high * (high - 1) / 2 + low;
}

// Answers every odd turn with the next even one.
void answer(PassedLine& line, unsigned cpu, std::atomic<bool>& moved,
            const std::atomic<bool>& stop) {
  std::uint64_t expected = 1;
  while (true) {
    unsigned spins = 0;
    while (line.turn.load(std::memory_order_acquire) != expected) {
      spin_pause();
      if (++spins % kPairSpinsPerLook == 0 && stop.load(std::memory_order_relaxed)) {
        if (::sched_getcpu() != static_cast<int>(cpu)) moved.store(true);
        return;
      }
    }
    line.turn.store(expected + 1, std::memory_order_release);
    expected += 2;
  }
}

// One pair in one pass: ticks of whole batches are appended to `samples`.
class PairRun final {
 public:
  PairRun(const Clock& clock, CpuId here, CpuId there, std::vector<std::uint64_t>& samples)
      : clock_(clock), here_(here), there_(there), samples_(samples) {}

  Expected<void> run(Nanoseconds duration) {
    auto pin = ScopedAffinity::pin(CpuSet{here_.value});
    if (!pin) return std::unexpected(pin.error());
    std::atomic<bool> moved{false};
    PeerThread peer;
    auto started = peer.start(
        there_, [&](const std::atomic<bool>& stop) { answer(line_, there_.value, moved, stop); });
    if (!started) return started;
    const bool answered =
        with_ticks(clock_, [&]<typename Ticks>(Ticks) { return loop<Ticks>(duration); });
    const bool stayed = ::sched_getcpu() == static_cast<int>(here_.value);
    peer.stop();
    if (!answered) return fail(ErrorCode::busy, "pass a line", {}, "the other CPU did not answer");
    if (!stayed || moved) return fail(ErrorCode::busy, "pass a line", {}, "a thread was moved");
    return {};
  }

 private:
  template <typename Ticks>
  bool loop(Nanoseconds duration) {
    const std::uint64_t length = static_cast<std::uint64_t>(duration.count());
    std::uint64_t now = Ticks::now();
    const std::uint64_t deadline = now + clock_.ns_to_ticks(length);
    const std::uint64_t limit = now + clock_.ns_to_ticks(kPairPatienceNs);
    for (unsigned batch = 0; batch < kBatchesWarm || now < deadline; ++batch) {
      const std::uint64_t start = Ticks::now();
      if (start > limit) return batch > kBatchesWarm;
      for (unsigned i = 0; i < kRoundTrips; ++i) {
        if (!round_trip<Ticks>(limit)) return false;
      }
      now = Ticks::now();
      if (batch >= kBatchesWarm) samples_.push_back(now - start);
    }
    return true;
  }

  template <typename Ticks>
  bool round_trip(std::uint64_t limit) {
    turn_ += 2;
    line_.turn.store(turn_ - 1, std::memory_order_release);
    for (unsigned spins = 1; line_.turn.load(std::memory_order_acquire) != turn_; ++spins) {
      spin_pause();
      if (spins % kPairSpinsPerLook != 0) continue;
      if (Ticks::now() > limit) return false;
    }
    return true;
  }

  const Clock& clock_;
  CpuId here_, there_;
  std::vector<std::uint64_t>& samples_;
  PassedLine line_;
  std::uint64_t turn_ = 0;
};

// One way of a batch, in nanoseconds.
double one_way_ns(const Clock& clock, std::uint64_t ticks) {
  return static_cast<double>(clock.scale().to_ns(ticks)) / (2.0 * kRoundTrips);
}

PairLatency summary(const Clock& clock, std::vector<std::uint64_t>& samples, std::string skipped) {
  PairLatency pair;
  if (samples.empty()) {
    pair.skipped = skipped.empty() ? "the time did not suffice for one batch" : std::move(skipped);
    return pair;
  }
  std::ranges::sort(samples);
  const auto at = [&](double share) {
    return one_way_ns(
        clock, samples[static_cast<std::size_t>(share * static_cast<double>(samples.size() - 1))]);
  };
  pair.batches = static_cast<unsigned>(samples.size());
  pair.min_ns = at(0);
  pair.one_way_ns_p50 = at(0.5);
  pair.p99_ns = at(0.99);
  return pair;
}

Failure interrupted() {
  return fail(ErrorCode::interrupted, "measure core to core", {}, "stopped on request");
}

}  // namespace

std::string_view to_string(CpuRelation relation) {
  switch (relation) {
    case CpuRelation::same_core:
      return "same core";
    case CpuRelation::same_cache:
      return "same cache";
    case CpuRelation::same_node:
      return "same node";
    case CpuRelation::other_node:
      break;
  }
  return "other node";
}

CpuRelation relation_of(const probes::Topology& topology, CpuId a, CpuId b) {
  const probes::Cpu* first = topology.find(a);
  const probes::Cpu* second = topology.find(b);
  if (first == nullptr || second == nullptr) return CpuRelation::same_node;
  if (first->siblings.contains(b.value)) return CpuRelation::same_core;
  const probes::Cache* cache = last_cache(topology, a);
  if (cache != nullptr && cache->shared_by.contains(b.value)) return CpuRelation::same_cache;
  return first->node == second->node ? CpuRelation::same_node : CpuRelation::other_node;
}

const PairLatency& CoreToCore::pair(std::size_t i, std::size_t j) const {
  return pairs[triangle(i, j)];
}

Expected<CoreToCorePlan> plan_core_to_core(const Host& host, const probes::Inventory& inventory,
                                           const CoreToCoreRequest& request) {
  constexpr std::string_view kPlanOperation = "measure core to core";
  if (!host.is_this_system()) {
    return fail(ErrorCode::unsupported, kPlanOperation, {}, "a captured host cannot be measured",
                "run assay on the host");
  }
  const auto allowed = current_affinity();
  if (!allowed) return std::unexpected(allowed.error());
  const CpuSet cpus = request.cpus.empty() ? *allowed : request.cpus;
  if (!cpus.is_subset_of(*allowed)) {
    return fail(ErrorCode::invalid, kPlanOperation, (cpus - *allowed).to_list(),
                "this process may not use these CPUs",
                fmt::format("choose from {}", allowed->to_list()));
  }
  if (cpus.count() < 2) {
    return fail(ErrorCode::unsupported, kPlanOperation, cpus.to_list(), "one CPU makes no pair",
                "allow this process more CPUs (taskset, the cgroup's cpuset), or name two");
  }
  return plan_pairs(inventory.topology, cpus, request.duration);
}

CoreToCorePlan plan_pairs(const probes::Topology& topology, const CpuSet& cpus,
                          Nanoseconds duration) {
  CoreToCorePlan plan;
  plan.cpus = cpus.to_vector();
  std::ranges::sort(plan.cpus, {}, [&topology](unsigned cpu) {
    const probes::Cpu* found = topology.find(CpuId{cpu});
    const probes::Cache* cache = last_cache(topology, CpuId{cpu});
    return std::tuple(found == nullptr ? 0U : found->node.value,
                      cache == nullptr ? 0U : cache->shared_by.first().value_or(0),
                      found == nullptr ? cpu : found->siblings.first().value_or(cpu), cpu);
  });
  plan.pairs = plan.cpus.size() * (plan.cpus.size() - 1) / 2;
  const Nanoseconds each = duration / static_cast<std::int64_t>(plan.pairs);
  const auto passes = each / (kPairMin + kPairSetUp);
  plan.passes = static_cast<unsigned>(std::clamp<std::int64_t>(passes, 1, kPassesMax));
  plan.pair_time = std::clamp(each / plan.passes - kPairSetUp, kPairMin, kPairMax);
  plan.expected =
      (plan.pair_time + kPairSetUp) * static_cast<std::int64_t>(plan.pairs * plan.passes);
  return plan;
}

Expected<CoreToCore> measure_core_to_core(
    const Host& host, const CoreToCorePlan& plan, const std::atomic<bool>* stop,
    const std::function<void(std::uint64_t done, std::uint64_t total)>& on_pair) {
  const auto clock = Clock::calibrate(host);
  if (!clock) return std::unexpected(clock.error());
  CoreToCore result;
  result.cpus = plan.cpus;
  result.passes = plan.passes;
  result.pair_time = plan.pair_time;
  std::vector<std::vector<std::uint64_t>> samples(plan.pairs);
  std::vector<std::string> skipped(plan.pairs);
  const std::uint64_t began = clock->now_ns();
  for (unsigned pass = 0; pass < plan.passes; ++pass) {
    for (std::size_t i = 1; i < plan.cpus.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (stop != nullptr && stop->load()) return interrupted();
        const std::size_t at = triangle(i, j);
        if (on_pair) on_pair(pass * plan.pairs + at, plan.passes * plan.pairs);
        PairRun pair(*clock, CpuId{plan.cpus[i]}, CpuId{plan.cpus[j]}, samples[at]);
        if (auto ran = pair.run(plan.pair_time); !ran) skipped[at] = ran.error().message();
      }
    }
  }
  result.took = Nanoseconds(static_cast<std::int64_t>(clock->now_ns() - began));
  for (std::size_t at = 0; at < samples.size(); ++at) {
    result.pairs.push_back(summary(*clock, samples[at], std::move(skipped[at])));
  }
  result.clock = clock->check();
  return result;
}

}  // namespace assay::engine
