// The rows of the buffer pool and what it is compared with.
#pragma once

#include <span>

#include "engine/technique.hpp"

namespace assay::engine {

// Lives for the whole program. Read by engine/catalogue.cpp only; others use techniques().
std::span<const Technique> pool_techniques();

}  // namespace assay::engine
