// Sizes and places of the drawing's boxes, in pixels. Internal to probes; pure.
#pragma once

#include <map>
#include <vector>

#include "probes/device_chips.hpp"
#include "probes/machine_tree.hpp"

namespace assay::probes {

namespace pixels {
inline constexpr double kPad = 8;        // inside a box
inline constexpr double kGap = 6;        // between boxes
inline constexpr double kHeader = 18;    // a box's first line of text
inline constexpr double kLine = 13;      // every further one
inline constexpr double kMemoryBar = 7;  // of a node
inline constexpr double kCacheBar = 13;
inline constexpr double kCoreWidth = 44;  // at least, so that a cache's size can be read
inline constexpr double kThreadWidth = 22;
inline constexpr double kCpuHeight = 20;
inline constexpr double kKindBar = 4;  // below the threads of a core of a hybrid machine
inline constexpr double kChipWidth = 244;
inline constexpr double kStub = 7;  // the line from a node's bus down to a chip
}  // namespace pixels

// Devices below each node, by index into Topology::nodes.
using ChipsByNode = std::map<std::size_t, std::vector<Chip>>;

struct Place {
  double x = 0, y = 0, width = 0, height = 0;
};
// Places of chips in rows of at most `width` pixels (at least one a row), from (0, 0) on.
struct Strip {
  std::vector<Place> places;
  double width = 0, height = 0;
};
Strip chip_strip(const std::vector<Chip>& chips, double width);
double chip_height(const Chip& chip);

// Where the children of a node begin, and its devices' bus.
double node_top(const Topology& topology, std::size_t index);

// Gives every part its size, and its place within the part around it. A machine part without CPUs
// is a row of nodes that stand beside the others.
void lay_out(Box& part, const Topology& topology, const ChipsByNode& chips);

// A cache that is drawn beside the one around it: first-level data and instructions of one core.
bool shares_bar(const Box& outer, const Box& inner, const Topology& topology);

}  // namespace assay::probes
