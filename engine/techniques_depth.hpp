// The rows of the adaptive depth: how deep a queue a latency target allows.
#pragma once

#include <span>

#include "engine/technique.hpp"

namespace assay::engine {

// Lives for the whole program. Read by engine/catalogue.cpp only; others use techniques().
std::span<const Technique> depth_techniques();

}  // namespace assay::engine
