#include "engine/memory_levels.hpp"

#include <algorithm>

#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

const Technique* lender(std::string_view variant) { return find_technique(lender_of(variant)); }

Claim absolute(std::string_view text, std::uint64_t ns_max) {
  return {
      .text = text, .latency_ratio_max = {}, .throughput_ratio_min = {}, .latency_ns_max = ns_max};
}

}  // namespace

CpuId any_allowed_cpu(const probes::Inventory& inventory) {
  const auto& topology = inventory.topology;
  const auto allowed = topology.allowed.first();
  return {allowed ? *allowed : topology.online.first().value_or(0)};
}

Expected<void> check_memory_variant(const probes::Inventory& inventory, std::string_view variant) {
  if (is_memory_level(variant)) {
    auto options = chase_for(inventory, any_allowed_cpu(inventory), variant);
    if (!options) return Failure(options.error());
    return {};
  }
  const auto known = memory_variants();
  if (variant.empty() || std::ranges::find(known, variant) != known.end()) return {};
  return fail(
      ErrorCode::invalid, "parameter variant", variant,
      "expected l1, l2, l3, dram, remote, syscall, context-switch, pipe, socket or storage");
}

// Only what this host has: a level that is asked for all the same is answered by available().
std::vector<std::string> hierarchy_variants(const probes::Inventory& inventory) {
  std::vector<std::string> names;
  for (const std::string_view name : memory_variants()) {
    if (check_memory_variant(inventory, name)) names.emplace_back(name);
  }
  return names;
}

Availability hierarchy_available(const Host& host, const probes::Inventory& inventory,
                                 const Parameters& parameters) {
  if (auto here = measurable(host); !here.available) return here;
  if (auto fine = check_memory_variant(inventory, parameters.variant); !fine) {
    return availability_of(fine);
  }
  if (!is_borrowed_variant(parameters.variant)) return {};
  const Technique* from = lender(parameters.variant);
  return from->available(host, inventory, borrowed_parameters(parameters));
}

Claim hierarchy_claim(std::string_view variant) {
  if (variant == "l1") return absolute("1-2 ns a load", 2);
  if (variant == "l2") return absolute("3-10 ns a load", 10);
  if (variant == "l3") return absolute("10-40 ns a load", 40);
  if (variant == "dram") return absolute("60-100 ns a load", 100);
  if (variant == "syscall") return absolute("50-500 ns a call", 500);
  if (variant == "context-switch") return absolute("1-10 µs a switch", 10'000);
  if (variant == "storage") return absolute("10-50 µs a read of 4 KiB", 50'000);
  if (is_borrowed_variant(variant)) return lender(variant)->claim;
  return {};  // nothing is claimed of a remote node's memory
}

Needs hierarchy_needs(std::string_view variant) {
  if (!is_borrowed_variant(variant)) return {};
  const Technique* from = lender(variant);
  return {from->uses_file, from->threads};
}

// So that a file is prepared for the regime that it is read in.
Parameters hierarchy_resolved(const Parameters& parameters) {
  return is_borrowed_variant(parameters.variant) ? borrowed_parameters(parameters) : parameters;
}

Expected<std::unique_ptr<Block>> make_hierarchy(const BlockContext& context) {
  return make_memory_block(context);
}

}  // namespace assay::engine
