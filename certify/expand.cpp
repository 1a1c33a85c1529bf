#include "certify/expand.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace assay::certify {
namespace {

Expected<engine::Parameters> read_parameters(const engine::Technique& technique,
                                             const profiles::Budget& budget) {
  engine::Parameters parameters;
  for (const auto& [key, value] : budget.parameters) {
    if (!engine::takes_parameter(technique, key)) {
      return budget_error(budget, fmt::format("the technique has no parameter '{}'", key),
                          fmt::format("it takes: {}", technique.parameters));
    }
    auto set = engine::set_parameter(parameters, key, value);
    if (!set) return budget_error(budget, set.error().message());
  }
  return parameters;
}

engine::Parameters resolved(const engine::Technique& technique,
                            const engine::Parameters& parameters) {
  return technique.resolve == nullptr ? parameters : technique.resolve(parameters);
}

// Which of the shared files a series works on.
std::string file_kind(const engine::Parameters& parameters) {
  if (engine::writes(parameters)) return "written";
  const engine::Regime regime = parameters.regime.value_or(
      parameters.direct.value_or(false) ? engine::Regime::device : engine::Regime::cached);
  return regime == engine::Regime::device ? "device" : "cached";
}

// Collects series and files, each once.
class Collector {
 public:
  explicit Collector(const ExpandContext& context) : context_(context) {}

  Expected<void> add(const profiles::Budget& budget);
  Expansion take() { return std::move(expansion_); }

 private:
  std::size_t add_series(const engine::Technique& technique, engine::Parameters parameters,
                         const Site& site, std::optional<std::size_t> file);
  std::size_t add_with_baseline(const engine::Technique& technique,
                                const engine::Parameters& parameters, const Site& site);
  Site site_of(const engine::Technique& baseline, const engine::Parameters& parameters,
               const Site& candidate) const;
  std::size_t add_file(const std::string& kind, const Site& site, Bytes size);
  void add_limit(std::size_t series, const profiles::Limit& limit, const profiles::Budget& budget);

