// This machine.
#pragma once

#include <memory>

#include "core/host.hpp"

namespace assay {

// Reads and changes the running system. Never throws; holds one descriptor on "/".
std::unique_ptr<Host> make_real_host();

}  // namespace assay
