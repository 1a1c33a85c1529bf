#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

#include "engine/memory_blocks.hpp"

namespace assay::engine {
namespace {

enum class Part : std::uint8_t { level, kernel, borrowed };

struct Variant {
  std::string_view name;
  unsigned operations_per_sample;
  Part part;
};

constexpr std::array kVariants{Variant{"l1", 1024, Part::level},
                               Variant{"l2", 512, Part::level},
                               Variant{"l3", 64, Part::level},
                               Variant{"dram", kLoadsPerSample, Part::level},
                               Variant{"remote", kLoadsPerSample, Part::level},
                               Variant{"syscall", 16, Part::kernel},
                               Variant{"context-switch", 2, Part::kernel},
                               Variant{"pipe", 1, Part::borrowed},
                               Variant{"socket", 1, Part::borrowed},
                               Variant{"storage", 1, Part::borrowed}};

constexpr Bytes kPagesMin{2ULL << 20};
constexpr Bytes kMemoryMin{64ULL << 20}, kMemoryMax{256ULL << 20};

const Variant* find_variant(std::string_view name) {
  const auto found = std::ranges::find(kVariants, name, &Variant::name);
  return found == kVariants.end() ? nullptr : &*found;
}

Failure absent(std::string_view variant, std::string_view cause, std::string_view advice = {}) {
  return fail(ErrorCode::absent, "measure memory level", variant, cause, advice);
}

// The cache that holds this CPU's data on a level.
const probes::Cache* cache_of(const probes::Inventory& inventory, CpuId cpu, unsigned level) {
  for (const probes::Cache& cache : inventory.topology.caches) {
    if (cache.level == level && cache.type != probes::CacheType::instruction &&
        cache.size.count > 0 && cache.shared_by.contains(cpu.value)) {
      return &cache;
    }
  }
  return nullptr;
}

Bytes last_cache_size(const probes::Inventory& inventory, CpuId cpu) {
  Bytes largest{0};
  for (unsigned level = 1; level <= 4; ++level) {
    const auto* cache = cache_of(inventory, cpu, level);
    if (cache != nullptr) largest = std::max(largest, cache->size);
  }
  return largest;
}

Expected<Bytes> cached_size(const probes::Inventory& inventory, CpuId cpu, unsigned level,
                            std::string_view variant) {
  const auto* cache = cache_of(inventory, cpu, level);
  if (cache == nullptr) {
    return absent(variant,
                  fmt::format("the kernel tells of no L{} cache of CPU {}", level, cpu.value));
  }
  const auto* inner = level == 1 ? nullptr : cache_of(inventory, cpu, level - 1);
  const std::uint64_t inner_bytes = inner == nullptr ? 0 : inner->size.count;
  // L3 is shared with other cores, and under a hypervisor with other guests, so that only a part of
  // it can be counted on: no more than is needed to be well beyond the level inside.
  std::uint64_t bytes = std::bit_floor(cache->size.count / 2);
  if (level == 3 && inner_bytes != 0) bytes = std::min(bytes, std::bit_ceil(4 * inner_bytes));
  if (bytes < 2 * inner_bytes) {
    return absent(variant, fmt::format("L{} ({}) is not large enough beside L{} ({}) to be told "
                                       "apart",
                                       level, format_bytes(cache->size), level - 1,
                                       format_bytes(inner->size)));
  }
  return Bytes{bytes};
}

Expected<Bytes> memory_size(const probes::Inventory& inventory, CpuId cpu,
                            std::string_view variant) {
  // Built cold and walked once round at most (64 MiB last 60 ms and more), so that twice the cache
  // is enough; a longer walk meets some of its lines again in a cache that does not evict in order.
  const std::uint64_t wanted = std::bit_ceil(2 * last_cache_size(inventory, cpu).count);
  const Bytes size{std::clamp(wanted, kMemoryMin.count, kMemoryMax.count)};
  const Bytes available = inventory.memory.available;
  if (available.count != 0 && available < size * 2) {
    return fail(ErrorCode::exhausted, "measure memory level", variant,
                fmt::format("needs {} of memory, {} are available", format_bytes(size),
                            format_bytes_short(available)),
                "free memory");
  }
  return size;
}

// The node of a CPU, and the one farthest from it that has memory.
struct Nodes {
  const probes::Node* local = nullptr;
  const probes::Node* farthest = nullptr;
};

Nodes nodes_of(const probes::Inventory& inventory, CpuId cpu) {
  const auto& all = inventory.topology.nodes;
  Nodes nodes;
  for (const auto& node : all) {
    if (node.cpus.contains(cpu.value)) nodes.local = &node;
  }
  if (nodes.local == nullptr) return nodes;
  unsigned longest = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (&all[i] == nodes.local || all[i].memory.count == 0) continue;
    const auto& distances = nodes.local->distances;
    const unsigned distance = i < distances.size() ? distances[i] : 1;
    if (distance > longest) nodes.farthest = &all[i];
    longest = std::max(longest, distance);
  }
  return nodes;
}

}  // namespace

