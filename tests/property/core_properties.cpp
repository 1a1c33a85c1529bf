// Parsing undoes printing, and sets obey the laws of sets.
#include <gtest/gtest.h>
// The order matters: rapidcheck's header builds on gtest's.
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "core/capture_replies.hpp"
#include "core/cpuset.hpp"
#include "core/file_io.hpp"
#include "core/memory_host.hpp"
#include "core/suggest.hpp"
#include "core/units.hpp"

namespace rc {

// Small and wide sets alike: most numbers are near each other, some are far away.
template <>
struct Arbitrary<assay::CpuSet> {
  static Gen<assay::CpuSet> arbitrary() {
    const auto number =
        gen::weightedOneOf<unsigned>({{8, gen::inRange(0U, 80U)},
                                      {2, gen::inRange(0U, 600U)},
                                      {1, gen::inRange(0U, assay::CpuSet::kMaxCpus)}});
    return gen::map(gen::container<std::vector<unsigned>>(number),
                    [](const std::vector<unsigned>& cpus) {
                      assay::CpuSet set;
                      for (const unsigned cpu : cpus) set.add(cpu);
                      return set;
                    });
  }
};

}  // namespace rc

namespace assay {

void showValue(const CpuSet& set, std::ostream& out) { out << "{" << set.to_list() << "}"; }

namespace {

std::set<unsigned> plain(const CpuSet& set) {
  const auto cpus = set.to_vector();
  return {cpus.begin(), cpus.end()};
}

RC_GTEST_PROP(CpuSetProperty, ListsReadBack, (const CpuSet& set)) {
  RC_ASSERT(CpuSet::parse_list(set.to_list()).value() == set);
  RC_ASSERT(CpuSet::parse_list(set.to_list() + "\n").value() == set);
}

RC_GTEST_PROP(CpuSetProperty, MasksOfAnyWidthReadBack, (const CpuSet& set)) {
  const unsigned width = *rc::gen::inRange(0U, 2000U);
  RC_ASSERT(CpuSet::parse_mask(set.to_mask(width)).value() == set);
  RC_ASSERT(CpuSet::parse_mask("0x" + set.to_mask(width)).value() == set);
}

RC_GTEST_PROP(CpuSetProperty, AgreesWithAPlainSet, (const CpuSet& a, const CpuSet& b)) {
  const auto pa = plain(a);
  const auto pb = plain(b);
  std::set<unsigned> expected = pa;
  expected.insert(pb.begin(), pb.end());
  RC_ASSERT(plain(a | b) == expected);
  expected.clear();
  std::set_intersection(pa.begin(), pa.end(), pb.begin(), pb.end(),
                        std::inserter(expected, expected.end()));
  RC_ASSERT(plain(a & b) == expected);
  RC_ASSERT(a.intersects(b) == !expected.empty());
  expected.clear();
  std::set_difference(pa.begin(), pa.end(), pb.begin(), pb.end(),
                      std::inserter(expected, expected.end()));
  RC_ASSERT(plain(a - b) == expected);
  RC_ASSERT(a.is_subset_of(b) == std::includes(pb.begin(), pb.end(), pa.begin(), pa.end()));
  RC_ASSERT((a == b) == (pa == pb));
  RC_ASSERT(a.count() == pa.size());
  RC_ASSERT(a.empty() == pa.empty());
  if (!pa.empty()) {
    RC_ASSERT(a.first().value() == *pa.begin());
    RC_ASSERT(a.last().value() == *pa.rbegin());
  }
}

RC_GTEST_PROP(CpuSetProperty, Algebra, (const CpuSet& a, const CpuSet& b, const CpuSet& c)) {
  RC_ASSERT((a | b) == (b | a));
  RC_ASSERT((a & b) == (b & a));
  RC_ASSERT((a & (b | c)) == ((a & b) | (a & c)));
  RC_ASSERT((a - b) == (a - (a & b)));
  RC_ASSERT(((a - b) | (a & b)) == a);
  RC_ASSERT(!(a - b).intersects(b));
  RC_ASSERT((a & b).is_subset_of(a));
}

RC_GTEST_PROP(CpuSetProperty, RemovingUndoesAdding, (const CpuSet& set)) {
  const unsigned cpu = *rc::gen::inRange(0U, CpuSet::kMaxCpus);
  RC_PRE(!set.contains(cpu));
  CpuSet changed = set;
  changed.add(cpu);
  RC_ASSERT(changed.contains(cpu));
  RC_ASSERT(changed != set);
  changed.remove(cpu);
  RC_ASSERT(changed == set);
}

RC_GTEST_PROP(CpuSetProperty, StridesFollowTheKernelsRule, ()) {
  const unsigned first = *rc::gen::inRange(0U, 300U);
  const unsigned length = *rc::gen::inRange(1U, 100U);
  const unsigned group = *rc::gen::inRange(1U, 20U);
  const unsigned used = *rc::gen::inRange(1U, group + 1);
  const unsigned last = first + length - 1;
  const auto set = CpuSet::parse_list(std::to_string(first) + "-" + std::to_string(last) + ":" +
                                      std::to_string(used) + "/" + std::to_string(group));
  // "The first `used` CPUs of each group of `group`", group by group.
  CpuSet expected;
  for (unsigned start = first; start <= last; start += group) {
    for (unsigned i = 0; i < used && start + i <= last; ++i) expected.add(start + i);
  }
  RC_ASSERT(set.value() == expected);
}

RC_GTEST_PROP(UnitProperty, BytesReadBack, (std::uint64_t count)) {
  RC_ASSERT(parse_bytes(format_bytes(Bytes{count})).value() == Bytes{count});
  const unsigned shift = *rc::gen::inRange(0U, 45U);
  const Bytes round{(count >> 20) << shift >> 1};
  RC_ASSERT(parse_bytes(format_bytes(round)).value() == round);
}

RC_GTEST_PROP(UnitProperty, DurationsReadBack, (std::int64_t count)) {
  RC_PRE(count >= 0);
  const std::int64_t unit = *rc::gen::element<std::int64_t>(1, 1000, 1000'000, 1000'000'000,
                                                            60'000'000'000, 3600'000'000'000);
  const Nanoseconds duration{count % (std::numeric_limits<std::int64_t>::max() / unit) * unit};
  RC_ASSERT(parse_duration(format_duration(duration)).value() == duration);
}

RC_GTEST_PROP(UnitProperty, FractionsAreExactOrRefused, ()) {
  const auto whole = *rc::gen::inRange<std::uint64_t>(0, 1000);
  const auto thousandths = *rc::gen::inRange<std::uint64_t>(0, 1000);
  std::string digits = std::to_string(thousandths);
  digits.insert(0, 3 - digits.size(), '0');
  const std::string number = std::to_string(whole) + "." + digits;
  RC_ASSERT(parse_duration(number + "us").value() ==
            Nanoseconds{static_cast<std::int64_t>(whole * 1000 + thousandths)});
  const std::uint64_t scaled = (whole * 1000 + thousandths) * 1024;
  const auto size = parse_bytes(number + "KiB");
  RC_ASSERT(size.has_value() == (scaled % 1000 == 0));
  if (size) RC_ASSERT(size->count == scaled / 1000);
}

RC_GTEST_PROP(UnitProperty, NumbersReadBack, (std::int64_t number, std::uint64_t natural)) {
  RC_ASSERT(parse_int(std::to_string(number) + "\n").value() == number);
  RC_ASSERT(parse_uint(std::to_string(natural)).value() == natural);
}

RC_GTEST_PROP(NameProperty, NaturalOrderIsAStrictOrder, ()) {
  const auto name = rc::gen::container<std::string>(rc::gen::element('a', 'b', '0', '1', '2'));
  const std::string a = *name;
  const std::string b = *name;
  const std::string c = *name;
  using file_io::natural_less;
  RC_ASSERT(!natural_less(a, a));
  RC_ASSERT(!(natural_less(a, b) && natural_less(b, a)));
  RC_ASSERT(a == b || natural_less(a, b) || natural_less(b, a));
  RC_ASSERT(!(natural_less(a, b) && natural_less(b, c)) || natural_less(a, c));
}

RC_GTEST_PROP(NameProperty, OneTypingErrorIsForgiven, ()) {
  const std::string name =
      *rc::gen::container<std::string>(6, rc::gen::inRange<char>('a', 'z' + 1));
  const std::vector<std::string_view> names{name, "0123456789", "___________"};
  std::string typed = name;
  typed.erase(*rc::gen::inRange<std::size_t>(0, typed.size()), 1);
  RC_ASSERT(nearest(typed, names) == name);
}

RC_GTEST_PROP(CaptureProperty, RepliesReadBack, ()) {
  const auto word = rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127));
  CaptureReplies replies;
  const auto count = *rc::gen::inRange(0, 6);
  for (int i = 0; i < count; ++i) {
    const Query query{*rc::gen::nonEmpty(word), *word};
    if (*rc::gen::arbitrary<bool>()) {
      replies.insert_or_assign(query, Reply{{*word, *word}, {*word, *word}});
    } else {
      replies.insert_or_assign(query, fail_errno(*rc::gen::inRange(1, 130), "ask"));
    }
  }
  const auto parsed = parse_capture_replies(format_capture_replies(replies)).value();
  RC_ASSERT(parsed.size() == replies.size());
  for (const auto& [query, answer] : replies) {
    const auto& read = parsed.at(query);
    RC_ASSERT(read.has_value() == answer.has_value());
    if (answer) RC_ASSERT(*read == *answer);
    if (!answer) RC_ASSERT(read.error().sys_errno == answer.error().sys_errno);
  }
}

