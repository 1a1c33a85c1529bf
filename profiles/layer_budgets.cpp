// The section budgets.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/suggest.hpp"
#include "profiles/layer_sections.hpp"
#include "profiles/parameters.hpp"
#include "profiles/selector_syntax.hpp"
#include "profiles/yaml_read.hpp"

namespace assay::profiles {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::array kBudgetKeys = {"technique"sv, "parameters"sv, "target"sv,
                                    "cpus"sv,      "limits"sv,     "required"sv};
constexpr std::array kLimitKeys = {"at_most"sv, "against_baseline"sv};
constexpr std::array kTargets = {Target::host, Target::each_drive, Target::each_node,
                                 Target::each_cpu, Target::each_nic};
constexpr std::array kQuantileWords = {"p50"sv, "p90"sv, "p99"sv, "p99.9"sv, "p99.99"sv};
constexpr std::array kQuantiles = {0.5, 0.9, 0.99, 0.999, 0.9999};
// A budget that allows more than a thousandfold of its baseline is a slip of the keyboard.
constexpr double kLargestRatio = 1000;

// Dimensionless: the candidate's percentile divided by the baseline's.
Expected<double> read_ratio(const YamlNode& node) {
  const auto ratio = read_number(node, "against_baseline");
  if (!ratio) return Failure(ratio.error());
  if (*ratio <= 0 || *ratio > kLargestRatio) {
    return fail_at(node, fmt::format("against_baseline: expected candidate / baseline above 0, at "
                                     "most {}, found {}",
                                     kLargestRatio, describe(node)));
  }
  return *ratio;
}

// `10us`, or {at_most: 10us, against_baseline: 0.9}.
Expected<Limit> read_limit(const YamlNode& node, std::string_view what, double quantile) {
  Limit limit;
  limit.quantile = quantile;
  const YamlNode* absolute = &node;
  if (node.kind == YamlKind::map) {
    if (auto keys = expect_map(node, what, kLimitKeys); !keys) return Failure(keys.error());
    absolute = node.find("at_most");
    if (const YamlNode* ratio_node = node.find("against_baseline")) {
      const auto ratio = read_ratio(*ratio_node);
      if (!ratio) return Failure(ratio.error());
      limit.ratio_at_most = *ratio;
    } else if (absolute == nullptr) {
      return fail_at(node, fmt::format("{}: expected at_most, against_baseline or both", what));
    }
  }
  if (absolute != nullptr) {
    const auto duration = read_duration(*absolute, what);
    if (!duration) return Failure(duration.error());
    limit.at_most = *duration;
  }
  return limit;
}

Expected<std::vector<Limit>> read_limits(const YamlNode& node) {
  if (auto keys = expect_map(node, "limits", kQuantileWords); !keys) return Failure(keys.error());
  if (node.entries.empty()) {
    return fail_at(node, fmt::format("limits: expected {}", one_of(kQuantileWords)));
  }
  std::vector<Limit> limits;
  // In the order of the quantiles, whatever the file's order is.
  for (std::size_t i = 0; i < kQuantiles.size(); ++i) {
    const YamlNode* value = node.find(kQuantileWords[i]);
    if (value == nullptr) continue;
    const auto limit = read_limit(*value, kQuantileWords[i], kQuantiles[i]);
    if (!limit) return Failure(limit.error());
    limits.push_back(*limit);
  }
  return limits;
}

Expected<Target> read_target(const YamlNode& node) {
  std::array<std::string_view, kTargets.size()> words{};
  std::transform(kTargets.begin(), kTargets.end(), words.begin(),
                 [](Target target) { return to_word(target); });
  for (const Target target : kTargets) {
    if (node.kind == YamlKind::scalar && node.text == to_word(target)) return target;
  }
  return fail_at(node, fmt::format("target: expected {}, found {}{}", one_of(words), describe(node),
                                   did_you_mean(node.text, words)));
}

// With an empty vocabulary any id is taken: the techniques stand to the right of this folder.
Expected<std::string> read_technique(const YamlNode& budget, const Vocabulary& vocabulary) {
  const YamlNode* node = budget.find("technique");
  if (node == nullptr) return fail_at(budget, "a budget without technique");
  auto id = read_text(*node, "technique");
  if (!id) return id;
  const auto& known = vocabulary.techniques;
  if (!known.empty() && std::find(known.begin(), known.end(), *id) == known.end()) {
    return fail_at(*node,
                   fmt::format("unknown technique {}{}", in_quotes(*id), did_you_mean(*id, known)));
  }
  return id;
}

Expected<void> read_parameters(const YamlNode& node, const Vocabulary& vocabulary, Budget& budget) {
  if (node.kind == YamlKind::null) return {};
  if (node.kind != YamlKind::map) {
    return fail_at(node, fmt::format("parameters: expected a map, found {}", describe(node)));
  }
  for (const auto& [key, value] : node.entries) {
    auto text = read_parameter(*key, *value, vocabulary);
    if (!text) return Failure(text.error());
    budget.parameters.emplace(key->text, std::move(*text));
  }
  return {};
}

// Syntax only; the names in it are checked when all layers are merged.
Expected<std::string> read_cpus(const YamlNode& node) {
  auto selector = read_text_or_list(node, "cpus");
  if (!selector) return selector;
  if (const auto parsed = parse_selector(*selector); !parsed) {
    return fail_at(node,
                   fmt::format("selector {}: {}", in_quotes(*selector), parsed.error().cause));
  }
  return selector;
}

// What a budget says besides its technique, parameters and limits.
Expected<void> read_scope(const YamlNode& node, Budget& budget) {
  if (const YamlNode* target = node.find("target")) {
    const auto read = read_target(*target);
    if (!read) return Failure(read.error());
    budget.target = *read;
  }
  if (const YamlNode* cpus = node.find("cpus")) {
    auto read = read_cpus(*cpus);
    if (!read) return Failure(read.error());
    budget.cpus = std::move(*read);
  }
  if (const YamlNode* required = node.find("required")) {
    const auto read = read_flag(*required, "required");
    if (!read) return Failure(read.error());
    budget.required = *read;
  }
  return {};
}

// The technique is read before the parameters, so that a message about them can be read with it;
// a dropped budget ends early, since it is no budget that anybody could be asked about.
Expected<BudgetEntry> read_budget(const YamlNode& node, const Vocabulary& vocabulary) {
  if (auto keys = expect_map(node, "a budget", kBudgetKeys); !keys) return Failure(keys.error());
  BudgetEntry entry;
  Budget& budget = entry.budget;
  budget.location = node.where();
  auto technique = read_technique(node, vocabulary);
  if (!technique) return Failure(technique.error());
  budget.technique = std::move(*technique);
  if (const YamlNode* parameters = node.find("parameters")) {
    if (auto read = read_parameters(*parameters, vocabulary, budget); !read) {
      return Failure(read.error());
    }
  }
  if (auto read = read_scope(node, budget); !read) return Failure(read.error());
  // No limits at all is a mistake; `limits: null` drops what is inherited.
  const YamlNode* limits = node.find("limits");
  if (limits == nullptr) {
    return fail_at(node, fmt::format("a budget of {} without limits; expected {}", budget.technique,
                                     one_of(kQuantileWords)));
  }
  entry.dropped = limits->kind == YamlKind::null;
  if (entry.dropped) return entry;
  auto read = read_limits(*limits);
  if (!read) return Failure(read.error());
  budget.limits = std::move(*read);
  if (vocabulary.check_budget != nullptr) {
    if (auto checked = vocabulary.check_budget(budget); !checked) {
      return fail_at(node, checked.error().cause);
    }
  }
  return entry;
}

}  // namespace

Expected<std::vector<BudgetEntry>> read_budgets(const YamlNode& node,
                                                const Vocabulary& vocabulary) {
  if (auto list = expect_list(node, "budgets"); !list) return Failure(list.error());
  std::vector<BudgetEntry> budgets;
  for (const YamlNode* item : node.items) {
    auto entry = read_budget(*item, vocabulary);
    if (!entry) return Failure(entry.error());
    const auto same = std::find_if(budgets.begin(), budgets.end(), [&](const BudgetEntry& other) {
      return same_budget(other.budget, entry->budget);
    });
    if (same != budgets.end()) {
      return fail_at(*item,
                     fmt::format("a second budget of {} with the same parameters and target; "
                                 "the first stands at line {}",
                                 entry->budget.technique, same->budget.location.line));
    }
    budgets.push_back(std::move(*entry));
  }
  return budgets;
}

}  // namespace assay::profiles
