// Draws the boxes that the layout has placed. Internal to probes; pure.
#pragma once

#include <string_view>

#include "probes/drawing_layout.hpp"
#include "probes/svg_page.hpp"

namespace assay::probes {

// What colours a CPU, and the word that stands in the legend: style "role-isolated" and so on.
enum class Role : std::uint8_t { isolated, ordinary, forbidden, offline };
Role role_of(const Cpu& cpu);
std::string_view role_style(Role role);

// One CPU with its number and tooltip.
void draw_cpu(const Cpu& cpu, const Place& at, SvgPage& page);
// A row of chips below a bus line that starts at (x, y).
void draw_chips(const std::vector<Chip>& chips, double x, double y, double width, SvgPage& page);
// A part and all within, (x, y) being the origin of the part around it.
void draw_box(const Box& part, const Inventory& inventory, const ChipsByNode& chips, double x,
              double y, SvgPage& page);

}  // namespace assay::probes
