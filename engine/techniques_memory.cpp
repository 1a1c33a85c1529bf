#include "engine/techniques_memory.hpp"

#include <algorithm>
#include <array>

#include "engine/memory_blocks.hpp"
#include "engine/memory_levels.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

// Nodes that have memory: those that pages may lie on.
std::vector<NodeId> memory_nodes(const probes::Inventory& inventory) {
  std::vector<NodeId> nodes;
  for (const probes::Node& node : inventory.topology.nodes) {
    if (node.memory.count > 0) nodes.push_back(node.id);
  }
  return nodes;
}

// Some node has enough: which one is asked again when the CPU is known.
Expected<void> obtainable_somewhere(const Host& host, const probes::Inventory& inventory,
                                    PageKind kind, Bytes size) {
  auto on_host = pages_obtainable(host, kind, size, std::nullopt);
  const std::vector<NodeId> nodes = memory_nodes(inventory);
  if (!on_host || nodes.size() < 2) return on_host;
  Expected<void> outcome;
  for (const NodeId node : nodes) {
    outcome = pages_obtainable(host, kind, size, node);
    if (outcome) return outcome;
  }
  return outcome;
}

template <PageKind kKind>
Availability pages_available(const Host& host, const probes::Inventory& inventory,
                             const Parameters& parameters) {
  if (auto here = measurable(host); !here.available) return here;
  const CpuId cpu = any_allowed_cpu(inventory);
  auto options = chase_in_pages(inventory, cpu, parameters.size, kKind);
  if (!options) return availability_of(std::unexpected(options.error()));
  return availability_of(obtainable_somewhere(host, inventory, kKind, parameters.size));
}

template <PageKind kKind>
Expected<std::unique_ptr<Block>> make_pages(const BlockContext& context) {
  return make_pages_block(context, kKind);
}

unsigned loads_per_sample(const Parameters&) { return kLoadsPerSample; }

constexpr std::string_view kPagesProof =
    "smaps tells the pages of the walked memory (AnonHugePages, KernelPageSize, Private_Hugetlb); "
    "the walk ended where that many dependent loads lead";

// The four rows of pages differ in the pages alone.
template <PageKind kKind>
constexpr Technique pages_row(std::string_view id, std::string_view summary) {
  constexpr bool kBaseline = kKind == PageKind::base;
  return {
      .id = id,
      .summary = summary,
      .baseline = kBaseline ? std::string_view() : "memory.base-pages",
      .claim = kBaseline
                   ? Claim{}
                   : Claim{.text = "15-30 % faster than pages of 4 KiB", .latency_ratio_max = 0.85},
      .proof = kPagesProof,
      .parameters = "size",
      .operations_per_sample = loads_per_sample,
      .available = pages_available<kKind>,
      .make = make_pages<kKind>,
  };
}

// The other side of the comparison says it best why there is none.
Availability local_available(const Host& host, const probes::Inventory& inventory,
                             const Parameters&) {
  if (auto here = measurable(host); !here.available) return here;
  if (auto remote = check_memory_variant(inventory, "remote"); !remote) {
    return not_available("this host has no second NUMA node: all memory is local",
                         "run it on a host with two nodes or more");
  }
  return availability_of(check_memory_variant(inventory, "dram"));
}

Parameters remote_memory(const Parameters& parameters) {
  Parameters remote = parameters;
  remote.variant = "remote";
  return remote;
}

Expected<std::unique_ptr<Block>> make_local(const BlockContext& context) {
  const CpuId cpu{context.cpus.first().value_or(0)};
  auto options = chase_for(*context.inventory, cpu, "dram");
  if (!options) return Failure(options.error());
  return make_chase_block(context, *options, MemoryFault::none);
}

Availability touch_available(const Host& host, const probes::Inventory& inventory,
                             const Parameters& parameters) {
  if (auto here = measurable(host); !here.available) return here;
  const Bytes available = inventory.memory.available;
  if (parameters.size < base_page_size() * 2) {
    return not_available(
        "parameter size: " + format_bytes(parameters.size) + " is less than two pages",
        "choose a larger --size");
  }
  if (available.count != 0 && available < parameters.size * 2) {
    return not_available("more than half of the memory that is available would be taken",
                         "free memory, or choose a smaller --size");
  }
  return {};
}

