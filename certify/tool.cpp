#include "certify/tool.hpp"

namespace assay::certify {

std::string tool_version() { return ASSAY_VERSION; }

std::string tool_build() {
#if defined(__clang__)
  const std::string compiler = "clang++ " __clang_version__;
#else
  const std::string compiler = "g++ " __VERSION__;
#endif
  const std::string type = ASSAY_BUILD_TYPE;
  return compiler + (type.empty() ? "" : ", " + type);
}

}  // namespace assay::certify
