// The rows of the net area: messages through the kernel's network stack.
#pragma once

#include <span>

#include "engine/technique.hpp"

namespace assay::engine {

// Lives for the whole program. Read by engine/catalogue.cpp only; others use techniques().
std::span<const Technique> net_techniques();

}  // namespace assay::engine
