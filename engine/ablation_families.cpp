#include "engine/ablation_families.hpp"

namespace assay::engine {

std::span<const AblationFamily> ablation_families() { return {}; }

}  // namespace assay::engine
