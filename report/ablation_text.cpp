// An ablation for people (a table) and for spreadsheets (CSV).
#include <fmt/format.h>

#include "report/labels.hpp"
#include "report/render.hpp"
#include "report/text.hpp"

namespace assay::report {
namespace {

std::string value_words(std::size_t figure, double value) {
  const std::string_view key = kAblationFigures[figure].key;
  if (key == "operations_per_s") return short_number(value);
  if (key.ends_with("_ns")) return format_ns_short(value);
  return fmt::format("{:.3g}", value);
}

// Three digits are enough to tell a difference.
std::string short_ratio(double value) {
  return fmt::format("{:.{}f}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

// "1.31 1.28–1.35": the ratio and its interval.
std::string interval_ratio(const std::optional<stats::RatioInterval>& ratio) {
  if (!ratio) return "–";
  return fmt::format("{} {}–{}", short_ratio(ratio->ratio), short_ratio(ratio->low),
                     short_ratio(ratio->high));
}

template <typename Words>
std::vector<std::string> cells_of(std::string name, const AblationRow& row, const Words& words) {
  std::vector<std::string> cells{std::move(name)};
  for (std::size_t i = 0; i < row.figures.size(); ++i) cells.push_back(words(i, row.figures[i]));
  return cells;
}

// What the switch brought where "of plain" does not tell it.
std::string against_label(const engine::AblationStep& step) {
  return step.kind == engine::AblationKind::without ? "  of all" : "  of step before";
}

// The heading of a group of steps, and a step's name in it.
const char* group_of(const engine::AblationStep& step) {
  switch (step.kind) {
    case engine::AblationKind::plain:
      return "";
    case engine::AblationKind::alone:
      return "ALONE";
    case engine::AblationKind::without:
      return "ALL BUT ONE";
    default:
      return "ADDED ONE BY ONE";
  }
}
std::string name_in_group(const engine::AblationStep& step) {
  switch (step.kind) {
    case engine::AblationKind::plain:
      return "plain";
    case engine::AblationKind::alone:
      return step.name;
    case engine::AblationKind::without:
      return "- " + step.name;
    default:
      return "+ " + step.name;
  }
}

bool has_own_reference(const engine::AblationStep& step) {
  return step.against && *step.against != 0;
}

}  // namespace

std::string ablation_text(const AblationReport& report, const Style& style) {
  std::vector<std::string> heading{report.technique};
  std::vector<std::size_t> right;
  for (const AblationFigureName& figure : kAblationFigures) {
    right.push_back(heading.size());
    heading.emplace_back(figure.heading);
  }
  Table table(heading, right);
  std::string skipped, group;
  for (const AblationRow& row : report.rows) {
    std::vector<std::string> notes;
    for (const std::string& reason : row.invalid) notes.push_back("void: " + reason);
    if (row.figures.empty()) {
      skipped += wrapped(row.skipped + (row.remedy.empty() ? "" : "; " + row.remedy),
                         step_label(row.step) + ": skipped: ", style.width);
      continue;
    }
    if (const std::string heading_words = group_of(row.step); heading_words != group) {
      group = heading_words;
      std::vector<std::string> cells{group};
      cells.resize(heading.size());
      table.add(std::move(cells));
    }
    const bool plain = row.step.kind == engine::AblationKind::plain;
    table.add(cells_of(name_in_group(row.step), row,
                       [](std::size_t i, const AblationFigure& figure) {
                         return figure.value ? value_words(i, *figure.value) : std::string("–");
                       }),
              plain ? notes : std::vector<std::string>{});
    if (plain) continue;
    const bool own = has_own_reference(row.step);
    table.add(cells_of("  of plain", row,
                       [](std::size_t, const AblationFigure& figure) {
                         return interval_ratio(figure.of_plain);
                       }),
              own ? std::vector<std::string>{} : notes);
    if (!own) continue;
    table.add(cells_of(against_label(row.step), row,
                       [](std::size_t, const AblationFigure& figure) {
                         return interval_ratio(figure.of_against);
                       }),
              notes);
  }
  return table.text(style.width) + (skipped.empty() ? "" : "\n" + skipped) +
         wrapped(fmt::format(
                     "Ratios and their {:g} % intervals from interleaved blocks; one that holds "
                     "1 is no difference. CPU-S/M: CPU-seconds of the whole process for a "
                     "million operations.",
                     report.confidence * 100),
                 "\n", style.width);
}

std::string ablation_csv(const AblationReport& report) {
  std::vector<std::string> heading{"technique", "kind", "switch", "on", "skipped"};
  for (const AblationFigureName& figure : kAblationFigures) {
    heading.emplace_back(figure.key);
    for (const char* reference : {"plain", "against"}) {
      for (const char* part : {"", "_low", "_high"}) {
        heading.push_back(fmt::format("{}_of_{}{}", figure.key, reference, part));
      }
    }
  }
  heading.emplace_back("invalid");
  std::string text = csv_line(heading);
  const auto add_ratio = [](std::vector<std::string>& cells,
                            const std::optional<stats::RatioInterval>& ratio) {
    for (const double value :
         {ratio ? ratio->ratio : 0, ratio ? ratio->low : 0, ratio ? ratio->high : 0}) {
      cells.push_back(ratio ? fmt::format("{:.6g}", value) : std::string());
    }
  };
  for (const AblationRow& row : report.rows) {
    std::vector<std::string> cells{report.technique, std::string(engine::to_string(row.step.kind)),
                                   row.step.name, fmt::format("{}", fmt::join(row.step.on, "+")),
                                   row.skipped};
    for (std::size_t i = 0; i < kAblationFigureCount; ++i) {
      const AblationFigure figure = row.figures.empty() ? AblationFigure{} : row.figures[i];
      cells.push_back(figure.value ? fmt::format("{:.6g}", *figure.value) : std::string());
      add_ratio(cells, figure.of_plain);
      add_ratio(cells, figure.of_against);
    }
    cells.push_back(fmt::format("{}", fmt::join(row.invalid, "; ")));
    text += csv_line(cells);
  }
  return text;
}

}  // namespace assay::report
