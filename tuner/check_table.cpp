#include "tuner/check_table.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>

#include "core/cpuset.hpp"
#include "core/units.hpp"

namespace assay::tuner {
namespace {

constexpr std::array kOrder{Outcome::differs,       Outcome::pending_reboot, Outcome::denied,
                            Outcome::waived,        Outcome::kernel_managed, Outcome::ok,
                            Outcome::not_applicable};

// Columns are as wide as characters, not bytes: "≥ 10s" is five.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// fmt pads by its own idea of width; ours and the columns' must be the same.
std::string padded(std::string_view text, std::size_t width) {
  std::string out(text);
  if (const std::size_t own = width_of(text); own < width) out.append(width - own, ' ');
  return out;
}

// Whether two targets can share a line: everything but the target is the same.
bool same(const CheckRow& a, const CheckRow& b) {
  return a.id == b.id && a.outcome == b.outcome && a.wanted == b.wanted &&
         a.configured == b.configured && a.effective == b.effective && a.required == b.required &&
         a.reason == b.reason;
}

// "cpu" of "cpu12"; "" when the target is no numbered thing.
std::string_view numbered_prefix(const CheckRow& row) {
  for (std::string_view prefix : {"cpu", "node"}) {
    if (row.target.starts_with(prefix) && row.target.substr(prefix.size()) == row.local) {
      return prefix;
    }
  }
  return {};
}

std::string name_of(const CheckRow& row) {
  if (row.local.empty() || row.target.ends_with(row.local)) return row.target;
  return fmt::format("{} ({})", row.target, row.local);
}

// "cpu0-63" for numbered things, else the first name and how many follow.
std::string label(const std::vector<const CheckRow*>& rows) {
  const std::string_view prefix = numbered_prefix(*rows.front());
  if (!prefix.empty()) {
    CpuSet numbers;
    for (const CheckRow* row : rows) {
      if (auto number = parse_uint(row->local)) numbers.add(static_cast<unsigned>(*number));
    }
    return fmt::format("{}{}", prefix, numbers.to_list());
  }
  std::string text = name_of(*rows.front());
  if (rows.size() > 1) text += fmt::format(" and {} more", rows.size() - 1);
  return text;
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

using Line = std::array<std::string, 6>;

// The cells of one line; a dash where there is nothing, so that no column seems to be missing.
Line line_of(const CheckGroup& group) {
  const CheckRow& row = group.row;
  std::string outcome(to_string(row.outcome));
  const bool fails = row.outcome == Outcome::differs || row.outcome == Outcome::pending_reboot ||
                     row.outcome == Outcome::denied;
  if (fails && !row.required) outcome += " (optional)";
  auto or_dash = [](const std::string& text) { return text.empty() ? std::string("-") : text; };
  return {row.id, group.targets, row.wanted, or_dash(row.configured), or_dash(row.effective),
          outcome};
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
  const std::vector<CheckGroup> groups = group_rows(report);
  std::vector<Line> lines{{"SETTING", "TARGET", "WANTED", "CONFIGURED", "EFFECTIVE", "OUTCOME"}};
  std::vector<std::string> reasons{"WHY"};
  for (const CheckGroup& group : groups) {
    lines.push_back(line_of(group));
    reasons.push_back(group.row.reason);
  }
  std::array<std::size_t, 6> widths{};
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(line[i]));
    }
  }
  std::string text;
  for (std::size_t n = 0; n < lines.size(); ++n) {
    std::string out;
    for (std::size_t i = 0; i < lines[n].size(); ++i) out += padded(lines[n][i], widths[i] + 2);
    out += reasons[n];
    out.erase(out.find_last_not_of(' ') + 1);
    text += out + "\n";
  }
  if (!report.notes.empty()) {
    text += "\nNotes\n";
    for (const std::string& note : report.notes) text += fmt::format("  {}\n", note);
  }
  text += "\n" + closing_line(report);
  text += fmt::format("exit code {}: {}\n", report.exit_code(), report.exit_reason());
  return text;
}

}  // namespace assay::tuner
