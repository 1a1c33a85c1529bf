// Plain-text tables and wrapped lines of a given width. Internal to report/; pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace assay::report {

// Columns that a terminal shows for UTF-8 text: code points, each one wide.
std::size_t display_width(std::string_view text);

// `text` with spaces behind (or before) it, at least `width` wide. Never cuts.
std::string padded(std::string_view text, std::size_t width, bool right = false);

// At most `width` wide; what is cut off leaves "…".
std::string shortened(std::string_view text, std::size_t width);

// `text` broken at spaces into lines of at most `width`, the first led by `lead`, the others by as
// many spaces. Each ends with a newline. A word longer than a line stays whole.
std::string wrapped(std::string_view text, std::string_view lead, std::size_t width);

// Escape sequence around a text, or the text alone.
enum class Colour { none, red, green, yellow, bold };
std::string coloured(std::string_view text, Colour colour, bool wanted);

// Rows of cells under a heading. Widths follow the contents; cells of the columns named in `right`
// are flush right. A column that makes a line longer than `width` is shortened: the widest first.
class Table {
 public:
  Table(std::vector<std::string> heading, std::vector<std::size_t> right_columns);
  // Notes stand below their row, wrapped and indented.
  void add(std::vector<std::string> cells, std::vector<std::string> notes = {});
  bool empty() const { return rows_.empty(); }
  std::string text(std::size_t width) const;

 private:
  struct Row {
    std::vector<std::string> cells, notes;
  };
  std::vector<std::size_t> widths(std::size_t width) const;
  bool is_right(std::size_t column) const;
  std::string line(const std::vector<std::string>& cells,
                   const std::vector<std::size_t>& widths) const;

  std::vector<std::string> heading_;
  std::vector<std::size_t> right_;
  std::vector<Row> rows_;
};

}  // namespace assay::report
