#include "core/units.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

namespace assay {
namespace {

__extension__ using Wide = unsigned __int128;

// A decimal number as written: value = digits / 10^decimals.
struct Decimal {
  std::uint64_t digits = 0;
  unsigned decimals = 0;
};

constexpr std::uint64_t kMaxUint64 = std::numeric_limits<std::uint64_t>::max();

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads the number at the head of `text` and takes it off. False: none there, or over 64 bits.
bool take_decimal(std::string_view& text, Decimal& out) {
  std::size_t at = 0;
  bool any = false;
  bool fraction = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.' && !fraction && any) {
      // "1." is a typing error, not a number.
      if (at + 1 >= text.size() || !is_digit(text[at + 1])) return false;
      fraction = true;
      continue;
    }
    if (!is_digit(c)) break;
    any = true;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (out.digits > (kMaxUint64 - digit) / 10) return false;
    out.digits = out.digits * 10 + digit;
    if (fraction) ++out.decimals;
  }
  text.remove_prefix(at);
  return any;
}

// digits * factor / 10^decimals, when that is whole and fits 64 bits.
bool scale(const Decimal& number, std::uint64_t factor, std::uint64_t& out) {
  if (number.digits == 0) {  // "0.000" with however many zeros
    out = 0;
    return true;
  }
  // digits * factor is below 2^64 * 2^42, which is less than 10^32: with more decimals than that
  // the value lies between 0 and 1, and the divisor below would overflow.
  constexpr unsigned kDecimalsMax = 32;
  if (number.decimals > kDecimalsMax) return false;
  Wide divisor = 1;
  for (unsigned i = 0; i < number.decimals; ++i) divisor *= 10;
  const Wide product = static_cast<Wide>(number.digits) * factor;
  if (product % divisor != 0) return false;
  const Wide result = product / divisor;
  if (result > kMaxUint64) return false;
  out = static_cast<std::uint64_t>(result);
  return true;
}

struct Suffix {
  std::string_view name;
  std::uint64_t factor;
};

