// The figures that the rules of limits.hpp ask for, from what a run wrote down.
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include <fmt/format.h>

#include "core/fd.hpp"
#include "engine/limits.hpp"
#include "engine/measurement.hpp"

namespace assay::engine {
namespace {

constexpr double kEvidenceTick_ns = 1e7;  // of /proc/stat
// Fewer than this a second are background, whoever takes them.
constexpr double kFewInterrupts_per_s = 500;
constexpr Bytes kCopied{64ULL << 20};

double span_seconds(Nanoseconds time) { return std::chrono::duration<double>(time).count(); }

// What burns CPU while it waits: its CPU time says nothing about its work.
bool spins_by_design(const Measurement& measurement) {
  const std::string& id = measurement.technique;
  const auto names = [&id](std::string_view part) { return id.find(part) != std::string::npos; };
  if (measurement.parameters.rate_per_s > 0) return true;
  if (names("poll") || id == "os.jitter" || id.starts_with("ipc.shm") || names("user-nvme")) {
    return true;
  }
  for (const ParameterRow& row : parameter_rows()) {
    const std::string value = row.get(measurement.parameters);
    if (row.key == "completion" && !value.empty() && value != "block") return true;
    if (row.key == "features" && value.find("poll") != std::string::npos) return true;
  }
  return false;
}

void add_drive(const Measurement& measurement, LimitEvidence& evidence) {
  const BlockCounters& counted = measurement.counters;
  const double over_ns = static_cast<double>(counted.over.count());
  if (counted.drive_operations == 0 || over_ns <= 0 || measurement.operations == 0) return;
  evidence.drive_busy = std::min(1.0, static_cast<double>(counted.drive_busy_ns) / over_ns);
  // Little's law: the time that all operations spent is their latency times their number. Of
  // operations that a page cache answered the drive knows nothing.
  const double spent = measurement.service.mean_ns() * static_cast<double>(measurement.operations);
  evidence.drive_latency_share =
      spent > 0 ? std::min(1.0, static_cast<double>(counted.drive_waited_ns) / spent) : 0;
}

void add_interrupts(const Measurement& measurement, LimitEvidence& evidence) {
  const BlockCounters& counted = measurement.counters;
  std::uint64_t all = 0, most = 0;
  for (const auto& [cpu, count] : counted.device_irqs) {
    all += count;
    if (count > most) {
      most = count;
      evidence.irq_cpu = cpu;
    }
  }
  const double seconds = span_seconds(counted.over);
  if (seconds <= 0 || counted.device_irqs.size() + counted.ticks.size() == 0) return;
  evidence.irqs_per_s = static_cast<double>(all) / seconds;
  // With one CPU there is no other to take them.
  if (evidence.irqs_per_s < kFewInterrupts_per_s || counted.ticks.size() < 2) return;
  evidence.irq_cpu_share = static_cast<double>(most) / static_cast<double>(all);
  const auto ticks = counted.ticks.find(evidence.irq_cpu);
  if (ticks == counted.ticks.end() || ticks->second.total() == 0) return;
  evidence.irq_cpu_load =
      static_cast<double>(ticks->second.interrupts) / static_cast<double>(ticks->second.total());
}

void add_cpu_time(const Measurement& measurement, LimitEvidence& evidence) {
  const BlockCounters& counted = measurement.counters;
  const double over_ns = static_cast<double>(counted.over.count());
  if (over_ns <= 0) return;
  evidence.throttled = static_cast<double>(counted.throttled_ns) / over_ns;
  evidence.run_delay = static_cast<double>(counted.run_delay_ns) / over_ns;
  std::uint64_t ticks = 0;
  for (const auto& [cpu, one] : counted.ticks)
    ticks += counted.cpus.contains(cpu) ? one.total() : 0;
  // A handful of ticks is no share of anything.
  if (static_cast<double>(ticks) * kEvidenceTick_ns < 2e8) return;
  evidence.steal =
      static_cast<double>(counted.steal_here()) / (static_cast<double>(ticks) * kEvidenceTick_ns);
}

// The drive that the file is on, by the words in which the file tells it: "(ext4 on nvme1n1)".
void add_node(const Measurement& measurement, const probes::Inventory& inventory,
              LimitEvidence& evidence) {
  const auto cpu_id = measurement.placement.asked.first();
  const probes::Cpu* cpu = cpu_id ? inventory.topology.find(CpuId{*cpu_id}) : nullptr;
  if (cpu == nullptr || inventory.topology.nodes.size() < 2) return;
  for (const probes::BlockDevice& drive : inventory.block) {
    const std::size_t at = measurement.file.find(drive.name);
    if (at == std::string::npos || !drive.node || *drive.node == cpu->node) continue;
    const std::size_t end = at + drive.name.size();
    if (end < measurement.file.size() && std::isalnum(measurement.file[end]) != 0) continue;
    evidence.remote = fmt::format("CPU {} is on node {}, drive {} on node {}", cpu->id.value,
                                  cpu->node.value, drive.name, drive.node->value);
  }
}

void add_spread(const Measurement& measurement, LimitEvidence& evidence) {
  std::vector<stats::Histogram> blocks;
  for (const BlockResult& block : measurement.blocks) blocks.push_back(judged(block));
  const auto interval = stats::quantile_interval(blocks, 0.99, 0.95);
  if (interval && interval->low_ns > 0) evidence.p99_spread = interval->high_ns / interval->low_ns;
}

std::uint64_t copy_time_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000ULL +
         static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

LimitEvidence limit_evidence(const Measurement& measurement, const probes::Inventory& inventory,
                             double copy_bytes_per_s) {
  LimitEvidence evidence;
  const Parameters& parameters = measurement.parameters;
  const Technique* technique = find_technique(measurement.technique);
  const double seconds = span_seconds(measurement.duration);
  if (seconds <= 0 || measurement.operations == 0) return evidence;
  const double operations = static_cast<double>(measurement.operations);
  evidence.has_queue = technique != nullptr && takes_parameter(*technique, "depth");
  evidence.threads = parameters.threads * (technique == nullptr ? 1 : technique->threads);
  evidence.depth = evidence.has_queue ? parameters.depth : 1;
  evidence.batch = std::max(1U, parameters.batch);
  evidence.spins = spins_by_design(measurement);
  evidence.timing_only = measurement.technique.starts_with("os.");
  evidence.cpu_share = span_seconds(measurement.cpu_time) / seconds / evidence.threads;
  evidence.enters_per_operation = static_cast<double>(measurement.enters) / operations;
  evidence.operations_per_s = operations / seconds;
  evidence.bytes_per_s = static_cast<double>(measurement.bytes) / seconds;
  evidence.mean_latency_ns = measurement.service.mean_ns();
  if (copy_bytes_per_s > 0 && measurement.bytes > 0) {
    evidence.copy_bytes_per_s = copy_bytes_per_s;
    evidence.memory_share = evidence.bytes_per_s / evidence.threads / copy_bytes_per_s;
  }
  evidence.open_loop = !measurement.response.empty();
  if (evidence.open_loop) {
    const double response = measurement.response.mean_ns(), service = measurement.service.mean_ns();
    evidence.rate_per_s = parameters.rate_per_s;
    // What the generator itself was late is no queue of the technique's.
    const double own = service + measurement.lag.mean_ns();
    evidence.queue_share = response > own ? 1 - own / response : 0;
    evidence.missed_share = static_cast<double>(measurement.missed) /
                            (operations + static_cast<double>(measurement.missed));
  }
  add_drive(measurement, evidence);
  add_interrupts(measurement, evidence);
  add_cpu_time(measurement, evidence);
  add_node(measurement, inventory, evidence);
  add_spread(measurement, evidence);
  return evidence;
}

double copy_rate() {
  auto from = Mapping::anonymous(kCopied);
  auto to = Mapping::anonymous(kCopied);
  if (!from || !to) return 0;
  // Pages of zeros that were never written are one page: touched, so that memory is really read.
  std::memset(from->data(), 1, from->size().count);
  std::memset(to->data(), 2, to->size().count);
  std::uint64_t best_ns = ~0ULL;
  for (int pass = 0; pass < 4; ++pass) {
    const std::uint64_t began = copy_time_ns();
    std::memcpy(to->data(), from->data(), from->size().count);
    asm volatile("" : : "r"(to->data()) : "memory");
    best_ns = std::min(best_ns, copy_time_ns() - began);
  }
  return static_cast<double>(kCopied.count) * 1e9 /
         static_cast<double>(std::max<std::uint64_t>(1, best_ns));
}

}  // namespace assay::engine
