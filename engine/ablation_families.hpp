// The techniques that have switches to ablate. Internal to the engine.
#pragma once

#include <span>

#include "engine/ablation.hpp"

namespace assay::engine {

std::span<const AblationFamily> ablation_families();

}  // namespace assay::engine
