// Parameters: every row reads what it prints, and refuses what makes no sense.
#include <gtest/gtest.h>

#include <set>

#include "engine/parameters.hpp"

namespace assay::engine {
namespace {

TEST(Parameters, RowsHaveUniqueKeysAndHelp) {
  std::set<std::string_view> keys;
  for (const ParameterRow& row : parameter_rows()) {
    EXPECT_TRUE(keys.insert(row.key).second) << row.key;
    EXPECT_FALSE(row.help.empty()) << row.key;
    EXPECT_FALSE(row.form.empty()) << row.key;
    EXPECT_NE(row.set, nullptr);
    EXPECT_NE(row.get, nullptr);
  }
}

struct Good {
  const char* key;
  const char* value;
  const char* printed;
};
class Accepts : public testing::TestWithParam<Good> {};

TEST_P(Accepts, AndPrintsItBack) {
  Parameters parameters;
  // An open loop, so that its schedule shows.
  ASSERT_TRUE(set_parameter(parameters, "rate", "1000"));
  const auto set = set_parameter(parameters, GetParam().key, GetParam().value);
  ASSERT_TRUE(set) << set.error().message();
  for (const ParameterRow& row : parameter_rows()) {
    if (row.key != GetParam().key) continue;
    EXPECT_EQ(row.get(parameters), GetParam().printed);
    Parameters again;
    EXPECT_TRUE(row.set(again, row.get(parameters))) << "what is printed must be readable";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Values, Accepts,
    testing::Values(Good{"op", "write", "write"}, Good{"block", "4K", "4KiB"},
                    Good{"block", "512", "512B"}, Good{"size", "64M", "64MiB"},
                    Good{"depth", "32", "32"}, Good{"batch", "16", "16"},
                    Good{"pattern", "sequential", "sequential"}, Good{"direct", "off", "off"},
                    Good{"direct", "on", "on"}, Good{"regime", "device", "device"},
                    Good{"rate", "2500.5", "2500.5"}, Good{"arrival", "fixed", "fixed"},
                    Good{"message", "64", "64B"},
                    Good{"variant", "context-switch", "context-switch"},
                    Good{"interval", "1ms", "1ms"}, Good{"policy", "fifo", "fifo"},
                    Good{"target-p99", "500us", "500us"}));

struct Bad {
  const char* key;
  const char* value;
};
class Refuses : public testing::TestWithParam<Bad> {};

TEST_P(Refuses, AndSaysWhatWasExpected) {
  Parameters parameters;
  const auto set = set_parameter(parameters, GetParam().key, GetParam().value);
  ASSERT_FALSE(set) << GetParam().key << "=" << GetParam().value;
  EXPECT_EQ(set.error().code, ErrorCode::invalid);
  EXPECT_NE(set.error().message().find("expected"), std::string::npos) << set.error().message();
}

INSTANTIATE_TEST_SUITE_P(
    Values, Refuses,
    testing::Values(Bad{"op", "reed"}, Bad{"block", "0"}, Bad{"block", "-1"}, Bad{"block", "1G"},
                    Bad{"size", "many"}, Bad{"depth", "0"}, Bad{"depth", "5000"},
                    Bad{"batch", "1.5"}, Bad{"pattern", ""}, Bad{"direct", "yes"},
                    Bad{"regime", "warm"}, Bad{"rate", "-5"}, Bad{"rate", "nan"},
                    Bad{"rate", "10x"}, Bad{"arrival", "often"}, Bad{"variant", "L1"},
                    Bad{"interval", "0"}, Bad{"interval", "5"}, Bad{"policy", "rr"},
                    Bad{"target-p99", "0"}, Bad{"target-p99", "fast"}));

TEST(Parameters, UnknownKeyGetsASuggestion) {
  Parameters parameters;
  const auto set = set_parameter(parameters, "dept", "1");
  ASSERT_FALSE(set);
  EXPECT_NE(set.error().message().find("depth"), std::string::npos) << set.error().message();
}

TEST(Parameters, WhatIsNotSetIsNotPrinted) {
  const Parameters parameters;
  for (const ParameterRow& row : parameter_rows()) {
    const std::set<std::string_view> open{"batch",   "direct",    "regime",     "rate",
                                          "arrival", "variant",   "completion", "features",
                                          "threads", "read-share"};
    EXPECT_EQ(row.get(parameters).empty(), open.contains(row.key)) << row.key;
  }
}

}  // namespace
}  // namespace assay::engine
