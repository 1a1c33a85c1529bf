#include "engine/limits.hpp"

#include <fmt/format.h>

#include <array>

#include "core/units.hpp"

namespace assay::engine {
namespace {

// Thresholds of the rules. A share is called a limit when little else can have mattered.
constexpr double kMostly = 0.85;        // of the time, of a CPU, of a drive
constexpr double kNoticeable = 0.02;    // stolen or throttled: it shows in every tail
constexpr double kOftenWaiting = 0.05;  // runnable without a CPU
constexpr double kCopyShare = 0.7;      // of what a plain copy reaches
constexpr double kOneCpuShare = 0.8, kOneCpuLoad = 0.5;
constexpr double kWideInterval = 1.5;
constexpr double kCallEach = 0.9;

using E = LimitEvidence;

double known(const std::optional<double>& value) { return value.value_or(0); }
std::string percent_words(double share) { return fmt::format("{:.0f} %", share * 100); }

bool cpu_is_full(const E& e) { return !e.spins && !e.timing_only && e.cpu_share >= kMostly; }
bool drive_is_full(const E& e) {
  return known(e.drive_busy) >= kMostly && known(e.drive_latency_share) >= 0.5 && !cpu_is_full(e);
}

bool is_throttled(const E& e) { return known(e.throttled) >= kNoticeable; }
std::string throttled_words(const E& e) {
  return fmt::format("the cgroup was out of quota for {} of the time",
                     percent_words(known(e.throttled)));
}

bool is_stolen(const E& e) { return known(e.steal) >= kNoticeable; }
std::string stolen_words(const E& e) {
  return fmt::format("the hypervisor took {} of the CPU's time", percent_words(known(e.steal)));
}

// Out of quota is runnable, too, but nobody else's doing.
double others_ran(const E& e) { return known(e.run_delay) - known(e.throttled); }
bool is_no_cpu(const E& e) { return others_ran(e) >= kOftenWaiting; }
std::string no_cpu_words(const E& e) {
  return fmt::format("runnable without a CPU for {} of the time: others ran there",
                     percent_words(others_ran(e)));
}

bool is_remote(const E& e) { return !e.remote.empty(); }
std::string remote_words(const E& e) { return e.remote; }

bool is_one_irq_cpu(const E& e) {
  return known(e.irq_cpu_share) >= kOneCpuShare && known(e.irq_cpu_load) >= kOneCpuLoad;
}
std::string one_irq_cpu_words(const E& e) {
  return fmt::format(
      "CPU {} took {} of {:.0f} device interrupts a second and spent {} of its time "
      "in them",
      e.irq_cpu, percent_words(known(e.irq_cpu_share)), e.irqs_per_s,
      percent_words(known(e.irq_cpu_load)));
}

bool is_drive_latency(const E& e) { return drive_is_full(e) && e.depth * e.threads == 1; }
bool is_drive_throughput(const E& e) { return drive_is_full(e) && e.depth * e.threads > 1; }
std::string drive_words(const E& e) {
  return fmt::format(
      "the drive had work for {} of the time, {} of an operation's {} were spent in "
      "it; {} in flight; CPU {}",
      percent_words(known(e.drive_busy)), percent_words(known(e.drive_latency_share)),
      format_ns_short(e.mean_latency_ns), e.depth * e.threads, percent_words(e.cpu_share));
}

bool is_memory(const E& e) { return cpu_is_full(e) && known(e.memory_share) >= kCopyShare; }
std::string memory_words(const E& e) {
  return fmt::format("{:.2f} GB/s were moved, a plain copy reaches {:.2f} GB/s on this CPU",
                     e.bytes_per_s / 1e9, e.copy_bytes_per_s / 1e9);
}

bool is_submission(const E& e) {
  return cpu_is_full(e) && e.has_queue && e.depth > 1 && e.enters_per_operation >= kCallEach;
}
std::string submission_words(const E& e) {
  return fmt::format("{:.2f} system calls for each operation at depth {}, CPU {}",
                     e.enters_per_operation, e.depth, percent_words(e.cpu_share));
}

bool is_cpu(const E& e) { return cpu_is_full(e) && !is_submission(e) && !is_memory(e); }
std::string cpu_words(const E& e) {
  const double ns = e.operations_per_s > 0 ? e.cpu_share * e.threads * 1e9 / e.operations_per_s : 0;
  return fmt::format("CPU {} of each of {} threads, {} an operation, {:.2f} system calls each",
                     percent_words(e.cpu_share), e.threads, format_ns_short(ns),
                     e.enters_per_operation);
}

bool is_rate(const E& e) { return e.open_loop && e.missed_share == 0 && e.queue_share < 0.1; }
std::string rate_words(const E& e) {
  return fmt::format(
      "{:.0f} operations a second were asked for and done; {} of the response was "
      "waiting for a turn",
      e.rate_per_s, percent_words(e.queue_share));
}

bool is_overload(const E& e) { return e.open_loop && (e.missed_share > 0 || e.queue_share >= 0.5); }
std::string overload_words(const E& e) {
  return fmt::format(
      "at {:.0f} a second {} of the response was waiting for a turn, {} of the "
      "operations were never started",
      e.rate_per_s, percent_words(e.queue_share), percent_words(e.missed_share));
}

bool is_noise(const E& e) { return known(e.p99_spread) >= kWideInterval; }
std::string noise_words(const E& e) {
  return fmt::format("the p99's interval ends {:.1f} times as high as it begins",
                     known(e.p99_spread));
}

constexpr std::array kLimitRules{
    LimitRule{"cgroup-quota", "The CPU quota of its cgroup held it back", is_throttled,
              throttled_words, "container.cpu-quota,container.cpuset", ""},
    LimitRule{"steal", "The hypervisor gave its CPU to others", is_stolen, stolen_words,
              "container.steal,container.hypervisor", ""},
    LimitRule{"cpu-shared", "Other threads on its CPU", is_no_cpu, no_cpu_words,
              "boot.isolcpus,scheduler.cpuset-partition,scheduler.kernel-threads,irq.affinity",
              "os.jitter"},
    LimitRule{"remote-node", "What it works on hangs on another NUMA node", is_remote, remote_words,
              "block.numa-node,irq.affinity,memory.numa-balancing", ""},
    LimitRule{"irq-cpu", "One CPU serves the device's interrupts", is_one_irq_cpu,
              one_irq_cpu_words,
              "irq.affinity,irq.irqbalance,block.rq-affinity,net.channels,net.rps", ""},
    LimitRule{"overload", "The rate asked for is more than it can do", is_overload, overload_words,
              "", "storage.uring.batched,storage.uring.combined"},
    LimitRule{"device-latency", "The device: each operation waits for the one before it",
              is_drive_latency, drive_words,
              "block.apst,block.nvme-poll-queues,block.io-poll,cpu.idle-exit-latency,"
              "block.scheduler",
              "storage.uring.iopoll,storage.uring,storage.uring.batched"},
    LimitRule{"device", "The device: it is busy all the time", is_drive_throughput, drive_words,
              "block.scheduler,block.nr-requests,block.nomerges,block.wbt,block.pcie-link,"
              "block.write-cache",
              ""},
    LimitRule{"memory-bandwidth", "Copying memory", is_memory, memory_words,
              "memory.thp-enabled,memory.hugepages-2m,cpu.uncore-frequency",
              "storage.direct,storage.mmap,copy.sendfile"},
    LimitRule{"submission", "Submission: a system call for each operation", is_submission,
              submission_words, "limits.io-uring-disabled,boot.mitigations",
              "storage.uring.batched,storage.uring.combined,storage.uring.sqpoll"},
    LimitRule{"cpu", "The CPU", is_cpu, cpu_words, "cpu.governor,cpu.boost,boot.mitigations",
              "storage.uring.fixed-buffers,storage.uring.fixed-files,storage.uring.batched"},
    LimitRule{"rate", "Nothing but the rate asked for", is_rate, rate_words, "", ""},
    LimitRule{"noise",
              "Sampling noise: the tail differs from block to block more than its size "
              "tells; a longer --duration narrows it",
              is_noise, noise_words,
              "boot.isolcpus,boot.nohz-full,cpu.idle-exit-latency,cpu.governor,irq.irqbalance",
              "os.jitter"},
};

void add_names(std::vector<std::string>& all, std::string_view names) {
  while (!names.empty()) {
    const std::size_t comma = std::min(names.find(','), names.size());
    all.emplace_back(names.substr(0, comma));
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
}

}  // namespace

std::span<const LimitRule> limit_rules() { return kLimitRules; }

std::vector<LimitFinding> find_limits(const LimitEvidence& evidence) {
  std::vector<LimitFinding> findings;
  for (const LimitRule& rule : kLimitRules) {
    if (!rule.holds(evidence)) continue;
    LimitFinding finding{
        std::string(rule.id), std::string(rule.limit), rule.evidence(evidence), {}};
    add_names(finding.advice, rule.settings);
    add_names(finding.advice, rule.techniques);
    findings.push_back(std::move(finding));
  }
  if (findings.empty()) {
    findings.push_back(
        {"none",
         "Nothing stands out",
         fmt::format(
             "CPU {}{}, drive {}, {:.2f} system calls an operation",
             percent_words(evidence.cpu_share), evidence.spins ? " (it spins)" : "",
             evidence.drive_busy ? "busy " + percent_words(*evidence.drive_busy) : "not involved",
             evidence.enters_per_operation),
         {}});
  }
  return findings;
}

}  // namespace assay::engine
