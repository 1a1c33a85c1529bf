// A plan, and what became of it, for people and programs.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "tuner/plan.hpp"
#include "tuner/plan_rows.hpp"
#include "tuner/text.hpp"
#include "tuner/text_table.hpp"

namespace assay::tuner {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 11> kStates{
    "to-change",      "changed", "already-ok", "unsupported", "not-applicable", "kernel-managed",
    "pending-reboot", "denied",  "failed",     "left-out",    "put-back"};

// What a reader looks at first: what is done or went wrong, and last what was right already.
constexpr std::array kOrder{
    RowState::failed,         RowState::denied,     RowState::to_change,      RowState::changed,
    RowState::put_back,       RowState::left_out,   RowState::pending_reboot, RowState::unsupported,
    RowState::kernel_managed, RowState::already_ok, RowState::not_applicable};

bool same(const PlanRow& a, const PlanRow& b) {
  return a.setting == b.setting && a.state == b.state && a.before == b.before &&
         a.wanted == b.wanted && a.required == b.required && a.note == b.note;
}

// Rows of one setting that say the same are one line, as in the table of the check.
std::vector<std::vector<const PlanRow*>> groups_of(const Plan& plan) {
  std::vector<std::vector<const PlanRow*>> groups;
  for (const RowState state : kOrder) {
    const auto first = static_cast<std::ptrdiff_t>(groups.size());
    for (const PlanRow& row : plan.rows) {
      if (row.state != state) continue;
      const auto found = std::find_if(groups.begin() + first, groups.end(),
                                      [&](const auto& group) { return same(*group.front(), row); });
      if (found == groups.end()) {
        groups.push_back({&row});
      } else {
        found->push_back(&row);
      }
    }
  }
  return groups;
}

// What would be written and run so that the values last.
std::string lasting_text(const Plan& plan) {
  std::string text;
  for (const Change& change : plan.lasting) {
    const std::string_view verb = change.kind == ChangeKind::run           ? "run"
                                  : change.kind == ChangeKind::remove_file ? "remove"
                                  : change.absent_before                   ? "write"
                                                                           : "replace";
    text += fmt::format("  {:<8} {}\n", verb, subject_of(change));
  }
  return text.empty() ? text : "\nTO LAST OVER A REBOOT\n" + text;
}

Json change_json(const Change& change) {
  return {{"kind", to_string(change.kind)},
          {"subject", subject_of(change)},
          {"before", change.absent_before ? Json(nullptr) : Json(change.before)},
          {"after", change.after}};
}

}  // namespace

std::string rows_table(const Plan& plan) {
  std::vector<std::vector<std::string>> lines{
      {"SETTING", "TARGET", "BEFORE", "WANTED", "DISRUPTION", "STATE", "WHY"}};
  for (const auto& group : groups_of(plan)) {
    const PlanRow& row = *group.front();
    std::vector<NamedTarget> targets;
    for (const PlanRow* one : group) targets.push_back({one->target, one->local});
    std::string state(to_string(row.state));
    const bool fine = row.state == RowState::already_ok || row.state == RowState::changed ||
                      row.state == RowState::not_applicable;
    if (!row.required && !fine) state += " (optional)";
    const bool changes = row.state == RowState::to_change;
    const std::string_view why =
        changes && row.note.empty() ? row.setting->reason : std::string_view(row.note);
    lines.push_back({std::string(row.setting->id), targets_label(targets), or_dash(row.before),
                     row.wanted, std::string(changes ? to_string(row.setting->disruption) : "-"),
                     state, std::string(why)});
  }
  return text_table(lines);
}

std::string notes_text(const Plan& plan) {
  if (plan.notes.empty()) return {};
  std::string text = "\nNotes\n";
  for (const std::string& note : plan.notes) text += fmt::format("  {}\n", note);
  return text;
}

std::string counts_line(const Plan& plan) {
  std::string text = fmt::format("{} value{}", plan.rows.size(), plan.rows.size() == 1 ? "" : "s");
  std::string_view separator = ":";
  for (const RowState state : kOrder) {
    const auto count = std::ranges::count(plan.rows, state, &PlanRow::state);
    if (count == 0) continue;
    text += fmt::format("{} {} {}", separator, count, to_string(state));
    separator = ",";
  }
  return text + "\n";
}

