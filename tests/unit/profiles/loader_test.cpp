// What a well-formed profile becomes.
#include "profiles/loader.hpp"

#include <gtest/gtest.h>

#include "tests/unit/profiles/vocabulary.hpp"

namespace assay::profiles {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(Loader, ReadsTheSmallestProfileWithItsDefaults) {
  const auto profile = parse("");
  ASSERT_TRUE(profile) << profile.error().message();
  EXPECT_EQ(profile->name, "mine");
  EXPECT_EQ(profile->time_limit, std::chrono::seconds(60));
  EXPECT_EQ(profile->rounds, 30U);
  EXPECT_EQ(profile->looks, 2U);
  EXPECT_DOUBLE_EQ(profile->confidence, 0.95);
  EXPECT_EQ(profile->write_limit, 2_GiB);
  EXPECT_FALSE(profile->load_limit);
  EXPECT_TRUE(profile->settings.empty());
  EXPECT_TRUE(profile->extends.empty());
}

TEST(Loader, ReadsEveryFormOfASetting) {
  const auto profile = parse(R"(settings:
  cpu.governor: performance
  cpu.boost: {value: off, required: false}
  memory.swappiness: {at_most: 10}
  irq.affinity: {at_most: housekeeping, select: "virtio*"}
  boot.isolcpus: [managed_irq, domain, 2-5]
)");
  ASSERT_TRUE(profile) << profile.error().message();
  ASSERT_EQ(profile->settings.size(), 5U);
  const WantedSetting* governor = profile->setting("cpu.governor");
  ASSERT_NE(governor, nullptr);
  EXPECT_EQ(governor->value, "performance");
  EXPECT_EQ(governor->match, Match::equal);
  EXPECT_TRUE(governor->required);
  EXPECT_EQ(governor->location.to_string(), "mine.yaml:5:3");
  EXPECT_EQ(profile->setting("cpu.boost")->value, "off");
  EXPECT_FALSE(profile->setting("cpu.boost")->required);
  EXPECT_EQ(profile->setting("memory.swappiness")->match, Match::at_most);
  EXPECT_EQ(profile->setting("memory.swappiness")->value, "10");
  EXPECT_EQ(profile->setting("irq.affinity")->select, "virtio*");
  EXPECT_EQ(profile->setting("boot.isolcpus")->value, "managed_irq,domain,2-5");
  EXPECT_EQ(profile->setting("net.nothing"), nullptr);
}

TEST(Loader, KeepsWordsThatOlderYamlTakesForBooleansAndNumbers) {
  const auto profile = parse(
      "settings:\n  cpu.boost: on\n  cpu.governor: no\n  memory.swappiness: 0x10\n"
      "  irq.affinity: {keep: true}\n");
  ASSERT_TRUE(profile) << profile.error().message();
  EXPECT_EQ(profile->setting("cpu.boost")->value, "on");
  EXPECT_EQ(profile->setting("cpu.governor")->value, "no");
  EXPECT_EQ(profile->setting("memory.swappiness")->value, "0x10");
  EXPECT_EQ(profile->setting("irq.affinity")->match, Match::keep);
}

TEST(Loader, ReadsBudgets) {
  const auto profile = parse(R"(budgets:
  - technique: storage.uring
    parameters: {block: 4096, depth: 32, direct: true, interval: 1000us, rate: 50000}
    target: each-drive
    cpus: [0-3, 8]
    limits: {p99.9: 2ms, p50: 10us, p99: {at_most: 1ms, against_baseline: 0.9}}
    required: false
  - technique: storage.pread
    limits: {p99.99: {against_baseline: 1.05}}
)");
  ASSERT_TRUE(profile) << profile.error().message();
  ASSERT_EQ(profile->budgets.size(), 2U);
  const Budget& uring = profile->budgets[0];
  const std::map<std::string, std::string> parameters = {
      {"block", "4KiB"}, {"depth", "32"}, {"direct", "on"}, {"interval", "1ms"}, {"rate", "50000"}};
  EXPECT_EQ(uring.parameters, parameters);
  EXPECT_EQ(uring.target, Target::each_drive);
  EXPECT_EQ(uring.cpus, "0-3,8");
  EXPECT_FALSE(uring.required);
  ASSERT_EQ(uring.limits.size(), 3U);
  EXPECT_DOUBLE_EQ(uring.limits[0].quantile, 0.5);
  EXPECT_EQ(uring.limits[0].at_most, microseconds(10));
  EXPECT_FALSE(uring.limits[0].ratio_at_most);
  EXPECT_EQ(uring.limits[1].at_most, milliseconds(1));
  EXPECT_DOUBLE_EQ(uring.limits[1].ratio_at_most.value(), 0.9);
  EXPECT_DOUBLE_EQ(uring.limits[2].quantile, 0.999);
  const Budget& pread = profile->budgets[1];
  EXPECT_TRUE(pread.required);
  EXPECT_EQ(pread.target, Target::host);
  EXPECT_FALSE(pread.limits[0].at_most);
  EXPECT_DOUBLE_EQ(pread.limits[0].quantile, 0.9999);
}

TEST(Loader, ReadsRolesWaiversAndMeasure) {
  const auto profile = parse(R"(description: For the rack in the cellar
cpus: {housekeeping: first-core, isolated: rest, polling: [2, 4-5]}
waivers:
  - setting: cpu.boost
    owner: j.doe@example.org
    reason: the vendor's firmware locks it
    expires: 2027-01-31
measure:
  time_limit: 90s
  rounds: 60
  looks: 4
  confidence: 0.99
  write_limit: 512MiB
  load_limit: 1.5
)");
  ASSERT_TRUE(profile) << profile.error().message();
  EXPECT_EQ(profile->description, "For the rack in the cellar");
  EXPECT_EQ(profile->cpu_roles.at("housekeeping"), "first-core");
  EXPECT_EQ(profile->cpu_roles.at("polling"), "2,4-5");
  const Waiver* waiver = profile->waiver("cpu.boost");
  ASSERT_NE(waiver, nullptr);
  EXPECT_EQ(waiver->owner, "j.doe@example.org");
  EXPECT_EQ(waiver->expires, std::chrono::year(2027) / std::chrono::January / 31);
  EXPECT_EQ(waiver->location.line, 7);
  EXPECT_EQ(profile->waiver("cpu.governor"), nullptr);
  EXPECT_EQ(profile->time_limit, std::chrono::seconds(90));
  EXPECT_EQ(profile->rounds, 60U);
  EXPECT_EQ(profile->looks, 4U);
  EXPECT_DOUBLE_EQ(profile->confidence, 0.99);
  EXPECT_EQ(profile->write_limit, 512_MiB);
  EXPECT_DOUBLE_EQ(profile->load_limit.value(), 1.5);
}

TEST(Loader, ReadsEmptySectionsAndAnchors) {
  const auto profile = parse(R"(settings:
budgets:
  - technique: storage.pread
    limits: &usual {p50: 10us}
  - technique: storage.uring
    limits: *usual
)");
  ASSERT_TRUE(profile) << profile.error().message();
  ASSERT_EQ(profile->budgets.size(), 2U);
  EXPECT_EQ(profile->budgets[1].limits[0].at_most, microseconds(10));
}

TEST(Loader, TakesJsonForTheYamlThatItIs) {
  const auto profile = parse_profile(
      R"({"schema": "assay.profile", "version": 1, "name": "j", "measure": {"rounds": 40}})",
      "j.yaml", test_vocabulary());
  ASSERT_TRUE(profile) << profile.error().message();
  EXPECT_EQ(profile->rounds, 40U);
}

TEST(Loader, AsksTheCallerAboutEveryBudget) {
  Vocabulary vocabulary = test_vocabulary();
  vocabulary.check_budget = [](const Budget& budget) -> Expected<void> {
    if (!budget.parameters.contains("depth")) return {};
    return fail(ErrorCode::invalid, "", "", budget.technique + " takes no depth");
  };
  const auto profile = parse_profile(
      profile_text("budgets:\n  - technique: storage.pread\n    parameters: {depth: 2}\n"
                   "    limits: {p50: 1ms}\n"),
      "mine.yaml", vocabulary);
  ASSERT_FALSE(profile);
  EXPECT_EQ(profile.error().message(), "read profile mine.yaml:5:5: storage.pread takes no depth");
}

TEST(Loader, ChecksNamesOnlyAgainstTheVocabularyThatItIsGiven) {
  const std::string text = profile_text(
      "settings: {some.thing: 1}\nbudgets:\n  - technique: some.technique\n"
      "    parameters: {colour: red}\n    limits: {p50: 1us}\n");
  constexpr std::array parameters = {"colour"sv};
  Vocabulary vocabulary;
  vocabulary.parameters = parameters;
  const auto profile = parse_profile(text, "mine.yaml", vocabulary);
  ASSERT_TRUE(profile) << profile.error().message();
  EXPECT_EQ(profile->budgets[0].parameters.at("colour"), "red");
}

}  // namespace
}  // namespace assay::profiles
