#include "tuner/values.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/units.hpp"

namespace assay::tuner {
namespace {

using profiles::Match;

// 64 bits of mantissa on x86-64, more on other machines: every 64-bit integer is exact, and
// fractions and infinity need no second type.
using Quantity = long double;

Failure not_a_value(ValueKind kind, std::string_view text, std::string_view examples) {
  return fail(ErrorCode::invalid, "compare", "",
              fmt::format("\"{}\" is no {} (expected {})", text, to_string(kind), examples));
}

// The words of limits.conf, cgroups and the kernel for "no bound".
bool is_unlimited(std::string_view text) {
  return text == "unlimited" || text == "infinity" || text == "max";
}

// Decimal only: a kernel file in hexadecimal is a mask, and has a kind of its own.
Expected<Quantity> parse_number(std::string_view text) {
  if (is_unlimited(text)) return HUGE_VALL;
  Quantity value = 0;
  const char* end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (error != std::errc{} || rest != end || !std::isfinite(value)) {
    return not_a_value(ValueKind::number, text, "10, 0.5 or unlimited");
  }
  return value;
}

Expected<Quantity> parse_frequency_khz(std::string_view text) {
  struct Suffix {
    std::string_view text;
    Quantity khz;
  };
  static constexpr std::array<Suffix, 3> kSuffixes{Suffix{"GHz", 1e6L}, Suffix{"MHz", 1e3L},
                                                   Suffix{"kHz", 1}};
  Quantity factor = 1;
  std::string_view digits = text;
  for (const Suffix& suffix : kSuffixes) {
    if (digits.ends_with(suffix.text)) {
      digits.remove_suffix(suffix.text.size());
      factor = suffix.khz;
      break;
    }
  }
  auto value = parse_number(digits);
  if (!value) return not_a_value(ValueKind::frequency, text, "3.2GHz, 800MHz or 3200000 in kHz");
  // To whole Hz, so that 3.2GHz and 3200000kHz are the same number.
  return std::isinf(*value) ? *value : std::round(*value * factor * 1000) / 1000;
}

// Every kind that has an order, as one number: then one comparison serves them all.
Expected<Quantity> parse_quantity(ValueKind kind, std::string_view text) {
  if (kind == ValueKind::number) return parse_number(text);
  if (kind == ValueKind::frequency) return parse_frequency_khz(text);
  if (is_unlimited(text)) return HUGE_VALL;
  if (kind == ValueKind::bytes) {
    auto bytes = parse_bytes(text);
    if (!bytes) return not_a_value(kind, text, "64MiB, 4096 or unlimited");
    return static_cast<Quantity>(bytes->count);
  }
  auto duration = parse_duration(text);
  if (!duration) return not_a_value(kind, text, "10us, 1.5ms, 0 or unlimited");
  return static_cast<Quantity>(duration->count());
}

Expected<bool> parse_flag(std::string_view text) {
  static constexpr std::array<std::string_view, 6> kYes{"yes", "on", "true", "1", "enabled", "y"};
  static constexpr std::array<std::string_view, 6> kNo{"no", "off", "false", "0", "disabled", "n"};
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (std::ranges::find(kYes, lower) != kYes.end()) return true;
  if (std::ranges::find(kNo, lower) != kNo.end()) return false;
  return not_a_value(ValueKind::flag, text, "yes, no, on, off, 1 or 0");
}

// "tsc|kvm-clock" accepts either.
bool one_of(std::string_view alternatives, std::string_view actual) {
  while (true) {
    std::size_t bar = alternatives.find('|');
    if (alternatives.substr(0, bar) == actual) return true;
    if (bar == std::string_view::npos) return false;
    alternatives.remove_prefix(bar + 1);
  }
}

// For sets, "at most" is containment: an interrupt within the housekeeping CPUs.
Expected<bool> cpus_agree(Match match, std::string_view wanted, std::string_view actual) {
  auto want = parse_cpus(wanted);
  if (!want) return Failure(want.error());
  auto have = parse_cpus(actual);
  if (!have) return Failure(have.error());
  if (match == Match::at_least) return want->is_subset_of(*have);
  if (match == Match::at_most) return have->is_subset_of(*want);
  return *want == *have;
}

// Words and flags can only be equal.
bool ordered(ValueKind kind) { return kind != ValueKind::word && kind != ValueKind::flag; }

}  // namespace

Expected<CpuSet> parse_cpus(std::string_view text) {
  if (text == "none") return CpuSet{};
  Expected<CpuSet> set =
      text.starts_with("0x") ? CpuSet::parse_mask(text.substr(2)) : CpuSet::parse_list(text);
  if (!set) return not_a_value(ValueKind::cpu_list, text, "0-3,8, 0xff or none");
  return set;
}

std::string show_cpus(const CpuSet& cpus) { return cpus.empty() ? "none" : cpus.to_list(); }

Expected<bool> agrees(ValueKind kind, Match match, std::string_view wanted,
                      std::string_view actual) {
  if (match == Match::keep) return true;
  if (kind == ValueKind::word) return one_of(wanted, actual);
  if (kind == ValueKind::cpu_list) return cpus_agree(match, wanted, actual);
  if (kind == ValueKind::flag) {
    auto want = parse_flag(wanted);
    if (!want) return want;
    auto have = parse_flag(actual);
    if (!have) return have;
    return *want == *have;
  }
  auto want = parse_quantity(kind, wanted);
  if (!want) return Failure(want.error());
  auto have = parse_quantity(kind, actual);
  if (!have) return Failure(have.error());
  if (match == Match::at_least) return *have >= *want;
  if (match == Match::at_most) return *have <= *want;
  return *have == *want;
}

Expected<void> check_value(ValueKind kind, Match match, std::string_view wanted) {
  if (match == Match::keep) return {};
  if (match != Match::equal && !ordered(kind)) {
    return fail(
        ErrorCode::invalid, "compare", "",
        fmt::format("a {} has no order, so at_least and at_most mean nothing", to_string(kind)));
  }
  // A value that can be compared with itself is a value.
  if (auto same = agrees(kind, Match::equal, wanted, kind == ValueKind::word ? "" : wanted);
      !same) {
    return Failure(same.error());
  }
  return {};
}

std::string show_wanted(ValueKind kind, Match match, std::string_view wanted) {
  if (match == Match::keep) return "recorded";
  if (match == Match::equal) return std::string(wanted);
  const bool least = match == Match::at_least;
  if (kind == ValueKind::cpu_list) {
    return fmt::format("{} {}", least ? "contains" : "within", wanted);
  }
  return fmt::format("{} {}", least ? "≥" : "≤", wanted);
}

std::string with_unit(ValueKind kind, std::string_view unit, std::string_view raw) {
  auto value = parse_int(raw);
  if (!value) return std::string(raw);
  if (kind == ValueKind::duration) {
    if (*value < 0) return "unlimited";
    if (*value == 0) return fmt::format("0{}", unit);
    auto duration = parse_duration(fmt::format("{}{}", *value, unit));
    return duration ? format_duration(*duration) : std::string(raw);
  }
  if (kind == ValueKind::bytes) {
    auto bytes = parse_bytes(fmt::format("{}{}", raw, unit));
    return bytes ? format_bytes(*bytes) : std::string(raw);
  }
  if (kind == ValueKind::frequency) {
    const bool mhz = *value > 0 && *value % 1000 == 0;
    return mhz ? fmt::format("{}MHz", *value / 1000) : fmt::format("{}kHz", *value);
  }
  return std::string(raw);
}

Expected<std::string> without_unit(ValueKind kind, std::string_view unit, std::string_view shown) {
  if (kind == ValueKind::word) return std::string(shown.substr(0, shown.find('|')));
  if (kind == ValueKind::flag) {
    const auto on = parse_flag(shown);
    if (!on) return Failure(on.error());
    return std::string(*on ? "1" : "0");
  }
  if (kind == ValueKind::cpu_list) {
    const auto cpus = parse_cpus(shown);
    if (!cpus) return Failure(cpus.error());
    return cpus->to_list();
  }
  if (is_unlimited(shown)) return std::string("-1");
  const auto quantity = parse_quantity(kind, shown);
  if (!quantity) return Failure(quantity.error());
  // Frequencies are in kHz already, and numbers have no unit.
  Quantity size = 1;
  const bool has_size = kind == ValueKind::duration || kind == ValueKind::bytes;
  if (has_size && !unit.empty()) {
    const auto of_unit = parse_quantity(kind, fmt::format("1{}", unit));
    if (!of_unit) return Failure(of_unit.error());
    size = *of_unit;
  }
  const Quantity raw = *quantity / size;
  if (raw != std::floor(raw) || raw > 1e18L) {
    return fail(ErrorCode::unsupported, "plan", "",
                fmt::format("{} is no whole number of the kernel's unit ({})", shown,
                            unit.empty() ? "1" : unit));
  }
  return fmt::format("{}", static_cast<std::int64_t>(raw));
}

}  // namespace assay::tuner
