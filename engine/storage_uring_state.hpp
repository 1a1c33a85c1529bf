// What an io_uring block holds, and the proofs that its features were in use. Internal to the
// storage.uring techniques.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/own_threads.hpp"
#include "engine/storage_uring_block.hpp"
#include "engine/uring_loop.hpp"

namespace assay::engine {

// The NVMe namespace that commands go to.
struct NvmeTarget {
  std::string path;  // "/dev/ng0n1"
  unsigned namespace_id = 0;
  std::uint64_t block_bytes = 512;  // of the namespace's own blocks
};

// Pairs of a write and its fsync.
struct LinkCounts {
  std::uint64_t in_order = 0, out_of_order = 0;
  bool failure_cancels = false;  // a write that failed kept its fsync from being run
};

// In the order in which it must go: the ring first, then what it works on.
struct UringState {
  UringState(const BlockContext& block_context, const StoragePlan& storage_plan,
             const UringFeatures& uring_features, const StorageSabotage& uring_sabotage)
      : context(block_context),
        plan(storage_plan),
        features(uring_features),
        sabotage(uring_sabotage),
        regime(plan, *block_context.file),
        slots(storage_plan.depth) {}

  BlockContext context;
  StoragePlan plan;
  UringFeatures features;
  StorageSabotage sabotage;
  RegimeKeeper regime;
  UringSlots slots;
  SlotBuffers buffers;
  UniqueFd fd;
  std::optional<Ring> ring;
  bool descriptor_closed = false;
  NvmeTarget target;               // of commands that are passed through
  LinkCounts links;                // of linked pairs
  std::vector<OwnThread> threads;  // before the timed part
  HelperWork poller;
  std::uint64_t interrupts = 0;  // of the drive: before, then during the timed part
  std::uint64_t submitted = 0, handed_over = 0, completed = 0, enters = 0, errors = 0;
};

// Looks at threads and interrupts before and after the timed part: some 100 us each.
void note_before(UringState& state);
void note_after(UringState& state);

// Adds what each feature that is on has to show: engaged stays true only if all hold. Takes
// registrations away, which the kernel allows only when they are there.
void prove_features(UringState& state, Engagement& proof);

}  // namespace assay::engine
