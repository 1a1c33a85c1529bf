// The points of a sweep: every combination of the values of its axes, as parameters of one
// technique. Pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "engine/parameters.hpp"

namespace assay::engine {

// One parameter and the values that it takes in turn, as `assay bench` takes them.
struct SweepAxis {
  std::string key;  // "depth"
  std::vector<std::string> values;
};

// More points than this are a slip of the pen: they would take minutes each and much memory.
inline constexpr std::size_t kSweepPointsMax = 256;

// "depth=1,2,4..128", "block=512..1MiB", "read-share=0..100+25", "completion=poll,block".
// A..B doubles from A and ends with B; A..B+STEP adds. Errors: invalid, with what was expected; an
// unknown key with "did you mean"; `size`, since all points share one test file; a value that the
// parameter does not take; the same value twice.
Expected<SweepAxis> parse_sweep_axis(std::string_view text);

// Whether more of this key means more load (depth, threads, rate): what a curve runs along.
bool is_load_axis(std::string_view key);

// Every combination, the last axis fastest. Errors: invalid when there are too many, or an axis
// comes twice.
Expected<std::vector<Parameters>> sweep_points(const Parameters& common,
                                               std::span<const SweepAxis> axes);

}  // namespace assay::engine
