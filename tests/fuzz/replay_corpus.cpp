// The fuzz target as an ordinary test: the kept inputs, each beginning of them, and each of them
// with one byte changed. ASSAY_FUZZ_SUITE (fuzz_units, say) keeps the tests' names apart.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzz.hpp"

namespace assay::fuzz {
namespace {

std::vector<std::string> corpus() {
  std::vector<std::string> inputs;
  for (const auto& entry : std::filesystem::directory_iterator(ASSAY_CORPUS)) {
    std::ifstream file(entry.path(), std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return inputs;
}

// Long inputs are cut and changed at fewer places: the test must end within seconds.
std::size_t stride(const std::string& input) { return 1 + input.size() / ASSAY_FUZZ_POSITIONS; }

TEST(ASSAY_FUZZ_SUITE, KeptInputs) {
  const auto inputs = corpus();
  ASSERT_FALSE(inputs.empty()) << "no inputs in " ASSAY_CORPUS;
  for (const std::string& input : inputs) fuzz_one(input);
  fuzz_one({});
}

TEST(ASSAY_FUZZ_SUITE, CutInputs) {
  for (const std::string& input : corpus()) {
    for (std::size_t length = 0; length < input.size(); length += stride(input)) {
      fuzz_one(std::string_view(input).substr(0, length));
    }
  }
}

TEST(ASSAY_FUZZ_SUITE, ChangedInputs) {
  constexpr char kBytes[] = {'\0', '\n', ' ', '"', '-', '0', '9', '/', ',', ':', '\x7f', '\xff'};
  for (const std::string& input : corpus()) {
    for (std::size_t at = 0; at < input.size(); at += stride(input)) {
      for (const char byte : kBytes) {
        std::string changed = input;
        changed[at] = byte;
        fuzz_one(changed);
      }
    }
  }
}

}  // namespace
}  // namespace assay::fuzz
