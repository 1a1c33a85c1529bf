#include "probes/json_text.hpp"

#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>
#include <nlohmann/json.hpp>

namespace assay::probes {
namespace {

using Json = nlohmann::ordered_json;

TEST(JsonText, ListsOfPlainValuesStandOnOneLine) {
  const Json document{{"counts", {1, 2, 3}},
                      {"irqs", {{{"n", "24"}, {"empty", Json::array()}}}},
                      {"none", Json::object()}};
  EXPECT_EQ(to_json_text(document),
            "{\n  \"counts\": [1, 2, 3],\n  \"irqs\": [\n    {\n      \"n\": \"24\",\n"
            "      \"empty\": []\n    }\n  ],\n  \"none\": {}\n}\n");
}

TEST(JsonText, EveryKindOfValueComesBack) {
  const Json document{{"zero", 0},
                      {"least", std::numeric_limits<std::int64_t>::min()},
                      {"most", std::numeric_limits<std::uint64_t>::max()},
                      {"half", 0.5},
                      {"third", 1.0 / 3},
                      {"yes", true},
                      {"nothing", nullptr},
                      {"nested", {{1, 2}, {3}}},
                      {"a \"key\"\n", "quote \" backslash \\ tab \t bell \x07 ümlaut ✓"}};
  EXPECT_EQ(Json::parse(to_json_text(document)), document);
}

TEST(JsonText, BrokenUtf8IsReplaced) {
  const std::string text = to_json_text(Json{{"name", "a\xff z"}});
  EXPECT_EQ(Json::parse(text)["name"], "a\xef\xbf\xbd z");
}

RC_GTEST_PROP(JsonText, AnyTextAndNumberComesBack, (const std::string& text, std::int64_t number)) {
  std::string ascii = text;
  for (char& c : ascii) c = static_cast<char>(static_cast<unsigned char>(c) & 0x7FU);
  const Json document{{"text", ascii}, {"number", number}};
  RC_ASSERT(Json::parse(to_json_text(document)) == document);
}

}  // namespace
}  // namespace assay::probes
