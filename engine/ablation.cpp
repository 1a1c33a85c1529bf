#include "engine/ablation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/suggest.hpp"
#include "engine/ablation_families.hpp"

namespace assay::engine {
namespace {

constexpr std::array<std::string_view, 5> kAblationKinds{"plain", "alone", "cumulative", "all",
                                                         "without"};

using Names = std::vector<std::string>;

// Makes the steps one after the other; series are shared by equal combinations.
class Planner {
 public:
  Planner(const AblationFamily& family, const Technique& technique, const Host& host,
          const probes::Inventory& inventory, const BenchRequest& request)
      : family_(family),
        technique_(technique),
        host_(host),
        inventory_(inventory),
        request_(request),
        common_(family.common(only_taken(technique, request.parameters), request.depth_given)) {}

  AblationPlan plan() {
    plan_.technique = technique_.id;
    add(AblationKind::plain, "", {});
    for (const std::string_view name : family_.switches()) {
      add(AblationKind::alone, std::string(name), {std::string(name)});
    }
    std::size_t all_step = 0;
    const Names all = add_cumulative(all_step);
    if (all.size() < 2) return std::move(plan_);
    plan_.steps[all_step].kind = AblationKind::all;
    for (const std::string& name : all) {
      Names rest;
      std::ranges::copy_if(all, std::back_inserter(rest),
                           [&name](const std::string& one) { return one != name; });
      add(AblationKind::without, name, rest, all_step);
    }
    return std::move(plan_);
  }

 private:
  // Each switch on top of those that could be taken; what cannot join them is a step that says why.
  // Returns those that are on at the end; `last` is their step.
  Names add_cumulative(std::size_t& last) {
    Names on;
    for (const std::string_view name : family_.switches()) {
      // Not here at all: said once, where it stands alone.
      if (!can({std::string(name)}).available) continue;
      Names more = on;
      more.emplace_back(name);
      add(AblationKind::cumulative, std::string(name), more, last);
      if (!plan_.steps.back().series) continue;
      on = std::move(more);
      last = plan_.steps.size() - 1;
    }
    return on;
  }

  Availability can(const Names& on) const {
    return family_.available(host_, inventory_, common_, on);
  }

  void add(AblationKind kind, std::string name, Names on,
           std::optional<std::size_t> against = std::nullopt) {
    AblationStep step{.kind = kind,
                      .name = std::move(name),
                      .on = std::move(on),
                      .series = {},
                      .against = against,
                      .skipped = {},
                      .remedy = {}};
    if (kind != AblationKind::plain && !step.against) step.against = 0;
    if (const Availability here = can(step.on); here.available) {
      step.series = series_with(step.on);
    } else {
      step.skipped = here.reason;
      step.remedy = here.remedy;
    }
    plan_.steps.push_back(std::move(step));
  }

  std::size_t series_with(const Names& on) {
    Names sorted = on;
    std::ranges::sort(sorted);
    const auto known = std::ranges::find(combinations_, sorted);
    if (known != combinations_.end()) {
      return static_cast<std::size_t>(known - combinations_.begin());
    }
    combinations_.push_back(std::move(sorted));
    Series series;
    series.technique = &technique_;
    series.parameters = family_.with(common_, on);
    series.cpus = request_.cpus;
    series.is_baseline = on.empty();
    plan_.series.push_back(std::move(series));
    return plan_.series.size() - 1;
  }

  const AblationFamily& family_;
  const Technique& technique_;
  const Host& host_;
  const probes::Inventory& inventory_;
  const BenchRequest& request_;
  Parameters common_;
  AblationPlan plan_;
  std::vector<Names> combinations_;  // of plan_.series, sorted
};

}  // namespace

std::string_view to_string(AblationKind kind) {
  return kAblationKinds[static_cast<std::size_t>(kind)];
}

AblationPlan plan_family(const AblationFamily& family, const Technique& technique, const Host& host,
                         const probes::Inventory& inventory, const BenchRequest& request) {
  return Planner(family, technique, host, inventory, request).plan();
}

std::vector<std::string_view> ablation_ids() {
  std::vector<std::string_view> ids;
  for (const AblationFamily& family : ablation_families()) ids.push_back(family.technique);
  return ids;
}

Expected<AblationPlan> plan_ablation(const Host& host, const probes::Inventory& inventory,
                                     const BenchRequest& request, const std::string& technique) {
  for (const AblationFamily& family : ablation_families()) {
    const Technique* row = find_technique(family.technique);
    if (family.technique != technique || row == nullptr) continue;
    return plan_family(family, *row, host, inventory, request);
  }
  const auto ids = ablation_ids();
  return fail(ErrorCode::invalid, "bench --ablate", technique,
              fmt::format("expected a technique with switches: {}{}", fmt::join(ids, ", "),
                          did_you_mean(technique, ids)));
}

}  // namespace assay::engine
