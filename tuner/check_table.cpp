#include "tuner/check_table.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "tuner/text_table.hpp"

namespace assay::tuner {
namespace {

constexpr std::array kOrder{Outcome::differs,       Outcome::pending_reboot, Outcome::denied,
                            Outcome::waived,        Outcome::kernel_managed, Outcome::ok,
                            Outcome::not_applicable};

// Whether two targets can share a line: everything but the target is the same.
bool same(const CheckRow& a, const CheckRow& b) {
  return a.id == b.id && a.outcome == b.outcome && a.wanted == b.wanted &&
         a.configured == b.configured && a.effective == b.effective && a.required == b.required &&
         a.reason == b.reason;
}

std::string label(const std::vector<const CheckRow*>& rows) {
  std::vector<NamedTarget> targets;
  for (const CheckRow* row : rows) targets.push_back({row->target, row->local});
  return targets_label(targets);
}

// The words for a count of each outcome in the closing line.
std::string closing_line(const CheckReport& report) {
  const CheckCounts counts = report.counts();
  std::string text = fmt::format("{} value{}", counts.rows, counts.rows == 1 ? "" : "s");
  for (std::size_t i = 0; i < kOrder.size(); ++i) {
    const unsigned count = counts.of[static_cast<std::size_t>(kOrder[i])];
    if (count == 0) continue;
    text += fmt::format("{} {} {}", text.find(':') == std::string::npos ? ":" : ",", count,
                        to_string(kOrder[i]));
  }
  return text + "\n";
}

// The cells of one line.
std::vector<std::string> line_of(const CheckGroup& group) {
  const CheckRow& row = group.row;
  std::string outcome(to_string(row.outcome));
  const bool fails = row.outcome == Outcome::differs || row.outcome == Outcome::pending_reboot ||
                     row.outcome == Outcome::denied;
  if (fails && !row.required) outcome += " (optional)";
  return {row.id,  group.targets, row.wanted, or_dash(row.configured), or_dash(row.effective),
          outcome, row.reason};
}

}  // namespace

std::vector<CheckGroup> group_rows(const CheckReport& report) {
  std::vector<CheckGroup> groups;
  for (Outcome outcome : kOrder) {
    // Rows of one setting that say the same, also when others stand between them.
    std::vector<std::vector<const CheckRow*>> sets;
    std::string_view id;
    std::size_t first_of_id = 0;
    for (const CheckRow& row : report.rows) {
      if (row.outcome != outcome) continue;
      if (row.id != id) {
        id = row.id;
        first_of_id = sets.size();
      }
      auto begin = sets.begin() + static_cast<std::ptrdiff_t>(first_of_id);
      auto found =
          std::find_if(begin, sets.end(), [&](const auto& set) { return same(*set.front(), row); });
      if (found == sets.end()) {
        sets.push_back({&row});
      } else {
        found->push_back(&row);
      }
    }
    for (const auto& set : sets) {
      groups.push_back({*set.front(), label(set), static_cast<unsigned>(set.size())});
    }
  }
  return groups;
}

std::string render_table(const CheckReport& report) {
  std::vector<std::vector<std::string>> lines{
      {"SETTING", "TARGET", "WANTED", "CONFIGURED", "EFFECTIVE", "OUTCOME", "WHY"}};
  for (const CheckGroup& group : group_rows(report)) lines.push_back(line_of(group));
  std::string text = text_table(lines);
  if (!report.notes.empty()) {
    text += "\nNotes\n";
    for (const std::string& note : report.notes) text += fmt::format("  {}\n", note);
  }
  text += "\n" + closing_line(report);
  text += fmt::format("exit code {}: {}\n", report.exit_code(), report.exit_reason());
  return text;
}

}  // namespace assay::tuner
