// What the host counted while the timed part of a block ran: interrupts, softirqs, steal, waiting
// for a CPU, throttling, and how busy the drive was.
//
// Two readings through the Host, outside the timed part, and their difference. What cannot be read
// here stays 0 or empty. Values only; thread-safe to read. Internal to the engine.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/cpuset.hpp"
#include "core/host.hpp"
#include "core/units.hpp"

namespace assay::engine {

// Clock ticks (10 ms on most kernels) of one CPU (proc(5), /proc/stat).
struct CpuTicks {
  std::uint64_t busy = 0, idle = 0, interrupts = 0, steal = 0;  // interrupts: hard and soft
  std::uint64_t total() const { return busy + idle + interrupts + steal; }
};

// One line of the tracer: "irq_noise: virtio1-req.0:36 start 12.345 duration 4321 ns".
struct TracedNoise {
  std::string kind;                             // "irq", "softirq", "thread", "nmi"
  std::string name;                             // "virtio1-req.0:36"
  std::uint64_t start_ns = 0, duration_ns = 0;  // on the tracer's own clock
  unsigned cpu = 0;
};
// All such lines of a trace (Documentation/trace/osnoise-tracer.rst). Pure.
std::vector<TracedNoise> parse_noises(const std::string& trace);

struct BlockCounters {
  bool known = false;                              // the interrupts were read
  CpuSet cpus;                                     // those of the block: "here" below
  std::map<std::string, std::uint64_t> irqs_here;  // of devices: "36 virtio1-req.0" → times
  // Interrupts of the kernel's own that stop a program: "CAL", "TLB", "NMI" ...; the timer's tick
  // is `ticks_here`.
  std::map<std::string, std::uint64_t> calls_here;
  std::uint64_t ticks_here = 0;
  std::map<std::string, std::uint64_t> softirqs_here;  // "NET_RX" → times; without TIMER, SCHED
  std::map<unsigned, std::uint64_t> device_irqs;       // by CPU, of all devices
  std::map<unsigned, CpuTicks> ticks;                  // by CPU
  std::uint64_t run_delay_ns = 0;  // this thread was runnable, but not running (schedstat)
  std::uint64_t throttled_ns = 0;  // its cgroup was out of CPU quota (cpu.stat)
  std::uint64_t throttled_times = 0;
  // The drive below the test file (/proc/diskstats).
  std::uint64_t drive_operations = 0;
  std::uint64_t drive_busy_ns = 0;    // had something to do
  std::uint64_t drive_waited_ns = 0;  // sum over its operations
  // Of a running osnoise or timerlat tracer with its events on: what it saw on these CPUs.
  std::vector<TracedNoise> noises;
  Nanoseconds over{0};  // what these counts cover

  std::uint64_t steal_here() const;
  BlockCounters& operator+=(const BlockCounters& other);
};

// Where to look, found once for a run.
struct WatchedPlaces {
  std::string cgroup_cpu_stat;  // "/sys/fs/cgroup/app.slice/cpu.stat"; empty: none
  std::string trace;            // of a running osnoise or timerlat tracer; empty: none runs
  static WatchedPlaces find(const Host& host);
};

// One look, as text: read before the timed part, understood after it.
struct HostLook {
  std::string interrupts, softirqs, stat, schedstat, cpu_stat, diskstats, trace;
  std::uint64_t at_ns = 0;  // CLOCK_MONOTONIC
  // `with_interrupts` false leaves the two out that a host with hundreds of CPUs prints slowly.
  static HostLook take(const Host& host, const WatchedPlaces& places, bool with_interrupts);
};

// What came between two looks. `drive` is "major minor" as /proc/diskstats has it; empty: none.
BlockCounters counters_between(const HostLook& before, const HostLook& after, const CpuSet& cpus,
                               const std::string& drive);

// Takes the looks around each block. Where three of them took longer than 3 ms the interrupts
// are left out from then on: a run would take longer, and its caches be colder, for their sake.
class BlockWatch {
 public:
  explicit BlockWatch(const Host& host) : host_(host), places_(WatchedPlaces::find(host)) {}
  void before();
  BlockCounters after(const CpuSet& cpus, const std::string& drive);

 private:
  const Host& host_;
  WatchedPlaces places_;
  HostLook before_;
  bool with_interrupts_ = true;
  unsigned slow_looks_ = 0;
};

}  // namespace assay::engine