  const ExpandContext& context_;
  Expansion expansion_;
};

std::size_t Collector::add_file(const std::string& kind, const Site& site, Bytes size) {
  const auto same = [&](const FileRequest& file) {
    return file.kind == kind && file.directory == site.directory && file.device == site.device;
  };
  auto found = std::ranges::find_if(expansion_.files, same);
  if (found == expansion_.files.end()) {
    expansion_.files.push_back({site.directory, site.device, kind, site.target, size, false});
    found = std::prev(expansion_.files.end());
  }
  found->size = std::max(found->size, size);
  found->for_writing = found->for_writing || kind == "written";
  return static_cast<std::size_t>(found - expansion_.files.begin());
}

std::size_t Collector::add_series(const engine::Technique& technique, engine::Parameters parameters,
                                  const Site& site, std::optional<std::size_t> file) {
  parameters = resolved(technique, parameters);
  parameters.directory = site.directory;
  if (!site.device.empty()) parameters.path = site.device;
  const auto key = parameters_of(technique, parameters);
  for (std::size_t i = 0; i < expansion_.series.size(); ++i) {
    const ExpandedSeries& known = expansion_.series[i];
    if (known.technique == &technique && known.target == site.target && known.cpus == site.cpus &&
        known.file == file && parameters_of(technique, known.parameters) == key) {
      return i;
    }
  }
  expansion_.series.push_back({&technique, std::move(parameters), site.target, site.cpus, false,
                               file, std::nullopt, site.skipped, site.remedy});
  return expansion_.series.size() - 1;
}

// A baseline that has a place of its own (a housekeeping CPU) runs once for all that are compared
// with it.
Site Collector::site_of(const engine::Technique& baseline, const engine::Parameters& parameters,
                        const Site& candidate) const {
  if (baseline.place == nullptr || !candidate.skipped.empty()) return candidate;
  const probes::Inventory& inventory = *context_.inventory;
  Site own = candidate;
  CpuSet placed = baseline.place(inventory, parameters, candidate.cpus, inventory.topology.allowed);
  if (placed.empty()) return candidate;
  own.cpus = std::move(placed);
  own.target = Site{}.target;
  return own;
}

std::size_t Collector::add_with_baseline(const engine::Technique& technique,
                                         const engine::Parameters& parameters, const Site& site) {
  std::optional<std::size_t> file;
  if (engine::needs_of(technique, parameters).file && site.skipped.empty()) {
    file = add_file(file_kind(resolved(technique, parameters)), site, parameters.size);
  }
  const std::size_t index = add_series(technique, parameters, site, file);
  if (technique.baseline.empty() || expansion_.series[index].baseline) return index;
  const engine::Technique* baseline = context_.find(technique.baseline);
  if (baseline == nullptr) return index;
  const engine::Parameters compared = technique.baseline_parameters == nullptr
                                          ? parameters
                                          : technique.baseline_parameters(parameters);
  const bool shares_file = engine::needs_of(*baseline, compared).file;
  const std::size_t other = add_series(*baseline, compared, site_of(*baseline, compared, site),
                                       shares_file ? file : std::nullopt);
  if (other == index) return index;  // compared with itself: it is its own baseline
  expansion_.series[other].is_baseline = true;
  expansion_.series[index].baseline = other;
  return index;
}

// A limit that is both absolute and relative makes two verdicts.
void Collector::add_limit(std::size_t series, const profiles::Limit& limit,
                          const profiles::Budget& budget) {
  if (limit.at_most) {
    expansion_.limits.push_back(
        {series, {limit.quantile, limit.at_most, std::nullopt}, budget.required, budget.location});
  }
  if (limit.ratio_at_most) {
    expansion_.limits.push_back({series,
                                 {limit.quantile, std::nullopt, limit.ratio_at_most},
                                 budget.required,
                                 budget.location});
  }
}

Expected<void> Collector::add(const profiles::Budget& budget) {
  const engine::Technique* technique = context_.find(budget.technique);
  if (technique == nullptr)
    return budget_error(budget, "unknown technique", "see `assay techniques`");
  auto parameters = read_parameters(*technique, budget);
  if (!parameters) return std::unexpected(parameters.error());
  auto sites = sites_of(context_, budget, *technique, *parameters);
  if (!sites) return std::unexpected(sites.error());

  std::vector<std::string> variants{parameters->variant};
  if (parameters->variant.empty() && technique->variants != nullptr) {
    variants = technique->variants(*context_.inventory);
    if (variants.empty()) variants.emplace_back();
  }
  for (const Site& site : *sites) {
    for (const std::string& variant : variants) {
      parameters->variant = variant;
      const std::size_t index = add_with_baseline(*technique, *parameters, site);
      for (const profiles::Limit& limit : budget.limits) {
        if (limit.ratio_at_most && !expansion_.series[index].baseline && site.skipped.empty()) {
          return budget_error(budget, "a ratio needs a baseline, and the technique has none here",
                              "give an absolute limit instead");
        }
        add_limit(index, limit, budget);
      }
    }
  }
  return {};
}

}  // namespace

std::size_t Expansion::required_limits() const {
  return static_cast<std::size_t>(std::ranges::count_if(limits, &ExpandedLimit::required));
}

std::map<std::string, std::string> parameters_of(const engine::Technique& technique,
                                                 const engine::Parameters& parameters) {
  std::map<std::string, std::string> all;
  for (const engine::ParameterRow& row : engine::parameter_rows()) {
    if (!engine::takes_parameter(technique, row.key)) continue;
    std::string value = row.get(parameters);
    if (!value.empty()) all.emplace(row.key, std::move(value));
  }
  return all;
}

Expected<Expansion> expand(const profiles::Profile& profile, const ExpandContext& context) {
  Collector collector(context);
  for (const profiles::Budget& budget : profile.budgets) {
    auto added = collector.add(budget);
    if (!added) return std::unexpected(added.error());
  }
  return collector.take();
}

}  // namespace assay::certify
