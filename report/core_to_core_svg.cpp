#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "probes/svg_page.hpp"
#include "report/core_to_core.hpp"
#include "report/labels.hpp"

namespace assay::report {
namespace {

// Nine steps from light to dark of one hue: told apart in grey print and without colour vision.
constexpr std::string_view kMatrixStyle = R"(
text { font-family: "DejaVu Sans", Verdana, Helvetica, Arial, sans-serif; fill: #1c2733; }
.page { fill: #ffffff; stroke: #9aa7b4; }
.title { font-size: 18px; font-weight: bold; }
.subtitle { font-size: 12px; fill: #4a5866; }
.head { font-size: 12px; font-weight: bold; }
.row { font-size: 12px; }
.end { text-anchor: end; font-size: 12px; }
.axis { font-size: 10px; fill: #4a5866; text-anchor: middle; }
.axis-left { font-size: 10px; fill: #4a5866; text-anchor: end; }
.value { font-size: 11px; text-anchor: middle; }
.value-light { font-size: 11px; text-anchor: middle; fill: #ffffff; }
.s0 { fill: #f0f6fc; }
.s1 { fill: #d9e8f5; }
.s2 { fill: #bcd7ec; }
.s3 { fill: #94c1e0; }
.s4 { fill: #66a5d1; }
.s5 { fill: #4088c0; }
.s6 { fill: #2369a8; }
.s7 { fill: #114b87; }
.s8 { fill: #0a2f5c; }
.self { fill: #ffffff; }
.missing { fill: #f3d9c4; stroke: #d55e00; stroke-width: 0.5; }
.frame { fill: none; stroke: #5b6b7b; stroke-width: 1; }
.cache { stroke: #5b6b7b; stroke-width: 1; stroke-dasharray: 4 2; }
.node { stroke: #d55e00; stroke-width: 2; }
)";

constexpr double kGridMargin = 24, kGridLeft = 64, kGridTop = 108, kLegend = 250;
constexpr double kSquare = 720, kCellMin = 4, kCellMax = 56, kCellWithValue = 28;
constexpr int kSteps = 9, kDarkFrom = 5;
constexpr std::size_t kCpusWithTips = 64;  // more make a document that browsers choke on

class Drawing final {
 public:
  Drawing(const engine::CoreToCore& matrix, const probes::Inventory& inventory)
      : matrix_(matrix),
        inventory_(inventory),
        count_(matrix.cpus.size()),
        cell_(std::clamp(kSquare / static_cast<double>(count_), kCellMin, kCellMax)) {
    low_ = 1e300;
    for (const engine::PairLatency& pair : matrix.pairs) {
      if (pair.batches == 0) continue;
      low_ = std::min(low_, pair.one_way_ns_p50);
      high_ = std::max(high_, pair.one_way_ns_p50);
    }
    if (low_ > high_) low_ = high_;
  }

  std::string draw() {
    titles();
    axes();
    for (std::size_t i = 0; i < count_; ++i) cells(i);
    borders();
    const double legend_bottom = legend();
    const double side = cell_ * static_cast<double>(count_);
    const double height = std::max(kGridTop + side, legend_bottom) + kGridMargin;
    return page_.document(std::max(kGridLeft + side + kGridMargin + kLegend, 560.0), height,
                          "Core-to-core latency", kMatrixStyle);
  }

 private:
  double at(std::size_t i) const { return static_cast<double>(i) * cell_; }

  void titles() {
    page_.text(kGridMargin, 34, "Core-to-core latency", "title");
    page_.text(
        kGridMargin, 54,
        fmt::format("{}, Linux {}", inventory_.topology.model_name, inventory_.kernel.release),
        "subtitle");
    page_.text(kGridMargin, 70, "One way of a cache line between two CPUs, nanoseconds, medians",
               "subtitle");
  }

  // As many numbers as fit.
  void axes() {
    const double label = std::max(probes::text_width(fmt::format("{}", matrix_.cpus.back()), 10),
                                  probes::text_width("000", 10));
    const auto every = static_cast<std::size_t>(std::ceil((label + 4) / cell_));
    for (std::size_t i = 0; i < count_; i += std::max<std::size_t>(1, every)) {
      const std::string name = fmt::format("{}", matrix_.cpus[i]);
      page_.text(kGridLeft + at(i) + cell_ / 2, kGridTop - 6, name, "axis");
      page_.text(kGridLeft - 6, kGridTop + at(i) + cell_ / 2 + 4, name, "axis-left");
    }
    page_.text(kGridLeft - 6, kGridTop - 6, "CPU", "axis-left");
  }

  int step_of(const engine::PairLatency& pair) const {
    if (high_ <= low_) return 2;
    const double share = (pair.one_way_ns_p50 - low_) / (high_ - low_);
    return std::clamp(static_cast<int>(share * kSteps), 0, kSteps - 1);
  }

  std::string style_of(std::size_t i, std::size_t j) const {
    if (i == j) return "self";
    const engine::PairLatency& pair = matrix_.pair(i, j);
    return pair.batches == 0 ? "missing" : fmt::format("s{}", step_of(pair));
  }

  // A row. Neighbours of one colour are one shape where no cell says anything of its own.
  void cells(std::size_t i) {
    const bool tips = count_ <= kCpusWithTips;
    for (std::size_t j = 0; j < count_;) {
      const std::string style = style_of(i, j);
      std::size_t end = j + 1;
      while (!tips && end < count_ && style_of(i, end) == style) ++end;
      if (tips && i != j) page_.open("cell", "", tip(i, j));
      page_.rect(kGridLeft + at(j), kGridTop + at(i), at(end) - at(j), cell_, style, 0);
      if (tips && i != j) {
        value(i, j);
        page_.close();
      }
      j = end;
    }
  }

  std::string tip(std::size_t i, std::size_t j) const {
    const engine::PairLatency& pair = matrix_.pair(i, j);
    const std::string who =
        fmt::format("CPU {} and CPU {}, {}", matrix_.cpus[i], matrix_.cpus[j],
                    to_string(engine::relation_of(inventory_.topology, CpuId{matrix_.cpus[i]},
                                                  CpuId{matrix_.cpus[j]})));
    if (pair.batches == 0) return fmt::format("{}: {}", who, pair.skipped);
    return fmt::format("{}: {:.1f} ns (lowest {:.1f}, p99 {:.1f})", who, pair.one_way_ns_p50,
                       pair.min_ns, pair.p99_ns);
  }

  void value(std::size_t i, std::size_t j) {
    const engine::PairLatency& pair = matrix_.pair(i, j);
    if (cell_ < kCellWithValue || pair.batches == 0) return;
    page_.text(kGridLeft + at(j) + cell_ / 2, kGridTop + at(i) + cell_ / 2 + 4,
               fmt::format("{:.0f}", pair.one_way_ns_p50),
               step_of(pair) >= kDarkFrom ? "value-light" : "value");
  }

  // Lines between CPUs of different nodes, and of different caches inside a node.
  void borders() {
    const double side = at(count_);
    for (std::size_t i = 1; i < count_; ++i) {
      const auto relation = engine::relation_of(inventory_.topology, CpuId{matrix_.cpus[i - 1]},
                                                CpuId{matrix_.cpus[i]});
      if (relation < engine::CpuRelation::same_node) continue;
      const bool node = relation == engine::CpuRelation::other_node;
      const std::string_view style = node ? "node" : "cache";
      page_.line(kGridLeft + at(i), kGridTop, kGridLeft + at(i), kGridTop + side, style);
      page_.line(kGridLeft, kGridTop + at(i), kGridLeft + side, kGridTop + at(i), style);
    }
    page_.rect(kGridLeft, kGridTop, side, side, "frame", 0);
  }

  // Returns where it ends.
  double legend() {
    const double left = kGridLeft + at(count_) + kGridMargin;
    double y = kGridTop + 12;
    page_.text(left, y, "One way", "head");
    for (int step = 0; high_ > low_ && step < kSteps; ++step) {
      y += 18;
      page_.rect(left, y - 11, 22, 14, fmt::format("s{}", step), 0);
      const double width = (high_ - low_) / kSteps;
      page_.text(left + 30, y,
                 fmt::format("{:.0f} – {:.0f} ns", low_ + step * width, low_ + (step + 1) * width),
                 "row");
    }
    if (high_ <= low_) page_.text(left, y += 18, fmt::format("{:.1f} ns", high_), "row");
    y += 32;
    page_.text(left, y, "Pairs on", "head");
    page_.text(left + 140, y, "pairs", "end");
    page_.text(left + 210, y, "median", "end");
    for (const RelationSummary& one : relation_summaries(matrix_, inventory_)) {
      y += 18;
      page_.text(left, y, to_string(one.relation), "row");
      page_.text(left + 140, y, fmt::format("{}", one.pairs), "end");
      page_.text(left + 210, y, format_ns_short(one.median_ns), "end");
    }
    return y;
  }

  const engine::CoreToCore& matrix_;
  const probes::Inventory& inventory_;
  const std::size_t count_;
  const double cell_;
  double low_ = 0, high_ = 0;
  probes::SvgPage page_;
};

}  // namespace

std::string core_to_core_svg(const engine::CoreToCore& matrix, const probes::Inventory& inventory) {
  return Drawing(matrix, inventory).draw();
}

}  // namespace assay::report
