// The block of every storage.uring technique. Which parts of io_uring a technique uses is a handful
// of switches; each combination is compiled into a loop of its own.
#pragma once

#include "engine/storage_plan.hpp"
#include "engine/storage_rows.hpp"

namespace assay::engine {

struct UringParts {
  bool fixed_buffers = false;  // READ_FIXED and WRITE_FIXED on registered memory
  bool fixed_file = false;     // the registered table serves; the ordinary descriptor is closed
  bool batched = false;        // the proof asks for several operations per io_uring_enter(2)
};

// Builds ring, buffers and registrations. Errors: those of plan_storage(), Ring and TestFile.
Made make_uring_block(const BlockContext& context, const StorageNeeds& needs,
                      const UringParts& parts, const StorageSabotage& sabotage);

inline constexpr StorageNeeds kUringNeeds{.direct_default = true};
// What fits two batches into the depth keeps the drive busy while one is handed over.
inline constexpr StorageNeeds kBatchedNeeds{
    .direct_default = true, .batch_default = 16, .depth_min = 2, .depth_default = 32};

}  // namespace assay::engine
