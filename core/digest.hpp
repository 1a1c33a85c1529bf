// SHA-256 of bytes, as lower-case hex: for inventories, profiles and certificates.
#pragma once

#include <string>
#include <string_view>

namespace assay {

// "sha256:9f86d0..."; pure, thread-safe. Computed by libsodium (FIPS 180-4).
std::string sha256(std::string_view bytes);

}  // namespace assay
