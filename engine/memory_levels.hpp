// The row of memory.hierarchy: every step from L1 to storage, measured one by one. Internal to the
// engine.
#pragma once

#include "engine/memory_blocks.hpp"
#include "engine/technique.hpp"

namespace assay::engine {

// Where a block would run, as far as the inventory tells.
CpuId any_allowed_cpu(const probes::Inventory& inventory);

std::vector<std::string> hierarchy_variants(const probes::Inventory& inventory);
Availability hierarchy_available(const Host& host, const probes::Inventory& inventory,
                                 const Parameters& parameters);
Claim hierarchy_claim(std::string_view variant);
Needs hierarchy_needs(std::string_view variant);
Parameters hierarchy_resolved(const Parameters& parameters);
Expected<std::unique_ptr<Block>> make_hierarchy(const BlockContext& context);

constexpr Technique hierarchy_row() {
  return {
      .id = "memory.hierarchy",
      .summary =
          "What one dependent load costs from each level of the memory, and what a system "
          "call, a switch between two threads, a message through a pipe or socket, and a "
          "read from storage cost",
      .claim = {.text = "L1 1-2 ns, L2 3-10 ns, L3 10-40 ns, DRAM 60-100 ns; system call 50-500 "
                        "ns; context switch 1-10 µs; pipe, socket 1-5 µs one way; storage 10-50 "
                        "µs"},
      .proof =
          "prefetch-proof pointer chase: it stands where that many dependent loads lead, and "
          "at most 5 % of steps go to neighbouring lines; calls counted by the kernel; thread "
          "switched out once a round; pages of a node asked for one by one; pipe, socket and "
          "storage as ipc.pipe, ipc.unix and storage.direct",
      .parameters = "variant",
      .operations_per_sample =
          [](const Parameters& p) { return memory_operations_per_sample(p.variant); },
      .variant_claim = hierarchy_claim,
      .variants = hierarchy_variants,
      .variant_needs = hierarchy_needs,
      .available = hierarchy_available,
      .make = make_hierarchy,
      .resolve = hierarchy_resolved,
  };
}

}  // namespace assay::engine
