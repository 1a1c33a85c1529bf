// Parsers of lists, masks, numbers and units against plain readings of the same text: what is
// accepted means what a person would read, and everything else is refused.
#include <gtest/gtest.h>
// The order matters: rapidcheck's header builds on gtest's.
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/cpuset.hpp"
#include "core/units.hpp"

namespace assay {
namespace {

// Text that looks like the thing, and now and then is.
std::string text_of(std::string_view alphabet, std::size_t length_max) {
  const auto letters = std::string(alphabet);
  return *rc::gen::resize(static_cast<int>(length_max),
                          rc::gen::container<std::string>(rc::gen::elementOf(letters)));
}

__extension__ using Wide = unsigned __int128;

// A decimal number by hand, wider than any of the parsers' types; nothing above 10^30.
std::optional<Wide> plain_number(std::string_view digits) {
  if (digits.empty() || digits.size() > 30) return std::nullopt;
  Wide value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value;
}

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

RC_GTEST_PROP(ListProperty, OrderAndOverlapMeanNothing, ()) {
  const auto ranges = *rc::gen::container<std::vector<std::pair<unsigned, unsigned>>>(
      rc::gen::pair(rc::gen::inRange(0U, 300U), rc::gen::inRange(0U, 20U)));
  std::vector<std::string> parts;
  std::set<unsigned> expected;
  for (const auto& [first, length] : ranges) {
    parts.push_back(length == 0 ? std::to_string(first)
                                : std::to_string(first) + "-" + std::to_string(first + length));
    for (unsigned cpu = first; cpu <= first + length; ++cpu) expected.insert(cpu);
  }
  const auto set = CpuSet::parse_list(join(parts));
  RC_ASSERT(set.has_value());
  const auto cpus = set->to_vector();
  RC_ASSERT(std::set<unsigned>(cpus.begin(), cpus.end()) == expected);
  std::ranges::reverse(parts);
  RC_ASSERT(CpuSet::parse_list(join(parts)).value() == *set);
}

RC_GTEST_PROP(ListProperty, AnyTextIsASetOrRefused, ()) {
  const std::string text = text_of("0123456789,,--:/ \nx", 24);
  const auto set = CpuSet::parse_list(text);
  if (!set) {
    RC_ASSERT(set.error().code == ErrorCode::invalid);
    return;
  }
  RC_ASSERT(CpuSet::parse_list(set->to_list()).value() == *set);
  RC_ASSERT(set->last().value_or(0) < CpuSet::kMaxCpus);
  RC_ASSERT(text.find_first_of(" x") == std::string::npos);
  RC_ASSERT(text.find("--") == std::string::npos);
}

RC_GTEST_PROP(ListProperty, NumbersAboveTheLimitAreRefused, ()) {
  const auto above = *rc::gen::inRange<std::uint64_t>(CpuSet::kMaxCpus, 1ULL << 62U);
  RC_ASSERT(!CpuSet::parse_list(std::to_string(above)));
  RC_ASSERT(!CpuSet::parse_list("0-" + std::to_string(above)));
  RC_ASSERT(!CpuSet::parse_list("1," + std::to_string(above) + ",2"));
}

RC_GTEST_PROP(ListProperty, RangesThatRunBackwardsAreRefused, ()) {
  const auto last = *rc::gen::inRange(0U, 1000U);
  const auto first = last + *rc::gen::inRange(1U, 1000U);
  RC_ASSERT(!CpuSet::parse_list(std::to_string(first) + "-" + std::to_string(last)));
}

RC_GTEST_PROP(MaskProperty, DigitsAreBitsFromTheRight, ()) {
  const std::string digits = *rc::gen::nonEmpty(
      rc::gen::container<std::string>(rc::gen::elementOf(std::string("0123456789abcdefABCDEF"))));
  RC_PRE(digits.size() < 1000U);
  std::set<unsigned> expected;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const char c = digits[digits.size() - 1 - i];
    const auto value = static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    for (unsigned bit = 0; bit < 4; ++bit) {
      if ((value >> bit & 1U) != 0) expected.insert(static_cast<unsigned>(i) * 4 + bit);
    }
  }
  const auto set = CpuSet::parse_mask(digits);
  RC_ASSERT(set.has_value());
  const auto cpus = set->to_vector();
  RC_ASSERT(std::set<unsigned>(cpus.begin(), cpus.end()) == expected);
  // Both notations of the same set agree.
  RC_ASSERT(CpuSet::parse_list(set->to_list()).value() ==
            CpuSet::parse_mask(set->to_mask()).value());
}

RC_GTEST_PROP(MaskProperty, AnyTextIsASetOrRefused, ()) {
  const std::string text = text_of("0123456789abcdefABCDEFxX,, \n-", 40);
  const auto set = CpuSet::parse_mask(text);
  if (set) {
    RC_ASSERT(CpuSet::parse_mask(set->to_mask()).value() == *set);
  } else {
    RC_ASSERT(set.error().code == ErrorCode::invalid);
  }
}

RC_GTEST_PROP(NumberProperty, AgreesWithReadingByHand, ()) {
  const std::string sign = *rc::gen::element<std::string>("", "", "-", "+", " ");
  const std::string digits = text_of("0123456789", 24);
  const std::string tail = *rc::gen::element<std::string>("", "", "\n", " ", "x", "\n\n");
  const std::string text = sign + digits + tail;
  const auto number = plain_number(digits);
  const bool plain = number && (tail.empty() || tail == "\n");
  const auto natural = parse_uint(text);
  const bool fits = plain && sign.empty() && *number <= std::numeric_limits<std::uint64_t>::max();
  RC_ASSERT(natural.has_value() == fits);
  if (natural) RC_ASSERT(*natural == *number);
  const auto whole = parse_int(text);
  const auto limit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const bool whole_fits =
      plain && ((sign.empty() && *number <= limit) || (sign == "-" && *number <= limit + 1ULL));
  RC_ASSERT(whole.has_value() == whole_fits);
  if (whole && sign.empty()) RC_ASSERT(static_cast<std::uint64_t>(*whole) == *number);
}

RC_GTEST_PROP(UnitTextProperty, SizesAreExactOrRefused, ()) {
  struct Unit {
    std::string name;
    std::uint64_t bytes;
  };
  const Unit unit = *rc::gen::elementOf(std::vector<Unit>{{"", 1},
                                                          {"B", 1},
                                                          {"K", 1ULL << 10},
                                                          {"KiB", 1ULL << 10},
                                                          {"kB", 1000},
                                                          {"M", 1ULL << 20},
                                                          {"MB", 1000'000},
                                                          {"GiB", 1ULL << 30},
                                                          {"T", 1ULL << 40}});
  const std::string digits = *rc::gen::nonEmpty(rc::gen::resize(
      22, rc::gen::container<std::string>(rc::gen::elementOf(std::string("0123456789")))));
  const auto number = plain_number(digits);
  RC_PRE(number.has_value() && digits.size() <= 22U);
  const auto exact = *number * unit.bytes;
  const auto size = parse_bytes(digits + unit.name);
  RC_ASSERT(size.has_value() == (exact <= std::numeric_limits<std::uint64_t>::max()));
  if (size) RC_ASSERT(size->count == exact);
}

RC_GTEST_PROP(UnitTextProperty, AnyTextIsAQuantityOrRefused, ()) {
  const std::string text = text_of("0123456789..KkMGTiBbunmsh \n-+e\xc2\xb5", 16);
  if (const auto size = parse_bytes(text)) {
    RC_ASSERT(parse_bytes(format_bytes(*size)).value() == *size);
    RC_ASSERT(text.find_first_of("-+") == std::string::npos);
  } else {
    RC_ASSERT(size.error().code == ErrorCode::invalid);
  }
  if (const auto duration = parse_duration(text)) {
    RC_ASSERT(duration->count() >= 0);
    RC_ASSERT(parse_duration(format_duration(*duration)).value() == *duration);
  } else {
    RC_ASSERT(duration.error().code == ErrorCode::invalid);
  }
}

}  // namespace
}  // namespace assay
