// What the host did while a run went on: interrupts and steal, per CPU.
//
// Two readings of /proc/interrupts and /proc/stat, one before and one after; the difference is told
// per CPU. Values only; thread-safe to read. Internal to the engine.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/cpuset.hpp"
#include "core/host.hpp"

namespace assay::engine {

// Counters since boot, as the kernel prints them (proc(5)). What could not be read is empty.
class HostCounters {
 public:
  static HostCounters read(const Host& host);

  struct CpuTimes {  // in clock ticks
    std::uint64_t busy = 0, idle = 0, steal = 0;
    std::uint64_t total() const { return busy + idle + steal; }
  };

  // Device interrupts that fired on these CPUs since `earlier`: "36 virtio1-req.0 (1204)".
  std::vector<std::string> irqs_since(const HostCounters& earlier, const CpuSet& cpus) const;
  // Shares of the time since `earlier`, over all of these CPUs; 0 when nothing is known.
  double steal_since(const HostCounters& earlier, const CpuSet& cpus) const;
  double busy_since(const HostCounters& earlier, const CpuSet& cpus) const;

 private:
  struct Line {
    std::string label;                      // "36 virtio1-req.0"
    std::map<unsigned, std::uint64_t> per;  // CPU → count
  };
  void parse_interrupts(const std::string& text);
  void parse_stat(const std::string& text);
  CpuTimes times_since(const HostCounters& earlier, const CpuSet& cpus) const;

  std::map<std::string, Line> lines_;  // by number
  std::map<unsigned, CpuTimes> times_;
};

}  // namespace assay::engine
