// The storage.uring techniques that are a switch or two of io_uring each.
//
// storage.uring has none: reads and writes through a ring with nothing registered, each handed over
// by a call of its own; the baseline of the others. fixed-buffers spares pinning the pages for
// every operation, fixed-files looking the file up. batched hands many operations over in one call.
// coop-taskrun and defer-taskrun choose when completions are finished, sqpoll lets a kernel thread
// submit, iopoll asks the drive instead of waiting for its interrupt. combined is what a program
// would use that wants the most without a second CPU.
#include "engine/storage_uring_block.hpp"

namespace assay::engine {
namespace {

constexpr UringFeatures kBatched{.batched = true};
constexpr UringFeatures kSqpoll{.sqpoll = true};
constexpr UringFeatures kIopoll{.fixed_buffers = true, .iopoll = true};
constexpr UringFeatures kLinked{.linked = true};
constexpr UringFeatures kCombined{.fixed_buffers = true,
                                  .fixed_file = true,
                                  .registered_ring = true,
                                  .task_run = TaskRun::deferred,
                                  .best_effort = true};

// Asleep, the drive's interrupt is waited for; else its poll queue is asked.
UringFeatures passthrough_features(const Parameters& parameters) {
  return {.fixed_buffers = true,
          .iopoll = parameters.completion != Completion::block,
          .passthrough = true};
}

Made make(const BlockContext& context, const UringFeatures& features,
          const StorageSabotage& sabotage) {
  return make_uring_block(context, uring_needs(features), features, sabotage);
}

}  // namespace

Made make_uring(const BlockContext& context, const StorageSabotage& sabotage) {
  Parameters parameters = *context.parameters;
  return make(context, features_of(parameters), sabotage);
}
Made make_uring_fixed_buffers(const BlockContext& context, const StorageSabotage& sabotage) {
  return make(context, {.fixed_buffers = true}, sabotage);
}
Made make_uring_fixed_files(const BlockContext& context, const StorageSabotage& sabotage) {
  return make(context, {.fixed_file = true}, sabotage);
}
Made make_uring_batched(const BlockContext& context, const StorageSabotage& sabotage) {
  return make(context, kBatched, sabotage);
}
Made make_uring_combined(const BlockContext& context, const StorageSabotage& sabotage) {
  return make(context, kCombined, sabotage);
}
Made make_uring_coop_taskrun(const BlockContext& context, const StorageSabotage& sabotage) {
  return make(context, {.task_run = TaskRun::cooperative}, sabotage);
}
Made make_uring_defer_taskrun(const BlockContext& context, const StorageSabotage& sabotage) {
  return make(context, {.task_run = TaskRun::deferred}, sabotage);
}
Made make_uring_sqpoll(const BlockContext& context, const StorageSabotage& sabotage) {
  return make(context, kSqpoll, sabotage);
}
Made make_uring_iopoll(const BlockContext& context, const StorageSabotage& sabotage) {
  return make(context, kIopoll, sabotage);
}
Made make_uring_linked(const BlockContext& context, const StorageSabotage& sabotage) {
  return make(context, kLinked, sabotage);
}
Made make_uring_passthrough(const BlockContext& context, const StorageSabotage& sabotage) {
  return make(context, passthrough_features(*context.parameters), sabotage);
}

Parameters resolve_uring(const Parameters& parameters) {
  Parameters with = parameters;
  const UringFeatures features = features_of(with);
  return resolve_storage(with, uring_needs(features));
}
Parameters resolve_uring_batched(const Parameters& parameters) {
  return resolve_storage(parameters, uring_needs(kBatched));
}
Parameters resolve_uring_sqpoll(const Parameters& parameters) {
  return resolve_storage(parameters, uring_needs(kSqpoll));
}
Parameters resolve_uring_iopoll(const Parameters& parameters) {
  return resolve_storage(parameters, uring_needs(kIopoll));
}
Parameters resolve_uring_linked(const Parameters& parameters) {
  return resolve_storage(parameters, uring_needs(kLinked));
}
Parameters resolve_uring_passthrough(const Parameters& parameters) {
  return resolve_storage(parameters, uring_needs(passthrough_features(parameters)));
}

}  // namespace assay::engine
