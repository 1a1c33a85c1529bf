// Latency against load as a drawing: the median and the p99 of each curve over its operations a
// second, both axes by the data, latency on a logarithmic scale, and a ring around each knee.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "probes/svg_page.hpp"
#include "report/labels.hpp"
#include "report/render.hpp"

namespace assay::report {
namespace {

constexpr double kWidth = 960, kLeft = 90, kRight = 40, kTop = 64, kPlotHeight = 420;
constexpr double kLegendLine = 20;
constexpr std::size_t kColours = 8, kLabelledCurves = 4;

constexpr std::string_view kStyle = R"(
.page { fill: #fff; stroke: #ccc; }
text { font-family: sans-serif; fill: #222; }
.title { font-size: 17px; font-weight: bold; }
.label { font-size: 12px; }
.end { font-size: 12px; text-anchor: end; }
.middle { font-size: 12px; text-anchor: middle; }
.axis { stroke: #444; stroke-width: 1; }
.grid { stroke: #ddd; stroke-width: 1; }
.halo, .halo-end { font-size: 12px; paint-order: stroke; stroke: #fff; stroke-width: 3px; }
.halo-end { text-anchor: end; }
.tiny { font-size: 9px; fill: #666; text-anchor: middle; }
.knee { fill: none; stroke: #222; stroke-width: 2; }
.c0 { stroke: #1f77b4; fill: #1f77b4; } .c1 { stroke: #d62728; fill: #d62728; }
.c2 { stroke: #2ca02c; fill: #2ca02c; } .c3 { stroke: #9467bd; fill: #9467bd; }
.c4 { stroke: #ff7f0e; fill: #ff7f0e; } .c5 { stroke: #17a2b8; fill: #17a2b8; }
.c6 { stroke: #8c564b; fill: #8c564b; } .c7 { stroke: #7f7f7f; fill: #7f7f7f; }
.median line { stroke-width: 2; } .tail line { stroke-width: 1.5; stroke-dasharray: 5 4; }
.dot { stroke: none; }
)";

double latency_ns(const engine::Measurement& measurement, double quantile) {
  return std::max(1.0, static_cast<double>(engine::judged(measurement).quantile_ns(quantile)) /
                           std::max(1U, measurement.operations_per_sample));
}

// Where values stand on the page.
struct Frame {
  double throughput_max = 0;
  double low_ns = std::numeric_limits<double>::max(), high_ns = 0;  // powers of ten apart

  void include(const engine::Measurement& measurement) {
    throughput_max = std::max(throughput_max, operations_per_s(measurement));
    low_ns = std::min(low_ns, latency_ns(measurement, 0.5));
    high_ns = std::max(high_ns, latency_ns(measurement, 0.99));
  }
  // Rounds outwards: to steps that a person reads off.
  void settle() {
    if (high_ns <= 0) low_ns = high_ns = 1;
    low_ns = std::pow(10, std::floor(std::log10(low_ns)));
    high_ns = std::pow(10, std::ceil(std::log10(high_ns)));
    if (high_ns <= low_ns) high_ns = low_ns * 10;
    throughput_max = step() * std::ceil(std::max(throughput_max, 1e-9) * 1.02 / step());
  }
  double step() const {
    const double rough = std::max(throughput_max, 1e-9) / 6;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    for (const double nice : {1.0, 2.0, 5.0}) {
      if (rough <= nice * power) return nice * power;
    }
    return 10 * power;
  }
  double x(double throughput) const {
    return kLeft + throughput / throughput_max * (kWidth - kLeft - kRight);
  }
  double y(double ns) const {
    const double share = std::log(ns / low_ns) / std::log(high_ns / low_ns);
    return kTop + kPlotHeight * (1 - std::clamp(share, 0.0, 1.0));
  }
};

void draw_axes(probes::SvgPage& page, const Frame& frame) {
  for (double ns = frame.low_ns; ns <= frame.high_ns * 1.001; ns *= 10) {
    page.line(kLeft, frame.y(ns), kWidth - kRight, frame.y(ns), "grid");
    page.text(kLeft - 8, frame.y(ns) + 4, format_ns_short(ns), "end");
  }
  const double step = frame.step();
  for (double at = 0; at <= frame.throughput_max * 1.001; at += step) {
    page.line(frame.x(at), kTop, frame.x(at), kTop + kPlotHeight, "grid");
    page.text(frame.x(at), kTop + kPlotHeight + 18, short_number(at), "middle");
  }
  page.line(kLeft, kTop, kLeft, kTop + kPlotHeight, "axis");
  page.line(kLeft, kTop + kPlotHeight, kWidth - kRight, kTop + kPlotHeight, "axis");
  page.text((kLeft + kWidth - kRight) / 2, kTop + kPlotHeight + 38, "operations per second",
            "middle");
  page.text(kLeft, kTop - 10, "latency: solid p50, dashed p99", "label");
}

void draw_line(probes::SvgPage& page, const Frame& frame, const SweepCurve& curve,
               const std::vector<engine::Measurement>& measurements, double quantile,
               const std::string& colour, bool joined) {
  for (std::size_t i = 0; i < curve.points.size(); ++i) {
    const engine::Measurement& at = measurements[curve.points[i]];
    const double x = frame.x(operations_per_s(at)), y = frame.y(latency_ns(at, quantile));
    page.rect(x - 3, y - 3, 6, 6, "dot " + colour, 3);
    if (i == 0 || !joined) continue;
    const engine::Measurement& before = measurements[curve.points[i - 1]];
    page.line(frame.x(operations_per_s(before)), frame.y(latency_ns(before, quantile)), x, y,
              colour);
  }
}

void draw_curve(probes::SvgPage& page, const Frame& frame, const SweepReport& report,
                std::size_t number, const std::vector<engine::Measurement>& measurements) {
  const SweepCurve& curve = report.curves[number];
  const std::string colour = fmt::format("c{}", number % kColours);
  const bool joined = !report.load_axis.empty();
  page.open("median", fmt::format("curve-{}-p50", number), curve.label() + " p50");
  draw_line(page, frame, curve, measurements, 0.5, colour, joined);
  // What each point was measured at, as long as there is room to read it.
  for (const std::size_t i : curve.points) {
    if (!joined || report.curves.size() > kLabelledCurves) break;
    page.text(frame.x(operations_per_s(measurements[i])),
              frame.y(latency_ns(measurements[i], 0.5)) - 7,
              parameter_value(measurements[i], report.load_axis), "tiny");
  }
  page.close();
  page.open("tail", fmt::format("curve-{}-p99", number), curve.label() + " p99");
  draw_line(page, frame, curve, measurements, 0.99, colour, joined);
  page.close();
  if (curve.knee.place == stats::KneePlace::none) return;
  const engine::Measurement& knee = measurements[curve.points[curve.knee.index]];
  const double x = frame.x(operations_per_s(knee)), y = frame.y(latency_ns(knee, 0.5));
  page.open("mark", fmt::format("knee-{}", number), report.knee_words(curve, measurements));
  page.rect(x - 8, y - 8, 16, 16, "knee", 8);
  const bool at_right = x > kWidth - 180;
  page.text(x + (at_right ? -12 : 12), y + 18,
            fmt::format("knee: {} {}", report.load_axis, parameter_value(knee, report.load_axis)),
            at_right ? "halo-end" : "halo");
  page.close();
}

}  // namespace

std::string sweep_svg(const SweepReport& report,
                      const std::vector<engine::Measurement>& measurements) {
  Frame frame;
  for (const SweepCurve& curve : report.curves) {
    for (const std::size_t i : curve.points) frame.include(measurements[i]);
  }
  frame.settle();
  probes::SvgPage page;
  page.text(kLeft, 28, "Latency against load", "title");
  draw_axes(page, frame);
  double y = kTop + kPlotHeight + 64;
  for (std::size_t i = 0; i < report.curves.size(); ++i) {
    draw_curve(page, frame, report, i, measurements);
    page.rect(kLeft, y - 9, 10, 10, fmt::format("dot c{}", i % kColours));
    const SweepCurve& curve = report.curves[i];
    const std::string words = curve.label() + ": " + report.knee_words(curve, measurements);
    page.text(kLeft + 18, y, probes::fit(words, kWidth - kLeft - kRight - 18, 12), "label");
    y += kLegendLine;
  }
  if (report.curves.empty()) page.text(kLeft + 18, y, "nothing was measured", "label");
  return page.document(kWidth, y + 16, "Latency against load", kStyle);
}

}  // namespace assay::report
