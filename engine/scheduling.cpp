#include "engine/scheduling.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

#include <cerrno>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace assay::engine {
namespace {

constexpr unsigned kMaskCpus = 8192;  // the most that any Linux configuration has (NR_CPUS)

// A cpu_set_t of any width; the fixed type ends at 1024 CPUs.
class Mask {
 public:
  Mask() : words_(CPU_ALLOC_SIZE(kMaskCpus) / sizeof(unsigned long)) {}
  cpu_set_t* get() { return reinterpret_cast<cpu_set_t*>(words_.data()); }
  std::size_t bytes() const { return words_.size() * sizeof(unsigned long); }

 private:
  std::vector<unsigned long> words_;
};

Expected<void> set_affinity(const CpuSet& cpus) {
  Mask mask;
  for (const unsigned cpu : cpus.to_vector()) {
    if (cpu < kMaskCpus) CPU_SET_S(cpu, mask.bytes(), mask.get());
  }
  if (::sched_setaffinity(0, mask.bytes(), mask.get()) != 0) {
    return fail_errno(errno, "pin to CPUs", cpus.to_list(),
                      "choose CPUs that are online and allowed to this process");
  }
  return {};
}

constexpr std::string_view kFifoAdvice =
    "run as root, or give CAP_SYS_NICE or an rtprio limit (limits.conf, LimitRTPRIO=)";

}  // namespace

Expected<CpuSet> current_affinity() {
  Mask mask;
  if (::sched_getaffinity(0, mask.bytes(), mask.get()) != 0) {
    return fail_errno(errno, "read this thread's affinity");
  }
  CpuSet cpus;
  for (unsigned cpu = 0; cpu < kMaskCpus; ++cpu) {
    if (CPU_ISSET_S(cpu, mask.bytes(), mask.get())) cpus.add(cpu);
  }
  return cpus;
}

std::string current_scheduling() {
  sched_param parameters{};
  const int policy = ::sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
  ::sched_getparam(0, &parameters);
  switch (policy) {
    case SCHED_OTHER:
      return "SCHED_OTHER";
    case SCHED_BATCH:
      return "SCHED_BATCH";
    case SCHED_IDLE:
      return "SCHED_IDLE";
    case SCHED_FIFO:
      return fmt::format("SCHED_FIFO {}", parameters.sched_priority);
    case SCHED_RR:
      return fmt::format("SCHED_RR {}", parameters.sched_priority);
    default:
      return fmt::format("policy {}", policy);
  }
}

Expected<ScopedAffinity> ScopedAffinity::pin(const CpuSet& cpus) {
  ScopedAffinity guard;
  if (cpus.empty()) return guard;
  auto before = current_affinity();
  if (!before) return std::unexpected(before.error());
  // Most blocks find their thread where they want it: no system call, no disturbance.
  if (*before == cpus) return guard;
  if (auto pinned = set_affinity(cpus); !pinned) return std::unexpected(pinned.error());
  guard.before_ = std::move(*before);
  return guard;
}

ScopedAffinity::ScopedAffinity(ScopedAffinity&& other) noexcept
    : before_(std::exchange(other.before_, std::nullopt)) {}

ScopedAffinity::~ScopedAffinity() {
  if (before_) static_cast<void>(set_affinity(*before_));
}

Expected<ScopedPolicy> ScopedPolicy::enter(Policy policy) {
  ScopedPolicy guard;
  const int wanted = policy == Policy::fifo ? SCHED_FIFO : SCHED_OTHER;
  const int before = ::sched_getscheduler(0);
  sched_param parameters{};
  ::sched_getparam(0, &parameters);
  if ((before & ~SCHED_RESET_ON_FORK) == wanted && wanted == SCHED_OTHER) return guard;
  guard.policy_before_ = before;
  guard.priority_before_ = parameters.sched_priority;
  parameters.sched_priority = policy == Policy::fifo ? kFifoPriority : 0;
  if (::sched_setscheduler(0, wanted, &parameters) != 0) {
    return fail_errno(errno, "sched_setscheduler",
                      policy == Policy::fifo ? "SCHED_FIFO" : "SCHED_OTHER", kFifoAdvice);
  }
  guard.changed_ = true;
  return guard;
}

ScopedPolicy::ScopedPolicy(ScopedPolicy&& other) noexcept
    : changed_(std::exchange(other.changed_, false)),
      policy_before_(other.policy_before_),
      priority_before_(other.priority_before_) {}

ScopedPolicy::~ScopedPolicy() {
  if (!changed_) return;
  sched_param parameters{};
  parameters.sched_priority = priority_before_;
  ::sched_setscheduler(0, policy_before_, &parameters);
}

Expected<void> fifo_allowed() {
  Expected<void> outcome;
  try {
    std::thread trial([&outcome] {
      auto entered = ScopedPolicy::enter(Policy::fifo);
      if (!entered) outcome = std::unexpected(entered.error());
    });
    trial.join();
  } catch (const std::system_error& error) {
    return fail_errno(error.code().value(), "start a thread");
  }
  return outcome;
}

ScopedTimerSlack::ScopedTimerSlack() : before_ns_(current_ns()) {
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}

ScopedTimerSlack::~ScopedTimerSlack() {
  // 0 would ask for the default; a real-time thread answers 0 and keeps what it has.
  if (before_ns_ > 0) {
    ::prctl(PR_SET_TIMERSLACK, static_cast<unsigned long>(before_ns_), 0UL, 0UL, 0UL);
  }
}

long ScopedTimerSlack::current_ns() { return ::prctl(PR_GET_TIMERSLACK, 0UL, 0UL, 0UL, 0UL); }

}  // namespace assay::engine
