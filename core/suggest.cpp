#include "core/suggest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

namespace assay {
namespace {

// Longer names are no typing errors, and the table below must stay small for any input.
constexpr std::size_t kLongestName = 256;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Edit distance in which swapping two neighbours is one step (optimal string alignment), and
// upper or lower case is no difference: what fingers do wrong.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0U : 1U)});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                           lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

std::string nearest(std::string_view typed, std::span<const std::string_view> candidates) {
  if (typed.empty() || typed.size() > kLongestName) return {};
  const std::size_t allowed = std::max<std::size_t>(2, typed.size() / 3);
  std::size_t best = std::numeric_limits<std::size_t>::max();
  std::string_view winner;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kLongestName) continue;
    const std::size_t distance = edit_distance(typed, candidate);
    // A name that shares nothing with the typed one ("ab" for "xy") is no suggestion.
    if (distance >= std::max(typed.size(), candidate.size())) continue;
    if (distance < best) {
      best = distance;
      winner = candidate;
    }
  }
  return best <= allowed ? std::string(winner) : std::string();
}

std::string did_you_mean(std::string_view typed, std::span<const std::string_view> candidates) {
  const std::string name = nearest(typed, candidates);
  // What exists already was no slip of the pen.
  return name.empty() || name == typed ? std::string()
                                       : fmt::format("; did you mean \"{}\"?", name);
}

}  // namespace assay
