#include <fmt/format.h>

#include <algorithm>

#include "core/units.hpp"
#include "report/core_to_core.hpp"
#include "report/labels.hpp"
#include "report/text.hpp"

namespace assay::report {
namespace {

constexpr std::size_t kCpusOnAPage = 24;
constexpr std::size_t kMatrixWidth = 200;

std::string cell(const engine::PairLatency& pair) {
  if (pair.batches == 0) return "–";
  return fmt::format("{:.{}f}", pair.one_way_ns_p50, pair.one_way_ns_p50 < 9.95 ? 1 : 0);
}

std::string triangle_text(const engine::CoreToCore& matrix) {
  std::vector<std::string> heading{"CPU"};
  std::vector<std::size_t> right;
  for (std::size_t j = 0; j + 1 < matrix.cpus.size(); ++j) {
    heading.push_back(fmt::format("{}", matrix.cpus[j]));
    right.push_back(j + 1);
  }
  Table table(heading, right);
  for (std::size_t i = 1; i < matrix.cpus.size(); ++i) {
    std::vector<std::string> cells{fmt::format("{}", matrix.cpus[i])};
    for (std::size_t j = 0; j + 1 < matrix.cpus.size(); ++j) {
      cells.push_back(j < i ? cell(matrix.pair(i, j)) : "");
    }
    table.add(std::move(cells));
  }
  return table.text(kMatrixWidth);
}

std::string skipped_text(const engine::CoreToCore& matrix) {
  std::string text;
  for (std::size_t i = 1; i < matrix.cpus.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const engine::PairLatency& pair = matrix.pair(i, j);
      if (pair.batches > 0) continue;
      text += fmt::format("skipped: CPU {} and CPU {}: {}\n", matrix.cpus[i], matrix.cpus[j],
                          pair.skipped);
    }
  }
  return text;
}

}  // namespace

std::vector<RelationSummary> relation_summaries(const engine::CoreToCore& matrix,
                                                const probes::Inventory& inventory) {
  using engine::CpuRelation;
  std::vector<RelationSummary> all;
  for (const CpuRelation relation : {CpuRelation::same_core, CpuRelation::same_cache,
                                     CpuRelation::same_node, CpuRelation::other_node}) {
    std::vector<double> medians;
    for (std::size_t i = 1; i < matrix.cpus.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const auto kind =
            engine::relation_of(inventory.topology, CpuId{matrix.cpus[i]}, CpuId{matrix.cpus[j]});
        const engine::PairLatency& pair = matrix.pair(i, j);
        if (kind == relation && pair.batches > 0) medians.push_back(pair.one_way_ns_p50);
      }
    }
    if (medians.empty()) continue;
    std::ranges::sort(medians);
    all.push_back({relation, static_cast<unsigned>(medians.size()), medians.front(),
                   medians[medians.size() / 2], medians.back()});
  }
  return all;
}

std::string core_to_core_text(const engine::CoreToCore& matrix,
                              const probes::Inventory& inventory) {
  std::string text = fmt::format(
      "One way of a cache line between two CPUs, nanoseconds, medians; {} pairs in {} passes of {} "
      "each\n\n",
      matrix.pairs.size(), matrix.passes, format_duration_short(matrix.pair_time));
  if (matrix.cpus.size() <= kCpusOnAPage) text += triangle_text(matrix) + "\n";
  Table table({"PAIRS ON", "PAIRS", "LOWEST", "MEDIAN", "HIGHEST"}, {1, 2, 3, 4});
  for (const RelationSummary& one : relation_summaries(matrix, inventory)) {
    table.add({std::string(to_string(one.relation)), fmt::format("{}", one.pairs),
               format_ns_short(one.lowest_ns), format_ns_short(one.median_ns),
               format_ns_short(one.highest_ns)});
  }
  text += table.text(kMatrixWidth);
  if (matrix.cpus.size() > kCpusOnAPage) {
    text += fmt::format(
        "\n{} CPUs are too many for a table here: --format svg draws every pair, "
        "--format json lists them, --cpus shows some\n",
        matrix.cpus.size());
  }
  const std::string skipped = skipped_text(matrix);
  return skipped.empty() ? text : text + "\n" + skipped;
}

}  // namespace assay::report
