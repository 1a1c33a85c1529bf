#include "tuner/values.hpp"

#include <gtest/gtest.h>
// GoogleTest first: its adaptor needs it.
#include <rapidcheck/gtest.h>

namespace assay::tuner {
namespace {

using profiles::Match;

bool yes(ValueKind kind, Match match, std::string_view wanted, std::string_view actual) {
  auto result = agrees(kind, match, wanted, actual);
  EXPECT_TRUE(result) << wanted << " / " << actual;
  return result.value_or(false);
}

TEST(Values, NumbersByValue) {
  EXPECT_TRUE(yes(ValueKind::number, Match::equal, "10", "10"));
  EXPECT_TRUE(yes(ValueKind::number, Match::equal, "10", "10.0"));
  EXPECT_TRUE(yes(ValueKind::number, Match::at_least, "10", "11"));
  EXPECT_FALSE(yes(ValueKind::number, Match::at_least, "10", "9"));
  EXPECT_TRUE(yes(ValueKind::number, Match::at_most, "0.1", "0.047"));
  EXPECT_TRUE(yes(ValueKind::number, Match::at_least, "95", "unlimited"));
  EXPECT_TRUE(yes(ValueKind::number, Match::at_most, "0", "-1"));
}

TEST(Values, LargeNumbersStayExact) {
  EXPECT_FALSE(yes(ValueKind::number, Match::equal, "9223372036854775807", "9223372036854775806"));
  EXPECT_FALSE(yes(ValueKind::bytes, Match::equal, "18446744073709551615", "18446744073709551614"));
}

TEST(Values, SizesByUnit) {
  EXPECT_TRUE(yes(ValueKind::bytes, Match::equal, "64MiB", "67108864"));
  EXPECT_TRUE(yes(ValueKind::bytes, Match::equal, "4K", "4KiB"));
  EXPECT_TRUE(yes(ValueKind::bytes, Match::at_most, "0", "0B"));
  EXPECT_TRUE(yes(ValueKind::bytes, Match::at_least, "unlimited", "unlimited"));
  EXPECT_FALSE(yes(ValueKind::bytes, Match::at_least, "unlimited", "8MiB"));
}

TEST(Values, DurationsByUnit) {
  EXPECT_TRUE(yes(ValueKind::duration, Match::equal, "1ms", "1000us"));
  EXPECT_TRUE(yes(ValueKind::duration, Match::at_most, "0", "0ns"));
  EXPECT_TRUE(yes(ValueKind::duration, Match::equal, "unlimited", "unlimited"));
  EXPECT_FALSE(yes(ValueKind::duration, Match::equal, "unlimited", "950ms"));
}

TEST(Values, FrequenciesByUnit) {
  EXPECT_TRUE(yes(ValueKind::frequency, Match::equal, "3.2GHz", "3200000"));
  EXPECT_TRUE(yes(ValueKind::frequency, Match::equal, "3.2GHz", "3200MHz"));
  EXPECT_TRUE(yes(ValueKind::frequency, Match::equal, "2.701GHz", "2701000kHz"));
  EXPECT_FALSE(yes(ValueKind::frequency, Match::at_least, "3.2GHz", "3199999"));
}

TEST(Values, FlagsByMeaning) {
  for (const char* one : {"yes", "on", "1", "true", "Y", "enabled"}) {
    EXPECT_TRUE(yes(ValueKind::flag, Match::equal, "yes", one)) << one;
    EXPECT_FALSE(yes(ValueKind::flag, Match::equal, "off", one)) << one;
  }
}

TEST(Values, WordsWithAlternatives) {
  EXPECT_TRUE(yes(ValueKind::word, Match::equal, "tsc|kvm-clock", "kvm-clock"));
  EXPECT_FALSE(yes(ValueKind::word, Match::equal, "tsc|kvm-clock", "kvm"));
  EXPECT_FALSE(yes(ValueKind::word, Match::equal, "none", "None"));
}

TEST(Values, CpuListsAsSets) {
  EXPECT_TRUE(yes(ValueKind::cpu_list, Match::equal, "0-3", "3,2,0-1"));
  EXPECT_TRUE(yes(ValueKind::cpu_list, Match::equal, "0x0000000f", "0-3"));
  EXPECT_TRUE(yes(ValueKind::cpu_list, Match::equal, "0x00000001,00000000", "32"));
  EXPECT_TRUE(yes(ValueKind::cpu_list, Match::equal, "none", ""));
  EXPECT_TRUE(yes(ValueKind::cpu_list, Match::at_most, "0-1", "1"));
  EXPECT_FALSE(yes(ValueKind::cpu_list, Match::at_most, "0-1", "1-2"));
  EXPECT_TRUE(yes(ValueKind::cpu_list, Match::at_least, "2-3", "1-3"));
  EXPECT_FALSE(yes(ValueKind::cpu_list, Match::at_least, "2-3", "3"));
}

TEST(Values, KeepAgreesWithEverything) {
  EXPECT_TRUE(yes(ValueKind::number, Match::keep, "", "anything"));
}

TEST(Values, RefusesWhatIsNoValue) {
  for (ValueKind kind : {ValueKind::number, ValueKind::bytes, ValueKind::duration,
                         ValueKind::frequency, ValueKind::flag, ValueKind::cpu_list}) {
    auto result = check_value(kind, Match::equal, "ban-ana");
    ASSERT_FALSE(result) << to_string(kind);
    EXPECT_EQ(result.error().code, ErrorCode::invalid);
    EXPECT_NE(result.error().cause.find("ban-ana"), std::string::npos);
  }
  EXPECT_FALSE(check_value(ValueKind::duration, Match::equal, "10"));
  EXPECT_FALSE(check_value(ValueKind::number, Match::equal, ""));
  EXPECT_FALSE(check_value(ValueKind::number, Match::equal, "nan"));
  EXPECT_FALSE(check_value(ValueKind::number, Match::equal, "1e3"));
  EXPECT_FALSE(check_value(ValueKind::flag, Match::at_least, "yes"));
  EXPECT_FALSE(check_value(ValueKind::word, Match::at_most, "none"));
}

TEST(Values, ShownForPeople) {
  EXPECT_EQ(show_wanted(ValueKind::duration, Match::at_least, "10s"), "≥ 10s");
  EXPECT_EQ(show_wanted(ValueKind::cpu_list, Match::at_most, "0-1"), "within 0-1");
  EXPECT_EQ(show_wanted(ValueKind::cpu_list, Match::at_least, "2"), "contains 2");
  EXPECT_EQ(show_wanted(ValueKind::word, Match::keep, "x"), "recorded");
}

TEST(Values, BareNumbersGetTheirUnit) {
  EXPECT_EQ(with_unit(ValueKind::duration, "us", "75000"), "75ms");
  EXPECT_EQ(with_unit(ValueKind::duration, "us", "0"), "0us");
  EXPECT_EQ(with_unit(ValueKind::duration, "us", "-1"), "unlimited");
  EXPECT_EQ(with_unit(ValueKind::duration, "s", "10"), "10s");
  EXPECT_EQ(with_unit(ValueKind::bytes, "KiB", "128"), "128KiB");
  EXPECT_EQ(with_unit(ValueKind::bytes, "B", "unlimited"), "unlimited");
  EXPECT_EQ(with_unit(ValueKind::frequency, "kHz", "3800000"), "3800MHz");
  EXPECT_EQ(with_unit(ValueKind::frequency, "kHz", "1234567"), "1234567kHz");
  EXPECT_EQ(with_unit(ValueKind::word, "", "none"), "none");
}

RC_GTEST_PROP(ValuesProperty, ANumberWithItsUnitComparesWithItself, (std::uint32_t raw)) {
  const std::string text = std::to_string(raw);
  for (auto [kind, unit] :
       {std::pair{ValueKind::duration, "us"}, std::pair{ValueKind::bytes, "KiB"},
        std::pair{ValueKind::frequency, "kHz"}}) {
    const std::string shown = with_unit(kind, unit, text);
    RC_ASSERT(agrees(kind, Match::equal, shown, shown).value_or(false));
    RC_ASSERT(agrees(kind, Match::at_least, shown, shown).value_or(false));
    RC_ASSERT(agrees(kind, Match::at_most, shown, shown).value_or(false));
  }
}

RC_GTEST_PROP(ValuesProperty, OrderIsTheOrderOfNumbers, (std::int32_t a, std::int32_t b)) {
  const std::string x = std::to_string(a), y = std::to_string(b);
  RC_ASSERT(agrees(ValueKind::number, Match::at_least, x, y).value() == (b >= a));
  RC_ASSERT(agrees(ValueKind::number, Match::at_most, x, y).value() == (b <= a));
  RC_ASSERT(agrees(ValueKind::number, Match::equal, x, y).value() == (b == a));
}

RC_GTEST_PROP(ValuesProperty, AnyTextIsAnsweredAndNeverThrows,
              (const std::string& wanted, const std::string& actual)) {
  for (ValueKind kind : {ValueKind::word, ValueKind::number, ValueKind::bytes, ValueKind::duration,
                         ValueKind::frequency, ValueKind::flag, ValueKind::cpu_list}) {
    (void)agrees(kind, Match::equal, wanted, actual);
    (void)check_value(kind, Match::at_least, wanted);
  }
}

}  // namespace
}  // namespace assay::tuner
