#include "report/hierarchy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/memory_blocks.hpp"
#include "report/labels.hpp"
#include "report/text.hpp"

namespace assay::report {
namespace {

constexpr std::string_view kTechnique = "memory.hierarchy";
constexpr std::size_t kStepsMin = 2;

const engine::Measurement* find(const std::vector<engine::Measurement>& measurements,
                                std::string_view level) {
  const auto found = std::ranges::find_if(measurements, [level](const engine::Measurement& one) {
    return one.technique == kTechnique && !one.is_baseline && one.parameters.variant == level;
  });
  return found == measurements.end() ? nullptr : &*found;
}

// Of `trials` fair coins at least `hits` fall the same way.
double chance_of(std::size_t hits, std::size_t trials) {
  double term = std::pow(0.5, static_cast<double>(trials)), sum = 0;  // C(n, 0) / 2^n
  for (std::size_t k = 0; k <= trials; ++k) {
    if (k >= hits) sum += term;
    term *= static_cast<double>(trials - k) / static_cast<double>(k + 1);
  }
  return sum;
}

// A sign test over the blocks, which are independent of each other where the loads of one are not:
// if the median were no better than claimed, half of the blocks would lie on either side.
std::string_view verdict_of(const engine::Claim& claim, const engine::Measurement& measurement,
                            double confidence) {
  if (!claim.latency_ns_max) return "nothing claimed";
  if (!measurement.engaged) return "undecided";
  const double limit =
      static_cast<double>(*claim.latency_ns_max) * std::max(1U, measurement.operations_per_sample);
  std::size_t blocks = 0, within = 0;
  for (const engine::BlockResult& block : measurement.blocks) {
    if (block.service.empty()) continue;
    ++blocks;
    if (static_cast<double>(block.service.quantile_ns(0.5)) <= limit) ++within;
  }
  const double doubt = 1 - confidence;
  if (chance_of(within, blocks) <= doubt) return "confirmed";
  if (chance_of(blocks - within, blocks) <= doubt) return "not confirmed on this host";
  return "undecided";
}

void measure(HierarchyRow& row, const engine::Claim& claim, const engine::Measurement& measurement,
             double confidence) {
  row.reason = measurement.skipped;
  if (!row.reason.empty() && !measurement.remedy.empty()) row.reason += "; " + measurement.remedy;
  if (measurement.service.empty()) return;
  row.p50_ns = quantile_ns(measurement, 0.5);
  row.p99_ns = quantile_ns(measurement, 0.99);
  for (const std::string& reason : measurement.invalid) {
    row.reason += (row.reason.empty() ? "void: " : "; ") + reason;
  }
  row.verdict = verdict_of(claim, measurement, confidence);
}

template <typename T>
nlohmann::ordered_json or_null(const std::optional<T>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

}  // namespace

std::vector<HierarchyRow> hierarchy_rows(const std::vector<engine::Measurement>& measurements,
                                         const probes::Inventory& inventory, double confidence) {
  std::vector<HierarchyRow> rows;
  const engine::Technique* technique = engine::find_technique(kTechnique);
  std::size_t steps = 0;
  for (const std::string_view level : engine::memory_variants()) {
    HierarchyRow row;
    row.level = level;
    const std::string_view lender = engine::lender_of(level);
    row.technique = lender.empty() ? kTechnique : lender;
    engine::Parameters parameters;
    parameters.variant = level;
    const engine::Claim claim = engine::claim_of(*technique, parameters);
    row.claim = claim.text;
    row.claim_ns_max = claim.latency_ns_max;
    row.verdict = "not measured";
    if (const engine::Measurement* measurement = find(measurements, level)) {
      ++steps;
      measure(row, claim, *measurement, confidence);
    } else if (const auto here = engine::check_memory_variant(inventory, level); !here) {
      row.reason = here.error().message();
    }
    rows.push_back(std::move(row));
  }
  if (steps < kStepsMin) rows.clear();
  return rows;
}

std::string hierarchy_text(const std::vector<HierarchyRow>& rows, const Style& style) {
  if (rows.empty()) return {};
  Table table({"LATENCY HIERARCHY", "P50", "P99", "CLAIM", "VERDICT"}, {1, 2});
  for (const HierarchyRow& row : rows) {
    std::string level = row.level;
    if (row.technique != kTechnique) level += fmt::format(" ({})", row.technique);
    std::vector<std::string> notes;
    if (!row.reason.empty()) notes.push_back(row.reason);
    table.add({std::move(level), row.p50_ns ? format_ns_short(*row.p50_ns) : "–",
               row.p99_ns ? format_ns_short(*row.p99_ns) : "–", row.claim.empty() ? "–" : row.claim,
               row.verdict},
              std::move(notes));
  }
  return table.text(style.width) + "\n";
}

nlohmann::ordered_json hierarchy_json(const std::vector<HierarchyRow>& rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const HierarchyRow& row : rows) {
    nlohmann::ordered_json entry{{"level", row.level},
                                 {"technique", row.technique},
                                 {"p50_ns", or_null(row.p50_ns)},
                                 {"p99_ns", or_null(row.p99_ns)},
                                 {"claim", row.claim},
                                 {"claim_ns_max", or_null(row.claim_ns_max)},
                                 {"verdict", row.verdict}};
    if (!row.reason.empty()) entry["reason"] = row.reason;
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace assay::report
