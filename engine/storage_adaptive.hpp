// storage.adaptive-depth and what it is compared with: reads or writes with as many operations in
// flight as the drive takes with its p99 under a target.
#pragma once

#include <memory>

#include "engine/technique.hpp"

namespace assay::engine {

// What goes wrong: for the tests of the proof.
enum class DepthFault : std::uint8_t {
  none,
  not_followed,  // the controller speaks, the loop does as it did
  wrong_data,    // what was moved is damaged before it is checked
};

// One block whose depth a controller steers (see adaptive_depth.hpp). What it has learned stays
// with the process, for the next block on the same file: the first one starts cold, and is given
// two seconds before the timed part to settle. Errors: those of plan_storage() and IoQueue.
Expected<std::unique_ptr<Block>> make_adaptive_depth(const BlockContext& context,
                                                     DepthFault fault = DepthFault::none);
// One block at the best fixed depth: of those tried, the one with the most operations whose p99 is
// under the target. It is looked for before the timed part of the first block, and remembered.
Expected<std::unique_ptr<Block>> make_static_depth(const BlockContext& context,
                                                   DepthFault fault = DepthFault::none);

// Fills in the largest depth (256), O_DIRECT and regime.
Parameters resolve_adaptive_depth(const Parameters& parameters);

// Forgets what was learned: for tests.
void forget_depths();

}  // namespace assay::engine
