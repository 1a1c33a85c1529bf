// What explains a run: the host's counts around a block, the cause of a slow operation, the limit
// of a measurement. All from synthetic evidence.
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <algorithm>
#include <set>

#include "core/memory_host.hpp"
#include "engine/block_counters.hpp"
#include "engine/limits.hpp"
#include "engine/slow_causes.hpp"
#include "engine/technique.hpp"

namespace assay::engine {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

HostLook look(unsigned factor) {
  HostLook made;
  made.interrupts = fmt::format(
      "            CPU0       CPU1\n"
      "  36:         {}        {}   PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0\n"
      " LOC:       {}       {}   Local timer interrupts\n"
      " CAL:          7         {}   Function call interrupts\n",
      5 * factor, 10 * factor, 100 * factor, 200 * factor, 3 * factor);
  made.softirqs = fmt::format(
      "                    CPU0       CPU1\n"
      "       TIMER:      {0}      {0}\n"
      "       BLOCK:          1      {1}\n",
      99 * factor, 4 * factor);
  made.stat = fmt::format(
      "cpu  1 1 1 1 1 1 1 1\n"
      "cpu0 {0} 0 0 {0} 0 0 0 0\n"
      "cpu1 {0} 0 0 {0} 0 {0} {0} {1}\n",
      10 * factor, 2 * factor);
  made.schedstat = fmt::format("1000 {} 5\n", 700 * factor);
  made.cpu_stat =
      fmt::format("usage_usec 9\nnr_throttled {}\nthrottled_usec {}\n", factor, 40 * factor);
  made.diskstats = fmt::format(
      " 254       0 vda {0} 0 0 {1} {0} 0 0 {1} 0 {2} 0\n 254       1 vda1 1 0 0 1 1 0 0 1 0 1 1\n",
      100 * factor, 30 * factor, 15 * factor);
  made.at_ns = factor * 20 * kMs;
  return made;
}

TEST(BlockCounters, TellWhatCameBetweenTwoLooks) {
  const BlockCounters counted = counters_between(look(1), look(2), CpuSet{1}, "254 0");
  EXPECT_TRUE(counted.known);
  EXPECT_EQ(counted.irqs_here, (std::map<std::string, std::uint64_t>{{"36 virtio1-req.0", 10}}));
  EXPECT_EQ(counted.calls_here, (std::map<std::string, std::uint64_t>{{"CAL", 3}}));
  EXPECT_EQ(counted.softirqs_here, (std::map<std::string, std::uint64_t>{{"BLOCK", 4}}));
  EXPECT_EQ(counted.ticks_here, 200U);
  EXPECT_EQ(counted.device_irqs, (std::map<unsigned, std::uint64_t>{{0, 5}, {1, 10}}));
  EXPECT_EQ(counted.steal_here(), 20 * kMs);
  EXPECT_EQ(counted.ticks.at(1).interrupts, 20U);
  EXPECT_EQ(counted.run_delay_ns, 700U);
  EXPECT_EQ(counted.throttled_ns, 40'000U);
  EXPECT_EQ(counted.drive_operations, 200U);
  EXPECT_EQ(counted.drive_busy_ns, 15 * kMs);
  EXPECT_EQ(counted.drive_waited_ns, 60 * kMs);
  EXPECT_EQ(counted.over, std::chrono::milliseconds(20));
}

TEST(BlockCounters, NothingReadIsNothingKnown) {
  const BlockCounters counted = counters_between({}, {}, CpuSet{0}, "254 0");
  EXPECT_FALSE(counted.known);
  EXPECT_TRUE(counted.irqs_here.empty());
  EXPECT_EQ(counted.drive_operations, 0U);
}

TEST(BlockCounters, SumUp) {
  BlockCounters sum = counters_between(look(1), look(2), CpuSet{1}, "254 0");
  sum += counters_between(look(2), look(3), CpuSet{1}, "254 0");
  EXPECT_EQ(sum.irqs_here.at("36 virtio1-req.0"), 20U);
  EXPECT_EQ(sum.ticks.at(1).steal, 4U);
  EXPECT_EQ(sum.over, std::chrono::milliseconds(40));
}

TEST(BlockCounters, FindsTheCgroupAndARunningTracer) {
  MemoryHost host;
  host.put("/proc/self/cgroup", "4:cpu,cpuacct:/\n0::/app.slice\n");
  host.put("/sys/fs/cgroup/app.slice/cpu.stat", "nr_throttled 0\n");
  host.put("/sys/kernel/tracing/current_tracer", "timerlat\n");
  const WatchedPlaces places = WatchedPlaces::find(host);
  EXPECT_EQ(places.cgroup_cpu_stat, "/sys/fs/cgroup/app.slice/cpu.stat");
  EXPECT_EQ(places.trace, "/sys/kernel/tracing/trace");
  EXPECT_EQ(WatchedPlaces::find(MemoryHost()).trace, "");
}

const std::string kTrace =
    "# tracer: osnoise\n"
    "     osnoise/8-961    [001] d.h.  5789.857532: irq_noise: local_timer:236 start "
    "5789.857529929 duration 1845 ns\n"
    "     osnoise/8-961    [001] d.s.  5789.858413: softirq_noise:   TIMER:1 start 5789.858408871 "
    "duration 2848 ns\n"
    "     osnoise/8-961    [000] d...  5789.858413: thread_noise: migration/8:54 start "
    "5789.858413871 duration 300000 ns\n"
    "     osnoise/8-961    [001] ....  5789.858413: sample_threshold: start 5789.85 duration 8 ns "
    "interferences 2\n";

TEST(BlockCounters, ReadsTheTracersLines) {
  const auto noises = parse_noises(kTrace);
  ASSERT_EQ(noises.size(), 3U);
  EXPECT_EQ(noises[0].kind, "irq");
  EXPECT_EQ(noises[0].name, "local_timer:236");
  EXPECT_EQ(noises[0].start_ns, 5'789'857'529'929U);
  EXPECT_EQ(noises[0].duration_ns, 1845U);
  EXPECT_EQ(noises[1].name, "TIMER:1");
  EXPECT_EQ(noises[2].cpu, 0U);
  EXPECT_TRUE(parse_noises("irq_noise: [ start duration\n[x] irq_noise: start . duration").empty());
}

SlowEvent event(std::uint64_t latency_ns, const EventEvidence& evidence) {
  return {1, latency_ns, 1, evidence};
}
EventEvidence seen() {
  EventEvidence evidence;
  evidence.known = true;
  evidence.window_ns = 5 * kMs;
  return evidence;
}

TEST(SlowCauses, PreemptedWhenSwitchedAwayAgainstItsWish) {
  EventEvidence evidence = seen();
  evidence.off_cpu_ns = kMs;
  evidence.involuntary = 1;
  const Explanation why = explain(event(kMs, evidence), {});
  EXPECT_EQ(why.cause, SlowCause::preempted);
  EXPECT_NE(why.because.find("1 involuntary"), std::string::npos);
}

TEST(SlowCauses, WaitedWhenItSleptAndWasWokenInTime) {
  EventEvidence evidence = seen();
  evidence.off_cpu_ns = kMs;
  evidence.voluntary = 1;
  BlockCounters block;
  block.run_delay_ns = 1000;
  EXPECT_EQ(explain(event(kMs, evidence), block).cause, SlowCause::waited);
  // Woken late: the device or the CPU, which the evidence cannot tell apart.
  block.run_delay_ns = kMs;
  EXPECT_EQ(explain(event(kMs, evidence), block).cause, SlowCause::unknown);
}

TEST(SlowCauses, ThrottledFaultedAndMoved) {
  EventEvidence evidence = seen();
  evidence.off_cpu_ns = 20 * kMs;
  evidence.involuntary = 1;
  BlockCounters block;
  block.throttled_ns = 20 * kMs;
  EXPECT_EQ(explain(event(20 * kMs, evidence), block).cause, SlowCause::throttled);
  evidence = seen();
  evidence.major_faults = 1;
  EXPECT_EQ(explain(event(kMs, evidence), {}).cause, SlowCause::page_fault);
  evidence = seen();
  evidence.moved = true;
  EXPECT_EQ(explain(event(kMs, evidence), {}).cause, SlowCause::migrated);
}

TEST(SlowCauses, StealWhenTheTimeWentWithoutASwitch) {
  EventEvidence evidence = seen();
  evidence.off_cpu_ns = 4 * kMs;
  BlockCounters block;
  block.cpus = CpuSet{1};
  EXPECT_EQ(explain(event(4 * kMs, evidence), block).cause, SlowCause::unknown);
  block.ticks[1].steal = 1;
  EXPECT_EQ(explain(event(4 * kMs, evidence), block).cause, SlowCause::steal);
}

TEST(SlowCauses, OneCandidateOnTheCpuIsAnAnswerTwoAreNot) {
  BlockCounters block;
  block.known = true;
  block.ticks_here = 5;
  const SlowEvent slow = event(kMs, seen());
  EXPECT_EQ(explain(slow, block).cause, SlowCause::unknown);
  EXPECT_NE(explain(slow, block).because.find("tick (5)"), std::string::npos);
  block.irqs_here["36 virtio1-req.0"] = 2;
  block.softirqs_here["BLOCK"] = 2;  // raised by that interrupt
  EXPECT_EQ(explain(slow, block).cause, SlowCause::interrupt);
  block.calls_here["TLB"] = 1;
  const Explanation both = explain(slow, block);
  EXPECT_EQ(both.cause, SlowCause::unknown);
  EXPECT_NE(both.because.find("virtio1-req.0"), std::string::npos);
  EXPECT_NE(both.because.find("TLB"), std::string::npos);
  block.irqs_here.clear();
  block.softirqs_here.clear();
  EXPECT_EQ(explain(slow, block).cause, SlowCause::ipi);
  block.calls_here.clear();
  block.softirqs_here["NET_RX"] = 1;
  EXPECT_EQ(explain(slow, block).cause, SlowCause::softirq);
}

TEST(SlowCauses, NoEvidenceIsSaidSo) {
  EXPECT_EQ(explain(event(kMs, {}), {}).cause, SlowCause::unknown);
  EXPECT_NE(explain(event(kMs, {}), {}).because.find("no evidence"), std::string::npos);
}

TEST(SlowCauses, TheTracerNamesWhatWasLongEnough) {
  BlockCounters block;
  block.noises = parse_noises(kTrace);
  const Explanation why = explain(event(310'000, seen()), block);
  EXPECT_EQ(why.cause, SlowCause::preempted);
  EXPECT_NE(why.because.find("migration/8:54"), std::string::npos);
  // Two that might be it are no answer.
  EXPECT_NE(explain(event(3000, seen()), block).because.find("on its CPU"), std::string::npos);
}

// Evidence on which exactly one rule holds, for every rule.
struct Case {
  const char* id;
  void (*set)(LimitEvidence&);
  const char* figure;  // must stand in the evidence's words
};
const Case kCases[] = {
    {"cgroup-quota", [](LimitEvidence& e) { e.throttled = 0.3; }, "30 %"},
    {"steal", [](LimitEvidence& e) { e.steal = 0.11; }, "11 %"},
    {"remote-node", [](LimitEvidence& e) { e.remote = "CPU 3 is on node 0"; }, "CPU 3"},
    {"irq-cpu",
     [](LimitEvidence& e) {
       e.irq_cpu_share = 0.97;
       e.irq_cpu_load = 0.8;
       e.irq_cpu = 5;
     },
     "CPU 5"},
    {"overload",
     [](LimitEvidence& e) {
       e.open_loop = true;
       e.missed_share = 0.25;
       e.queue_share = 0.9;
     },
     "25 %"},
    {"device-latency",
     [](LimitEvidence& e) {
       e.drive_busy = 0.95;
       e.drive_latency_share = 0.9;
     },
     "95 %"},
    {"device",
     [](LimitEvidence& e) {
       e.drive_busy = 1;
       e.drive_latency_share = 0.9;
       e.depth = 32;
     },
     "32 in flight"},
    {"memory-bandwidth",
     [](LimitEvidence& e) {
       e.cpu_share = 1;
       e.memory_share = 0.9;
       e.bytes_per_s = 9e9;
       e.copy_bytes_per_s = 1e10;
     },
     "9.00 GB/s"},
    {"submission",
     [](LimitEvidence& e) {
       e.cpu_share = 1;
       e.has_queue = true;
       e.depth = 32;
       e.enters_per_operation = 1;
     },
     "1.00 system calls"},
    {"cpu", [](LimitEvidence& e) { e.cpu_share = 0.99; }, "99 %"},
    {"cpu-shared", [](LimitEvidence& e) { e.run_delay = 0.4; }, "40 %"},
    {"rate",
     [](LimitEvidence& e) {
       e.open_loop = true;
       e.rate_per_s = 1000;
     },
     "1000 operations"},
    {"noise", [](LimitEvidence& e) { e.p99_spread = 3; }, "3.0 times"},
};

TEST(Limits, EachRuleHoldsOnItsOwnEvidenceAlone) {
  std::set<std::string> told;
  for (const Case& one : kCases) {
    LimitEvidence evidence;
    evidence.operations_per_s = 1000;
    one.set(evidence);
    const auto findings = find_limits(evidence);
    ASSERT_EQ(findings.size(), 1U) << one.id;
    EXPECT_EQ(findings[0].id, one.id);
    EXPECT_NE(findings[0].evidence.find(one.figure), std::string::npos) << findings[0].evidence;
    told.insert(one.id);
  }
  for (const LimitRule& rule : limit_rules())
    EXPECT_TRUE(told.contains(std::string(rule.id))) << rule.id;
}

TEST(Limits, NothingHoldsOnNothing) {
  const auto findings = find_limits({});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].id, "none");
  EXPECT_TRUE(findings[0].advice.empty());
}

TEST(Limits, AdviseWhatActsOnTheLimit) {
  LimitEvidence evidence;
  evidence.drive_busy = 1;
  evidence.drive_latency_share = 1;
  const auto advice = find_limits(evidence)[0].advice;
  EXPECT_NE(std::ranges::find(advice, "storage.uring.iopoll"), advice.end());
  EXPECT_NE(std::ranges::find(advice, "block.apst"), advice.end());
}

// A CPU that is burnt by design, and one that measures only time, are no limit.
TEST(Limits, SpinningIsNoLimit) {
  LimitEvidence evidence;
  evidence.cpu_share = 1;
  evidence.spins = true;
  EXPECT_EQ(find_limits(evidence)[0].id, "none");
  evidence.spins = false;
  evidence.timing_only = true;
  EXPECT_EQ(find_limits(evidence)[0].id, "none");
}

// A busy drive behind a busy CPU is not what limits.
TEST(Limits, TheCpuComesBeforeADriveThatKeepsUp) {
  LimitEvidence evidence;
  evidence.cpu_share = 1;
  evidence.drive_busy = 1;
  evidence.drive_latency_share = 0.9;
  EXPECT_EQ(find_limits(evidence)[0].id, "cpu");
}

TEST(Limits, TechniquesThatAreAdvisedExist) {
  for (const LimitRule& rule : limit_rules()) {
    std::string_view names = rule.techniques;
    while (!names.empty()) {
      const std::string_view name = names.substr(0, names.find(','));
      EXPECT_NE(find_technique(name), nullptr) << rule.id << ": " << name;
      names.remove_prefix(std::min(name.size() + 1, names.size()));
    }
  }
}

}  // namespace
}  // namespace assay::engine
