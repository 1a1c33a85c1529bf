#include "certify/judge_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace assay::certify {

std::string quantile_name(double quantile) { return fmt::format("p{:.7g}", quantile * 100); }

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string percent(double confidence) {
  const double rest = std::max(1e-9, 100 * (1 - confidence));
  const int digits = std::clamp(static_cast<int>(std::ceil(1 - std::log10(rest))), 0, 6);
  std::string text = fmt::format("{:.{}f}", confidence * 100, digits);
  while (text.find('.') != std::string::npos && (text.back() == '0' || text.back() == '.')) {
    const bool point = text.back() == '.';
    text.pop_back();
    if (point) break;
  }
  return text + " %";
}

std::string amount(const BudgetVerdict& verdict, double value) {
  return verdict.is_ratio ? fmt::format("{:.3g}x", value) : format_ns_short(value);
}

std::string limit_words(const profiles::Limit& limit, std::string_view baseline) {
  if (limit.at_most) return "≤ " + format_duration(*limit.at_most);
  return fmt::format("≤ {:g}x {}", limit.ratio_at_most.value_or(0), baseline);
}

namespace {

std::string sample_words(const BudgetVerdict& verdict) {
  if (verdict.n == 0) return {};
  const std::string worth = grouped(static_cast<std::uint64_t>(verdict.n_effective));
  if (verdict.is_ratio) return fmt::format(" ({} paired blocks)", worth);
  return fmt::format(" ({} samples, worth {} independent ones)", grouped(verdict.n), worth);
}

}  // namespace

std::string reason_words(const BudgetVerdict& verdict) {
  const std::string what = verdict.is_ratio ? quantile_name(verdict.quantile) + " ratio"
                                            : quantile_name(verdict.quantile);
  const std::string sample = sample_words(verdict);
  const std::string sure = percent(verdict.confidence);
  switch (verdict.outcome) {
    case BudgetOutcome::pass:
      return fmt::format("{} is at most {} with {} confidence{}", what,
                         amount(verdict, verdict.high_ns), sure, sample);
    case BudgetOutcome::fail:
      return fmt::format("{} is at least {} with {} confidence{}, the limit is {}", what,
                         amount(verdict, verdict.low_ns), sure, sample, verdict.limit);
    default:
      break;
  }
  return fmt::format(
      "{} lies between {} and {} with {} confidence on either side{}; the limit {} is "
      "in between",
      what, amount(verdict, verdict.low_ns), amount(verdict, verdict.high_ns), sure, sample,
      verdict.limit);
}

}  // namespace assay::certify
