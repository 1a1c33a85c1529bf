// What every fuzz target defines, and how it says that something is wrong.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace assay::fuzz {

// Hands one input to the parser under test. Any crash, sanitizer report or broken require() is a
// finding; a parser that answers with an error is at work.
void fuzz_one(std::string_view input);

// Ends the program: an assertion that also holds in release builds.
inline void require(bool holds, const char* what) {
  if (holds) return;
  (void)std::fprintf(stderr, "fuzz: this does not hold: %s\n", what);
  std::abort();
}

}  // namespace assay::fuzz
