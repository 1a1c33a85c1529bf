#include "probes/text_page.hpp"

#include <algorithm>

namespace assay::probes {
namespace {

constexpr std::size_t kIndent = 2;
constexpr std::size_t kLabel = 18;  // facts' values start here
constexpr std::size_t kGap = 2;     // between columns

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// The first `width` code points, with an ellipsis as the last when something is cut.
std::string cut(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  std::size_t end = 0;
  for (std::size_t shown = 0; end < text.size(); ++end) {
    if (!continues(text[end]) && ++shown == width) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

// Takes as many words as fit; a word that is longer than a line is broken.
std::string take_line(std::string_view& rest, std::size_t width) {
  if (display_width(rest) <= width) {
    std::string all(rest);
    rest = {};
    return all;
  }
  std::size_t end = 0;
  std::size_t blank = 0;
  for (std::size_t shown = 0; end < rest.size(); ++end) {
    if (continues(rest[end])) continue;
    if (rest[end] == ' ') blank = end;
    if (shown++ == width) break;
  }
  const std::size_t stop = blank > 0 ? blank : end;
  std::string line(rest.substr(0, stop));
  rest.remove_prefix(stop);
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  return line;
}

void pad(std::string& text, std::size_t width) {
  const std::size_t now = display_width(text);
  if (now < width) text.append(width - now, ' ');
}

// A column in which no row says anything is left out: its room is worth more to the others.
void drop_empty_columns(std::vector<std::string>& header,
                        std::vector<std::vector<std::string>>& rows) {
  for (std::size_t i = header.size(); i-- > 0;) {
    const bool said = std::any_of(rows.begin(), rows.end(), [i](const auto& row) {
      return i < row.size() && !row[i].empty();
    });
    if (said) continue;
    const auto at = static_cast<std::ptrdiff_t>(i);
    header.erase(header.begin() + at);
    for (auto& row : rows) {
      if (i < row.size()) row.erase(row.begin() + at);
    }
  }
}

// Shrinks the widest columns until a line fits; `kept` ones when the others cannot give more.
void fit(std::vector<std::size_t>& widths, const std::vector<bool>& kept) {
  constexpr std::size_t kNarrow = 9;
  constexpr std::size_t kLeast = 4;
  std::size_t total = kIndent;
  for (const std::size_t width : widths) total += width + kGap;
  total -= kGap;
  while (total > TextPage::kWidth) {
    std::size_t widest = widths.size();
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const bool may = !kept[i] && widths[i] > kNarrow;
      if (may && (widest == widths.size() || widths[i] > widths[widest])) widest = i;
    }
    if (widest == widths.size()) {
      const auto most = std::max_element(widths.begin(), widths.end());
      widest = static_cast<std::size_t>(most - widths.begin());
    }
    if (widths[widest] <= kLeast) return;
    --widths[widest];
    --total;
  }
}

}  // namespace

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !continues(c); }));
}

void TextPage::section(std::string_view heading) { heading_ = heading; }

void TextPage::open() {
  if (heading_.empty()) return;
  if (!text_.empty()) text_ += '\n';
  text_ += heading_ + "\n";
  heading_.clear();
}

void TextPage::fact(std::string_view label, std::string_view value) {
  if (value.empty()) return;
  open();
  std::string line(kIndent, ' ');
  line += cut(label, kLabel - kIndent - 1);
  while (!value.empty()) {
    pad(line, kLabel);
    text_ += line + take_line(value, kWidth - kLabel) + "\n";
    line.clear();
  }
}

void TextPage::line(std::string_view value) {
  open();
  while (!value.empty()) {
    text_ += std::string(kIndent, ' ') + take_line(value, kWidth - kIndent) + "\n";
  }
}

void TextPage::table(std::vector<std::string> header, std::vector<std::vector<std::string>> rows) {
  if (rows.empty()) return;
  drop_empty_columns(header, rows);
  open();
  std::vector<bool> right;
  std::vector<bool> kept;
  for (std::string& name : header) {
    right.push_back(name.ends_with('>'));
    kept.push_back(name.ends_with('!'));
    if (right.back() || kept.back()) name.pop_back();
  }
  rows.insert(rows.begin(), std::move(header));
  std::vector<std::size_t> widths(right.size(), 1);
  for (std::vector<std::string>& row : rows) {
    row.resize(right.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i].empty()) row[i] = "-";
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  }
  fit(widths, kept);
  for (const std::vector<std::string>& row : rows) {
    std::string line(kIndent, ' ');
    std::size_t column = kIndent;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string cell = cut(row[i], widths[i]);
      if (right[i]) line.append(widths[i] - display_width(cell), ' ');
      line += cell;
      column += widths[i] + kGap;
      if (i + 1 < row.size()) pad(line, column);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text_ += line + "\n";
  }
}

}  // namespace assay::probes
