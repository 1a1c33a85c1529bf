#include "core/own_process.hpp"

#include <fmt/format.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>

namespace assay {
namespace {

// glibc 2.36 has no wrapper and no declaration that <sched.h> does not clash with; this is version
// 0 of the structure, which every kernel since 3.14 takes (sched_setattr(2)).
struct SchedAttr {
  std::uint32_t size = sizeof(SchedAttr);
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime_ns = 0, deadline_ns = 0, period_ns = 0;
};
static_assert(sizeof(SchedAttr) == 48);

constexpr std::uint64_t kResetOnFork = 1;  // SCHED_FLAG_RESET_ON_FORK
constexpr std::uint32_t kDeadline = 6;     // SCHED_DEADLINE

struct ClassName {
  SchedulingClass kind;
  std::uint32_t policy;
  std::string_view name;
};
constexpr std::array kClasses{ClassName{SchedulingClass::other, SCHED_OTHER, "other"},
                              ClassName{SchedulingClass::batch, SCHED_BATCH, "batch"},
                              ClassName{SchedulingClass::idle, SCHED_IDLE, "idle"},
                              ClassName{SchedulingClass::fifo, SCHED_FIFO, "fifo"},
                              ClassName{SchedulingClass::round_robin, SCHED_RR, "rr"},
                              ClassName{SchedulingClass::deadline, kDeadline, "deadline"}};

const ClassName& row_of(SchedulingClass kind) {
  for (const ClassName& row : kClasses) {
    if (row.kind == kind) return row;
  }
  return kClasses.front();
}

struct PolicyName {
  MemoryPolicyKind kind;
  int mode;
  std::string_view name;
};
constexpr std::array kPolicies{
    PolicyName{MemoryPolicyKind::standard, MPOL_DEFAULT, "standard"},
    PolicyName{MemoryPolicyKind::bind, MPOL_BIND, "bind"},
    PolicyName{MemoryPolicyKind::preferred, MPOL_PREFERRED, "preferred"},
    PolicyName{MemoryPolicyKind::interleave, MPOL_INTERLEAVE, "interleave"}};

// Masks of the kernel's own words, in the width that the call wants.
constexpr unsigned kMaskBits = 8192;  // the most CPUs of any configuration; nodes are 1024
constexpr unsigned kWordBits = sizeof(unsigned long) * CHAR_BIT;
using Mask = std::array<unsigned long, kMaskBits / kWordBits>;

Mask mask_of(const CpuSet& set) {
  Mask mask{};
  for (const unsigned member : set.to_vector()) {
    if (member < kMaskBits) mask.at(member / kWordBits) |= 1UL << (member % kWordBits);
  }
  return mask;
}

CpuSet set_of(const Mask& mask) {
  CpuSet set;
  for (unsigned bit = 0; bit < kMaskBits; ++bit) {
    if ((mask.at(bit / kWordBits) >> (bit % kWordBits) & 1U) != 0) set.add(bit);
  }
  return set;
}

constexpr int kLimitResources[] = {RLIMIT_MEMLOCK, RLIMIT_RTPRIO, RLIMIT_NOFILE};

auto resource_of(LimitKind kind) {
  return static_cast<__rlimit_resource>(kLimitResources[static_cast<std::size_t>(kind)]);
}

std::string_view scheduling_advice(const Scheduling& wanted, int error) {
  if (wanted.kind == SchedulingClass::deadline) {
    if (error == EBUSY) return "the CPUs have promised their time already; ask for less";
    return "needs CAP_SYS_NICE, and all CPUs of a root domain: give the program a cpuset partition "
           "of type root, or no --cpus";
  }
  return "run as root, or give CAP_SYS_NICE or an rtprio limit (limits.conf, LimitRTPRIO=)";
}

class RealOwnProcess final : public OwnProcess {
 public:
  Expected<void> set_affinity(const CpuSet& cpus) override {
    const Mask mask = mask_of(cpus);
    if (::syscall(SYS_sched_setaffinity, 0, sizeof mask, mask.data()) != 0) {
      return fail_errno(errno, "sched_setaffinity", cpus.to_list(),
                        "choose CPUs that are online and allowed to this process (its cgroup's "
                        "cpuset)");
    }
    return {};
  }

  Expected<CpuSet> affinity() const override {
    Mask mask{};
    if (::syscall(SYS_sched_getaffinity, 0, sizeof mask, mask.data()) < 0) {
      return fail_errno(errno, "sched_getaffinity");
    }
    return set_of(mask);
  }

  Expected<void> set_scheduling(const Scheduling& wanted) override {
    SchedAttr attributes;
    attributes.policy = row_of(wanted.kind).policy;
    attributes.priority = static_cast<std::uint32_t>(wanted.priority);
    if (wanted.kind == SchedulingClass::deadline) {
      // A deadline task that did not promise this may not fork: it could start no thread.
      attributes.flags = kResetOnFork;
      attributes.runtime_ns = static_cast<std::uint64_t>(wanted.runtime.count());
      attributes.deadline_ns = static_cast<std::uint64_t>(wanted.deadline.count());
      attributes.period_ns = static_cast<std::uint64_t>(wanted.period.count());
    }
    if (::syscall(SYS_sched_setattr, 0, &attributes, 0U) != 0) {
      const int error = errno;
      return fail_errno(error, "sched_setattr", to_string(wanted),
                        scheduling_advice(wanted, error));
    }
    return {};
  }

