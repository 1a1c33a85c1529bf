// Gives a process its place, and asks the kernel what it got.
#include <fmt/core.h>

#include <algorithm>

#include "core/units.hpp"
#include "tuner/placement.hpp"
#include "tuner/placement_groups.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

std::string limit_text(LimitKind kind, std::uint64_t value) {
  if (value == kUnlimited) return "unlimited";
  return kind == LimitKind::memlock ? format_bytes({value}) : fmt::format("{}", value);
}

// What the kernel says after a step, in the words of to_string(PlacementValue).
struct Got {
  std::string words;
  bool as_wanted = false;
};

template <typename Value>
Expected<Got> compared(const Expected<Value>& got, const Value& wanted) {
  if (!got) return Failure(got.error());
  return Got{to_string(PlacementValue(*got)), *got == wanted};
}

Expected<Got> give(Host& host, OwnProcess&, const JoinGroup& group) {
  // "0" is the process that writes.
  if (auto done = host.write(group.directory + "/cgroup.procs", "0"); !done) {
    return Failure(done.error());
  }
  const std::string own = own_group(host);
  return Got{"group " + own, own == group.name};
}

Expected<Got> give(Host&, OwnProcess& process, const CpuSet& cpus) {
  if (auto done = process.set_affinity(cpus); !done) return Failure(done.error());
  return compared(process.affinity(), cpus);
}

Expected<Got> give(Host&, OwnProcess& process, const MemoryPolicy& policy) {
  if (auto done = process.set_memory_policy(policy); !done) return Failure(done.error());
  return compared(process.memory_policy(), policy);
}

Expected<Got> give(Host&, OwnProcess& process, const Scheduling& scheduling) {
  if (auto done = process.set_scheduling(scheduling); !done) return Failure(done.error());
  return compared(process.scheduling(), scheduling);
}

// The hard limit is raised where it must be and never lowered: the program may have use for it.
Expected<Got> give(Host&, OwnProcess& process, const RaiseLimit& wanted) {
  auto now = process.limit(wanted.kind);
  if (!now) return Failure(now.error());
  const LimitValues full{wanted.value, std::max(now->hard, wanted.value)};
  auto done = process.set_limit(wanted.kind, full);
  if (!done) {
    // As much as there is without privilege; the reason still is why the rest was not given.
    const std::uint64_t most = std::min(wanted.value, now->hard);
    if (most > now->soft) static_cast<void>(process.set_limit(wanted.kind, {most, now->hard}));
    auto left = process.limit(wanted.kind);
    Error error = done.error();
    if (left) error.cause += fmt::format("; it is {}", limit_text(wanted.kind, left->soft));
    return Failure(error);
  }
  auto got = process.limit(wanted.kind);
  if (!got) return Failure(got.error());
  return Got{to_string(PlacementValue(RaiseLimit{wanted.kind, got->soft})),
             got->soft == wanted.value};
}

PlacementOutcome outcome_of(Host& host, OwnProcess& process, const PlacementStep& step) {
  PlacementOutcome outcome{step.option, to_string(step.value), "", ""};
  auto got = std::visit([&](const auto& value) { return give(host, process, value); }, step.value);
  if (!got) {
    outcome.reason = got.error().message();
    return outcome;
  }
  outcome.given = std::move(got->words);
  if (!got->as_wanted) {
    outcome.reason = fmt::format("the kernel gave {} instead of {}", outcome.given, outcome.wanted);
  }
  return outcome;
}

struct Words {
  std::string operator()(const JoinGroup& group) const { return "group " + group.name; }
  std::string operator()(const CpuSet& cpus) const { return "CPUs " + show_cpus(cpus); }
  std::string operator()(const MemoryPolicy& policy) const { return "memory " + to_string(policy); }
  std::string operator()(const RaiseLimit& limit) const {
    return fmt::format("{} {}", to_string(limit.kind), limit_text(limit.kind, limit.value));
  }
  std::string operator()(const Scheduling& scheduling) const {
    return "scheduling " + to_string(scheduling);
  }
};

}  // namespace

std::vector<PlacementOutcome> apply_placement(Host& host, OwnProcess& process,
                                              const Placement& placement) {
  std::vector<PlacementOutcome> outcomes;
  outcomes.reserve(placement.steps.size());
  for (const PlacementStep& step : placement.steps) {
    outcomes.push_back(outcome_of(host, process, step));
  }
  return outcomes;
}

std::string to_string(const PlacementValue& value) { return std::visit(Words{}, value); }

}  // namespace assay::tuner
