// The verdict over everything, and its reasons.
#include <fmt/format.h>

#include <algorithm>

#include "certify/certificate.hpp"
#include "certify/judge_words.hpp"

namespace assay::certify {
namespace {

// Reasons of one kind that are printed in full; the rest is counted.
constexpr std::size_t kListed = 8;

std::string budget_name(const BudgetVerdict& budget) {
  std::string words = budget.technique;
  const auto variant = budget.parameters.find("variant");
  if (variant != budget.parameters.end()) words += " " + variant->second;
  return fmt::format("{} on {}, {} {}", words, budget.target, quantile_name(budget.quantile),
                     budget.limit);
}

class Reasons {
 public:
  explicit Reasons(Certificate& certificate) : certificate_(certificate) {}

  // Adds a line for each required budget with this outcome; returns how many there are.
  std::size_t budgets(BudgetOutcome outcome, std::string_view word) {
    std::size_t count = 0;
    for (const BudgetVerdict& budget : certificate_.budgets) {
      if (!budget.required || budget.outcome != outcome) continue;
      if (++count <= kListed) {
        add(fmt::format("{}: {}: {}", word, budget_name(budget), budget.reason));
      }
    }
    more(count, fmt::format("budgets {}", word));
    return count;
  }

  // The same for required settings.
  std::size_t settings(tuner::Outcome outcome, std::string_view word) {
    std::size_t count = 0;
    for (const tuner::CheckRow& row : certificate_.checks.rows) {
      if (!row.required || row.outcome != outcome) continue;
      if (++count > kListed) continue;
      const std::string& is = row.effective.empty() ? row.configured : row.effective;
      add(fmt::format("setting {} on {} {}: is {}, wanted {}{}", row.id, row.target, word,
                      is.empty() ? "unknown" : is, row.wanted,
                      row.reason.empty() ? "" : "; " + row.reason));
    }
    more(count, fmt::format("settings {}", word));
    return count;
  }

  void add(std::string reason) { certificate_.reasons.push_back(std::move(reason)); }

 private:
  void more(std::size_t count, const std::string& what) {
    if (count > kListed) add(fmt::format("and {} more {}", count - kListed, what));
  }

  Certificate& certificate_;
};

// What holds when nothing stands against it.
void add_good_reasons(const Certificate& certificate, Reasons& reasons) {
  const auto met = std::ranges::count_if(certificate.budgets, [](const BudgetVerdict& budget) {
    return budget.required && budget.outcome == BudgetOutcome::pass;
  });
  const auto wanted = std::ranges::count_if(certificate.checks.rows, &tuner::CheckRow::required);
  const auto advised =
      std::ranges::count_if(certificate.checks.rows, [](const tuner::CheckRow& row) {
        return !row.required && row.outcome == tuner::Outcome::differs;
      });
  reasons.add(met == 0 ? std::string("the profile requires no budget")
                       : fmt::format("all {} required limits are met, with {} confidence together",
                                     met, percent(certificate.confidence)));
  reasons.add(
      fmt::format("no required setting differs ({} rows); {} that the profile only advises do",
                  wanted, advised));
}

}  // namespace

void conclude(Certificate& certificate) {
  certificate.reasons.clear();
  Reasons reasons(certificate);
  std::size_t wrong = reasons.budgets(BudgetOutcome::fail, "missed");
  wrong += reasons.settings(tuner::Outcome::differs, "differs");
  wrong += reasons.settings(tuner::Outcome::pending_reboot, "waits for a reboot");
  std::size_t lacking = reasons.budgets(BudgetOutcome::skipped, "skipped");
  lacking += reasons.settings(tuner::Outcome::denied, "cannot be read");
  std::size_t open = reasons.budgets(BudgetOutcome::invalid, "void");
  open += reasons.budgets(BudgetOutcome::inconclusive, "undecided");

  if (certificate.partial) {
    certificate.verdict = Verdict::inconclusive;
    certificate.reasons.insert(certificate.reasons.begin(),
                               "stopped before the end: what was measured until then is kept");
  } else if (wrong + lacking > 0) {
    certificate.verdict = Verdict::fail;
  } else if (open > 0) {
    certificate.verdict = Verdict::inconclusive;
  } else {
    certificate.verdict = Verdict::pass;
    add_good_reasons(certificate, reasons);
  }
}

}  // namespace assay::certify
