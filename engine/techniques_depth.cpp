#include "engine/techniques_depth.hpp"

#include <array>

#include "engine/ring.hpp"
#include "engine/storage_adaptive.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

constexpr std::string_view kDepthKeys = "op,block,size,depth,pattern,direct,regime,target-p99";

Availability depth_available(const Host& host, const probes::Inventory&, const Parameters&) {
  Availability here = measurable(host);
  return here.available ? availability_of(ring_allowed(host)) : here;
}

constexpr std::array kDepthRows{
    Technique{
        .id = "storage.static-depth",
        .summary = "io_uring at the fixed depth, of those tried beforehand, that gives the most "
                   "with its p99 under --target-p99",
        .proof = "operations in flight; every depth that fits is named",
        .uses_file = true,
        .moves_data = true,
        .parameters = kDepthKeys,
        .available = depth_available,
        .make = [](const BlockContext& context) { return make_static_depth(context); },
        .resolve = resolve_adaptive_depth,
    },
    Technique{
        .id = "storage.adaptive-depth",
        .summary = "io_uring with as many operations in flight as keep the p99 under --target-p99, "
                   "found out while it runs; --depth is the largest",
        .baseline = "storage.static-depth",
        .claim = {.text = "holds the p99 under the target, within 10 % of the best fixed depth",
                  .throughput_ratio_min = 0.9},
        .proof = "depth over time: settled within 2 s from cold, as many in flight as it says",
        .uses_file = true,
        .moves_data = true,
        .parameters = kDepthKeys,
        .available = depth_available,
        .make = [](const BlockContext& context) { return make_adaptive_depth(context); },
        .resolve = resolve_adaptive_depth,
    },
};

}  // namespace

std::span<const Technique> depth_techniques() { return kDepthRows; }

}  // namespace assay::engine
