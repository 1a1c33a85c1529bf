// The block of every storage.uring technique. What a technique uses of io_uring is a handful of
// switches that combine freely: a technique sets one or two, an ablation any of them.
#pragma once

#include <span>

#include "engine/ring.hpp"
#include "engine/storage_plan.hpp"
#include "engine/storage_rows.hpp"

namespace assay::engine {

// Everything off is storage.uring itself: a ring without flags, nothing registered.
struct UringFeatures {
  bool fixed_buffers = false;    // READ_FIXED and WRITE_FIXED on registered memory
  bool fixed_file = false;       // the registered table serves; the ordinary descriptor is closed
  bool batched = false;          // the proof asks for several operations per io_uring_enter(2)
  bool registered_ring = false;  // calls name the ring by its place in the thread's table
  bool no_array = false;         // NO_SQARRAY
  bool sqpoll = false;           // a kernel thread submits; excludes the task-run modes
  bool iopoll = false;           // the drive's poll queue; hybrid where `completion` is hybrid
  TaskRun task_run = TaskRun::interrupting;  // COOP_TASKRUN, or SINGLE_ISSUER | DEFER_TASKRUN
  bool linked = false;       // each write with its fdatasync, in one submission; writes only
  bool passthrough = false;  // NVMe commands to the drive's character device; wants fixed_buffers
  // true: on a kernel that lacks task_run or registered_ring the next best is taken, and named.
  bool best_effort = false;
};

// A switch by name ("defer-taskrun"), for those who turn them one by one. `turn_on` changes that
// switch alone; "hybrid-iopoll" is "iopoll" with the parameter completion=hybrid.
struct UringFeature {
  std::string_view name;
  std::string_view help;  // one line
  void (*turn_on)(UringFeatures& features, Parameters& parameters);
};
std::span<const UringFeature> uring_features();

// The switches of a `features` parameter turned on; those that a parameter belongs to set it, too.
UringFeatures features_of(Parameters& parameters);

// Whether the kernel can grant them, and the drive below the parameters' file with iopoll. Not
// available: which one it lacks and what would make it run.
Availability uring_features_available(const Host& host, const Parameters& parameters,
                                      const UringFeatures& features);

// What the features ask of the plan: batches, O_DIRECT, polling for completions.
StorageNeeds uring_needs(const UringFeatures& features);

// Builds ring, buffers and registrations. The engagement proves every feature that is on. Errors:
// those of plan_storage(), Ring and TestFile; invalid for features that exclude each other.
Made make_uring_block(const BlockContext& context, const StorageNeeds& needs,
                      const UringFeatures& features, const StorageSabotage& sabotage);

}  // namespace assay::engine
