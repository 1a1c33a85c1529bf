// storage.uring.fixed-files: the file is registered once and its ordinary descriptor closed, so
// that the kernel need not look it up and count its users for every operation.
#include "engine/storage_uring_block.hpp"

namespace assay::engine {

Made make_uring_fixed_files(const BlockContext& context, const StorageSabotage& sabotage) {
  return make_uring_block(context, kUringNeeds, {.fixed_file = true}, sabotage);
}

}  // namespace assay::engine
