// What a profile takes from the one that it extends.
#include <gtest/gtest.h>

#include "tests/unit/profiles/temporary_folder.hpp"
#include "tests/unit/profiles/vocabulary.hpp"

namespace assay::profiles {
namespace {

constexpr std::string_view kBase = R"(schema: assay.profile
version: 1
name: base
description: the base
cpus: {housekeeping: first-core, isolated: rest, polling: "2"}
settings:
  cpu.governor: performance
  cpu.boost: on
  memory.swappiness: {at_most: 60, required: false}
budgets:
  - technique: storage.uring
    parameters: {depth: 1, block: 4KiB}
    limits: {p50: 1ms, p99: 2ms}
  - technique: storage.uring
    parameters: {depth: 32, block: 4KiB}
    limits: {p50: 3ms}
  - technique: os.jitter
    target: each-cpu
    limits: {p99: 1ms}
waivers:
  - {setting: cpu.boost, owner: base, reason: old, expires: 2026-01-01}
  - {setting: cpu.governor, owner: base, reason: old, expires: 2026-01-01}
measure: {time_limit: 50s, rounds: 40, load_limit: 2}
)";

class Merge : public testing::Test {
 protected:
  Expected<Profile> load(std::string_view rest) {
    folder_.write("base.yaml", kBase);
    folder_.write("mine.yaml", profile_text("extends: base.yaml\n" + std::string(rest)));
    return load_profile(folder_.path("mine.yaml"), test_vocabulary());
  }

  TemporaryFolder folder_;
};

TEST_F(Merge, InheritsEverythingThatIsNotSaid) {
  const auto profile = load("");
  ASSERT_TRUE(profile) << profile.error().message();
  EXPECT_EQ(profile->name, "mine");
  EXPECT_EQ(profile->description, "the base");
  EXPECT_EQ(profile->extends, std::vector<std::string>{"base"});
  EXPECT_EQ(profile->settings.size(), 3U);
  EXPECT_EQ(profile->budgets.size(), 3U);
  EXPECT_EQ(profile->waivers.size(), 2U);
  EXPECT_EQ(profile->rounds, 40U);
}

TEST_F(Merge, ReplacesASettingWholeAndInItsPlace) {
  const auto profile = load("settings:\n  irq.affinity: \"0\"\n  memory.swappiness: 10\n");
  ASSERT_TRUE(profile) << profile.error().message();
  ASSERT_EQ(profile->settings.size(), 4U);
  EXPECT_EQ(profile->settings[2].id, "memory.swappiness");
  EXPECT_EQ(profile->settings[2].match, Match::equal);
  EXPECT_TRUE(profile->settings[2].required) << "`required: false` belonged to the old entry";
  EXPECT_EQ(profile->settings[3].id, "irq.affinity");
}

TEST_F(Merge, DropsSettingsRolesAndTheLoadLimitWithNull) {
  const auto profile = load(
      "settings: {cpu.boost: null, boot.isolcpus: ~}\ncpus: {polling: null}\n"
      "measure: {load_limit: null}\n");
  ASSERT_TRUE(profile) << profile.error().message();
  EXPECT_EQ(profile->setting("cpu.boost"), nullptr);
  EXPECT_EQ(profile->settings.size(), 2U);
  EXPECT_FALSE(profile->cpu_roles.contains("polling"));
  EXPECT_FALSE(profile->load_limit);
}

TEST_F(Merge, ReplacesABudgetByTechniqueParametersAndTarget) {
  const auto profile = load(R"(budgets:
  - technique: storage.uring
    parameters: {block: 4096, depth: 1}
    limits: {p99: 5ms}
  - technique: os.jitter
    limits: {p99: 9ms}
)");
  ASSERT_TRUE(profile) << profile.error().message();
  ASSERT_EQ(profile->budgets.size(), 4U) << "os.jitter of the host is another budget";
  ASSERT_EQ(profile->budgets[0].limits.size(), 1U) << "limits are replaced, not mixed";
  EXPECT_EQ(profile->budgets[0].limits[0].at_most, std::chrono::milliseconds(5));
  EXPECT_EQ(profile->budgets[3].target, Target::host);
}

TEST_F(Merge, DropsABudgetWithNullLimits) {
  const auto profile = load(
      "budgets:\n  - {technique: storage.uring, parameters: {depth: 32, block: 4KiB}, "
      "limits: null}\n");
  ASSERT_TRUE(profile) << profile.error().message();
  ASSERT_EQ(profile->budgets.size(), 2U);
  EXPECT_EQ(profile->budgets[0].parameters.at("depth"), "1");
  EXPECT_EQ(profile->budgets[1].technique, "os.jitter");
}

TEST_F(Merge, ReplacesWaiversBySetting) {
  const auto profile =
      load("waivers:\n  - {setting: cpu.boost, owner: me, reason: new, expires: 2027-06-30}\n");
  ASSERT_TRUE(profile) << profile.error().message();
  ASSERT_EQ(profile->waivers.size(), 2U);
  EXPECT_EQ(profile->waiver("cpu.boost")->owner, "me");
  EXPECT_EQ(profile->waiver("cpu.governor")->owner, "base");
}

TEST_F(Merge, OverridesMeasureFieldByField) {
  const auto profile = load("measure: {rounds: 50}\n");
  ASSERT_TRUE(profile) << profile.error().message();
  EXPECT_EQ(profile->rounds, 50U);
  EXPECT_EQ(profile->time_limit, std::chrono::seconds(50));
  EXPECT_DOUBLE_EQ(profile->load_limit.value(), 2);
}

TEST_F(Merge, FindsARoleThatOnlyTheParentHas) {
  const auto profile = load(
      "budgets:\n  - {technique: storage.pread, cpus: polling, "
      "limits: {p50: 1ms}}\n");
  ASSERT_TRUE(profile) << profile.error().message();
}

TEST_F(Merge, MissesARoleThatWasDropped) {
  const auto profile = load(
      "cpus: {polling: null}\nbudgets:\n  - technique: storage.pread\n"
      "    cpus: polling\n    limits: {p50: 1ms}\n");
  ASSERT_FALSE(profile);
  EXPECT_EQ(profile.error().subject, folder_.path("mine.yaml") + ":7:5");
}

}  // namespace
}  // namespace assay::profiles
