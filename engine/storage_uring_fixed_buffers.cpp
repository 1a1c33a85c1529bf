// storage.uring.fixed-buffers: the memory is registered once, so that the kernel need not pin and
// unpin its pages for every operation.
#include "engine/storage_uring_block.hpp"

namespace assay::engine {

Made make_uring_fixed_buffers(const BlockContext& context, const StorageSabotage& sabotage) {
  return make_uring_block(context, kUringNeeds, {.fixed_buffers = true}, sabotage);
}

}  // namespace assay::engine
