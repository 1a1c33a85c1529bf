#include "report/text.hpp"

#include <algorithm>
#include <numeric>

namespace assay::report {
namespace {

constexpr std::size_t kIndent = 2, kGap = 2, kNoteIndent = 6, kNarrowest = 10;

bool starts_code_point(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

}  // namespace

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, starts_code_point));
}

std::string padded(std::string_view text, std::size_t width, bool right) {
  const std::size_t shown = display_width(text);
  const std::string space(shown < width ? width - shown : 0, ' ');
  return right ? space + std::string(text) : std::string(text) + space;
}

std::string shortened(std::string_view text, std::size_t width) {
  if (display_width(text) <= width || width == 0) return std::string(text);
  std::string cut;
  std::size_t shown = 0;
  for (const char byte : text) {
    if (starts_code_point(byte) && ++shown == width) break;
    cut += byte;
  }
  return cut + "…";
}

std::string wrapped(std::string_view text, std::string_view lead, std::size_t width) {
  const std::string space(display_width(lead), ' ');
  std::string all;
  std::string line(lead);
  bool fresh = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!fresh && display_width(line) + 1 + display_width(word) > width) {
      all += line + "\n";
      line = space;
      fresh = true;
    }
    if (!fresh) line += ' ';
    line += word;
    fresh = false;
  }
  return all + line + "\n";
}

std::string coloured(std::string_view text, Colour colour, bool wanted) {
  if (!wanted || colour == Colour::none) return std::string(text);
  const char* code = "1";
  if (colour == Colour::red) code = "1;31";
  if (colour == Colour::green) code = "1;32";
  if (colour == Colour::yellow) code = "1;33";
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

Table::Table(std::vector<std::string> heading, std::vector<std::size_t> right_columns)
    : heading_(std::move(heading)), right_(std::move(right_columns)) {}

void Table::add(std::vector<std::string> cells, std::vector<std::string> notes) {
  cells.resize(heading_.size());
  rows_.push_back({std::move(cells), std::move(notes)});
}

bool Table::is_right(std::size_t column) const { return std::ranges::count(right_, column) > 0; }

std::vector<std::size_t> Table::widths(std::size_t width) const {
  std::vector<std::size_t> widths;
  for (const std::string& cell : heading_) widths.push_back(display_width(cell));
  for (const Row& row : rows_) {
    for (std::size_t i = 0; i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row.cells[i]));
    }
  }
  const std::size_t fixed = kIndent + kGap * (widths.size() - 1);
  while (std::accumulate(widths.begin(), widths.end(), fixed) > width) {
    const auto widest = std::ranges::max_element(widths);
    if (*widest <= kNarrowest) break;
    --*widest;
  }
  return widths;
}

std::string Table::line(const std::vector<std::string>& cells,
                        const std::vector<std::size_t>& widths) const {
  std::string text(kIndent, ' ');
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) text += std::string(kGap, ' ');
    text += padded(shortened(cells[i], widths[i]), widths[i], is_right(i));
  }
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text + "\n";
}

std::string Table::text(std::size_t width) const {
  const std::vector<std::size_t> columns = widths(width);
  std::string all = line(heading_, columns);
  for (const Row& row : rows_) {
    all += line(row.cells, columns);
    for (const std::string& note : row.notes) {
      all += wrapped(note, std::string(kNoteIndent, ' '), width);
    }
  }
  return all;
}

}  // namespace assay::report
