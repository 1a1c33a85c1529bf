#include "probes/drawing_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "probes/table_sections.hpp"

namespace assay::probes {
namespace {

using namespace pixels;

constexpr double kTitleFont = 12;
constexpr double kTextFont = 10;
constexpr double kCacheFont = 8;

std::string short_size(Bytes size) { return size.count == 0 ? "?" : format_bytes_short(size); }

// "32K", "1.5M": as much as fits above one core.
std::string tight_size(Bytes size) {
  if (size.count == 0) return "?";
  if (size.count % (1U << 20) == 0) return fmt::format("{}M", size.count >> 20);
  if (size.count >= 1U << 20)
    return fmt::format("{:.2g}M", static_cast<double>(size.count) / 1048576);
  return fmt::format("{}K", size.count >> 10);
}

std::string cpu_tooltip(const Cpu& cpu) {
  const auto id = [](const char* name, const std::optional<unsigned>& value) {
    return value ? fmt::format("{} {}", name, *value) : std::string();
  };
  const char* role = !cpu.online ? "offline" : cpu.isolated ? "isolated" : "";
  const std::string siblings =
      cpu.siblings.count() > 1 ? "threads " + cpu.siblings.to_list() : std::string();
  return fmt::format("CPU {}: ", cpu.id.value) +
         join_words({id("core", cpu.core), id("cluster", cpu.cluster), id("die", cpu.die),
                     id("package", cpu.package), fmt::format("node {}", cpu.node.value), siblings,
                     cpu.kind, role, cpu.nohz_full ? "nohz_full" : "",
                     cpu.online && !cpu.allowed ? "forbidden to this process" : ""},
                    ", ");
}

void draw_memory_bar(const Node& node, double x, double y, double width, SvgPage& page) {
  const auto total = static_cast<double>(node.memory.count);
  page.rect(x, y, width, kMemoryBar, "memory-used", 1);
  if (total <= 0) return;
  double reserved = 0;
  for (const HugePages& pages : node.huge_pages) {
    reserved += static_cast<double>(pages.total) * static_cast<double>(pages.size.count);
  }
  const double huge = std::min(1.0, reserved / total) * width;
  const double free = std::min(1.0, static_cast<double>(node.memory_free.count) / total) * width;
  if (huge > 0) page.rect(x, y, huge, kMemoryBar, "memory-huge", 1);
  const double room = std::min(free, width - huge);
  if (room > 0) page.rect(x + width - room, y, room, kMemoryBar, "memory-free", 1);
}

std::string huge_words(const Node& node) {
  std::vector<std::string> words;
  for (const HugePages& pages : node.huge_pages) {
    words.push_back(fmt::format("{} × {}", pages.total, format_bytes(pages.size)));
  }
  return "huge pages " + join_words(words, ", ");
}

void draw_node(const Box& part, const Inventory& inventory, const ChipsByNode& chips, double x,
               double y, SvgPage& page) {
  const Node& node = inventory.topology.nodes[part.index];
  const double inner = part.width - 2 * kPad;
  const std::string cpus = node.cpus.empty() ? "no CPUs" : "CPUs " + node.cpus.to_list();
  const std::string title =
      fmt::format("NUMA node {}  ·  {}", node.id.value, short_size(node.memory));
  page.rect(x, y, part.width, part.height, node.allowed ? "node" : "node forbidden-box", 4);
  page.text(x + kPad, y + 14, title, "node-title");
  const double used = text_width(title, kTitleFont * kBold) + 10;
  page.text(x + part.width - kPad, y + 14,
            fit(short_size(node.memory_free) + " free", inner - used, kTextFont), "note end");
  draw_memory_bar(node, x + kPad, y + kHeader + 2, inner, page);
  double baseline = y + kHeader + kMemoryBar + kLine;
  page.text(x + kPad, baseline, fit(cpus, inner, kTextFont), "note");
  if (!node.huge_pages.empty()) {
    page.text(x + kPad, baseline += kLine, fit(huge_words(node), inner, kTextFont), "note");
  }
  const auto found = chips.find(part.index);
  if (found == chips.end()) return;
  double bottom = y + node_top(inventory.topology, part.index);
  for (const Box& child : part.children) {
    bottom = std::max(bottom, y + child.y + child.height);
  }
  draw_chips(found->second, x + kPad, bottom + kGap, inner, page);
}

void draw_cache(const Box& part, const Topology& topology, double x, double y, bool halved,
                bool right, SvgPage& page) {
  const Cache& cache = topology.caches[part.index];
  const double width = halved ? part.width / 2 - 0.5 : part.width;
  const double left = right ? x + part.width / 2 + 0.5 : x;
  const char* letter = cache.type == CacheType::data          ? "d"
                       : cache.type == CacheType::instruction ? "i"
                                                              : "";
  const std::string words =
      halved ? fmt::format("{}{}", letter, tight_size(cache.size))
             : fmt::format("L{}{} {}", cache.level, letter, tight_size(cache.size));
  const std::string title =
      join_words({fmt::format("L{}{} cache", cache.level, letter), short_size(cache.size),
                  cache.ways > 0 ? fmt::format("{} ways", cache.ways) : "",
                  cache.line_bytes > 0 ? fmt::format("lines of {} bytes", cache.line_bytes) : "",
                  "CPUs " + cache.shared_by.to_list()},
                 ", ");
  page.open("cache", "", title);
  page.rect(left, y, width, kCacheBar, fmt::format("cache-{}", std::min(cache.level, 4U)), 1);
  page.text(left + width / 2, y + kCacheBar - 3.5, fit(words, width, kCacheFont), "cache-text");
  page.close();
}

void draw_frame(const Box& part, const Inventory& inventory, double x, double y, SvgPage& page) {
  const Topology& topology = inventory.topology;
  switch (part.kind) {
    case BoxKind::package: {
      page.rect(x, y, part.width, part.height, "package", 6);
      const std::string title = fmt::format("Package {}  ·  {}", part.index, topology.model_name);
      page.text(x + kPad, y + 16, fit(title, part.width - 2 * kPad, kTitleFont * kBold),
                "package-title");
      break;
    }
    case BoxKind::die:
    case BoxKind::cluster: {
      page.rect(x, y, part.width, part.height, "group", 3);
      const char* name = part.kind == BoxKind::die ? "die" : "cluster";
      const std::string words = fmt::format("{} {}", name, part.index);
      // A single core is too narrow for a long number: then the frame alone must do.
      const bool fits = text_width(words, 9) <= part.width - 4;
      page.text(x + 3, y + 10, fits ? words : std::string(name), "small");
      break;
    }
    case BoxKind::core: {
      const Cpu* cpu = topology.find(CpuId{static_cast<unsigned>(part.index)});
      const bool known = cpu != nullptr && !cpu->kind.empty();
      page.rect(x, y, part.width, part.height, known ? "core core-" + cpu->kind : "core", 2);
      break;
    }
    default:
      break;
  }
}

}  // namespace

Role role_of(const Cpu& cpu) {
  if (!cpu.online) return Role::offline;
  if (cpu.isolated) return Role::isolated;
  return cpu.allowed ? Role::ordinary : Role::forbidden;
}

std::string_view role_style(Role role) {
  switch (role) {
    case Role::isolated:
      return "role-isolated";
    case Role::ordinary:
      return "role-ordinary";
    case Role::forbidden:
      return "role-forbidden";
    case Role::offline:
      return "role-offline";
  }
  return "role-offline";
}

void draw_cpu(const Cpu& cpu, const Place& at, SvgPage& page) {
  const Role role = role_of(cpu);
  page.open("cpu", fmt::format("cpu-{}", cpu.id.value), cpu_tooltip(cpu));
  page.rect(at.x, at.y, at.width, at.height, role_style(role), 2);
  if (cpu.nohz_full) page.rect(at.x + 2, at.y + 2, at.width - 4, 2, "tickless", 1);
  page.text(at.x + at.width / 2, at.y + at.height / 2 + 4, fmt::format("{}", cpu.id.value),
            role == Role::isolated ? "cpu-text light" : "cpu-text");
  page.close();
}

void draw_chips(const std::vector<Chip>& chips, double x, double y, double width, SvgPage& page) {
  const Strip strip = chip_strip(chips, width - kStub);
  if (chips.empty()) return;
  // The bus: down the left side, along each row, and a stub to every chip.
  page.line(x, y, x, y + strip.places.back().y - kStub + 2, "bus");
  for (std::size_t i = 0; i < chips.size(); ++i) {
    const Chip& chip = chips[i];
    const Place& place = strip.places[i];
    const double left = x + kStub + place.x;
    const double top = y + place.y;
    const double rail = top - kStub + 2;
    const double middle = left + place.width / 2;
    const bool continues = place.x > 0;
    page.line(continues ? middle - place.width - kGap : x, rail, middle, rail, "bus");
    page.line(middle, rail, middle, top, "bus");
    page.open("device", chip.id, chip.tooltip);
    const char* alarm = chip.warnings.empty() ? "" : " alarm";
    page.rect(left, top, place.width, place.height, chip.style + alarm, 3);
    const double room = place.width - 12;
    double baseline = top + 14;
    page.text(left + 6, baseline, fit(chip.name, room * 0.6, kTitleFont * kBold), "chip-name");
    const double used =
        text_width(fit(chip.name, room * 0.6, kTitleFont * kBold), kTitleFont * kBold) + 8;
    page.text(left + place.width - 6, baseline, fit(chip.detail, room - used, kTextFont),
              "note end");
    if (!chip.facts.empty()) {
      page.text(left + 6, baseline += kLine, fit(chip.facts, room, kTextFont), "note");
    }
    for (const std::string& warning : chip.warnings) {
      page.text(left + 6, baseline += kLine, fit("! " + warning, room, kTextFont * kBold),
                "warning");
    }
    page.close();
  }
}

void draw_box(const Box& part, const Inventory& inventory, const ChipsByNode& chips, double x,
              double y, SvgPage& page) {
  const Topology& topology = inventory.topology;
  const double left = x + part.x;
  const double top = y + part.y;
  if (part.kind == BoxKind::cpu) {
    draw_cpu(topology.cpus[part.index], {left, top, part.width, part.height}, page);
    return;
  }
  if (part.kind == BoxKind::node) {
    const Node& node = topology.nodes[part.index];
    page.open("numa", fmt::format("node-{}", node.id.value), "");
    draw_node(part, inventory, chips, left, top, page);
  }
  if (part.kind == BoxKind::cache) {
    const bool left_half =
        part.children.size() == 1 && shares_bar(part, part.children.front(), topology);
    draw_cache(part, topology, left, top, left_half, false, page);
    if (left_half) {
      // The second one's bar stands beside, what is below it where it was placed.
      const Box& second = part.children.front();
      const double second_left = left + second.x;
      draw_cache(second, topology, second_left, top + second.y, true, true, page);
      for (const Box& child : second.children) {
        draw_box(child, inventory, chips, second_left, top + second.y, page);
      }
      return;
    }
  }
  draw_frame(part, inventory, left, top, page);
  for (const Box& child : part.children) draw_box(child, inventory, chips, left, top, page);
  if (part.kind == BoxKind::node) page.close();
}

}  // namespace assay::probes
