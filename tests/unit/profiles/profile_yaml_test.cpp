// A merged profile as one file: it loads to the same thing.
#include "profiles/profile_yaml.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "profiles/loader.hpp"

namespace assay::profiles {
namespace {

TEST(ProfileYaml, BuiltInProfilesKeepTheirDigest) {
  for (const BuiltIn& built_in : built_in_profiles()) {
    const auto profile = load_profile(built_in.name, {});
    ASSERT_TRUE(profile) << built_in.name;
    const std::string text = profile_yaml(*profile);
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("extends")));
    const auto again = parse_profile(text, "again.yaml", {});
    ASSERT_TRUE(again) << again.error().message() << "\n" << text;
    EXPECT_EQ(again->digest, profile->digest) << text;
    EXPECT_EQ(again->name, profile->name);
    EXPECT_EQ(again->description, profile->description);
    EXPECT_EQ(profile_yaml(*again), text);
  }
}

TEST(ProfileYaml, OddTextsStayTexts) {
  const auto profile = parse_profile(
      "schema: assay.profile\nversion: 1\nname: odd\n"
      "description: 'a \"quoted\" \\ # text: {x}'\n"
      "settings:\n"
      "  cpu.governor: {value: 'null', required: false, select: '!cpu0'}\n"
      "  memory.ksm: 'yes'\n"
      "  irq.affinity: {at_most: '0x0f'}\n"
      "  boot.audit: {keep: true}\n"
      "waivers:\n"
      "  - {setting: cpu.governor, owner: 'Ann: \"ops\"', reason: '- [x', expires: 2027-01-05}\n"
      "measure: {time_limit: 90s, load_limit: 0.5}\n",
      "odd.yaml", {});
  ASSERT_TRUE(profile) << profile.error().message();
  const auto again = parse_profile(profile_yaml(*profile), "again.yaml", {});
  ASSERT_TRUE(again) << again.error().message() << "\n" << profile_yaml(*profile);
  EXPECT_EQ(again->digest, profile->digest) << profile_yaml(*profile);
  EXPECT_EQ(again->waivers.at(0).owner, "Ann: \"ops\"");
  EXPECT_EQ(again->setting("cpu.governor")->select, "!cpu0");
}

}  // namespace
}  // namespace assay::profiles
