// The rows of the storage area: files and drives, read and written in every way the kernel offers.
#pragma once

#include <span>

#include "engine/technique.hpp"

namespace assay::engine {

// Lives for the whole program. Read by engine/catalogue.cpp only; others use techniques().
std::span<const Technique> storage_techniques();

}  // namespace assay::engine
