// Reads, merges and checks profiles.
//
// A profile is one YAML file laid over those that it extends; docs/profiles.md has the format and
// the rules of merging. What comes out is a plain value: nothing here looks at a host. Functions
// are thread-safe, need no privilege, and throw nothing.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "profiles/profile.hpp"

namespace assay::profiles {

// The names that a profile may use; the caller gives them, since settings and techniques are to the
// right of this folder. Empty lists switch that check off.
struct Vocabulary {
  std::span<const std::string_view> settings;
  std::span<const std::string_view> techniques;
  // Names of budget parameters. Empty: those that this folder knows (docs/profiles.md).
  std::span<const std::string_view> parameters = {};
  // Asked about every budget once it is read: does the technique take these parameters, has it a
  // baseline for a ratio? The error's cause is reported at the budget's place. Null: not asked.
  Expected<void> (*check_budget)(const Budget& budget) = nullptr;
};

// Loads a profile by built-in name ("default") or by path ("./mine.yaml": has a '/' or ends in
// .yaml or .yml), follows `extends` (cycles refused), merges and checks. A built-in may be extended
// by name from a file. Errors: invalid with "file:line:column", what was expected and "did you
// mean"; absent for an unknown profile, with the names there are. Deterministic; reads only the
// named files.
Expected<Profile> load_profile(std::string_view name_or_path, const Vocabulary& vocabulary);

// The same from text, for tests and fuzzing; `file_name` is what messages name. Opens no file: such
// a profile may extend built-in profiles only.
Expected<Profile> parse_profile(std::string_view yaml, std::string_view file_name,
                                const Vocabulary& vocabulary);

// Built-in profiles, compiled in from profiles/*.yaml. They live for the whole program, in
// alphabetical order; every text loads (a test proves it).
struct BuiltIn {
  std::string_view name;
  std::string_view yaml;
};
std::span<const BuiltIn> built_in_profiles();

}  // namespace assay::profiles
