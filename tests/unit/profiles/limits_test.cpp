// Hostile input: size, nesting, aliases. Each is refused quickly and within the stack.
#include <gtest/gtest.h>

#include <string>

#include "profiles/yaml_tree.hpp"
#include "tests/unit/profiles/vocabulary.hpp"

namespace assay::profiles {
namespace {

std::string repeated(std::string_view text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

std::string failure_of(std::string_view yaml) {
  const auto document = YamlDocument::parse(yaml, "x.yaml");
  return document ? std::string("parsed") : document.error().cause;
}

TEST(Limits, RefusesAFileThatIsTooLarge) {
  const std::string text = "# " + std::string(YamlDocument::kMaxBytes, 'x');
  EXPECT_EQ(failure_of(text), "the file has 1048578 bytes; a profile has at most 1048576");
}

TEST(Limits, RefusesDeepNestingOfEveryKind) {
  constexpr std::string_view kTooDeep = "nested more than 32 deep";
  constexpr std::size_t kMany = 100'000;
  EXPECT_EQ(failure_of(repeated("[", kMany)), kTooDeep);
  EXPECT_EQ(failure_of(repeated("{a: ", kMany)), kTooDeep);
  EXPECT_EQ(failure_of(repeated("- ", kMany) + "a"), kTooDeep);
  EXPECT_EQ(failure_of(repeated("[{a: ", kMany)), kTooDeep);
  EXPECT_EQ(failure_of(repeated("? ", kMany) + "a"), kTooDeep);
  std::string stairs;
  for (std::size_t i = 0; i < 1000; ++i) stairs += std::string(i, ' ') + "a:\n";
  EXPECT_EQ(failure_of(stairs), kTooDeep);
}

TEST(Limits, TakesWhatIsJustDeepEnough) {
  EXPECT_EQ(failure_of(repeated("[", 32) + repeated("]", 32)), "parsed");
  EXPECT_NE(failure_of(repeated("[", 33) + repeated("]", 33)), "parsed");
}

TEST(Limits, RefusesAnAliasBomb) {
  std::string text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  std::string before = "a";
  for (const std::string name : {"b", "c", "d", "e", "f", "g", "h"}) {
    text += name + ": &" + name + " [" + repeated("*" + before + ", ", 9) + "*" + before + "]\n";
    before = name;
  }
  EXPECT_EQ(failure_of(text),
            "more than 20000 values (aliases counted each time); a profile is small");
}

TEST(Limits, RefusesAnAliasToWhatHoldsIt) {
  EXPECT_EQ(failure_of("a: &a [*a]\n"), "this alias stands inside the value that it repeats");
}

TEST(Limits, RefusesAnUnknownAlias) {
  EXPECT_EQ(failure_of("a: *nobody\n").substr(0, 13), "broken YAML: ");
}

TEST(Limits, CountsNodes) {
  EXPECT_EQ(failure_of("[" + repeated("a,", 19'998) + "]"), "parsed");
  EXPECT_NE(failure_of("[" + repeated("a,", 20'000) + "]"), "parsed");
}

TEST(Limits, ShortensAndEscapesWhatItQuotes) {
  EXPECT_EQ(in_quotes("a\nb\x1b"), "\"a\\x0ab\\x1b\"");
  EXPECT_EQ(in_quotes(std::string(100, 'x')), "\"" + std::string(60, 'x') + "...\"");
}

TEST(Limits, AcceptsUnicodeText) {
  const auto profile = parse("description: \"Größe \u00b5s \u65e5\u672c \U0001F680\"\n");
  ASSERT_TRUE(profile) << profile.error().message();
  EXPECT_EQ(profile->description, "Größe µs 日本 🚀");
}

}  // namespace
}  // namespace assay::profiles
