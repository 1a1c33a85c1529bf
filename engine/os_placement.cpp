#include "engine/os_placement.hpp"

#include <fmt/format.h>

#include <utility>

#include "engine/scheduling.hpp"

namespace assay::engine {

OsPlacement::OsPlacement(CpuSet cpus, Policy policy)
    : wanted_cpus_(std::move(cpus)),
      wanted_policy_(policy == Policy::fifo ? fmt::format("SCHED_FIFO {}", kFifoPriority)
                                            : "SCHED_OTHER") {}

void OsPlacement::read_back() {
  ++readings_;
  const auto cpus = current_affinity();
  const std::string policy = current_scheduling();
  // The first deviation is the one to tell.
  if (affinity_kept_) {
    got_cpus_ = cpus.value_or(CpuSet{});
    affinity_kept_ = wanted_cpus_.empty() || got_cpus_ == wanted_cpus_;
  }
  if (policy_kept_) {
    got_policy_ = policy;
    policy_kept_ = got_policy_ == wanted_policy_;
  }
}

std::string OsPlacement::words() const {
  if (readings_ == 0) return "has not run";
  return fmt::format(
      "affinity {} {}, {} {}", got_cpus_.to_list(),
      affinity_kept_ ? "as asked" : fmt::format("instead of {}", wanted_cpus_.to_list()),
      got_policy_, policy_kept_ ? "as asked" : fmt::format("instead of {}", wanted_policy_));
}

}  // namespace assay::engine
