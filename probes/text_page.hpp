// Lays out headings, facts and columns within 100 columns. Internal to probes; plain value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace assay::probes {

class TextPage {
 public:
  static constexpr std::size_t kWidth = 100;

  // An empty line and the heading, in front of the first thing that follows it: a section without
  // content leaves no heading behind.
  void section(std::string_view heading);
  // "  label           value", continued on further lines where it is too long. An empty value is
  // left out.
  void fact(std::string_view label, std::string_view value);
  // Rows under a header; an empty cell shows as "-", a column of nothing else not at all. Columns
  // are as wide as their widest cell; where a line is too long the widest column gives way first,
  // and cells that are cut end in "…". Columns whose name ends in
  // '>' (not shown) are aligned to the right; those that end in '!' (not shown) give way only when
  // all others are narrow.
  void table(std::vector<std::string> header, std::vector<std::vector<std::string>> rows);
  // A line of its own, indented.
  void line(std::string_view text);

  const std::string& text() const { return text_; }

 private:
  void open();

  std::string text_;
  std::string heading_;  // not yet written
};

// Columns that UTF-8 text takes: one per code point (no wide characters come from a kernel).
std::size_t display_width(std::string_view text);

}  // namespace assay::probes
