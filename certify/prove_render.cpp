// A proof for people: what will be done, and the ledger of what was found.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "certify/judge_words.hpp"
#include "certify/prove.hpp"
#include "tuner/plan_rows.hpp"
#include "tuner/text_table.hpp"

namespace assay::certify {
namespace {

using Lines = std::vector<std::vector<std::string>>;

// With more effects than this, those that show nothing are counted; the JSON has each of them.
constexpr std::size_t kEffectsListed = 12;
constexpr int kInterrupted = 130, kFailed = 4, kNotAsWanted = 1, kInconclusive = 2;

std::string_view verdict_word(EffectKind kind) {
  return kind == EffectKind::none ? "no measurable effect" : to_string(kind);
}

std::vector<std::string> effect_line(const Effect& effect) {
  const bool compared = effect.high > 0;
  return {
      "  " + effect.of.label, quantile_name(effect.of.quantile),
      compared ? change_words(effect.ratio) : "-",
      compared ? fmt::format("{} to {}", change_words(effect.low), change_words(effect.high)) : "-",
      effect.kind == EffectKind::inconclusive
          ? fmt::format("inconclusive: {}: {}", effect.cause, effect.reason)
          : std::string(verdict_word(effect.kind))};
}

std::string decision_words(const LedgerEntry& entry) {
  switch (entry.decision) {
    case Decision::kept_helps:
    case Decision::kept_required:
      return "kept: " + entry.reason;
    case Decision::undone_hurts:
    case Decision::undone_no_effect:
    case Decision::undone_inconclusive:
      return "undone: " + entry.reason;
    case Decision::not_applied:
      return "not applied: " + entry.reason;
    case Decision::put_back:
      break;
  }
  return entry.reason.empty() ? "put back before it was measured" : entry.reason;
}

// The widest interval of those that are not listed says how small an effect would have been seen.
std::string rest_words(const std::vector<const Effect*>& rest) {
  double low = 1, high = 1;
  std::size_t without = 0;
  std::map<std::string_view, std::size_t> causes;
  for (const Effect* effect : rest) {
    if (effect->kind == EffectKind::inconclusive) {
      ++causes[effect->cause];
      continue;
    }
    ++without;
    low = std::min(low, effect->low);
    high = std::max(high, effect->high);
  }
  std::string text;
  if (without > 0) {
    text += fmt::format("  {} percentiles: no measurable effect, every interval within {} to {}\n",
                        without, change_words(low), change_words(high));
  }
  for (const auto& [cause, count] : causes) {
    text +=
        fmt::format("  {} percentile{}: inconclusive, {}\n", count, count == 1 ? "" : "s", cause);
  }
  return text;
}

std::string entry_text(const LedgerEntry& entry) {
  std::string text =
      fmt::format("\n{}  ({}; {}{})\n", group_name(entry.group.settings),
                  entry.group.required ? "required" : "advised", entry.group.how,
                  entry.effects.empty() ? "" : ", " + format_duration_short(entry.took));
  Lines lines{{"  TECHNIQUE", "PERCENTILE", "LATENCY", "INTERVAL", "EFFECT"}};
  std::vector<const Effect*> rest;
  for (const Effect& effect : entry.effects) {
    const bool tells = effect.kind == EffectKind::helps || effect.kind == EffectKind::hurts;
    if (!tells && entry.effects.size() > kEffectsListed) {
      rest.push_back(&effect);
    } else {
      lines.push_back(effect_line(effect));
    }
  }
  if (lines.size() > 1) text += tuner::text_table(lines);
  return text + rest_words(rest) + "  " + decision_words(entry) + "\n";
}

std::string confidence_words(double all, double each, std::size_t comparisons) {
  return fmt::format("{} of all {} comparisons together, {} of each", percent(all),
                     grouped(comparisons), percent(each));
}

std::string measured_words(const std::vector<ProofLimit>& limits) {
  Lines lines{{"MEASURED", "PERCENTILES"}};
  std::size_t series = 0;
  for (const ProofLimit& limit : limits) {
    if (lines.size() > 1 && series == limit.series) {
      lines.back()[1] += ", " + quantile_name(limit.quantile);
    } else {
      lines.push_back({limit.label, quantile_name(limit.quantile)});
    }
    series = limit.series;
  }
  return tuner::text_table(lines);
}

}  // namespace

int ProveReport::exit_code() const {
  const int tune = tuned.exit_code();
  if (tune == kInterrupted || tune == kFailed || tune == kNotAsWanted) return tune;
  const auto hurts = [](const LedgerEntry& entry) {
    return entry.decision == Decision::kept_required && entry.has(EffectKind::hurts);
  };
  if (std::ranges::any_of(ledger, hurts)) return kNotAsWanted;
  if (tune != 0) return tune;
  return std::ranges::any_of(ledger,
                             [](const LedgerEntry& entry) {
                               return entry.decision != Decision::not_applied &&
                                      entry.inconclusive();
                             })
             ? kInconclusive
             : 0;
}

std::string ProveReport::exit_reason() const {
  if (tuned.exit_code() != 0) return tuned.exit_reason();
  std::vector<std::string_view> hurting, open;
  for (const LedgerEntry& entry : ledger) {
    const std::string_view name = entry.group.settings.front();
    if (entry.decision == Decision::kept_required && entry.has(EffectKind::hurts)) {
      hurting.push_back(name);
    } else if (entry.decision != Decision::not_applied && entry.inconclusive()) {
      open.push_back(name);
    }
  }
  const auto told = [](const std::vector<std::string_view>& names) {
    return names.size() == 1 ? std::string(names.front())
                             : fmt::format("{} and {} more", names.front(), names.size() - 1);
  };
  if (!hurting.empty()) return told(hurting) + ": required, and kept although it hurts";
  if (!open.empty()) return told(open) + ": what it does could not be told";
  return tuned.exit_reason();
}

std::string render_proof(const ProveReport& report) {
  std::string text;
  if (!report.ledger.empty()) {
    text = fmt::format("LEDGER\n{}\n", confidence_words(report.confidence, report.confidence_each,
                                                        report.comparisons));
  }
  std::size_t kept = 0, undone = 0;
  for (const LedgerEntry& entry : report.ledger) {
    text += entry_text(entry);
    const bool stays =
        entry.decision == Decision::kept_helps || entry.decision == Decision::kept_required;
    kept += stays ? 1 : 0;
    undone += stays || entry.decision == Decision::not_applied ? 0 : 1;
  }
  if (!report.ledger.empty()) {
    text += fmt::format("\n{} of {} groups kept, {} put back as they were, in {}\n\n", kept,
                        report.ledger.size(), undone, format_duration_short(report.took));
  }
  text += tuner::rows_table(report.tuned.plan) + tuner::notes_text(report.tuned.plan) + "\n" +
          tuner::counts_line(report.tuned.plan);
  if (!report.tuned.journal.empty() && report.tuned.undone.empty()) {
    text += fmt::format("undo with: assay rollback {}\n", report.tuned.journal);
  }
  if (report.tuned.rollback && !report.tuned.rollback->complete()) {
    text += "\nLeft behind\n" + tuner::render_rollback(*report.tuned.rollback);
  }
  return text + fmt::format("exit code {}: {}\n", report.exit_code(), report.exit_reason());
}

std::string render_proof_plan(const ProofPlan& plan) {
  std::string text = "\nTO PROVE\n";
  Lines lines{{"GROUP", "DISRUPTION", "MEASURED", "THEN"}};
  for (const ProofGroup& group : plan.groups) {
    lines.push_back({group_name(group.settings), std::string(to_string(group.disruption)),
                     group.how, group.required ? "kept: required" : "kept if it helps"});
  }
  if (plan.groups.empty()) return text + "  nothing: no setting would be changed\n";
  text += tuner::text_table(lines) + "\n" + measured_words(plan.limits) + "\n";
  text += fmt::format("each group: {} blocks a side, at most {}\n", plan.rounds,
                      format_duration_short(plan.per_group));
  text += fmt::format("takes about {}, at most {}\n", format_duration_short(plan.about),
                      format_duration_short(plan.at_most));
  return text +
         fmt::format("confidence: {}\n", confidence_words(plan.confidence, plan.confidence_each,
                                                          plan.groups.size() * plan.limits.size()));
}

}  // namespace assay::certify
