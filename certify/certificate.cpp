#include "certify/certificate.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace assay::certify {

std::string_view to_string(BudgetOutcome outcome) {
  switch (outcome) {
    case BudgetOutcome::pass:
      return "pass";
    case BudgetOutcome::fail:
      return "fail";
    case BudgetOutcome::inconclusive:
      return "inconclusive";
    case BudgetOutcome::skipped:
      return "skipped";
    case BudgetOutcome::invalid:
      return "invalid";
  }
  return "invalid";
}

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "PASS";
    case Verdict::fail:
      return "FAIL";
    case Verdict::inconclusive:
      return "INCONCLUSIVE";
  }
  return "INCONCLUSIVE";
}

int Certificate::exit_code() const {
  if (partial) return 130;
  if (verdict == Verdict::pass) return 0;
  if (verdict == Verdict::inconclusive) return 2;
  const bool missed = std::ranges::any_of(budgets, [](const BudgetVerdict& budget) {
    return budget.required && budget.outcome == BudgetOutcome::fail;
  });
  // A FAIL that no evaluation made comes from something required that was skipped or denied.
  return missed || checks.exit_code() == 1 ? 1 : 3;
}

std::string format_time(std::chrono::sys_seconds time) {
  // Not through system_clock, whose nanoseconds end in the years 1677 and 2262: a hostile document
  // may name any year.
  const auto seconds = static_cast<std::time_t>(time.time_since_epoch().count());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(seconds));
}

Expected<std::chrono::sys_seconds> parse_time(const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, used = 0;
  const int fields = std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &year, &month, &day,
                                 &hour, &minute, &second, &used);
  const auto date = std::chrono::year(year) / std::chrono::month(static_cast<unsigned>(month)) /
                    std::chrono::day(static_cast<unsigned>(day));
  const bool in_range =
      hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 61;
  if (fields != 6 || static_cast<std::size_t>(used) != text.size() || !date.ok() || !in_range) {
    return fail(ErrorCode::invalid, "read a time", text,
                "not a UTC time of the form "
                "2026-01-31T12:00:00Z");
  }
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

}  // namespace assay::certify
