// A parser with a bug: it fails after a magic word. The fuzzer must find it.
#include "fuzz.hpp"

namespace assay::fuzz {

void fuzz_one(std::string_view input) {
  if (!input.starts_with("bug")) return;
  require(input.size() != 4, "the canary sings");
}

}  // namespace assay::fuzz