unsigned cache_line_bytes(const probes::Inventory& inventory, CpuId cpu) {
  constexpr unsigned kUsual = 64;
  const auto* l1 = cache_of(inventory, cpu, 1);
  return l1 != nullptr && std::has_single_bit(l1->line_bytes) ? l1->line_bytes : kUsual;
}

Expected<ChaseOptions> chase_in_pages(const probes::Inventory& inventory, CpuId cpu, Bytes size,
                                      PageKind pages) {
  if (!std::has_single_bit(size.count) || size < kPagesMin) {
    return fail(ErrorCode::invalid, "parameter size", format_bytes(size),
                fmt::format("expected a power of two of at least {}", format_bytes(kPagesMin)));
  }
  const Bytes page = huge_page_size(pages);
  const Bytes available = inventory.memory.available;
  // Reserved huge pages are no part of what is available.
  if (page.count == 0 && available.count != 0 && available < size * 2) {
    return fail(
        ErrorCode::exhausted, "walk through memory", format_bytes(size),
        fmt::format("{} are available, half of that may be taken", format_bytes_short(available)),
        "free memory, or choose a smaller --size");
  }
  ChaseOptions options;
  options.size = size;
  options.line_bytes = cache_line_bytes(inventory, cpu);
  options.cold = true;
  options.pages = pages;
  const Nodes nodes = nodes_of(inventory, cpu);
  if (nodes.farthest != nullptr) options.node = nodes.local->id;
  return options;
}

std::vector<std::string_view> memory_variants() {
  std::vector<std::string_view> names;
  for (const Variant& variant : kVariants) names.push_back(variant.name);
  return names;
}

unsigned memory_operations_per_sample(std::string_view variant) {
  const Variant* row = find_variant(variant);
  return row == nullptr ? 1 : row->operations_per_sample;
}

bool is_memory_level(std::string_view variant) {
  const Variant* row = find_variant(variant);
  return row != nullptr && row->part == Part::level;
}

bool is_borrowed_variant(std::string_view variant) {
  const Variant* row = find_variant(variant);
  return row != nullptr && row->part == Part::borrowed;
}

Expected<ChaseOptions> chase_for(const probes::Inventory& inventory, CpuId cpu,
                                 std::string_view variant) {
  if (!is_memory_level(variant)) {
    return fail(ErrorCode::invalid, "measure memory level", variant,
                "expected l1, l2, l3, dram or remote");
  }
  ChaseOptions options;
  options.line_bytes = cache_line_bytes(inventory, cpu);
  options.cold = variant == "dram" || variant == "remote";
  options.loads_per_sample = memory_operations_per_sample(variant);
  auto size = options.cold
                  ? memory_size(inventory, cpu, variant)
                  : cached_size(inventory, cpu, static_cast<unsigned>(variant[1] - '0'), variant);
  if (!size) return std::unexpected(size.error());
  options.size = *size;
  const Nodes nodes = nodes_of(inventory, cpu);
  if (variant == "remote") {
    if (nodes.farthest == nullptr) {
      return absent(variant, "this host has no second NUMA node",
                    "run it on a host with two nodes or more");
    }
    options.node = nodes.farthest->id;
  } else if (variant == "dram" && nodes.farthest != nullptr) {
    options.node = nodes.local->id;
  }
  return options;
}

}  // namespace assay::engine
