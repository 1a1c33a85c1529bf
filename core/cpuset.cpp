#include "core/cpuset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>

namespace assay {
namespace {

constexpr unsigned kWordBits = 64;
constexpr unsigned kGroupBits = 32;  // the kernel prints masks in groups of 32 bits

std::string_view without_newline(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

Failure bad(std::string_view notation, std::string_view part, std::string_view cause) {
  return fail(ErrorCode::invalid, fmt::format("parse CPU {}", notation),
              fmt::format("\"{}\"", part.substr(0, 64)), cause);
}

// Takes a decimal number off the head of `text`; false when there is none below kMaxCpus + 1.
bool take_number(std::string_view& text, unsigned& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

// One part of a list: "7", "0-3" or "16-31:2/4" (the first 2 of every group of 4).
Expected<void> add_part(std::string_view part, CpuSet& set) {
  std::string_view rest = part;
  unsigned first = 0;
  if (!take_number(rest, first)) return bad("list", part, "expected a number, as in \"0-3,8\"");
  unsigned last = first;
  unsigned used = 1;
  unsigned group = 1;
  if (rest.starts_with('-')) {
    rest.remove_prefix(1);
    if (!take_number(rest, last)) return bad("list", part, "expected a number after \"-\"");
    if (rest.starts_with(':')) {
      rest.remove_prefix(1);
      const bool complete = take_number(rest, used) && rest.starts_with('/');
      if (complete) rest.remove_prefix(1);
      if (!complete || !take_number(rest, group)) {
        return bad("list", part, "expected used/group after \":\", as in \"0-15:2/4\"");
      }
    }
  }
  if (!rest.empty()) return bad("list", part, "unexpected text after the number");
  if (last < first) return bad("list", part, "the range runs backwards");
  if (last >= CpuSet::kMaxCpus) return bad("list", part, "the number is too large");
  if (used == 0 || group == 0 || used > group) {
    return bad("list", part, "used must be between 1 and group");
  }
  for (unsigned cpu = first; cpu <= last; ++cpu) {
    if ((cpu - first) % group < used) set.add(cpu);
  }
  return {};
}

}  // namespace

CpuSet::CpuSet(std::initializer_list<unsigned> cpus) {
  for (const unsigned cpu : cpus) add(cpu);
}

CpuSet CpuSet::range(unsigned first, unsigned last) {
  CpuSet set;
  for (unsigned cpu = first; cpu <= last && cpu < kMaxCpus; ++cpu) set.add(cpu);
  return set;
}

Expected<CpuSet> CpuSet::parse_list(std::string_view text) {
  text = without_newline(text);
  CpuSet set;
  if (text.empty()) return set;
  while (true) {
    const std::size_t comma = text.find(',');
    if (auto added = add_part(text.substr(0, comma), set); !added) return Failure(added.error());
    if (comma == std::string_view::npos) return set;
    text.remove_prefix(comma + 1);
  }
}

Expected<CpuSet> CpuSet::parse_mask(std::string_view text) {
  constexpr std::size_t kGroupDigits = kGroupBits / 4;
  text = without_newline(text);
  CpuSet set;
  if (text.empty()) return set;
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  // Only a mask without commas may be wider than one group: "ffffffffffff".
  const bool single = text.find(',') == std::string_view::npos;
  // From the right: the last group holds CPUs 0-31.
  unsigned base = 0;
  while (true) {
    const std::size_t comma = text.rfind(',');
    std::string_view group = comma == std::string_view::npos ? text : text.substr(comma + 1);
    if (group.empty()) return bad("mask", group, "an empty group");
    if (!single && group.size() > kGroupDigits) {
      return bad("mask", group, "a group holds at most 8 hexadecimal digits");
    }
    while (!group.empty()) {
      const auto digits = group.substr(group.size() - std::min(group.size(), kGroupDigits));
      std::uint32_t bits = 0;
      const char* end = digits.data() + digits.size();
      const auto [stop, error] = std::from_chars(digits.data(), end, bits, 16);
      if (error != std::errc{} || stop != end) {
        return bad("mask", digits, "expected hexadecimal digits, as in \"ff,ffffffff\"");
      }
      if (!set.add_group(base, bits)) return bad("mask", digits, "the mask is too wide");
      group.remove_suffix(digits.size());
      // Saturates above the limit, so that a mask of endless zero groups cannot wrap around.
      if (base < kMaxCpus) base += kGroupBits;
    }
    if (comma == std::string_view::npos) return set;
    text = text.substr(0, comma);
  }
}

std::string CpuSet::to_list() const {
  std::string text;
  for (auto start = first(); start;) {
    unsigned end = *start;
    while (contains(end + 1)) ++end;
    if (!text.empty()) text += ',';
    text += end == *start ? fmt::format("{}", end) : fmt::format("{}-{}", *start, end);
    start = next(end);
  }
  return text;
}

std::string CpuSet::to_mask(unsigned width) const {
  const unsigned bits = std::max({width, last().value_or(0) + 1, 1U});
  const unsigned groups = (bits + kGroupBits - 1) / kGroupBits;
  std::string text;
  for (unsigned group = groups; group-- > 0;) {
    const unsigned bit = group * kGroupBits;
    const std::size_t word = bit / kWordBits;
    const std::uint64_t value = word < words_.size() ? words_[word] >> (bit % kWordBits) : 0;
    // The first group has as many digits as the width asks for, the others always eight.
    const bool leading = group + 1 == groups;
    const unsigned digits = leading ? ((bits - bit) + 3) / 4 : kGroupBits / 4;
    if (!leading) text += ',';
    text += fmt::format("{:0{}x}", value & 0xffffffffU, digits);
  }
  return text;
}

bool CpuSet::contains(unsigned cpu) const {
  const std::size_t word = cpu / kWordBits;
  return word < words_.size() && (words_[word] >> (cpu % kWordBits) & 1U) != 0;
}

bool CpuSet::empty() const { return words_.empty(); }

unsigned CpuSet::count() const {
  unsigned total = 0;
  for (const std::uint64_t word : words_) total += static_cast<unsigned>(std::popcount(word));
  return total;
}

std::optional<unsigned> CpuSet::first() const {
  if (contains(0)) return 0;
  return next(0);
}

std::optional<unsigned> CpuSet::last() const {
  if (words_.empty()) return std::nullopt;
  const auto top = static_cast<unsigned>(std::bit_width(words_.back()));
  return static_cast<unsigned>(words_.size() - 1) * kWordBits + top - 1;
}

std::optional<unsigned> CpuSet::next(unsigned cpu) const {
  if (cpu >= kMaxCpus) return std::nullopt;
  const unsigned from = cpu + 1;
  std::size_t word = from / kWordBits;
  if (word >= words_.size()) return std::nullopt;
  std::uint64_t bits = words_[word] & (~std::uint64_t{0} << (from % kWordBits));
  while (bits == 0) {
    if (++word >= words_.size()) return std::nullopt;
    bits = words_[word];
  }
  return static_cast<unsigned>(word) * kWordBits + static_cast<unsigned>(std::countr_zero(bits));
}

std::vector<unsigned> CpuSet::to_vector() const {
  std::vector<unsigned> cpus;
  cpus.reserve(count());
  for (auto cpu = first(); cpu; cpu = next(*cpu)) cpus.push_back(*cpu);
  return cpus;
}

void CpuSet::add(unsigned cpu) {
  if (cpu >= kMaxCpus) return;
  const std::size_t word = cpu / kWordBits;
  if (word >= words_.size()) words_.resize(word + 1);
  words_[word] |= std::uint64_t{1} << (cpu % kWordBits);
}

bool CpuSet::add_group(unsigned base, std::uint32_t bits) {
  if (bits == 0) return true;
  if (base >= kMaxCpus) return false;
  const std::size_t word = base / kWordBits;
  if (word >= words_.size()) words_.resize(word + 1);
  words_[word] |= static_cast<std::uint64_t>(bits) << (base % kWordBits);
  return true;
}

void CpuSet::remove(unsigned cpu) {
  const std::size_t word = cpu / kWordBits;
  if (word >= words_.size()) return;
  words_[word] &= ~(std::uint64_t{1} << (cpu % kWordBits));
  trim();
}

bool CpuSet::intersects(const CpuSet& other) const { return !(*this & other).empty(); }

bool CpuSet::is_subset_of(const CpuSet& other) const { return (*this - other).empty(); }

CpuSet operator|(const CpuSet& a, const CpuSet& b) {
  CpuSet result = a.words_.size() >= b.words_.size() ? a : b;
  const CpuSet& shorter = a.words_.size() >= b.words_.size() ? b : a;
  for (std::size_t i = 0; i < shorter.words_.size(); ++i) result.words_[i] |= shorter.words_[i];
  return result;
}

CpuSet operator&(const CpuSet& a, const CpuSet& b) {
  CpuSet result = a.words_.size() <= b.words_.size() ? a : b;
  const CpuSet& longer = a.words_.size() <= b.words_.size() ? b : a;
  for (std::size_t i = 0; i < result.words_.size(); ++i) result.words_[i] &= longer.words_[i];
  result.trim();
  return result;
}

CpuSet operator-(const CpuSet& a, const CpuSet& b) {
  CpuSet result = a;
  const std::size_t both = std::min(a.words_.size(), b.words_.size());
  for (std::size_t i = 0; i < both; ++i) result.words_[i] &= ~b.words_[i];
  result.trim();
  return result;
}

void CpuSet::trim() {
  while (!words_.empty() && words_.back() == 0) words_.pop_back();
}

}  // namespace assay
