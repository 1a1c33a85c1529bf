// The rows of the copy area: a file into a socket, with and without a detour through user space.
#pragma once

#include <span>

#include "engine/technique.hpp"

namespace assay::engine {

// Lives for the whole program. Read by engine/catalogue.cpp only; others use techniques().
std::span<const Technique> copy_techniques();

}  // namespace assay::engine
