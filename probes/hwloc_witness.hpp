// hwloc's view of the same host: a second witness. Internal to probes.
//
// Our own reader is the one that counts: it works over any Host and reads hostile trees. hwloc
// knows more about the kinds of CPUs in hybrid machines, and where its counts differ from ours,
// one of the two is wrong and a person should know. It costs as much as all the rest, so a probe
// hears it only where there is doubt; the tests hear it on every captured host.
#pragma once

#include "core/host.hpp"
#include "probes/inventory.hpp"

namespace assay::probes {

// The kernel contradicts itself, or some CPUs are much faster than others and nothing says why.
bool in_doubt(const Topology& topology);

// Compares hwloc's counts with `topology`, whose notes get the differences, and fills Cpu::kind
// where it is empty and hwloc tells kinds apart. Does nothing for a host without a directory
// (root() is ""). For a captured tree hwloc is pointed at it through the environment, which is put
// back: not thread-safe with regard to getenv(). Needs no privilege; asks for no I/O devices.
void ask_hwloc(const Host& host, Topology& topology);

}  // namespace assay::probes