std::string_view to_string(RowState state) { return kStates[static_cast<std::size_t>(state)]; }

RowCounts required_rows(const Plan& plan) {
  RowCounts counts;
  for (const PlanRow& row : plan.rows) {
    if (!row.required) continue;
    switch (row.state) {
      case RowState::to_change:
        ++counts.to_change;
        break;
      case RowState::failed:
        ++counts.failed;
        break;
      case RowState::denied:
        ++counts.denied;
        break;
      case RowState::pending_reboot:
        ++counts.pending;
        break;
      case RowState::unsupported:
      case RowState::left_out:
        ++counts.as_before;
        break;
      default:
        break;
    }
  }
  return counts;
}

std::string count_words(const RowCounts& counts) {
  std::string text;
  const auto add = [&](unsigned count, std::string_view words) {
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, words);
  };
  add(counts.failed, "failed");
  add(counts.to_change, "to change");
  add(counts.pending, "wait for a reboot or a new session");
  add(counts.as_before, "differ and were not changed");
  add(counts.denied, "denied");
  return text.empty() ? "" : "required values: " + text;
}

int Plan::exit_code() const {
  const RowCounts counts = required_rows(*this);
  if (counts.to_change + counts.pending + counts.as_before > 0) return 1;
  return counts.denied > 0 ? 3 : 0;
}

std::string Plan::exit_reason() const {
  const std::string words = count_words(required_rows(*this));
  if (!words.empty()) return words;
  return empty() ? "every required value is as wanted" : "only optional values differ";
}

std::string render_plan(const Plan& plan) {
  std::string text =
      rows_table(plan) + lasting_text(plan) + notes_text(plan) + "\n" + counts_line(plan);
  if (!plan.empty()) {
    text += fmt::format("worst disruption: {}\n", to_string(plan.disruption()));
  }
  return text + fmt::format("exit code {}: {}\n", plan.exit_code(), plan.exit_reason());
}

std::string render_diff(const Plan& plan) {
  std::string text;
  const auto add = [&](const Change& change) {
    if (change.restore_only) return;
    text += fmt::format("{}  ({}", subject_of(change), change.setting_id);
    text += change.target == "host" ? ")\n" : fmt::format(" on {})\n", change.target);
    const auto side = [&](char sign, std::string_view value) {
      if (value.ends_with('\n')) value.remove_suffix(1);
      for (std::string_view line : lines_of(value)) text += fmt::format("{} {}\n", sign, line);
    };
    const bool reload = change.kind == ChangeKind::run && change.path.empty();
    if (reload) return;
    if (!change.absent_before) side('-', change.before);
    if (change.kind != ChangeKind::remove_file) side('+', change.after);
  };
  for (const PlanRow& row : plan.rows) std::ranges::for_each(row.changes, add);
  std::ranges::for_each(plan.lasting, add);
  return text;
}

Json rows_json(const Plan& plan) {
  const auto or_null = [](std::string_view text) {
    return text.empty() ? Json(nullptr) : Json(text);
  };
  Json rows = Json::array();
  for (const PlanRow& row : plan.rows) {
    Json changes = Json::array();
    for (const Change& change : row.changes) {
      if (!change.restore_only) changes.push_back(change_json(change));
    }
    rows.push_back({{"id", row.setting->id},
                    {"target", row.target},
                    {"local", or_null(row.local)},
                    {"before", or_null(row.before)},
                    {"wanted", row.wanted},
                    {"state", to_string(row.state)},
                    {"required", row.required},
                    {"disruption", to_string(row.setting->disruption)},
                    {"risk", to_string(row.setting->risk)},
                    {"reason", row.setting->reason},
                    {"note", or_null(row.note)},
                    {"changes", std::move(changes)}});
  }
  return rows;
}

Json to_json(const Plan& plan) {
  Json lasting = Json::array();
  for (const Change& change : plan.lasting) lasting.push_back(change_json(change));
  return {{"schema", "assay.plan"},
          {"version", 1},
          {"profile", plan.profile},
          {"profile_digest", plan.profile_digest},
          {"disruption", to_string(plan.disruption())},
          {"settings", rows_json(plan)},
          {"lasting", std::move(lasting)},
          {"notes", plan.notes},
          {"exit_code", plan.exit_code()},
          {"exit_reason", plan.exit_reason()}};
}

}  // namespace assay::tuner
