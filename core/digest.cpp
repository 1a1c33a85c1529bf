#include "core/digest.hpp"

#include <sodium.h>

#include <array>

namespace assay {

std::string sha256(std::string_view bytes) {
  // crypto_hash_sha256 is a pure function: it needs no sodium_init(), and it cannot fail.
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size());
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text = "sha256:";
  for (const unsigned char byte : hash) {
    text += kHex[byte >> 4];
    text += kHex[byte & 0xf];
  }
  return text;
}

}  // namespace assay
