#include "probes/drawing_layout.hpp"

#include <algorithm>
#include <cmath>

namespace assay::probes {
namespace {

using namespace pixels;

struct Size {
  double width = 0, height = 0;
};

// Boxes with a frame end where their neighbours in the row do; cores and caches stay as they are.
bool stretches(BoxKind kind) {
  return kind == BoxKind::package || kind == BoxKind::node || kind == BoxKind::die ||
         kind == BoxKind::cluster;
}

// Rows of `columns` parts, each row as high as its highest.
Size flow(std::vector<Box>& parts, std::size_t columns, double gap, bool final) {
  Size size;
  double y = 0;
  for (std::size_t start = 0; start < parts.size(); start += columns) {
    double x = 0;
    double row = 0;
    for (std::size_t i = start; i < std::min(parts.size(), start + columns); ++i) {
      parts[i].x = x;
      parts[i].y = y;
      x += parts[i].width + gap;
      row = std::max(row, parts[i].height);
    }
    for (std::size_t i = start; i < std::min(parts.size(), start + columns); ++i) {
      if (final && stretches(parts[i].kind)) parts[i].height = row;
    }
    size.width = std::max(size.width, x - gap);
    y += row + gap;
  }
  size.height = std::max(0.0, y - gap);
  return size;
}

// As many columns as make the box look most like a page.
Size best_flow(std::vector<Box>& parts, double aspect, double gap) {
  if (parts.empty()) return {};
  std::size_t best = 1;
  double least = 1e9;
  for (std::size_t columns = 1; columns <= parts.size(); ++columns) {
    const Size size = flow(parts, columns, gap, false);
    // A last row with holes in it reads worse than a box of the wrong shape.
    const double holes = static_cast<double>((columns - parts.size() % columns) % columns) /
                         static_cast<double>(parts.size());
    const double cost = std::abs(std::log(size.width / size.height / aspect)) + holes;
    if (cost < least - 1e-9) {
      least = cost;
      best = columns;
    }
  }
  return flow(parts, best, gap, true);
}

void shift(std::vector<Box>& parts, double x, double y) {
  for (Box& part : parts) {
    part.x += x;
    part.y += y;
  }
}

// The core's own colour, its kind, shows below its threads.
void lay_out_core(Box& part, const Topology& topology) {
  const Cpu* first = topology.find(CpuId{static_cast<unsigned>(part.index)});
  const double foot = first != nullptr && !first->kind.empty() ? kKindBar : 0;
  const auto threads = static_cast<double>(part.children.size());
  const double room = std::max(kCoreWidth, threads * kThreadWidth);
  double x = 1;
  for (Box& cpu : part.children) {
    cpu.x = x;
    cpu.y = 1;
    cpu.width = room / threads - 1;
    cpu.height = kCpuHeight;
    x += room / threads;
  }
  part.width = room + 1;
  part.height = kCpuHeight + 2 + foot;
}

// The bar on top, what shares it below. Narrow children (one core) set the width.
void lay_out_cache(Box& part, const Topology& topology) {
  Size inner = best_flow(part.children, 2.2, 3);
  const bool beside =
      part.children.size() == 1 && shares_bar(part, part.children.front(), topology);
  const double top = beside ? 0 : kCacheBar + 2;
  inner.width = std::max(inner.width, kCoreWidth);
  shift(part.children, 0, top);
  part.width = inner.width;
  part.height = inner.height + top;
}

void lay_out_node(Box& part, const Topology& topology, const ChipsByNode& chips) {
  const double top = node_top(topology, part.index);
  const Size inner = best_flow(part.children, 2.4, kGap);
  shift(part.children, kPad, top);
  part.width = std::max(inner.width, kChipWidth + kStub) + 2 * kPad;
  part.height = top + inner.height + kPad;
  const auto found = chips.find(part.index);
  if (found == chips.end()) return;
  // Many devices may make a small node wider, rather than endlessly high.
  const auto columns = std::min<double>(4, static_cast<double>((found->second.size() + 3) / 4));
  const double wanted = columns * (kChipWidth + kGap) - kGap;
  const Strip strip = chip_strip(found->second, std::max(inner.width - kStub, wanted));
  part.width = std::max(part.width, strip.width + kStub + 2 * kPad);
  part.height += strip.height + kGap;
}

void lay_out_machine(Box& part) {
  const Size inner = best_flow(part.children, part.cpus.empty() ? 6 : 1.5, kGap);
  part.width = inner.width;
  part.height = inner.height;
}

void lay_out_frame(Box& part, double aspect) {
  const Size inner = best_flow(part.children, aspect, kGap);
  const double header = part.kind == BoxKind::package ? kHeader + 4 : kLine;
  const double pad = part.kind == BoxKind::package ? kPad : 3;
  shift(part.children, pad, header + pad / 2);
  part.width = inner.width + 2 * pad;
  part.height = header + inner.height + 1.5 * pad;
}

}  // namespace

double chip_height(const Chip& chip) {
  const std::size_t lines = 1 + (chip.facts.empty() ? 0 : 1) + chip.warnings.size();
  return 8 + static_cast<double>(lines) * kLine;
}

Strip chip_strip(const std::vector<Chip>& chips, double width) {
  Strip strip;
  double x = 0;
  double y = kStub;
  double row = 0;
  for (const Chip& chip : chips) {
    if (x > 0 && x + kChipWidth > width) {
      x = 0;
      y += row + kStub + 2;
      row = 0;
    }
    strip.places.push_back({x, y, kChipWidth, chip_height(chip)});
    row = std::max(row, chip_height(chip));
    strip.width = std::max(strip.width, x + kChipWidth);
    x += kChipWidth + kGap;
  }
  strip.height = chips.empty() ? 0 : y + row;
  return strip;
}

double node_top(const Topology& topology, std::size_t index) {
  const bool pages = !topology.nodes[index].huge_pages.empty();
  return kHeader + 4 + kMemoryBar + 4 + (pages ? 2 : 1) * kLine;
}

bool shares_bar(const Box& outer, const Box& inner, const Topology& topology) {
  if (outer.kind != BoxKind::cache || inner.kind != BoxKind::cache) return false;
  const Cache& a = topology.caches[outer.index];
  const Cache& b = topology.caches[inner.index];
  return a.level == b.level && a.type != b.type && a.shared_by == b.shared_by;
}

void lay_out(Box& part, const Topology& topology, const ChipsByNode& chips) {
  for (Box& child : part.children) lay_out(child, topology, chips);
  switch (part.kind) {
    case BoxKind::machine:
      lay_out_machine(part);
      break;
    case BoxKind::package:
      lay_out_frame(part, 1.6);
      break;
    case BoxKind::die:
    case BoxKind::cluster:
      lay_out_frame(part, 2.2);
      break;
    case BoxKind::node:
      lay_out_node(part, topology, chips);
      break;
    case BoxKind::cache:
      lay_out_cache(part, topology);
      break;
    case BoxKind::core:
      lay_out_core(part, topology);
      break;
    case BoxKind::cpu:
      // A CPU whose siblings contradict each other stands outside a core.
      part.width = kCoreWidth;
      part.height = kCpuHeight;
      break;
  }
}

}  // namespace assay::probes
