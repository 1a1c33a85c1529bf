// Small pieces of text handling that the parsers and readers of this folder share. Pure functions;
// the views they return point into the argument.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace assay::tuner {

// Without blanks, tabs and newlines on both sides.
std::string_view trimmed(std::string_view text);
// At newlines; without them.
std::vector<std::string_view> lines_of(std::string_view text);
// At runs of blanks and tabs; no empty words.
std::vector<std::string_view> words_of(std::string_view text);
// At every separator; empty parts are kept.
std::vector<std::string_view> split(std::string_view text, char separator);

// The word in brackets of "always [madvise] never"; the whole text when none is.
std::string_view chosen_word(std::string_view text);

// One word of a kernel command line. `value` is unquoted; `has_value` tells "x=" from "x".
struct BootToken {
  std::string name, value;
  bool has_value = false;
};
// In their order, up to "--" (what follows is init's, not the kernel's).
std::vector<BootToken> boot_tokens(std::string_view command_line);
// The kernel takes '-' and '_' in names as the same character.
bool same_boot_name(std::string_view a, std::string_view b);

// Whether `text` matches a pattern of '*' and '?'.
bool matches_glob(std::string_view pattern, std::string_view text);

}  // namespace assay::tuner
