// storage.uring.batched: many operations are handed over, and many completions taken, in one system
// call. storage.uring.combined does that with registered memory and a registered file.
#include "engine/storage_uring_block.hpp"

namespace assay::engine {

Made make_uring_batched(const BlockContext& context, const StorageSabotage& sabotage) {
  return make_uring_block(context, kBatchedNeeds, {.batched = true}, sabotage);
}

Made make_uring_combined(const BlockContext& context, const StorageSabotage& sabotage) {
  return make_uring_block(context, kUringNeeds, {.fixed_buffers = true, .fixed_file = true},
                          sabotage);
}

Parameters resolve_uring_batched(const Parameters& parameters) {
  return resolve_storage(parameters, kBatchedNeeds);
}

}  // namespace assay::engine
