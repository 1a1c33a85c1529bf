// Small vocabularies and texts that the tests of profiles/ share.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "profiles/loader.hpp"

namespace assay::profiles {

using std::string_view_literals::operator""sv;

inline constexpr std::array kTestSettings = {"cpu.governor"sv, "cpu.boost"sv, "memory.swappiness"sv,
                                             "irq.affinity"sv, "boot.isolcpus"sv};
inline constexpr std::array kTestTechniques = {"storage.pread"sv, "storage.uring"sv,
                                               "storage.uring.fixed-buffers"sv, "os.jitter"sv};

inline Vocabulary test_vocabulary() { return {kTestSettings, kTestTechniques}; }

// The three lines that every profile starts with; what is added starts at line 4.
inline std::string profile_text(std::string_view rest) {
  return "schema: assay.profile\nversion: 1\nname: mine\n" + std::string(rest);
}

inline Expected<Profile> parse(std::string_view rest) {
  return parse_profile(profile_text(rest), "mine.yaml", test_vocabulary());
}

}  // namespace assay::profiles
