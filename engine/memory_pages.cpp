// memory.base-pages, .thp, .huge-2m and .huge-1g: one walk, in pages of different sizes.
#include "engine/memory_blocks.hpp"

namespace assay::engine {

Expected<std::unique_ptr<Block>> make_pages_block(const BlockContext& context, PageKind pages,
                                                  MemoryFault fault) {
  const CpuId cpu{context.cpus.first().value_or(0)};
  auto options = chase_in_pages(*context.inventory, cpu, context.parameters->size, pages);
  if (!options) return Failure(options.error());
  // The node is known only now. Asked before the pages are mapped: what a node has not is refused
  // by the kernel at the first touch, and then the hard way.
  if (fault == MemoryFault::none) {
    auto there = pages_obtainable(*context.host, pages, options->size, options->node);
    if (!there) return Failure(there.error());
  }
  return make_chase_block(context, *options, fault);
}

}  // namespace assay::engine
