// This machine's files and nothing else: what a library may look at in somebody else's program.
//
// Reads /sys, /proc and /etc as RealHost does. Every question that is not a file, every change and
// every program is answered with `unsupported`, so that linking it needs none of the libraries that
// those take.
#pragma once

#include <memory>

#include "core/host.hpp"

namespace assay {

// Never throws; holds no descriptor. Thread-safe.
std::unique_ptr<Host> make_file_host();

}  // namespace assay
