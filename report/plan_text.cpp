#include <fmt/format.h>

#include "certify/judge_words.hpp"
#include "report/labels.hpp"
#include "report/render.hpp"
#include "report/text.hpp"

namespace assay::report {

std::string plan_text(const certify::Plan& plan, const Style& style) {
  std::string text = coloured("PLAN", Colour::bold, style.colour);
  text +=
      fmt::format("  {} series, about {} with all looks, at most {} written\n", plan.series.size(),
                  format_duration_short(plan.expected), format_bytes_short(plan.written));
  if (plan.limits_required > 0) {
    text +=
        wrapped(fmt::format("{} required limits, {} planned {}: each bound at {} confidence",
                            plan.limits_required, plan.looks, plan.looks == 1 ? "look" : "looks",
                            certify::percent(plan.confidence_per_verdict)),
                "  ", style.width);
  }
  Table table({"TECHNIQUE", "TARGET", "BLOCKS", "EACH", "FOR", "SAMPLES NEEDED", "EXPECTED"},
              {2, 3, 5, 6});
  for (const certify::PlannedSeries& series : plan.series) {
    std::vector<std::string> cells{series_label(series.technique, series.parameters),
                                   series.target};
    std::vector<std::string> notes;
    if (!series.skipped.empty()) {
      notes.push_back("skipped: " + series.skipped);
      cells.insert(cells.end(), {"–", "–"});
    } else {
      cells.push_back(std::to_string(series.blocks));
      cells.push_back(format_duration_short(series.block));
      const bool budgeted = series.samples_needed > 0;
      cells.push_back(budgeted ? certify::quantile_name(series.quantile) : "–");
      cells.push_back(budgeted ? certify::grouped(series.samples_needed) : "–");
      cells.push_back(certify::grouped(series.samples_expected));
    }
    table.add(std::move(cells), std::move(notes));
  }
  if (!table.empty()) text += table.text(style.width);
  for (const std::string& warning : plan.warnings) {
    text += wrapped(warning, "  warning: ", style.width);
  }
  return text;
}

}  // namespace assay::report
