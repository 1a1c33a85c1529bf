// Turns the death by SIGBUS of a program whose mapped file was cut short by somebody else into a
// plain message and an exit code.
#pragma once

#include "core/fd.hpp"

namespace assay::engine {

// While it lives, touching a page of `mapping` that its file no longer has ends the process with
// exit code 4 and one line on standard error (sigaction(2), SIGBUS). Nothing can be saved: the
// timed loop stands in the middle of a copy. Test files of assay's own have no name by then, so
// nothing is left behind. A SIGBUS from elsewhere goes to whoever handled it before. One at a time
// in a process, since signal handlers belong to the process.
class BusErrorGuard {
 public:
  explicit BusErrorGuard(const Mapping& mapping);
  BusErrorGuard(const BusErrorGuard&) = delete;
  BusErrorGuard& operator=(const BusErrorGuard&) = delete;
  ~BusErrorGuard();
};

}  // namespace assay::engine
