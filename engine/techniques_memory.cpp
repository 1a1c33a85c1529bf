#include "engine/techniques_memory.hpp"

#include <algorithm>
#include <array>

#include "engine/memory_blocks.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

// Where a block would run, as far as the inventory tells.
CpuId any_cpu(const probes::Inventory& inventory) {
  const auto& topology = inventory.topology;
  const auto allowed = topology.allowed.first();
  return {allowed ? *allowed : topology.online.first().value_or(0)};
}

Expected<void> check_variant(const probes::Inventory& inventory, std::string_view variant) {
  if (is_memory_level(variant)) {
    auto options = chase_for(inventory, any_cpu(inventory), variant);
    if (!options) return std::unexpected(options.error());
    return {};
  }
  const auto known = memory_variants();
  if (variant.empty() || std::ranges::find(known, variant) != known.end()) return {};
  return fail(ErrorCode::invalid, "parameter variant", variant,
              "expected l1, l2, l3, dram, remote, syscall or context-switch");
}

// Only what this host has: a level that is asked for all the same is answered by available().
std::vector<std::string> variants(const probes::Inventory& inventory) {
  std::vector<std::string> names;
  for (const std::string_view name : memory_variants()) {
    if (check_variant(inventory, name)) names.emplace_back(name);
  }
  return names;
}

Availability available(const Host& host, const probes::Inventory& inventory,
                       const Parameters& parameters) {
  if (auto here = measurable(host); !here.available) return here;
  return availability_of(check_variant(inventory, parameters.variant));
}

Claim absolute(std::string_view text, std::uint64_t ns_max) {
  return {
      .text = text, .latency_ratio_max = {}, .throughput_ratio_min = {}, .latency_ns_max = ns_max};
}

Claim claim(std::string_view variant) {
  if (variant == "l1") return absolute("1-2 ns a load", 2);
  if (variant == "l2") return absolute("3-10 ns a load", 10);
  if (variant == "l3") return absolute("10-40 ns a load", 40);
  if (variant == "dram") return absolute("60-100 ns a load", 100);
  if (variant == "syscall") return absolute("50-500 ns a call", 500);
  if (variant == "context-switch") return absolute("1-10 µs a switch", 10'000);
  return {};  // nothing is claimed of a remote node's memory
}

Expected<std::unique_ptr<Block>> make(const BlockContext& context) {
  return make_memory_block(context);
}

constexpr std::array kMemoryRows{
    Technique{
        .id = "memory.hierarchy",
        .summary = "What one dependent load costs from each level of the memory, and what a system "
                   "call and a switch between two threads cost",
        .baseline = "",
        .claim = {.text = "L1 1-2 ns, L2 3-10 ns, L3 10-40 ns, DRAM 60-100 ns; system call "
                          "50-500 ns; context switch 1-10 µs",
                  .latency_ratio_max = {},
                  .throughput_ratio_min = {},
                  .latency_ns_max = {}},
        .proof = "prefetch-proof pointer chase: it stands where that many dependent loads lead, "
                 "and at most 5 % of steps go to neighbouring lines; calls counted by the kernel; "
                 "thread switched out once a round; pages of a node asked for one by one",
        .parameters = "variant",
        .operations_per_sample =
            [](const Parameters& p) { return memory_operations_per_sample(p.variant); },
        .variant_claim = claim,
        .variants = variants,
        .available = available,
        .make = make,
    },
};

}  // namespace

std::span<const Technique> memory_techniques() { return kMemoryRows; }

}  // namespace assay::engine
