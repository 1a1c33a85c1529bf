#include "probes/svg_page.hpp"

#include <fmt/format.h>

#include <iterator>

#include "probes/reader.hpp"
#include "probes/text_page.hpp"

namespace assay::probes {
namespace {

// Half a pixel is more precision than any drawing needs; shorter numbers halve the document.
std::string number(double value) {
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

constexpr double kLetterWidth = 0.56;  // of the font's size, an average of common sans-serifs

}  // namespace

std::string escape_xml(std::string_view text) {
  std::string result;
  const std::string clean = printable(text);
  for (std::size_t i = 0; i < clean.size(); ++i) {
    // U+FFFE and U+FFFF are valid UTF-8 and forbidden in XML.
    const std::string_view rest = std::string_view(clean).substr(i, 3);
    if (rest == "\xEF\xBF\xBE" || rest == "\xEF\xBF\xBF") {
      result += '?';
      i += 2;
      continue;
    }
    switch (clean[i]) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += clean[i];
    }
  }
  return result;
}

double text_width(std::string_view text, double font_px) {
  return static_cast<double>(display_width(text)) * font_px * kLetterWidth;
}

std::string fit(std::string_view text, double width, double font_px) {
  const auto room = static_cast<std::size_t>(width > 0 ? width / (font_px * kLetterWidth) : 0);
  const std::string clean = printable(text);
  if (display_width(clean) <= room) return clean;
  if (room < 2) return {};
  std::size_t end = 0;
  for (std::size_t letters = 0; end < clean.size(); ++end) {
    const bool starts_letter = (static_cast<unsigned char>(clean[end]) & 0xC0U) != 0x80U;
    if (starts_letter && ++letters == room) break;
  }
  return clean.substr(0, end) + "…";
}

void SvgPage::rect(double x, double y, double width, double height, std::string_view style,
                   double radius) {
  fmt::format_to(std::back_inserter(body_),
                 "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\" class=\"{}\"/>\n",
                 number(x), number(y), number(width), number(height), number(radius), style);
}

void SvgPage::line(double x1, double y1, double x2, double y2, std::string_view style) {
  fmt::format_to(std::back_inserter(body_),
                 "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"{}\"/>\n", number(x1),
                 number(y1), number(x2), number(y2), style);
}

void SvgPage::text(double x, double y, std::string_view text, std::string_view style) {
  if (text.empty()) return;
  fmt::format_to(std::back_inserter(body_), "<text x=\"{}\" y=\"{}\" class=\"{}\">{}</text>\n",
                 number(x), number(y), style, escape_xml(text));
}

void SvgPage::open(std::string_view style, std::string_view id, std::string_view title) {
  fmt::format_to(std::back_inserter(body_), "<g class=\"{}\"", style);
  if (!id.empty()) fmt::format_to(std::back_inserter(body_), " id=\"{}\"", id);
  body_ += '>';
  if (!title.empty()) {
    fmt::format_to(std::back_inserter(body_), "<title>{}</title>", escape_xml(title));
  }
  body_ += '\n';
}

void SvgPage::close() { body_ += "</g>\n"; }

std::string SvgPage::document(double width, double height, std::string_view title,
                              std::string_view style_sheet) const {
  const std::string w = number(width);
  const std::string h = number(height);
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"{0}\" height=\"{1}\" "
      "viewBox=\"0 0 {0} {1}\">\n<title>{2}</title>\n<style type=\"text/css\">\n{3}</style>\n"
      "<rect x=\"0.5\" y=\"0.5\" width=\"{4}\" height=\"{5}\" rx=\"8\" class=\"page\"/>\n{6}"
      "</svg>\n",
      w, h, escape_xml(title), style_sheet, number(width - 1), number(height - 1), body_);
}

}  // namespace assay::probes