// A tree of random links: whatever they say, a resolved path is a path of the tree.
RC_GTEST_PROP(HostProperty, ResolvingEndsInsideTheTree, ()) {
  const auto part = rc::gen::element<std::string>("a", "b", "c", "..", ".", "/", "//");
  const auto path = rc::gen::map(rc::gen::container<std::vector<std::string>>(part),
                                 [](const std::vector<std::string>& parts) {
                                   std::string text;
                                   for (const auto& piece : parts) text += piece + "/";
                                   return text;
                                 });
  MemoryHost host;
  const auto links = *rc::gen::inRange(0, 12);
  for (int i = 0; i < links; ++i) host.link("/" + *path, *path + "a");
  host.put("/a/b/c", "");
  const auto resolved = host.resolve("/" + *path);
  if (!resolved) {
    RC_ASSERT(resolved.error().code == ErrorCode::absent ||
              resolved.error().code == ErrorCode::invalid);
    return;
  }
  RC_ASSERT(resolved->starts_with('/'));
  RC_ASSERT(resolved->find("..") == std::string::npos);
  RC_ASSERT(host.status(*resolved).value().kind != FileKind::symlink);
  RC_ASSERT(host.resolve(*resolved).value() == *resolved);
}

}  // namespace
}  // namespace assay
