// storage.uring: reads and writes through an io_uring with nothing registered, each handed over by
// a call of its own; the baseline of the others.
#include "engine/storage_uring_block.hpp"

namespace assay::engine {

Made make_uring(const BlockContext& context, const StorageSabotage& sabotage) {
  return make_uring_block(context, kUringNeeds, {}, sabotage);
}

Parameters resolve_uring(const Parameters& parameters) {
  return resolve_storage(parameters, kUringNeeds);
}

}  // namespace assay::engine
