// Where and how the timed part of an os block ran, read back from the kernel.
#pragma once

#include <string>

#include "engine/technique.hpp"

namespace assay::engine {

// What was asked for and what the kernel says.
class OsPlacement final {
 public:
  // Empty CPUs: any will do.
  OsPlacement(CpuSet cpus, Policy policy);

  // Reads affinity and scheduling class of the calling thread. Called inside the guards, before
  // and after the timed part; a change in between is kept.
  void read_back();

  // Both were as asked every time.
  bool as_asked() const { return readings_ > 0 && affinity_kept_ && policy_kept_; }
  // "affinity 1 as asked, SCHED_FIFO 40 as asked".
  std::string words() const;

 private:
  CpuSet wanted_cpus_, got_cpus_;
  std::string wanted_policy_, got_policy_;
  unsigned readings_ = 0;
  bool affinity_kept_ = true, policy_kept_ = true;
};

}  // namespace assay::engine
