// Writes plain SVG 1.1: shapes, text and groups, every name escaped. For probes and report.
//
// No scripts, no links, no fonts of its own, nothing outside the document. A device's name is
// hostile input: it goes through escape() and nowhere else. One page is used by one thread.
#pragma once

#include <string>
#include <string_view>

namespace assay::probes {

// For text and attributes alike: the five characters of XML as entities; control characters,
// broken UTF-8 and what XML 1.0 forbids as '?'.
std::string escape_xml(std::string_view text);

// At most what fits into `width` pixels at this font size, with "…" in place of what is cut.
// The width of a sans-serif letter is estimated: no font is at hand.
std::string fit(std::string_view text, double width, double font_px);
double text_width(std::string_view text, double font_px);
// Bold letters are as wide as those of a font this much larger.
inline constexpr double kBold = 1.2;

class SvgPage {
 public:
  // A shape or text takes its look from `style`, a class of the style sheet.
  void rect(double x, double y, double width, double height, std::string_view style,
            double radius = 2);
  void line(double x1, double y1, double x2, double y2, std::string_view style);
  // `y` is the baseline. "middle" in the style's text-anchor centres it on x.
  void text(double x, double y, std::string_view text, std::string_view style);
  // A group with its tooltip. `id` and `style` are our own words, `title` may be anything.
  void open(std::string_view style, std::string_view id, std::string_view title);
  void close();

  // The whole document with its style sheet and a background of its own, so that it reads the same
  // on a light and on a dark page.
  std::string document(double width, double height, std::string_view title,
                       std::string_view style_sheet) const;

 private:
  std::string body_;
};

}  // namespace assay::probes
