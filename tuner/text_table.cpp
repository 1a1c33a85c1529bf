#include "tuner/text_table.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "core/cpuset.hpp"
#include "core/units.hpp"

namespace assay::tuner {
namespace {

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// fmt pads by its own idea of width; ours and the columns' must be the same.
std::string padded(std::string_view text, std::size_t width) {
  std::string out(text);
  if (const std::size_t own = width_of(text); own < width) out.append(width - own, ' ');
  return out;
}

// "cpu" of "cpu12"; "" when the target is no numbered thing.
std::string_view numbered_prefix(const NamedTarget& target) {
  for (std::string_view prefix : {"cpu", "node"}) {
    if (target.target.starts_with(prefix) && target.target.substr(prefix.size()) == target.local) {
      return prefix;
    }
  }
  return {};
}

}  // namespace

std::string or_dash(std::string_view text) { return std::string(text.empty() ? "-" : text); }

std::string text_table(const std::vector<std::vector<std::string>>& lines) {
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t i = 0; i + 1 < line.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(line[i]));
    }
  }
  std::string text;
  for (const auto& line : lines) {
    std::string out;
    for (std::size_t i = 0; i < line.size(); ++i) {
      out += i + 1 == line.size() ? line[i] : padded(line[i], widths[i] + 2);
    }
    out.erase(out.find_last_not_of(' ') + 1);
    text += out + "\n";
  }
  return text;
}

std::string targets_label(const std::vector<NamedTarget>& targets) {
  const NamedTarget& first = targets.front();
  const std::string_view prefix = numbered_prefix(first);
  if (!prefix.empty()) {
    CpuSet numbers;
    for (const NamedTarget& target : targets) {
      if (auto number = parse_uint(target.local)) numbers.add(static_cast<unsigned>(*number));
    }
    return fmt::format("{}{}", prefix, numbers.to_list());
  }
  std::string text(first.target);
  if (!first.local.empty() && !first.target.ends_with(first.local)) {
    text += fmt::format(" ({})", first.local);
  }
  if (targets.size() > 1) text += fmt::format(" and {} more", targets.size() - 1);
  return text;
}

}  // namespace assay::tuner
