#include "engine/slow_causes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/units.hpp"

namespace assay::engine {
namespace {

constexpr std::array<std::string_view, 10> kCauseNames{
    "unknown",   "preempted", "waited",    "page-fault", "migrated",
    "throttled", "steal",     "interrupt", "softirq",    "ipi"};

std::string time_words(std::uint64_t ns) { return format_ns_short(static_cast<double>(ns)); }

// "36 virtio1-req.0 (12), ..."
std::string fired_words(const std::map<std::string, std::uint64_t>& counts) {
  std::string words;
  for (const auto& [name, count] : counts) {
    words += fmt::format("{}{} ({})", words.empty() ? "" : ", ", name, count);
  }
  return words;
}

// What may have taken the CPU without a switch of threads: of the whole block, so only a single
// candidate is an answer.
std::vector<Explanation> candidates_on_cpu(const SlowEvent& event, const BlockCounters& block) {
  std::vector<Explanation> found;
  if (event.evidence.minor_faults > 0) {
    found.push_back(
        {SlowCause::page_fault, fmt::format("{} page faults since the slow operation before it",
                                            event.evidence.minor_faults)});
  }
  if (block.steal_here() > 0) {
    found.push_back({SlowCause::steal, fmt::format("{} stolen from the CPU during the block",
                                                   time_words(block.steal_here()))});
  }
  if (!block.irqs_here.empty()) {
    found.push_back({SlowCause::interrupt,
                     "interrupts on the CPU during the block: " + fired_words(block.irqs_here)});
  }
  // A device's interrupt raises its softirq: one cause, not two.
  if (!block.softirqs_here.empty() && block.irqs_here.empty()) {
    found.push_back({SlowCause::softirq,
                     "softirqs on the CPU during the block: " + fired_words(block.softirqs_here)});
  }
  if (!block.calls_here.empty()) {
    found.push_back({SlowCause::ipi,
                     "calls from other CPUs during the block: " + fired_words(block.calls_here)});
  }
  return found;
}

Explanation on_cpu(const SlowEvent& event, const BlockCounters& block) {
  const auto found = candidates_on_cpu(event, block);
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return {SlowCause::unknown,
            block.known ? fmt::format("on its CPU all the time; nothing but the timer's tick ({}) "
                                      "was counted there",
                                      block.ticks_here)
                        : "on its CPU all the time; interrupts were not counted"};
  }
  std::string all;
  for (const Explanation& one : found) all += (all.empty() ? "" : "; or ") + one.because;
  return {SlowCause::unknown, all};
}

// It was off its CPU for most of the time, with these switches.
Explanation off_cpu(const SlowEvent& event, const BlockCounters& block) {
  const EventEvidence& seen = event.evidence;
  const std::string away = fmt::format("{} off its CPU", time_words(seen.off_cpu_ns));
  if (seen.voluntary == 0 && seen.involuntary > 0) {
    return {SlowCause::preempted,
            fmt::format("{}, {} involuntary switches", away, seen.involuntary)};
  }
  if (seen.voluntary == 0) {
    if (block.steal_here() > 0) {
      return {SlowCause::steal, fmt::format("{} without a switch, {} stolen during the block", away,
                                            time_words(block.steal_here()))};
    }
    return {SlowCause::unknown, away + " without a switch: interrupts, or the hypervisor"};
  }
  // Asleep by its own wish; woken late when the CPU had something else to do.
  const bool woken_late = block.run_delay_ns >= event.latency_ns / 2;
  if (!woken_late) {
    return {SlowCause::waited,
            fmt::format("{}, {} voluntary switches; it waited for a CPU for {} in the whole block",
                        away, seen.voluntary, time_words(block.run_delay_ns))};
  }
  return {SlowCause::unknown,
          fmt::format("{}, {} voluntary and {} involuntary switches: the device, or the CPU, for "
                      "which it waited for {} in the block",
                      away, seen.voluntary, seen.involuntary, time_words(block.run_delay_ns))};
}

// The tracer knows durations: a single one that is long enough explains the event.
const TracedNoise* traced(const SlowEvent& event, const BlockCounters& block) {
  const TracedNoise* found = nullptr;
  for (const TracedNoise& noise : block.noises) {
    if (noise.duration_ns < event.latency_ns / 2 || noise.duration_ns > event.latency_ns) continue;
    if (found != nullptr) return nullptr;
    found = &noise;
  }
  return found;
}

SlowCause cause_of(const TracedNoise& noise) {
  if (noise.kind == "irq") return SlowCause::interrupt;
  if (noise.kind == "softirq") return SlowCause::softirq;
  return noise.kind == "thread" ? SlowCause::preempted : SlowCause::unknown;
}

}  // namespace

std::string_view to_string(SlowCause cause) { return kCauseNames[static_cast<std::size_t>(cause)]; }

Explanation explain(const SlowEvent& event, const BlockCounters& block) {
  const EventEvidence& seen = event.evidence;
  if (const TracedNoise* noise = traced(event, block)) {
    return {cause_of(*noise), fmt::format("traced: {} {} for {}", noise->kind, noise->name,
                                          time_words(noise->duration_ns))};
  }
  if (!seen.known)
    return {SlowCause::unknown,
            "no evidence was taken: it was among the first operations, or on another thread"};
  const bool away = seen.off_cpu_ns >= event.latency_ns / 2;
  if (away && block.throttled_ns >= event.latency_ns / 2) {
    return {SlowCause::throttled, fmt::format("its cgroup was throttled for {} in the block",
                                              time_words(block.throttled_ns))};
  }
  if (seen.major_faults > 0) {
    return {SlowCause::page_fault,
            fmt::format("{} pages were read from a drive", seen.major_faults)};
  }
  if (seen.moved) return {SlowCause::migrated, fmt::format("it ended on CPU {}", event.cpu)};
  return away ? off_cpu(event, block) : on_cpu(event, block);
}

}  // namespace assay::engine
