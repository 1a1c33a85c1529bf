// What one load, one system call and one context switch cost, and what pages, nodes, faults and
// shared lines add to a load: the blocks of the memory area.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/memory_chase.hpp"
#include "engine/technique.hpp"

namespace assay::engine {

// Loads from memory behind one recorded latency.
inline constexpr unsigned kLoadsPerSample = 16;

// The variants in the order of the hierarchy: "l1", "l2", "l3", "dram", "remote", "syscall",
// "context-switch", "pipe", "socket", "storage".
std::vector<std::string_view> memory_variants();

// How many operations one recorded latency covers, so that the two time stamps around it weigh at
// most a few per cent: 1024 loads from L1, 16 from memory, 2 context switches (there and back).
unsigned memory_operations_per_sample(std::string_view variant);

// Whether a variant is a pointer chase through a level of the memory.
bool is_memory_level(std::string_view variant);
// Whether it is another technique's block: ipc.pipe, ipc.unix, storage.direct.
bool is_borrowed_variant(std::string_view variant);
// Whether this host has it. Errors: absent (with the reason), invalid (no such variant).
Expected<void> check_memory_variant(const probes::Inventory& inventory, std::string_view variant);

// Of this CPU's first cache; 64 where the kernel does not tell.
unsigned cache_line_bytes(const probes::Inventory& inventory, CpuId cpu);

// The buffer whose walk is served by one level, sized from the caches of this CPU: half of L1 and
// of L2; for L3 four times L2 but at most half of L3; for memory twice the last cache (64 to
// 256 MiB). Errors: absent (no such cache, one node only), exhausted (memory), invalid (no such
// variant).
Expected<ChaseOptions> chase_for(const probes::Inventory& inventory, CpuId cpu,
                                 std::string_view variant);

// A walk through `size` of memory in pages of a kind, on this CPU's node where there are several.
// Errors: invalid (no power of two, or below 2 MiB), exhausted.
Expected<ChaseOptions> chase_in_pages(const probes::Inventory& inventory, CpuId cpu, Bytes size,
                                      PageKind pages);

// What goes wrong: for the tests of the proof.
enum class MemoryFault : std::uint8_t {
  none,
  guessable_order,  // the chase goes from line to line, as a prefetcher would guess
  lost_place,       // the walk is not followed to its end
  no_kernel,        // the "system call" is answered in user space; the "switch" stays on the thread
  other_node,       // the pages lie on another node than is claimed
  other_pages,      // base pages where huge ones are claimed, and the other way round
  not_prefaulted,   // what should be populated and locked is not; what should be fresh is populated
  same_line,        // the padded fields share a line after all
  alone,            // the other thread does nothing
};

// One block of a variant. Errors: as chase_for().
Expected<std::unique_ptr<Block>> make_memory_block(const BlockContext& context,
                                                   MemoryFault fault = MemoryFault::none);
Expected<std::unique_ptr<Block>> make_chase_block(const BlockContext& context,
                                                  const ChaseOptions& options, MemoryFault fault);
Expected<std::unique_ptr<Block>> make_syscall_block(const BlockContext& context, MemoryFault fault);
Expected<std::unique_ptr<Block>> make_switch_block(const BlockContext& context, MemoryFault fault);

// The pipe, socket and storage variants: the blocks of other techniques, with the parameters that
// make them a step of the hierarchy (storage: 4 KiB, random, past the page cache).
std::string_view lender_of(std::string_view variant);  // "ipc.pipe"
Parameters borrowed_parameters(const Parameters& parameters);
Expected<std::unique_ptr<Block>> make_borrowed_block(const BlockContext& context);

// A walk in pages of a kind: memory.thp, .huge-2m, .huge-1g, .base-pages.
Expected<std::unique_ptr<Block>> make_pages_block(const BlockContext& context, PageKind pages,
                                                  MemoryFault fault = MemoryFault::none);

// Writes to page after page of `size`, each write a sample. Prefaulted: populated and locked before
// the first of them. Else fresh memory, mapped anew (outside the samples) when all was touched.
// Proof: page faults counted (getrusage(2)); Locked in smaps. Data: every page holds what was
// written. Errors: those of PageMapping::map().
Expected<std::unique_ptr<Block>> make_touch_block(const BlockContext& context, bool prefaulted,
                                                  MemoryFault fault = MemoryFault::none);
// Whether so much may be locked by this process. Error: denied or exhausted (the memlock limit).
Expected<void> locking_allowed(Bytes size);

// Two threads each count in a field of their own, in one cache line or in lines of their own; one
// latency covers kIncrementsPerSample increments of the measuring thread. Proof: the fields'
// addresses; the other thread counted meanwhile; in one line, a tenth of the samples or more cost
// at least kSharingRatioMin times what they cost alone. Data: no increment is lost. Error: invalid
// for fewer than two CPUs.
inline constexpr unsigned kIncrementsPerSample = 64;
inline constexpr double kSharingRatioMin = 1.5;
Expected<std::unique_ptr<Block>> make_padding_block(const BlockContext& context, bool padded,
                                                    MemoryFault fault = MemoryFault::none);

}  // namespace assay::engine
