// What one load, one system call and one context switch cost: the parts of memory.hierarchy.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/memory_chase.hpp"
#include "engine/technique.hpp"

namespace assay::engine {

// The variants in the order of the hierarchy: "l1", "l2", "l3", "dram", "remote", "syscall",
// "context-switch".
std::vector<std::string_view> memory_variants();

// How many operations one recorded latency covers, so that the two time stamps around it weigh at
// most a few per cent: 1024 loads from L1, 16 from memory, 2 context switches (there and back).
unsigned memory_operations_per_sample(std::string_view variant);

// Whether a variant is a pointer chase through a level of the memory.
bool is_memory_level(std::string_view variant);

// The buffer whose walk is served by one level, sized from the caches of this CPU: half of L1 and
// of L2; for L3 four times L2 but at most half of L3; for memory twice the last cache (64 to
// 256 MiB). Errors: absent (no such cache, one node only), exhausted (memory), invalid (no such
// variant).
Expected<ChaseOptions> chase_for(const probes::Inventory& inventory, CpuId cpu,
                                 std::string_view variant);

// What goes wrong: for the tests of the proof.
enum class MemoryFault : std::uint8_t {
  none,
  guessable_order,  // the chase goes from line to line, as a prefetcher would guess
  lost_place,       // the walk is not followed to its end
  no_kernel,        // the "system call" is answered in user space; the "switch" stays on the thread
  other_node,       // the pages lie on another node than is claimed
};

// One block of a variant. Errors: as chase_for().
Expected<std::unique_ptr<Block>> make_memory_block(const BlockContext& context,
                                                   MemoryFault fault = MemoryFault::none);
Expected<std::unique_ptr<Block>> make_chase_block(const BlockContext& context,
                                                  const ChaseOptions& options, MemoryFault fault);
Expected<std::unique_ptr<Block>> make_syscall_block(const BlockContext& context, MemoryFault fault);
Expected<std::unique_ptr<Block>> make_switch_block(const BlockContext& context, MemoryFault fault);

}  // namespace assay::engine
