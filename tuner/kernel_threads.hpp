// The kernel's own threads, and which CPUs they may run on. Read-only, thread-safe; needs no
// privilege. Source: proc_pid_stat(5), include/linux/sched.h (PF_KTHREAD, PF_NO_SETAFFINITY).
#pragma once

#include <string>
#include <vector>

#include "core/cpuset.hpp"
#include "core/host.hpp"

namespace assay::tuner {

struct KernelThread {
  std::string pid, name;
  CpuSet cpus;  // where it may run
};

struct KernelThreads {
  std::vector<KernelThread> threads;  // those that can be moved, by pid
  unsigned movable = 0;               // how many these are
  CpuSet all;                         // where any of them may run
  CpuSet new_ones;                    // kthreadd's: what new threads inherit; empty: not seen
};

// Threads that are bound to their CPU (ksoftirqd/3, workers of a CPU) do their CPU's own work and
// are left out: nobody can move them. So are those of interrupts (irq/25-nvme0q1), which go where
// their interrupt goes: irq.affinity moves both. Error: the host's own, when /proc cannot be
// listed.
Expected<KernelThreads> movable_kernel_threads(const Host& host);

}  // namespace assay::tuner
