#include "core/units.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace assay {
namespace {

TEST(Bytes, ParsesEverySuffix) {
  const std::vector<std::pair<std::string, std::uint64_t>> cases = {
      {"0", 0},
      {"512", 512},
      {"512B", 512},
      {"4K", 4096},
      {"4KiB", 4096},
      {"4kB", 4000},
      {"4KB", 4000},
      {"2M", 2ULL << 20},
      {"2MiB", 2ULL << 20},
      {"2MB", 2'000'000},
      {"1G", 1ULL << 30},
      {"1GiB", 1ULL << 30},
      {"1GB", 1'000'000'000},
      {"3T", 3ULL << 40},
      {"3TiB", 3ULL << 40},
      {"3TB", 3'000'000'000'000},
      {"1.5K", 1536},
      {"0.5KiB", 512},
      {"1.50kB", 1500},
      {"0.25M", 262144},
      {"007", 7},
      {"18446744073709551615", std::numeric_limits<std::uint64_t>::max()},
      {"16777215T", 16777215ULL << 40}};
  for (const auto& [text, count] : cases) {
    const auto parsed = parse_bytes(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().message();
    EXPECT_EQ(parsed->count, count) << text;
  }
}

TEST(Bytes, RefusesWhatIsNoSize) {
  for (const std::string text : {"",
                                 " ",
                                 "4 K",
                                 " 4K",
                                 "4K ",
                                 "K",
                                 "-1",
                                 "+1",
                                 "4k",
                                 "4kib",
                                 "4Kib",
                                 "4Q",
                                 "1.",
                                 ".5K",
                                 "1..5K",
                                 "1.5",
                                 "0.3K",
                                 "1e3",
                                 "0x10",
                                 "18446744073709551616",
                                 "16777216T",
                                 "4KK",
                                 "99999999999999999999999999",
                                 "4K\n",
                                 "½K"}) {
    const auto parsed = parse_bytes(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid) << text;
    EXPECT_NE(parsed.error().message().find("\"" + text + "\""), std::string::npos) << text;
  }
}

TEST(Bytes, FractionsOfAnyLength) {
  const std::string zeros(200, '0');
  EXPECT_EQ(parse_bytes("0." + zeros).value(), 0_B);
  EXPECT_EQ(parse_bytes(zeros + "7").value(), 7_B);
  EXPECT_FALSE(parse_bytes("0." + zeros + "1T"));
  EXPECT_FALSE(parse_duration("0." + zeros + "1h"));
  for (std::size_t length = 30; length < 45; ++length) {
    EXPECT_FALSE(parse_bytes("0." + zeros.substr(0, length) + "1099511627776T")) << length;
  }
  EXPECT_EQ(parse_bytes("0.000000000000931322574615478515625T").error().code, ErrorCode::invalid);
  EXPECT_EQ(parse_bytes("0.0009765625K").value(), 1_B);
}

TEST(Bytes, PrintsExactlyInTheLargestUnit) {
  EXPECT_EQ(format_bytes(Bytes{0}), "0B");
  EXPECT_EQ(format_bytes(Bytes{1000}), "1000B");
  EXPECT_EQ(format_bytes(Bytes{1023}), "1023B");
  EXPECT_EQ(format_bytes(4_KiB), "4KiB");
  EXPECT_EQ(format_bytes(Bytes{1536}), "1536B");
  EXPECT_EQ(format_bytes(2_MiB), "2MiB");
  EXPECT_EQ(format_bytes(1025_MiB), "1025MiB");
  EXPECT_EQ(format_bytes(3072_GiB), "3TiB");
  EXPECT_EQ(format_bytes(Bytes{std::numeric_limits<std::uint64_t>::max()}),
            "18446744073709551615B");
}

TEST(Bytes, PrintsForPeopleWithThreeDigits) {
  EXPECT_EQ(format_bytes_short(Bytes{0}), "0 B");
  EXPECT_EQ(format_bytes_short(Bytes{1023}), "1023 B");
  EXPECT_EQ(format_bytes_short(Bytes{1024}), "1.00 KiB");
  EXPECT_EQ(format_bytes_short(Bytes{25232932864}), "23.5 GiB");
  EXPECT_EQ(format_bytes_short(999_KiB), "999 KiB");
  EXPECT_EQ(format_bytes_short(1023_KiB), "1.00 MiB");
  EXPECT_EQ(format_bytes_short(Bytes{std::numeric_limits<std::uint64_t>::max()}), "16.0 EiB");
}

TEST(Bytes, Arithmetic) {
  EXPECT_EQ(4_KiB + 4_KiB, 8_KiB);
  EXPECT_EQ(8_KiB - 4_KiB, 4_KiB);
  EXPECT_EQ(4_KiB * 3, 12_KiB);
  EXPECT_EQ(10_KiB / 4_KiB, 2U);
  EXPECT_LT(4_KiB, 1_MiB);
}

TEST(Duration, ParsesEverySuffix) {
  const std::vector<std::pair<std::string, std::int64_t>> cases = {
      {"0", 0},
      {"0ns", 0},
      {"500ns", 500},
      {"12us", 12'000},
      {"12µs", 12'000},
      {"12\xce\xbcs", 12'000},
      {"1.5ms", 1'500'000},
      {"2s", 2'000'000'000},
      {"0.000000001s", 1},
      {"3m", 180'000'000'000},
      {"1h", 3'600'000'000'000},
      {"1.25h", 4'500'000'000'000},
      {"9223372036854775807ns", std::numeric_limits<std::int64_t>::max()}};
  for (const auto& [text, ns] : cases) {
    const auto parsed = parse_duration(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().message();
    EXPECT_EQ(parsed->count(), ns) << text;
  }
}

TEST(Duration, RefusesWhatIsNoDuration) {
  for (const std::string text :
       {"", "5", "5 us", "us", "-5us", "+5us", "5US", "5sec", "5min", "0.5ns", "1.0001us",
        "9223372036854775808ns", "2562048h", "1.us", "1,5ms", "0x5us", "5us\n"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid) << text;
  }
  EXPECT_NE(parse_duration("5").error().message().find("unit is missing"), std::string::npos);
}

TEST(Duration, PrintsExactlyInTheLargestUnit) {
  using std::chrono::hours;
  using std::chrono::microseconds;
  using std::chrono::minutes;
  using std::chrono::seconds;
  EXPECT_EQ(format_duration(Nanoseconds{0}), "0ns");
  EXPECT_EQ(format_duration(Nanoseconds{999}), "999ns");
  EXPECT_EQ(format_duration(microseconds{12}), "12us");
  EXPECT_EQ(format_duration(Nanoseconds{1'500'000}), "1500us");
  EXPECT_EQ(format_duration(seconds{90}), "90s");
  EXPECT_EQ(format_duration(minutes{2}), "2m");
  EXPECT_EQ(format_duration(hours{3}), "3h");
  EXPECT_EQ(format_duration(Nanoseconds{-2000}), "-2us");
}

TEST(Duration, PrintsForPeopleWithThreeDigits) {
  EXPECT_EQ(format_duration_short(Nanoseconds{0}), "0 ns");
  EXPECT_EQ(format_duration_short(Nanoseconds{42}), "42 ns");
  EXPECT_EQ(format_duration_short(Nanoseconds{12'345}), "12.3 µs");
  EXPECT_EQ(format_duration_short(Nanoseconds{999'499}), "999 µs");
  EXPECT_EQ(format_duration_short(Nanoseconds{999'600}), "1.00 ms");
  EXPECT_EQ(format_duration_short(Nanoseconds{-1'500}), "-1.50 µs");
  EXPECT_EQ(format_duration_short(std::chrono::seconds{7200}), "7200 s");
  EXPECT_EQ(format_ns_short(2.345), "2.35 ns");
  EXPECT_EQ(format_ns_short(std::numeric_limits<double>::quiet_NaN()), "–");
  EXPECT_EQ(format_ns_short(std::numeric_limits<double>::infinity()), "–");
}

TEST(Numbers, AreWholeAndFillTheText) {
  EXPECT_EQ(parse_int("-42\n").value(), -42);
  EXPECT_EQ(parse_int("9223372036854775807").value(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_uint("18446744073709551615").value(), std::numeric_limits<std::uint64_t>::max());
  for (const char* text :
       {"", "\n", "4 ", " 4", "4x", "0x4", "4\n\n", "--4", "+4", "1.0", "9223372036854775808"}) {
    EXPECT_FALSE(parse_int(text)) << text;
  }
  for (const char* text : {"", "-1", "18446744073709551616", "7 8"}) {
    EXPECT_FALSE(parse_uint(text)) << text;
  }
}

}  // namespace
}  // namespace assay
