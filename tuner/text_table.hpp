// Tables for people: columns as wide as their widest cell, and targets that say the same on one
// line. Pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace assay::tuner {

// The first line is the heading. Cells are padded by characters, not bytes ("≥ 10s" is five), and
// the last column is not padded at all. Each line ends with a newline.
std::string text_table(const std::vector<std::vector<std::string>>& lines);

// A dash where there is nothing, so that no column seems to be missing.
std::string or_dash(std::string_view text);

// A target as reports name it: its stable name, and what people call it on this boot.
struct NamedTarget {
  std::string_view target, local;
};
// "cpu0-63" for numbered things, else the first name and how many follow: "pci-0000:01:00.0
// (nvme0n1) and 3 more". `targets` is not empty.
std::string targets_label(const std::vector<NamedTarget>& targets);

}  // namespace assay::tuner
