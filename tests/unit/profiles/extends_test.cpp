// Finding the profiles that a profile extends: names, paths, order, cycles.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/profiles/temporary_folder.hpp"
#include "tests/unit/profiles/vocabulary.hpp"

namespace assay::profiles {
namespace {

class Extends : public testing::Test {
 protected:
  void write(const std::string& name, std::string_view extends, std::string_view governor) {
    std::string text = "schema: assay.profile\nversion: 1\nname: " + name + "\n";
    if (!extends.empty()) text += "extends: " + std::string(extends) + "\n";
    if (!governor.empty()) text += "settings: {cpu.governor: " + std::string(governor) + "}\n";
    folder_.write(name + ".yaml", text);
  }
  Expected<Profile> load(std::string_view name) {
    return load_profile(folder_.path(name), test_vocabulary());
  }

  TemporaryFolder folder_;
};

TEST_F(Extends, TakesTheLaterOfTwoParentsAndTheFileItselfOverBoth) {
  write("one", "", "powersave");
  write("two", "", "performance");
  write("child", "[one.yaml, two.yaml]", "");
  const auto both = load("child.yaml");
  ASSERT_TRUE(both) << both.error().message();
  EXPECT_EQ(both->setting("cpu.governor")->value, "performance");
  EXPECT_EQ(both->extends, (std::vector<std::string>{"one", "two"}));
  write("child", "[one.yaml, two.yaml]", "ondemand");
  EXPECT_EQ(load("child.yaml")->setting("cpu.governor")->value, "ondemand");
}

TEST_F(Extends, LaysACommonGrandparentOnceAndFirst) {
  write("root", "", "powersave");
  write("left", "root.yaml", "performance");
  write("right", "root.yaml", "");
  write("child", "[left.yaml, right.yaml]", "");
  const auto profile = load("child.yaml");
  ASSERT_TRUE(profile) << profile.error().message();
  EXPECT_EQ(profile->setting("cpu.governor")->value, "performance");
  EXPECT_EQ(profile->extends, (std::vector<std::string>{"root", "left", "right"}));
}

TEST_F(Extends, ResolvesPathsFromTheFileThatNamesThem) {
  write("base", "", "performance");
  folder_.write("site/rack/host.yaml", profile_text("extends: ../site.yaml\n"));
  folder_.write("site/site.yaml", profile_text("extends: ../base.yaml\n"));
  const auto profile = load("site/rack/host.yaml");
  ASSERT_TRUE(profile) << profile.error().message();
  EXPECT_EQ(profile->setting("cpu.governor")->value, "performance");
}

TEST_F(Extends, ExtendsABuiltInByName) {
  folder_.write("mine.yaml", profile_text("extends: default\nmeasure: {rounds: 77}\n"));
  const auto profile = load_profile(folder_.path("mine.yaml"), Vocabulary{});
  ASSERT_TRUE(profile) << profile.error().message();
  EXPECT_EQ(profile->rounds, 77U);
  EXPECT_FALSE(profile->budgets.empty());
  EXPECT_EQ(profile->budgets.front().location.file, "default.yaml");
}

TEST_F(Extends, RefusesACycleAndNamesItsChain) {
  write("a", "b.yaml", "");
  write("b", "[c.yaml]", "");
  write("c", "./a.yaml", "");
  const auto profile = load("a.yaml");
  ASSERT_FALSE(profile);
  EXPECT_EQ(profile.error().code, ErrorCode::invalid);
  const std::string c = folder_.path("./c.yaml");
  const auto message = profile.error().message();
  const auto contains = [&](const std::string& text) {
    return message.find(text) != std::string::npos;
  };
  EXPECT_TRUE(contains("c.yaml:4:10: extends goes in a circle: ")) << message;
  EXPECT_TRUE(contains("a.yaml:4:10 extends b.yaml, ")) << message;
  EXPECT_TRUE(contains("b.yaml:4:11 extends c.yaml, ")) << message;
  EXPECT_TRUE(contains("c.yaml:4:10 extends ./a.yaml")) << message;
}

TEST_F(Extends, SeesACycleThroughASymbolicLinkAndOfOneFile) {
  write("a", "link.yaml", "");
  ASSERT_EQ(::symlink("a.yaml", folder_.path("link.yaml").c_str()), 0);
  const auto through_link = load("a.yaml");
  ASSERT_FALSE(through_link);
  EXPECT_NE(through_link.error().cause.find("circle"), std::string::npos);
  write("self", "self.yaml", "");
  const auto self = load("self.yaml");
  ASSERT_FALSE(self);
  EXPECT_NE(self.error().cause.find("circle"), std::string::npos);
}

TEST_F(Extends, LeavesACycleOutsideOfTheWayToItOutOfTheMessage) {
  write("start", "a.yaml", "");
  write("a", "b.yaml", "");
  write("b", "a.yaml", "");
  const auto profile = load("start.yaml");
  ASSERT_FALSE(profile);
  EXPECT_EQ(profile.error().cause.find("start.yaml"), std::string::npos);
}

TEST_F(Extends, BoundsTheChain) {
  for (int i = 0; i < 20; ++i) {
    write("p" + std::to_string(i), i == 19 ? "" : "p" + std::to_string(i + 1) + ".yaml", "");
  }
  const auto profile = load("p0.yaml");
  ASSERT_FALSE(profile);
  EXPECT_EQ(profile.error().cause, "extends: at most 16 profiles in a row and 32 in all");
}

TEST_F(Extends, SaysWhereAMissingParentWasNamed) {
  write("a", "gone.yaml", "");
  const auto profile = load("a.yaml");
  ASSERT_FALSE(profile);
  EXPECT_EQ(profile.error().code, ErrorCode::absent);
  EXPECT_EQ(profile.error().message(), "read profile " + folder_.path("a.yaml") +
                                           ":4:10: extends \"gone.yaml\": No such file or "
                                           "directory (" +
                                           folder_.path("gone.yaml") + ")");
}

TEST_F(Extends, ReportsAnErrorInAParentAtTheParentsPlace) {
  write("bad", "", "[");
  write("a", "bad.yaml", "");
  const auto profile = load("a.yaml");
  ASSERT_FALSE(profile);
  EXPECT_EQ(profile.error().subject.substr(0, folder_.path("bad.yaml").size()),
            folder_.path("bad.yaml"));
}

TEST_F(Extends, RefusesWhatIsNoOrdinaryFile) {
  ASSERT_EQ(::mkfifo(folder_.path("pipe.yaml").c_str(), 0600), 0);
  for (const std::string name : {"pipe.yaml", ""}) {
    const auto profile = load_profile(folder_.path(name), test_vocabulary());
    ASSERT_FALSE(profile) << name;
    EXPECT_EQ(profile.error().cause, "not an ordinary file") << name;
  }
}

TEST(LoadProfile, NamesTheBuiltInsForAnUnknownOne) {
  const auto profile = load_profile("defualt", test_vocabulary());
  ASSERT_FALSE(profile);
  EXPECT_EQ(profile.error().code, ErrorCode::absent);
  EXPECT_EQ(profile.error().message(),
            "read profile \"defualt\": no built-in profile has this name; did you mean "
            "\"default\"?; there are default, low-latency, nvme-throughput, realtime; a file's "
            "path has a / or ends in .yaml");
}

TEST(LoadProfile, TakesANameWithAnEndingForAFile) {
  const auto profile = load_profile("no-such-profile.yaml", test_vocabulary());
  ASSERT_FALSE(profile);
  EXPECT_EQ(profile.error().message(),
            "read profile no-such-profile.yaml: No such file or directory");
}

}  // namespace
}  // namespace assay::profiles
