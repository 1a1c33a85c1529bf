// hwloc's view of the same host: a second witness. Internal to probes.
//
// Our own reader is the one that counts: it works over any Host and reads hostile trees. hwloc
// knows more about the kinds of CPUs in hybrid machines, and where its counts differ from ours,
// one of the two is wrong and a person should know. It costs as much as all the rest, so a probe
// hears it only where there is doubt; it is never shown a captured tree: see docs/captures.md.
#pragma once

#include "core/host.hpp"
#include "probes/inventory.hpp"

namespace assay::probes {

// The kernel contradicts itself, or some CPUs are much faster than others and nothing says why.
bool in_doubt(const Topology& topology);

// Compares hwloc's counts with `topology`, whose notes get the differences, and fills Cpu::kind
// where it is empty and hwloc tells kinds apart. Does nothing for a host that is not this system.
// The environment variables that steer hwloc are set aside meanwhile and put back: not thread-safe
// with regard to getenv(). Needs no privilege; asks for no I/O devices.
void ask_hwloc(const Host& host, Topology& topology);

}  // namespace assay::probes
