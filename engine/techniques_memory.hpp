// The rows of the memory area: what a load, a system call and a context switch cost.
#pragma once

#include <span>

#include "engine/technique.hpp"

namespace assay::engine {

// Lives for the whole program. Read by engine/catalogue.cpp only; others use techniques().
std::span<const Technique> memory_techniques();

}  // namespace assay::engine
