#include "core/path_walk.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace assay::path_walk {
namespace {

TEST(PathWalk, ComponentsLeaveOutWhatMeansNothing) {
  EXPECT_EQ(components("/a//./b/../c/"), (std::vector<std::string_view>{"a", "b", "..", "c"}));
  EXPECT_TRUE(components("").empty());
  EXPECT_TRUE(components("///").empty());
  EXPECT_EQ(components("a"), (std::vector<std::string_view>{"a"}));
}

TEST(PathWalk, Join) {
  EXPECT_EQ(join({}), "/");
  EXPECT_EQ(join({"a", "b"}), "/a/b");
}

TEST(PathWalk, SplitNeedsAName) {
  const auto place = split("/etc/sysctl.d/x.conf");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->folder, "/etc/sysctl.d");
  EXPECT_EQ(place->name, "x.conf");
  EXPECT_EQ(split("/x")->folder, "/");
  for (const std::string_view bad : {"", "x", "/", "/a/", "/a/.", "/a/..", "a/b"}) {
    EXPECT_FALSE(split(bad)) << bad;
  }
  EXPECT_FALSE(split(std::string_view("/a\0b", 4)));
}

TEST(PathWalk, SplicesTargetsInFrontUpToTheLimit) {
  Walk walk("/a/b");
  EXPECT_EQ(walk.take(), "a");
  EXPECT_TRUE(walk.splice("x/y"));
  EXPECT_EQ(walk.take(), "x");
  EXPECT_EQ(walk.take(), "y");
  EXPECT_EQ(walk.take(), "b");
  EXPECT_FALSE(walk.take());
  EXPECT_FALSE(walk.splice(""));
  for (unsigned i = 2; i < Walk::kMaxLinks; ++i) EXPECT_TRUE(walk.splice("z")) << i;
  EXPECT_FALSE(walk.splice("z"));
}

TEST(PathWalk, ATrailingSlashAsksForADirectory) {
  EXPECT_TRUE(Walk("/a/").wants_directory());
  EXPECT_TRUE(Walk("/a/.").wants_directory());
  EXPECT_FALSE(Walk("/a").wants_directory());
  EXPECT_FALSE(Walk("/a.").wants_directory());
}

}  // namespace
}  // namespace assay::path_walk