constexpr auto kByteSuffixes = std::to_array<Suffix>({
    {"", 1},
    {"B", 1},
    {"K", 1ULL << 10},
    {"M", 1ULL << 20},
    {"G", 1ULL << 30},
    {"T", 1ULL << 40},
    {"KiB", 1ULL << 10},
    {"MiB", 1ULL << 20},
    {"GiB", 1ULL << 30},
    {"TiB", 1ULL << 40},
    {"kB", 1000},
    {"KB", 1000},
    {"MB", 1000'000},
    {"GB", 1000'000'000},
    {"TB", 1000'000'000'000},
});

constexpr auto kDurationSuffixes = std::to_array<Suffix>({
    {"ns", 1},
    {"us", 1000},
    {"µs", 1000},
    {"μs", 1000},  // U+03BC, the Greek letter; the line above is U+00B5, the micro sign
    {"ms", 1000'000},
    {"s", 1000'000'000},
    {"m", 60'000'000'000},
    {"h", 3600'000'000'000},
});

const Suffix* find_suffix(std::span<const Suffix> table, std::string_view name) {
  for (const Suffix& row : table) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

Failure bad(std::string_view operation, std::string_view text, std::string_view cause) {
  return fail(ErrorCode::invalid, operation, fmt::format("\"{}\"", text.substr(0, 64)), cause);
}

// Three significant digits: 9.99, 23.5, 123.
std::string three_digits(double value) {
  if (value < 9.995) return fmt::format("{:.2f}", value);
  if (value < 99.95) return fmt::format("{:.1f}", value);
  return fmt::format("{:.0f}", value);
}

template <typename Number>
Expected<Number> parse_whole(std::string_view text, std::string_view range) {
  std::string_view body = text;
  if (body.ends_with('\n')) body.remove_suffix(1);
  Number value{};
  const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), value);
  if (error == std::errc::result_out_of_range) {
    return bad("parse number", text, fmt::format("it does not fit {}", range));
  }
  if (error != std::errc{} || end != body.data() + body.size()) {
    return bad("parse number", text, "expected a whole decimal number");
  }
  return value;
}

}  // namespace

Expected<Bytes> parse_bytes(std::string_view text) {
  std::string_view rest = text;
  Decimal number;
  if (!take_decimal(rest, number)) {
    return bad("parse size", text, "expected a size such as 512, 4KiB or 2M, below 16 EiB");
  }
  const Suffix* suffix = find_suffix(kByteSuffixes, rest);
  if (suffix == nullptr) {
    return bad("parse size", text,
               "unknown unit; expected B, K, M, G, T, KiB, MiB, GiB, TiB, kB, MB, GB or TB");
  }
  std::uint64_t count = 0;
  if (!scale(number, suffix->factor, count)) {
    return bad("parse size", text, "it is no whole number of bytes below 16 EiB");
  }
  return Bytes{count};
}

std::string format_bytes(Bytes size) {
  constexpr std::array<std::pair<unsigned, const char*>, 4> kUnits{
      {{40, "TiB"}, {30, "GiB"}, {20, "MiB"}, {10, "KiB"}}};
  for (const auto& [shift, name] : kUnits) {
    const std::uint64_t unit = 1ULL << shift;
    if (size.count != 0 && size.count % unit == 0) {
      return fmt::format("{}{}", size.count / unit, name);
    }
  }
  return fmt::format("{}B", size.count);
}

std::string format_bytes_short(Bytes size) {
  constexpr std::array<const char*, 7> kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (size.count < 1024) return fmt::format("{} B", size.count);
  auto value = static_cast<double>(size.count);
  std::size_t unit = 0;
  // 1023.6 would print as "1024": the next unit says it better.
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1024.0;
    ++unit;
  }
  return fmt::format("{} {}", three_digits(value), kUnits.at(unit));
}

Expected<Nanoseconds> parse_duration(std::string_view text) {
  constexpr std::string_view kExpected = "expected a duration such as 500ns, 12us, 1.5ms or 2s";
  std::string_view rest = text;
  Decimal number;
  if (!take_decimal(rest, number)) return bad("parse duration", text, kExpected);
  if (rest.empty()) {
    if (number.digits == 0) return Nanoseconds{0};
    return bad("parse duration", text, "the unit is missing; expected ns, us, ms, s, m or h");
  }
  const Suffix* suffix = find_suffix(kDurationSuffixes, rest);
  if (suffix == nullptr) {
    return bad("parse duration", text, "unknown unit; expected ns, us, ms, s, m or h");
  }
  std::uint64_t count = 0;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!scale(number, suffix->factor, count) || count > kMax) {
    return bad("parse duration", text, "it is no whole number of nanoseconds below 292 years");
  }
  return Nanoseconds{static_cast<std::int64_t>(count)};
}

std::string format_duration(Nanoseconds duration) {
  constexpr std::array<std::pair<std::int64_t, const char*>, 5> kUnits{{{3600'000'000'000, "h"},
                                                                        {60'000'000'000, "m"},
                                                                        {1000'000'000, "s"},
                                                                        {1000'000, "ms"},
                                                                        {1000, "us"}}};
  for (const auto& [unit, name] : kUnits) {
    if (duration.count() != 0 && duration.count() % unit == 0) {
      return fmt::format("{}{}", duration.count() / unit, name);
    }
  }
  return fmt::format("{}ns", duration.count());
}

std::string format_duration_short(Nanoseconds duration) {
  return format_ns_short(static_cast<double>(duration.count()));
}

std::string format_ns_short(double nanoseconds) {
  constexpr std::array<const char*, 4> kUnits{"ns", "µs", "ms", "s"};
  if (!std::isfinite(nanoseconds)) return "–";
  const char* sign = nanoseconds < 0 ? "-" : "";
  double value = std::fabs(nanoseconds);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000.0;
    ++unit;
  }
  // Whole nanoseconds need no decimals: "42 ns", not "42.0 ns".
  if (unit == 0 && value == std::floor(value)) return fmt::format("{}{:.0f} ns", sign, value);
  return fmt::format("{}{} {}", sign, three_digits(value), kUnits.at(unit));
}

Expected<std::int64_t> parse_int(std::string_view text) {
  return parse_whole<std::int64_t>(text, "64 bits with sign");
}

Expected<std::uint64_t> parse_uint(std::string_view text) {
  return parse_whole<std::uint64_t>(text, "64 bits");
}

}  // namespace assay
