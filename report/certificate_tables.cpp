#include "report/certificate_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "certify/judge_words.hpp"
#include "report/labels.hpp"
#include "report/text.hpp"

namespace assay::report {
namespace {

std::string title(std::string_view word, std::string_view rest, const Style& style) {
  return coloured(word, Colour::bold, style.colour) +
         (rest.empty() ? "" : "  " + std::string(rest)) + "\n";
}

// --- settings ---

// Rows that say the same of several targets.
struct SettingGroup {
  const tuner::CheckRow* row = nullptr;
  std::vector<std::string> targets;
};

bool says_the_same(const tuner::CheckRow& one, const tuner::CheckRow& other) {
  return one.id == other.id && one.wanted == other.wanted && one.configured == other.configured &&
         one.effective == other.effective && one.outcome == other.outcome &&
         one.required == other.required;
}

bool is_worth_a_line(tuner::Outcome outcome) {
  return outcome == tuner::Outcome::differs || outcome == tuner::Outcome::pending_reboot ||
         outcome == tuner::Outcome::denied || outcome == tuner::Outcome::waived;
}

std::vector<SettingGroup> group_settings(const tuner::CheckReport& checks) {
  std::vector<SettingGroup> groups;
  for (const tuner::CheckRow& row : checks.rows) {
    if (!is_worth_a_line(row.outcome)) continue;
    const auto same = std::ranges::find_if(
        groups, [&](const SettingGroup& group) { return says_the_same(*group.row, row); });
    if (same == groups.end()) {
      groups.push_back({&row, {row.target}});
    } else {
      same->targets.push_back(row.target);
    }
  }
  // What decides comes first; the table's order within.
  std::ranges::stable_partition(groups, [](const SettingGroup& group) {
    return group.row->required && group.row->outcome != tuner::Outcome::waived;
  });
  return groups;
}

std::string targets_words(const std::vector<std::string>& targets) {
  if (targets.size() == 1) return targets.front();
  return fmt::format("{} … {} ({})", targets.front(), targets.back(), targets.size());
}

std::string is_words(const tuner::CheckRow& row) {
  if (row.configured.empty() && row.effective.empty()) return "?";
  if (row.effective.empty() || row.effective == row.configured) return row.configured;
  return fmt::format("{} (in effect {})", row.configured, row.effective);
}

std::string count_words(const tuner::CheckReport& checks) {
  constexpr std::array kAll{tuner::Outcome::ok,
                            tuner::Outcome::differs,
                            tuner::Outcome::pending_reboot,
                            tuner::Outcome::denied,
                            tuner::Outcome::waived,
                            tuner::Outcome::kernel_managed,
                            tuner::Outcome::not_applicable};
  std::string words;
  for (const tuner::Outcome outcome : kAll) {
    const auto count = std::ranges::count(checks.rows, outcome, &tuner::CheckRow::outcome);
    if (count == 0) continue;
    words += fmt::format("{}{} {}", words.empty() ? "" : ", ", count, to_string(outcome));
  }
  return words;
}

// --- measurements ---

std::string ratio_words(std::string_view what, const stats::RatioInterval& ratio) {
  if (ratio.pairs == 0) return fmt::format("{} ?", what);
  return fmt::format("{} {:.3g}x ({:.3g}–{:.3g})", what, ratio.ratio, ratio.low, ratio.high);
}

std::string claim_words(const certify::ClaimRow& claim) {
  std::string words;
  if (!claim.baseline.empty() && claim.verdict != "not measured") {
    words =
        fmt::format("vs {}: {}, {}, {}", claim.baseline, ratio_words("p50", claim.latency_p50),
                    ratio_words("p99", claim.latency_p99), ratio_words("ops/s", claim.throughput));
  }
  const std::string judged = claim.claim.empty()
                                 ? claim.verdict
                                 : fmt::format("claim \"{}\": {}", claim.claim, claim.verdict);
  return words.empty() ? judged : words + "; " + judged;
}

const certify::ClaimRow* claim_on(const certify::Certificate& certificate,
                                  const engine::Measurement& measurement,
                                  const std::string& label) {
  const auto found = std::ranges::find_if(certificate.claims, [&](const certify::ClaimRow& claim) {
    return claim.technique == measurement.technique && claim.target == measurement.target &&
           series_label(claim.technique, claim.parameters) == label;
  });
  return found == certificate.claims.end() ? nullptr : &*found;
}

std::vector<std::string> notes_on(const certify::Certificate& certificate,
                                  const engine::Measurement& measurement,
                                  const std::string& label) {
  std::vector<std::string> notes;
  if (!measurement.skipped.empty()) {
    notes.push_back("skipped: " + measurement.skipped +
                    (measurement.remedy.empty() ? "" : "; " + measurement.remedy));
    return notes;
  }
  if (const certify::ClaimRow* claim = claim_on(certificate, measurement, label)) {
    notes.push_back(claim_words(*claim));
  }
  for (const std::string& reason : measurement.invalid) notes.push_back("void: " + reason);
  return notes;
}

// --- budgets ---

std::string range_words(const certify::BudgetVerdict& budget) {
  if (budget.low_ns <= 0 && budget.high_ns <= 0) return "";
  return fmt::format("{} – {}", budget.low_ns > 0 ? amount(budget, budget.low_ns) : "?",
                     budget.high_ns > 0 ? amount(budget, budget.high_ns) : "?");
}

}  // namespace

std::string settings_part(const certify::Certificate& certificate, const Style& style) {
  if (certificate.checks.rows.empty()) return "";
  std::string text = title("SETTINGS", count_words(certificate.checks), style);
  Table table({"SETTING", "TARGET", "IS", "WANTED", "OUTCOME"}, {});
  for (const SettingGroup& group : group_settings(certificate.checks)) {
    const tuner::CheckRow& row = *group.row;
    std::string outcome(to_string(row.outcome));
    if (!row.required) outcome += " (advised)";
    std::vector<std::string> notes;
    if (row.required && !row.reason.empty()) notes.push_back(row.reason);
    table.add({row.id, targets_words(group.targets), is_words(row), row.wanted, outcome},
              std::move(notes));
  }
  if (!table.empty()) text += table.text(style.width);
  for (const std::string& note : certificate.checks.notes) {
    text += wrapped(note, "  note: ", style.width);
  }
  return text;
}

std::string measurements_part(const certify::Certificate& certificate, const Style& style) {
  if (certificate.measurements.empty()) return "";
  std::string text = title("MEASUREMENTS", "time of one operation, every one recorded", style);
  Table table({"TECHNIQUE", "TARGET", "P50", "P99", "P99.9", "OPS/S", "ENGAGED"}, {2, 3, 4, 5});
  for (const engine::Measurement& measurement : certificate.measurements) {
    const std::string label = series_label(measurement.technique, measurement.parameters);
    std::vector<std::string> cells{label, measurement.target};
    if (measurement.service.empty()) {
      cells.insert(cells.end(), {"–", "–", "–", "–", "–"});
    } else {
      for (const double quantile : {0.5, 0.99, 0.999}) {
        cells.push_back(format_ns_short(quantile_ns(measurement, quantile)));
      }
      cells.push_back(short_number(operations_per_s(measurement)));
      cells.emplace_back(measurement.engaged ? "yes" : "NO");
    }
    table.add(std::move(cells), notes_on(certificate, measurement, label));
  }
  return text + table.text(style.width);
}

std::string budgets_part(const certify::Certificate& certificate, const Style& style) {
  if (certificate.budgets.empty()) return "";
  const double each = certificate.budgets.front().confidence;
  std::string text =
      title("BUDGETS",
            fmt::format("{} together; each bound holds with {} at each look",
                        certify::percent(certificate.confidence), certify::percent(each)),
            style);
  Table table({"TECHNIQUE", "TARGET", "", "LIMIT", "OBSERVED", "BOUNDS", "OUTCOME"}, {4});
  for (const certify::BudgetVerdict& budget : certificate.budgets) {
    std::string outcome(to_string(budget.outcome));
    if (!budget.required) outcome += " (advised)";
    std::vector<std::string> notes;
    if (budget.outcome != certify::BudgetOutcome::pass) notes.push_back(budget.reason);
    table.add({series_label(budget.technique, budget.parameters), budget.target,
               certify::quantile_name(budget.quantile), budget.limit,
               budget.observed_ns > 0 ? amount(budget, budget.observed_ns) : "–",
               range_words(budget), outcome},
              std::move(notes));
  }
  return text + table.text(style.width);
}

}  // namespace assay::report
