// Verdicts in words, with their numbers. Internal to certify/.
#pragma once

#include <string>

#include "certify/certificate.hpp"
#include "profiles/profile.hpp"

namespace assay::certify {

// "p99", "p99.9".
std::string quantile_name(double quantile);
// "12,345".
std::string grouped(std::uint64_t number);
// "99.94 %": as many digits as tell it from 100.
std::string percent(double confidence);
// "412 µs", or "1.03x" for a ratio.
std::string amount(const BudgetVerdict& verdict, double value);
// "≤ 500us", "≤ 1.05x storage.pread".
std::string limit_words(const profiles::Limit& limit, std::string_view baseline);

// The reason of a verdict that statistics gave: pass, fail or inconclusive.
std::string reason_words(const BudgetVerdict& verdict);

}  // namespace assay::certify
