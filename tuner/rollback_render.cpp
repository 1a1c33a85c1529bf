// What an undo did, and which journals there are, for people and programs.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "tuner/rollback.hpp"
#include "tuner/text_table.hpp"

namespace assay::tuner {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 5> kOutcomes{"restored", "unchanged", "gone", "conflict",
                                                    "failed"};

unsigned count(const RollbackReport& report, UndoOutcome outcome) {
  return static_cast<unsigned>(std::ranges::count(report.rows, outcome, &UndoRow::outcome));
}

// Whole files do not fit into a cell.
std::string cell(std::string_view value) {
  constexpr std::size_t kWidth = 40;
  std::string text(value.substr(0, std::min(value.find('\n'), kWidth)));
  if (text.size() < value.size()) text += "...";
  return or_dash(text);
}

}  // namespace

std::string_view to_string(UndoOutcome outcome) {
  return kOutcomes[static_cast<std::size_t>(outcome)];
}

bool RollbackReport::complete() const {
  return count(*this, UndoOutcome::conflict) + count(*this, UndoOutcome::failed) == 0;
}

int RollbackReport::exit_code() const {
  if (count(*this, UndoOutcome::failed) > 0) return 4;
  return count(*this, UndoOutcome::conflict) > 0 ? 1 : 0;
}

std::string RollbackReport::exit_reason() const {
  std::string text;
  const auto add = [&](UndoOutcome outcome, std::string_view words) {
    const unsigned number = count(*this, outcome);
    if (number > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", number, words);
  };
  add(UndoOutcome::failed, "could not be put back");
  add(UndoOutcome::conflict, "changed by somebody since and left alone");
  return text.empty() ? "every value is as it was" : text;
}

std::string render_rollback(const RollbackReport& report) {
  std::vector<std::vector<std::string>> lines{
      {"SETTING", "TARGET", "WHERE", "FOUND", "BEFORE", "OUTCOME", "WHY"}};
  for (const UndoRow& row : report.rows) {
    lines.push_back({row.id, row.target, row.subject, cell(row.now), cell(row.before),
                     std::string(to_string(row.outcome)), row.note});
  }
  std::string again;
  for (const std::string& id : report.reapplied) again += fmt::format("applied again by {}\n", id);
  return text_table(lines) + fmt::format("\njournal {} (profile {}, {})\n{}exit code {}: {}\n",
                                         report.journal, report.profile, report.created, again,
                                         report.exit_code(), report.exit_reason());
}

Json to_json(const RollbackReport& report) {
  const auto or_null = [](const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
  };
  Json rows = Json::array();
  for (const UndoRow& row : report.rows) {
    rows.push_back({{"id", row.id},
                    {"target", row.target},
                    {"subject", row.subject},
                    {"found", or_null(row.now)},
                    {"before", row.before},
                    {"after", row.after},
                    {"outcome", to_string(row.outcome)},
                    {"note", or_null(row.note)}});
  }
  return {{"schema", "assay.rollback"},         {"version", 1},
          {"journal", report.journal},          {"profile", report.profile},
          {"created", report.created},          {"reapplied", report.reapplied},
          {"changes", std::move(rows)},         {"exit_code", report.exit_code()},
          {"exit_reason", report.exit_reason()}};
}

Json to_json(const std::vector<JournalEntry>& entries) {
  Json journals = Json::array();
  for (const JournalEntry& entry : entries) {
    if (!entry.journal) {
      journals.push_back({{"id", entry.id}, {"error", entry.journal.error().message()}});
      continue;
    }
    const Journal& journal = *entry.journal;
    journals.push_back({{"id", journal.id},
                        {"state", to_string(journal.state)},
                        {"created", journal.created},
                        {"profile", journal.profile},
                        {"tool", journal.tool},
                        {"reapplied", journal.reapplied},
                        {"changes", journal.changes.size()}});
  }
  return {{"schema", "assay.journals"}, {"version", 1}, {"journals", std::move(journals)}};
}

std::string render_journals(const std::vector<JournalEntry>& entries) {
  if (entries.empty()) return "no journals: nothing was tuned here\n";
  std::vector<std::vector<std::string>> lines{{"ID", "STATE", "CREATED", "CHANGES", "PROFILE"}};
  for (const JournalEntry& entry : entries) {
    if (!entry.journal) {
      lines.push_back({entry.id, "unusable", "-", "-", entry.journal.error().message()});
      continue;
    }
    const Journal& journal = *entry.journal;
    lines.push_back({journal.id, std::string(to_string(journal.state)), journal.created,
                     fmt::format("{}", journal.changes.size()),
                     journal.profile + (journal.reapplied ? " (again)" : "")});
  }
  return text_table(lines);
}

}  // namespace assay::tuner
