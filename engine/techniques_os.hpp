// The rows of the os area: how punctual a CPU and its scheduler are.
#pragma once

#include <span>

#include "engine/technique.hpp"

namespace assay::engine {

// Lives for the whole program. Read by engine/catalogue.cpp only; others use techniques().
std::span<const Technique> os_techniques();

}  // namespace assay::engine