  Expected<Scheduling> scheduling() const override {
    SchedAttr attributes;
    if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0U) != 0) {
      return fail_errno(errno, "sched_getattr");
    }
    Scheduling found;
    for (const ClassName& row : kClasses) {
      if (row.policy == attributes.policy) found.kind = row.kind;
    }
    found.priority = static_cast<int>(attributes.priority);
    if (found.kind == SchedulingClass::deadline) {
      found.runtime = Nanoseconds(attributes.runtime_ns);
      found.deadline = Nanoseconds(attributes.deadline_ns);
      found.period = Nanoseconds(attributes.period_ns);
    }
    return found;
  }

  Expected<void> set_memory_policy(const MemoryPolicy& policy) override {
    int mode = MPOL_DEFAULT;
    for (const PolicyName& row : kPolicies) {
      if (row.kind == policy.kind) mode = row.mode;
    }
    const Mask mask = mask_of(policy.nodes);
    const bool none = policy.kind == MemoryPolicyKind::standard;
    if (::syscall(SYS_set_mempolicy, mode, none ? nullptr : mask.data(),
                  none ? 0UL : nodes_width(policy.nodes)) != 0) {
      return fail_errno(errno, "set_mempolicy", to_string(policy),
                        "choose nodes that have memory and that this process may use (its "
                        "cgroup's cpuset.mems)");
    }
    return {};
  }

  Expected<MemoryPolicy> memory_policy() const override {
    int mode = 0;
    Mask mask{};
    if (::syscall(SYS_get_mempolicy, &mode, mask.data(), kMaskBits, nullptr, 0UL) != 0) {
      return fail_errno(errno, "get_mempolicy");
    }
    constexpr int kFlags = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES;
    MemoryPolicy policy{MemoryPolicyKind::other, set_of(mask)};
    for (const PolicyName& row : kPolicies) {
      if (row.mode == (mode & ~kFlags)) policy.kind = row.kind;
    }
    return policy;
  }

  Expected<void> set_limit(LimitKind kind, LimitValues values) override {
    const struct rlimit limit{values.soft, values.hard};
    if (::setrlimit(resource_of(kind), &limit) != 0) {
      return fail_errno(
          errno, "setrlimit", to_string(kind),
          "needs CAP_SYS_RESOURCE, as root has it, or a higher hard limit (limits.conf, or "
          "LimitMEMLOCK= and its like in a unit)");
    }
    return {};
  }

  Expected<LimitValues> limit(LimitKind kind) const override {
    struct rlimit limit{};
    if (::getrlimit(resource_of(kind), &limit) != 0) {
      return fail_errno(errno, "getrlimit", to_string(kind));
    }
    return LimitValues{limit.rlim_cur, limit.rlim_max};
  }

  Error execute(const std::vector<std::string>& argv) override {
    std::vector<char*> arguments;
    arguments.reserve(argv.size() + 1);
    for (const std::string& argument : argv) {
      arguments.push_back(const_cast<char*>(argument.c_str()));
    }
    arguments.push_back(nullptr);
    if (argv.empty()) return make_error(ErrorCode::invalid, "run", "", "no program was named");
    ::execvp(arguments.front(), arguments.data());
    return errno_error(errno, "run", argv.front());
  }

 private:
  // The kernel refuses masks wider than its own nodes only when a bit is set there; it takes one
  // bit fewer than it is told.
  static unsigned long nodes_width(const CpuSet& nodes) { return nodes.last().value_or(0) + 2UL; }
};

}  // namespace

static_assert(kUnlimited == RLIM_INFINITY);

std::string to_string(const Scheduling& scheduling) {
  const std::string_view name = row_of(scheduling.kind).name;
  if (scheduling.kind == SchedulingClass::deadline) {
    return fmt::format("{}:{}/{}/{}", name, format_duration(scheduling.runtime),
                       format_duration(scheduling.deadline), format_duration(scheduling.period));
  }
  const bool real_time =
      scheduling.kind == SchedulingClass::fifo || scheduling.kind == SchedulingClass::round_robin;
  return real_time ? fmt::format("{}:{}", name, scheduling.priority) : std::string(name);
}

std::string to_string(const MemoryPolicy& policy) {
  std::string_view name = "other";
  for (const PolicyName& row : kPolicies) {
    if (row.kind == policy.kind) name = row.name;
  }
  const bool bare = policy.kind == MemoryPolicyKind::standard || policy.nodes.empty();
  return bare ? std::string(name) : fmt::format("{}:{}", name, policy.nodes.to_list());
}

std::string_view to_string(LimitKind kind) {
  constexpr std::array<std::string_view, 3> kNames{"memlock", "rtprio", "nofile"};
  return kNames.at(static_cast<std::size_t>(kind));
}

std::unique_ptr<OwnProcess> make_own_process() { return std::make_unique<RealOwnProcess>(); }

}  // namespace assay
