// "Did you mean ...?" for every name a person can mistype.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace assay {

// The nearest candidate by edit distance, or "" when none is near (distance > max(2, length/3)).
std::string nearest(std::string_view typed, std::span<const std::string_view> candidates);

// "; did you mean \"cpu.governor\"?" or "".
std::string did_you_mean(std::string_view typed, std::span<const std::string_view> candidates);

}  // namespace assay
