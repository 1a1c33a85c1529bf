#include "engine/ablation_families.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/storage_uring_block.hpp"

namespace assay::engine {
namespace {

using Names = std::vector<std::string>;

// What is one choice in the kernel: two of a group are never on together.
constexpr std::array<std::array<std::string_view, 3>, 2> kGroups{{
    {"defer-taskrun", "coop-taskrun", "sqpoll"},
    {"iopoll", "hybrid-iopoll", ""},
}};

// The switches in the order in which they are added: of a group the one first that combines best.
std::vector<std::string_view> uring_switches() {
  std::vector<std::string_view> names;
  for (const UringFeature& feature : uring_features()) names.push_back(feature.name);
  const auto coop = std::ranges::find(names, "coop-taskrun");
  const auto defer = std::ranges::find(names, "defer-taskrun");
  if (coop < defer && defer != names.end()) std::iter_swap(coop, defer);
  return names;
}

// Every combination has the same room in flight; a batch does not fit into less.
Parameters uring_common(const Parameters& asked, bool depth_given) {
  Parameters common = asked;
  if (!depth_given) common.depth = 32;
  return common;
}

Parameters uring_with(const Parameters& common, const Names& on) {
  Parameters with = common;
  with.features = fmt::format("{}", fmt::join(on, "+"));
  return with;
}

Availability uring_combination(const Host& host, const probes::Inventory&, const Parameters& common,
                               const Names& on) {
  for (const auto& group : kGroups) {
    Names both;
    for (const std::string_view name : group) {
      if (std::ranges::find(on, name) != on.end()) both.emplace_back(name);
    }
    if (both.size() < 2) continue;
    return {false, fmt::format("{} and {} exclude each other", both[0], both[1]), {}};
  }
  const bool batched = std::ranges::find(on, "batched") != on.end();
  if (batched && common.depth < 2) {
    return {false, "a batch does not fit into a depth of 1", "give a larger --depth"};
  }
  Parameters with = uring_with(common, on);
  const UringFeatures features = features_of(with);
  return uring_features_available(host, with, features);
}

constexpr std::array kFamilies{AblationFamily{.technique = "storage.uring",
                                              .switches = uring_switches,
                                              .available = uring_combination,
                                              .with = uring_with,
                                              .common = uring_common}};

}  // namespace

std::span<const AblationFamily> ablation_families() { return kFamilies; }

}  // namespace assay::engine