Availability prefault_available(const Host& host, const probes::Inventory& inventory,
                                const Parameters& parameters) {
  auto can = touch_available(host, inventory, parameters);
  return can.available ? availability_of(locking_allowed(parameters.size)) : can;
}

template <bool kPrefaulted>
Expected<std::unique_ptr<Block>> make_touch(const BlockContext& context) {
  return make_touch_block(context, kPrefaulted);
}

Availability padding_available(const Host& host, const probes::Inventory& inventory,
                               const Parameters&) {
  if (auto here = measurable(host); !here.available) return here;
  if (inventory.topology.allowed.count() >= 2) return {};
  return not_available("one CPU only: two threads cannot write at the same time",
                       "allow this process a second CPU");
}

template <bool kPadded>
Expected<std::unique_ptr<Block>> make_padding(const BlockContext& context) {
  return make_padding_block(context, kPadded);
}

unsigned increments_per_sample(const Parameters&) { return kIncrementsPerSample; }

constexpr std::array kMemoryRows{
    hierarchy_row(),
    pages_row<PageKind::base>("memory.base-pages",
                              "Dependent loads in random order from memory in the host's base "
                              "pages (4 KiB on x86), huge ones refused"),
    pages_row<PageKind::transparent>("memory.thp",
                                     "The same walk in transparent huge pages (MADV_HUGEPAGE)"),
    pages_row<PageKind::huge_2m>("memory.huge-2m",
                                 "The same walk in reserved huge pages of 2 MiB (MAP_HUGETLB)"),
    pages_row<PageKind::huge_1g>("memory.huge-1g",
                                 "The same walk in reserved huge pages of 1 GiB (MAP_HUGETLB)"),
    Technique{
        .id = "memory.numa-local",
        .summary = "Dependent loads in random order from memory on the CPU's own NUMA node",
        .baseline = "memory.hierarchy",
        .claim = {.text = "the node's own memory is nearer than another's"},
        .proof = "move_pages asks the kernel for the node of every page",
        .parameters = "",
        .operations_per_sample = loads_per_sample,
        .baseline_parameters = remote_memory,
        .available = local_available,
        .make = make_local,
    },
    Technique{
        .id = "memory.first-touch",
        .summary = "The first write to each page of fresh memory, which the kernel has to find and "
                   "clear",
        .proof = "a page fault for each page (getrusage); nothing locked (smaps)",
        .moves_data = true,
        .parameters = "size",
        .available = touch_available,
        .make = make_touch<false>,
    },
    Technique{
        .id = "memory.prefault-lock",
        .summary = "The same writes to memory that was populated (MAP_POPULATE) and locked (mlock) "
                   "beforehand",
        .baseline = "memory.first-touch",
        .claim = {.text = "no page faults in the hot path"},
        .proof = "page faults counted (getrusage): at most one in 1000 touches; all of it Locked "
                 "in smaps",
        .moves_data = true,
        .parameters = "size",
        .available = prefault_available,
        .make = make_touch<true>,
    },
    Technique{
        .id = "memory.shared-line",
        .summary = "Two threads each count in a field of their own; both fields are in one cache "
                   "line",
        .proof = "the fields' distance is below a line; the other thread counted meanwhile; a "
                 "tenth of the samples or more cost 1.5 times what they cost alone: false sharing "
                 "is seen",
        .moves_data = true,
        .threads = 2,
        .parameters = "",
        .operations_per_sample = increments_per_sample,
        .available = padding_available,
        .make = make_padding<false>,
    },
    Technique{
        .id = "memory.padding",
        .summary = "The same with each field in lines of its own (128 bytes apart, or two lines)",
        .baseline = "memory.shared-line",
        .claim = {.text = "no false sharing: a thread writes as fast as if it were alone"},
        .proof = "the fields' distance is a line or more; the other thread counted meanwhile",
        .moves_data = true,
        .threads = 2,
        .parameters = "",
        .operations_per_sample = increments_per_sample,
        .available = padding_available,
        .make = make_padding<true>,
    },
};

}  // namespace

std::span<const Technique> memory_techniques() { return kMemoryRows; }

}  // namespace assay::engine
