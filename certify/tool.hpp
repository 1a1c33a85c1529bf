// Which assay this is: stands in certificates, bench documents and `assay --version`.
#pragma once

#include <string>

namespace assay::certify {

std::string tool_version();  // "0.1.0"
std::string tool_build();    // compiler and build type: "g++ 12.2.0, release"

}  // namespace assay::certify
