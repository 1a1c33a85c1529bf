// The rows of the ipc area: messages between two threads, as between two processes, on one host.
#pragma once

#include <span>

#include "engine/technique.hpp"

namespace assay::engine {

// Lives for the whole program. Read by engine/catalogue.cpp only; others use techniques().
std::span<const Technique> ipc_techniques();

}  // namespace assay::engine
