// The files that hwloc reads of a Linux host, so that a capture serves its tools as well.
#pragma once

#include "core/host.hpp"

namespace assay::probes {

// Reads through `host` what hwloc's Linux part reads for CPUs, caches and nodes, and forgets it: a
// recording keeps it. Serial numbers, which hwloc reads too, are left alone. Read-only; needs no
// privilege. Source: hwloc 2.9's file accesses over captured trees, as strace(1) shows them.
void touch_hwloc_files(const Host& host);

}  // namespace assay::probes
