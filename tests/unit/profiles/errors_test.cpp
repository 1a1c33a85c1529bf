// Golden messages: every kind of mistake names its place, what was expected, and the likely name.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/profiles/vocabulary.hpp"

namespace assay::profiles {
namespace {

struct Case {
  std::string_view what;
  std::string yaml;
  std::string_view message;  // after "read profile mine.yaml:"
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.what; }

class BadProfile : public testing::TestWithParam<Case> {};

TEST_P(BadProfile, IsRefusedWithItsPlaceAndWhatWasExpected) {
  const Case& c = GetParam();
  const auto profile = parse_profile(c.yaml, "mine.yaml", test_vocabulary());
  ASSERT_FALSE(profile);
  EXPECT_EQ(profile.error().code, ErrorCode::invalid);
  EXPECT_EQ(profile.error().message(), "read profile mine.yaml:" + std::string(c.message));
}

// The file as a whole.
std::vector<Case> file_cases() {
  return {
      {"Empty", "", "1:1: the file is empty; expected `schema: assay.profile`"},
      {"OnlyAComment", "# nothing\n", "1:1: the file is empty; expected `schema: assay.profile`"},
      {"NotAMap", "- a\n- b\n",
       "1:1: a profile is a map that starts with `schema: assay.profile`, found a list"},
      {"NoSchema", "version: 1\nname: a\n", "1:1: no schema; expected `schema: assay.profile`"},
      {"OtherSchema", "schema: assay.certificate\nversion: 1\n",
       "1:9: schema: expected assay.profile, found \"assay.certificate\""},
      {"NoVersion", "schema: assay.profile\nname: a\n", "1:1: no version; expected `version: 1`"},
      {"OtherVersion", "schema: assay.profile\nversion: 2\nname: a\n",
       "2:10: version: this assay reads version 1, found \"2\""},
      {"NoName", "schema: assay.profile\nversion: 1\n",
       "1:1: no name; expected `name: ` and a short word"},
      {"BadName", "schema: assay.profile\nversion: 1\nname: ../etc\n",
       "3:7: name: expected a name of a-z, 0-9, '.', '_' and '-' that starts with a letter, "
       "found \"../etc\""},
      {"UnknownKey", profile_text("setings:\n  cpu.boost: on\n"),
       "4:1: a profile has no key \"setings\"; expected schema, version, name, description, "
       "extends, cpus, settings, budgets, waivers or measure; did you mean \"settings\"?"},
      {"DuplicateKey", profile_text("settings: {}\nname: other\n"),
       "5:1: duplicate key \"name\"; it stands at line 3 already"},
      {"SecondDocument", profile_text("---\nname: b\n"),
       "5:1: a second YAML document; a profile is one document"},
      {"BrokenYaml", profile_text("settings: {cpu.boost: on\nbudgets: []\n"),
       "5:8: broken YAML: end of map flow not found"},
      {"UnclosedQuote", profile_text("description: \"no end\n"),
       "4:1: broken YAML: the quoted text that begins after this is never closed"},
      {"UnclosedQuoteThatWouldSwallowTheRest",
       profile_text("description: 'no end\nsettings: {cpu.boost: on}"),
       "4:1: broken YAML: the quoted text that begins after this is never closed"},
      {"Tab", profile_text("settings:\n\tcpu.boost: on\n"),
       "5:1: a tab indents this line; expected spaces"},
      {"ControlCharacter", profile_text("description: a\x04 b\n"),
       "4:15: control character 0x04; expected text"},
      {"NotUtf8", profile_text("description: caf\xe9\n"),
       "4:17: byte 0xe9 is not UTF-8; save the file as UTF-8"},
      {"Tag", profile_text("description: !!binary aGk=\n"), "4:14: tags are not used in profiles"},
      {"KeyIsAList", profile_text("? [a]\n: b\n"),
       "4:3: a key is a word; found a list, map or null"},
      {"EscapeSequenceInKey", profile_text("\"\\e[2J\": 1\n"),
       "4:1: a profile has no key \"\\x1b[2J\"; expected schema, version, name, description, "
       "extends, cpus, settings, budgets, waivers or measure"},
      {"DescriptionOfTwoLines", profile_text("description: |\n  one\n  two\n"),
       "4:14: description: expected one line without control characters, found "
       "\"one\\x0atwo\\x0a\""},
  };
}

std::vector<Case> setting_cases() {
  return {
      {"SettingsAreAList", profile_text("settings: [cpu.boost]\n"),
       "4:11: settings: expected a map of setting to value, found a list"},
      {"UnknownSetting", profile_text("settings:\n  cpu.govenor: performance\n"),
       "5:3: unknown setting \"cpu.govenor\"; did you mean \"cpu.governor\"?"},
      {"UnknownSettingWithoutANearOne", profile_text("settings:\n  gpu.clock: 1\n"),
       "5:3: unknown setting \"gpu.clock\""},
      {"DuplicateSetting", profile_text("settings:\n  cpu.boost: on\n  cpu.boost: off\n"),
       "6:3: duplicate key \"cpu.boost\"; it stands at line 5 already"},
      {"UnknownSettingKey", profile_text("settings:\n  cpu.boost: {valeu: on}\n"),
       "5:15: cpu.boost has no key \"valeu\"; expected value, at_least, at_most, keep, required or "
       "select; did you mean \"value\"?"},
      {"TwoMatches", profile_text("settings:\n  cpu.boost: {at_least: 1, at_most: 2}\n"),
       "5:37: cpu.boost has at_least and at_most; expected one of them"},
      {"NoMatch", profile_text("settings:\n  cpu.boost: {required: false}\n"),
       "5:14: cpu.boost: expected one of value, at_least, at_most and keep"},
      {"KeepFalse", profile_text("settings:\n  cpu.boost: {keep: false}\n"),
       "5:21: cpu.boost: keep can only be true; leave it out"},
      {"RequiredIsAWord", profile_text("settings:\n  cpu.boost: {value: on, required: maybe}\n"),
       "5:36: cpu.boost: required: expected true or false, found \"maybe\""},
      {"ValueIsAMap", profile_text("settings:\n  cpu.boost: {value: {a: b}}\n"),
       "5:22: cpu.boost: expected text, found a map"},
      {"EmptyList", profile_text("settings:\n  boot.isolcpus: []\n"),
       "5:18: boot.isolcpus: the list is empty"},
      {"RoleIsAWordOfSelectors", profile_text("cpus: {rest: 0-3}\n"),
       "4:8: \"rest\" is a word of the selectors; expected another name for this role"},
      {"BrokenSelector", profile_text("cpus: {isolated: siblings-of(0-3}\n"),
       "4:18: selector \"siblings-of(0-3\": column 16: expected ), found the end"},
      {"UnknownRole", profile_text("cpus: {polling: first-core, isolated: rest - pollin}\n"),
       "4:39: selector \"rest - pollin\": column 8: unknown role or selector \"pollin\"; did you "
       "mean \"polling\"?"},
  };
}

std::string budget(std::string_view rest) {
  return profile_text("budgets:\n  - technique: storage.uring\n" + std::string(rest));
}

std::vector<Case> budget_cases() {
  return {
      {"BudgetsAreAMap", profile_text("budgets: {storage.pread: 1ms}\n"),
       "4:10: budgets: expected a list, found a map"},
      {"NoTechnique", profile_text("budgets:\n  - limits: {p50: 1us}\n"),
       "5:5: a budget without technique"},
      {"UnknownTechnique", profile_text("budgets:\n  - technique: storage.urring\n"),
       "5:16: unknown technique \"storage.urring\"; did you mean \"storage.uring\"?"},
      {"UnknownBudgetKey", budget("    limit: {p50: 1us}\n"),
       "6:5: a budget has no key \"limit\"; expected technique, parameters, target, cpus, limits "
       "or "
       "required; did you mean \"limits\"?"},
      {"NoLimits", budget("    target: host\n"),
       "5:5: a budget of storage.uring without limits; expected p50, p90, p99, p99.9 or p99.99"},
      {"EmptyLimits", budget("    limits: {}\n"),
       "6:13: limits: expected p50, p90, p99, p99.9 or p99.99"},
      {"UnknownQuantile", budget("    limits: {p95: 1us}\n"),
       "6:14: limits has no key \"p95\"; expected p50, p90, p99, p99.9 or p99.99; did you mean "
       "\"p90\"?"},
      {"LimitWithoutUnit", budget("    limits: {p99: 10}\n"),
       "6:19: p99: expected a duration above 0 with its unit, such as 250us or 60s, found \"10\""},
      {"LimitIsAList", budget("    limits: {p99: [1us]}\n"),
       "6:19: p99: expected a duration above 0 with its unit, such as 250us or 60s, found a list"},
      {"EmptyLimit", budget("    limits: {p99: {}}\n"),
       "6:19: p99: expected at_most, against_baseline or both"},
      {"RatioOutOfRange", budget("    limits: {p99: {against_baseline: -1}}\n"),
       "6:38: against_baseline: expected candidate / baseline above 0, at most 1000, found \"-1\""},
      {"UnknownParameter", budget("    parameters: {dept: 1}\n"),
       "6:18: unknown parameter \"dept\"; expected op, block, size, depth, batch, pattern, direct, "
       "regime, completion, rate, arrival, message, variant, interval, target-p99, policy, threads "
       "or read-share; did you mean \"depth\"?"},
      {"ParameterOfTheWrongForm", budget("    parameters: {block: big}\n"),
       "6:25: block: expected a size above 0, such as 512MiB or 2GiB, found \"big\""},
      {"ParameterOutOfRange", budget("    parameters: {depth: 0}\n"),
       "6:25: depth: expected a whole number from 1 to 4096, found \"0\""},
      {"ParameterIsNoneOfTheWords", budget("    parameters: {op: reed}\n"),
       "6:22: op: expected read or write, found \"reed\"; did you mean \"read\"?"},
      {"UnknownTarget", budget("    target: each-drives\n"),
       "6:13: target: expected host, each-drive, each-node, each-cpu or each-nic, found "
       "\"each-drives\"; did you mean \"each-drive\"?"},
      {"BudgetCpusUnknown", budget("    cpus: isolatd\n    limits: {p50: 1us}\n"),
       "5:5: selector \"isolatd\": column 1: unknown role or selector \"isolatd\"; did you mean "
       "\"isolated\"?"},
      {"SecondBudgetOfTheSame",
       budget("    parameters: {block: 4096}\n    limits: {p50: 1us}\n"
              "  - technique: storage.uring\n    parameters: {block: 4KiB}\n"
              "    limits: {p50: 2us}\n"),
       "8:5: a second budget of storage.uring with the same parameters and target; the first "
       "stands at line 5"},
      {"NothingToDrop", budget("    limits: null\n"),
       "5:5: no inherited budget of storage.uring has these parameters and this target; there is "
       "nothing to drop"},
  };
}

std::string waiver(std::string_view expires) {
  return profile_text(
      "waivers:\n  - {setting: cpu.boost, owner: me, reason: none,\n"
      "     expires: " +
      std::string(expires) + "}\n");
}

std::vector<Case> other_cases() {
  constexpr std::string_view kNoDate =
      "6:15: expires: expected a date that exists, such as 2027-01-31, found ";
  static const std::string no_day = std::string(kNoDate) + "\"2027-02-30\"";
  static const std::string no_form = std::string(kNoDate) + "\"31.01.2027\"";
  return {
      {"DateThatDoesNotExist", waiver("2027-02-30"), no_day},
      {"DateOfAnotherForm", waiver("31.01.2027"), no_form},
      {"WaiverWithoutOwner",
       profile_text("waivers:\n  - {setting: cpu.boost, reason: r, expires: 2027-01-31}\n"),
       "5:5: a waiver without owner; expected setting, owner, reason and expires"},
      {"WaiverOfUnknownSetting",
       profile_text(
           "waivers:\n  - {setting: cpu.bost, owner: o, reason: r, expires: 2027-01-31}\n"),
       "5:15: unknown setting \"cpu.bost\"; did you mean \"cpu.boost\"?"},
      {"SecondWaiver",
       profile_text("waivers:\n  - {setting: cpu.boost, owner: o, reason: r, "
                    "expires: 2027-01-31}\n  - {setting: cpu.boost, owner: p, reason: r, "
                    "expires: 2027-01-31}\n"),
       "6:5: a second waiver of cpu.boost; the first stands at line 5"},
      {"UnknownMeasureKey", profile_text("measure: {round: 30}\n"),
       "4:11: measure has no key \"round\"; expected time_limit, rounds, looks, confidence, "
       "write_limit or load_limit; did you mean \"rounds\"?"},
      {"TooFewRounds", profile_text("measure: {rounds: 29}\n"),
       "4:19: rounds: expected a whole number from 30 to 100000, found \"29\""},
      {"ConfidenceOfOne", profile_text("measure: {confidence: 1}\n"),
       "4:23: confidence: expected a number above 0.5 and below 1, found \"1\""},
      {"ConfidenceOfOneHalf", profile_text("measure: {confidence: 0.5}\n"),
       "4:23: confidence: expected a number above 0.5 and below 1, found \"0.5\""},
      {"ConfidenceIsNotANumber", profile_text("measure: {confidence: 95%}\n"),
       "4:23: confidence: expected a decimal number, found \"95%\""},
      {"TimeLimitTooLong", profile_text("measure: {time_limit: 25h}\n"),
       "4:23: time_limit: expected 1s to 24h, found \"25h\""},
      {"LoadLimitOfZero", profile_text("measure: {load_limit: 0}\n"),
       "4:23: load_limit: expected a load per CPU above 0, at most 1000, found \"0\""},
      {"UnknownParent", profile_text("extends: low-latncy\n"),
       "4:10: extends \"low-latncy\": no built-in profile has this name; did you mean "
       "\"low-latency\"?; there are default, low-latency, nvme-throughput, realtime; a file's path "
       "has a / or ends in .yaml"},
      {"TextExtendsAFile", profile_text("extends: ./base.yaml\n"),
       "4:10: extends: only a profile in a file can extend another file"},
  };
}

std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (const auto& group : {file_cases(), setting_cases(), budget_cases(), other_cases()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, BadProfile, testing::ValuesIn(all_cases()),
                         [](const testing::TestParamInfo<Case>& test) {
                           return std::string(test.param.what);
                         });

}  // namespace
}  // namespace assay::profiles
