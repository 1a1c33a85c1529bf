#include "probes/inventory_svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "probes/drawing_parts.hpp"
#include "probes/table_sections.hpp"

namespace assay::probes {
namespace {

using namespace pixels;

constexpr double kMargin = 20;
constexpr double kWidthMin = 640;

// Told apart without colour vision as well (Okabe and Ito's palette): blue is isolated, orange is
// alarm, and each has a shape or a word besides.
constexpr std::string_view kStyleSheet = R"(
text { font-family: "DejaVu Sans", Verdana, Helvetica, Arial, sans-serif; fill: #1c2733; }
.page { fill: #ffffff; stroke: #9aa7b4; }
.title { font-size: 18px; font-weight: bold; }
.subtitle { font-size: 12px; fill: #4a5866; }
.package { fill: #eef2f6; stroke: #5b6b7b; stroke-width: 1.5; }
.package-title { font-size: 12px; font-weight: bold; }
.node { fill: #ffffff; stroke: #7d8d9c; }
.forbidden-box { fill: #f6f0ea; stroke-dasharray: 4 3; }
.node-title { font-size: 12px; font-weight: bold; }
.group { fill: none; stroke: #9aa7b4; stroke-dasharray: 2 2; }
.loose { fill: #fafbfc; stroke: #9aa7b4; stroke-dasharray: 5 3; }
.note { font-size: 10px; fill: #4a5866; }
.small { font-size: 9px; fill: #4a5866; }
.end { text-anchor: end; }
.memory-used { fill: #8c9aa8; }
.memory-huge { fill: #56b4e9; }
.memory-free { fill: #dfe6ec; }
.cache-1 { fill: #f7e8b5; }
.cache-2 { fill: #eed98c; }
.cache-3 { fill: #dcbf5c; }
.cache-4 { fill: #c9a73b; }
.cache-text { font-size: 8px; text-anchor: middle; }
.core { fill: #d5dde5; }
.core-performance { fill: #8a97a5; }
.core-middle { fill: #b3bfca; }
.core-efficiency { fill: #a9d3c3; }
.role-isolated { fill: #0072b2; }
.role-ordinary { fill: #f4f6f8; }
.role-forbidden { fill: #d3b8a6; }
.role-offline { fill: #ffffff; stroke: #9aa7b4; stroke-dasharray: 2 2; }
.tickless { fill: #e69f00; }
.cpu-text { font-size: 10px; text-anchor: middle; }
.light { fill: #ffffff; }
.bus { stroke: #5b6b7b; stroke-width: 1.5; }
.nic { fill: #d8efe6; stroke: #009e73; }
.drive { fill: #eadcf2; stroke: #7b4fa3; }
.alarm { stroke: #d55e00; stroke-width: 2.5; }
.chip-name { font-size: 12px; font-weight: bold; }
.warning { font-size: 10px; font-weight: bold; fill: #b34700; }
)";

struct Legend {
  std::string_view style, words;
};
constexpr auto kLegend = std::to_array<Legend>({{"role-ordinary", "CPU, not isolated"},
                                                {"role-isolated", "isolated"},
                                                {"tickless", "nohz_full"},
                                                {"role-forbidden", "forbidden to this process"},
                                                {"role-offline", "offline"},
                                                {"cache-3", "cache"},
                                                {"memory-used", "memory in use"},
                                                {"memory-huge", "huge pages"},
                                                {"memory-free", "free"},
                                                {"nic", "network interface"},
                                                {"drive", "drive"},
                                                {"nic alarm", "degraded link, or remote"}});
constexpr auto kKindLegend = std::to_array<Legend>({{"core-performance", "performance core"},
                                                    {"core-middle", "middle core"},
                                                    {"core-efficiency", "efficiency core"}});

std::vector<std::string> subtitle(const Inventory& inventory) {
  const Topology& topology = inventory.topology;
  const Counts& counts = topology.counts;
  const auto number = [](unsigned count, const char* what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
  };
  const std::string memory =
      inventory.memory.total.count > 0 ? format_bytes_short(inventory.memory.total) : "";
  return {topology.model_name,
          join_words({number(counts.cpus, "CPU"), number(counts.cores, "core"),
                      number(counts.packages, "package"), number(counts.nodes, "node")},
                     ", "),
          memory, inventory.environment.hypervisor,
          inventory.kernel.release.empty() ? "" : "Linux " + inventory.kernel.release};
}

// Devices by the node where they hang; the rest hang nowhere that the host told.
void sort_chips(const Inventory& inventory, ChipsByNode& by_node, std::vector<Chip>& loose) {
  const auto& nodes = inventory.topology.nodes;
  for (Chip& chip : device_chips(inventory)) {
    const auto home = std::find_if(nodes.begin(), nodes.end(),
                                   [&](const Node& node) { return chip.node == node.id; });
    // A machine of one node has no other place for them.
    if (home == nodes.end() && nodes.size() == 1 && !chip.node) {
      by_node[0].push_back(std::move(chip));
    } else if (home == nodes.end()) {
      loose.push_back(std::move(chip));
    } else {
      by_node[static_cast<std::size_t>(home - nodes.begin())].push_back(std::move(chip));
    }
  }
}

double draw_loose(const std::vector<Chip>& chips, std::string_view title, double y, double width,
                  SvgPage& page) {
  if (chips.empty()) return y;
  const double inner = width - 2 * kMargin - 2 * kPad;
  const double height = kHeader + chip_strip(chips, inner - kStub).height + kPad;
  page.rect(kMargin, y, width - 2 * kMargin, height, "loose", 4);
  page.text(kMargin + kPad, y + 14, title, "node-title");
  draw_chips(chips, kMargin + kPad, y + kHeader, inner, page);
  return y + height + kGap;
}

double draw_offline(const Topology& topology, double y, double width, SvgPage& page) {
  std::vector<const Cpu*> offline;
  for (const Cpu& cpu : topology.cpus) {
    if (!cpu.online) offline.push_back(&cpu);
  }
  if (offline.empty()) return y;
  constexpr double kCell = 34;
  const double inner = width - 2 * kMargin - 2 * kPad;
  const auto columns = std::max<std::size_t>(1, static_cast<std::size_t>(inner / kCell));
  const std::size_t rows = (offline.size() + columns - 1) / columns;
  const double height = kHeader + static_cast<double>(rows) * (kCpuHeight + 4) + kPad;
  page.rect(kMargin, y, width - 2 * kMargin, height, "loose", 4);
  page.text(kMargin + kPad, y + 14,
            fit("Offline CPUs " + topology.offline.to_list(), inner, 12 * kBold), "node-title");
  for (std::size_t i = 0; i < offline.size(); ++i) {
    const double x = kMargin + kPad + static_cast<double>(i % columns) * kCell;
    const double top = y + kHeader + static_cast<double>(i / columns) * (kCpuHeight + 4);
    draw_cpu(*offline[i], {x, top, kCell - 4, kCpuHeight}, page);
  }
  return y + height + kGap;
}

// How far each node's memory is from each node's CPUs, 10 being its own.
double draw_distances(const Topology& topology, double y, double width, SvgPage& page) {
  constexpr std::size_t kMostNodes = 16;
  constexpr double kCell = 30;
  const std::size_t count = topology.nodes.size();
  if (count < 2 || count > kMostNodes || topology.nodes[0].distances.size() != count) return y;
  page.text(kMargin, y + 12, fit("Distances between nodes", width, 12), "node-title");
  for (std::size_t i = 0; i < count; ++i) {
    const double at = static_cast<double>(i + 1);
    const std::string name = fmt::format("{}", topology.nodes[i].id.value);
    page.text(kMargin + kCell * at + kCell / 2, y + 28, name, "cpu-text");
    page.text(kMargin + kCell / 2, y + 28 + 15 * at, name, "cpu-text");
    const auto& row = topology.nodes[i].distances;
    for (std::size_t j = 0; j < row.size(); ++j) {
      const double x = kMargin + kCell * static_cast<double>(j + 1);
      const char* shade = row[j] <= 10 ? "cache-1" : row[j] <= 20 ? "memory-free" : "core";
      page.rect(x, y + 17 + 15 * at, kCell - 1, 14, shade, 1);
      page.text(x + kCell / 2, y + 28 + 15 * at, fmt::format("{}", row[j]), "cpu-text");
    }
  }
  return y + 40 + 15 * static_cast<double>(count);
}

double draw_legend(const Inventory& inventory, double y, double width, SvgPage& page) {
  std::vector<Legend> rows(kLegend.begin(), kLegend.end());
  for (const Legend& row : kKindLegend) {
    const std::string_view kind = row.style.substr(std::string_view("core-").size());
    const auto& cpus = inventory.topology.cpus;
    const bool used =
        std::any_of(cpus.begin(), cpus.end(), [&](const Cpu& cpu) { return cpu.kind == kind; });
    if (used) rows.push_back(row);
  }
  double x = kMargin;
  for (const Legend& row : rows) {
    const double room = 24 + text_width(row.words, 11) + 12;
    if (x > kMargin && x + room > width - kMargin) {
      x = kMargin;
      y += 20;
    }
    page.rect(x, y, 18, 12, row.style == "role-ordinary" ? "role-ordinary bus" : row.style, 2);
    page.text(x + 24, y + 10, row.words, "note");
    x += room;
  }
  return y + 20;
}

// The machine, and below it the nodes that fit nowhere, with their sizes.
std::vector<Box> drawn_parts(const Inventory& inventory, const ChipsByNode& chips) {
  const Topology& topology = inventory.topology;
  std::vector<Box> parts{machine_tree(topology)};
  Box beside;
  for (const std::size_t index : nodes_outside(topology, parts.front())) {
    Box node;
    node.kind = BoxKind::node;
    node.index = index;
    beside.children.push_back(std::move(node));
  }
  if (!beside.children.empty()) parts.push_back(std::move(beside));
  for (Box& part : parts) lay_out(part, topology, chips);
  return parts;
}

// As many words a line as fit; returns where the next thing may start.
double draw_subtitle(const std::vector<std::string>& words, double y, double width, SvgPage& page) {
  std::string line;
  for (const std::string& word : words) {
    if (word.empty()) continue;
    const std::string longer = line.empty() ? word : line + "  ·  " + word;
    if (!line.empty() && text_width(longer, 12) > width) {
      page.text(kMargin, y += 17, line, "subtitle");
      line = word;
    } else {
      line = longer;
    }
  }
  page.text(kMargin, y += 17, fit(line, width, 12), "subtitle");
  return y;
}

}  // namespace

std::string to_svg(const Inventory& inventory) {
  ChipsByNode chips;
  std::vector<Chip> loose;
  sort_chips(inventory, chips, loose);
  const std::vector<Box> parts = drawn_parts(inventory, chips);
  double width = kWidthMin;
  for (const Box& part : parts) width = std::max(width, part.width + 2 * kMargin);
  const std::string name = inventory.host_name.empty() ? "Machine" : inventory.host_name;
  const std::vector<std::string> words = subtitle(inventory);

  SvgPage page;
  double y = kMargin + 14;
  page.text(kMargin, y, fit(name, width - 2 * kMargin, 18 * kBold), "title");
  y = draw_subtitle(words, y + 3, width - 2 * kMargin, page) + 14;
  for (const Box& part : parts) {
    draw_box(part, inventory, chips, kMargin, y, page);
    y += part.height + 2 * kGap;
  }
  y = draw_loose(loose, "Devices of no node that the host tells", y, width, page);
  y = draw_offline(inventory.topology, y, width, page);
  y = draw_distances(inventory.topology, y + kGap, width, page);
  y = draw_legend(inventory, y + kGap, width, page);
  return page.document(width, y + kMargin / 2, name + ": " + join_words(words, ", "), kStyleSheet);
}

}  // namespace assay::probes
