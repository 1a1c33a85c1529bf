// What a process may change about itself before it becomes another program: CPUs, memory policy,
// scheduling class, limits. Everything here outlives execve(2).
//
// OwnProcess is the boundary: the real one asks the kernel, a test's one remembers. Each set call
// has its get call, since the kernel may take a request and do less (it leaves out the CPUs that a
// cpuset forbids, say). All calls are about the calling thread and its process. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/cpuset.hpp"
#include "core/error.hpp"
#include "core/units.hpp"

namespace assay {

// sched(7). `priority` counts for fifo and round_robin, the three times for deadline.
enum class SchedulingClass : std::uint8_t { other, batch, idle, fifo, round_robin, deadline };
struct Scheduling {
  SchedulingClass kind = SchedulingClass::other;
  int priority = 0;  // 1 to 99
  Nanoseconds runtime{0}, deadline{0}, period{0};
  friend bool operator==(const Scheduling&, const Scheduling&) = default;
};
// "other", "fifo:80", "deadline:100us/500us/1ms".
std::string to_string(const Scheduling& scheduling);

// set_mempolicy(2). `nodes` counts for all but standard.
enum class MemoryPolicyKind : std::uint8_t { standard, bind, preferred, interleave, other };
struct MemoryPolicy {
  MemoryPolicyKind kind = MemoryPolicyKind::standard;
  CpuSet nodes;  // NUMA nodes
  friend bool operator==(const MemoryPolicy&, const MemoryPolicy&) = default;
};
// "standard", "bind:0-1", "preferred:0", "interleave:0-1".
std::string to_string(const MemoryPolicy& policy);

// getrlimit(2), of those that low latency needs.
enum class LimitKind : std::uint8_t { memlock, rtprio, nofile };
std::string_view to_string(LimitKind kind);  // "memlock", "rtprio", "nofile"
inline constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};
struct LimitValues {
  std::uint64_t soft = 0, hard = 0;  // bytes for memlock
  friend bool operator==(const LimitValues&, const LimitValues&) = default;
};

class OwnProcess {
 public:
  OwnProcess() = default;
  OwnProcess(const OwnProcess&) = delete;
  OwnProcess& operator=(const OwnProcess&) = delete;
  virtual ~OwnProcess() = default;

  // Error: invalid when none of the CPUs is online and allowed.
  virtual Expected<void> set_affinity(const CpuSet& cpus) = 0;
  virtual Expected<CpuSet> affinity() const = 0;
  // Error: denied without CAP_SYS_NICE or a limit rtprio that is high enough; busy or denied for a
  // deadline that the CPUs cannot promise, or with an affinity narrower than its root domain.
  virtual Expected<void> set_scheduling(const Scheduling& scheduling) = 0;
  virtual Expected<Scheduling> scheduling() const = 0;
  // Error: invalid for nodes without memory or outside the cpuset; unsupported without NUMA.
  virtual Expected<void> set_memory_policy(const MemoryPolicy& policy) = 0;
  virtual Expected<MemoryPolicy> memory_policy() const = 0;
  // Error: denied when the hard limit would rise without CAP_SYS_RESOURCE.
  virtual Expected<void> set_limit(LimitKind kind, LimitValues values) = 0;
  virtual Expected<LimitValues> limit(LimitKind kind) const = 0;
  // Becomes the program: argv[0] is looked up as execvp(3) does. Returns only when that fails.
  virtual Error execute(const std::vector<std::string>& argv) = 0;
};

// This process. Never throws.
std::unique_ptr<OwnProcess> make_own_process();

}  // namespace assay
