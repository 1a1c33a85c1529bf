#include "core/faulty_host.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/memory_host.hpp"

namespace assay {
namespace {

class FaultyHostTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* path : {"/a", "/b", "/c"}) inner_.put(path, "old");
  }
  // Three writes, the second of which is the chosen one.
  std::vector<bool> write_three(FaultyHost& host) {
    std::vector<bool> done;
    for (const char* path : {"/a", "/b", "/c"}) done.push_back(host.write(path, "new").has_value());
    return done;
  }
  std::string state() {
    std::string text;
    for (const char* path : {"/a", "/b", "/c"}) text += inner_.read(path).value() + " ";
    return text;
  }

  MemoryHost inner_;
};

struct Death : std::runtime_error {
  Death() : std::runtime_error("death") {}
};

TEST_F(FaultyHostTest, WithoutAPlanEverythingPasses) {
  FaultyHost host(inner_, {});
  EXPECT_EQ(write_three(host), (std::vector<bool>{true, true, true}));
  EXPECT_EQ(host.writes(), 3U);
  EXPECT_EQ(state(), "new new new ");
}

TEST_F(FaultyHostTest, FailBeforeDoesNotWrite) {
  FaultyHost host(inner_, {.at_write = 2, .mode = FaultMode::fail_before, .on_death = {}});
  EXPECT_EQ(write_three(host), (std::vector<bool>{true, false, true}));
  EXPECT_EQ(state(), "new old new ");
  EXPECT_EQ(host.writes(), 3U);
}

TEST_F(FaultyHostTest, FailAfterWritesAndFails) {
  FaultyHost host(inner_, {.at_write = 2, .mode = FaultMode::fail_after, .on_death = {}});
  EXPECT_EQ(write_three(host), (std::vector<bool>{true, false, true}));
  EXPECT_EQ(state(), "new new new ");
}

TEST_F(FaultyHostTest, TheErrorIsThePlannedOne) {
  FaultyHost host(inner_, {.at_write = 1, .sys_errno = ENOSPC, .on_death = {}});
  const auto failed = host.write("/a", "new");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::exhausted);
  EXPECT_EQ(failed.error().subject, "/a");
  EXPECT_EQ(failed.error().sys_errno, ENOSPC);
}

TEST_F(FaultyHostTest, DieBeforeDoesNotWrite) {
  FaultyHost host(
      inner_, {.at_write = 2, .mode = FaultMode::die_before, .on_death = [] { throw Death(); }});
  EXPECT_THROW(write_three(host), Death);
  EXPECT_EQ(state(), "new old old ");
}

TEST_F(FaultyHostTest, DieAfterWrites) {
  FaultyHost host(inner_,
                  {.at_write = 2, .mode = FaultMode::die_after, .on_death = [] { throw Death(); }});
  EXPECT_THROW(write_three(host), Death);
  EXPECT_EQ(state(), "new new old ");
}

TEST_F(FaultyHostTest, DeathIsAsKill9) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  FaultyHost host(inner_, {.at_write = 1, .mode = FaultMode::die_before, .on_death = {}});
  EXPECT_EXIT((void)host.write("/a", "new"), ::testing::ExitedWithCode(137), "");
  FaultyHost returning(inner_, {.at_write = 1, .mode = FaultMode::die_after, .on_death = [] {}});
  EXPECT_EXIT((void)returning.write("/a", "new"), ::testing::ExitedWithCode(137), "");
}

TEST_F(FaultyHostTest, EveryKindOfChangeCounts) {
  inner_.on_run([](const std::vector<std::string>&) -> Expected<RunResult> { return RunResult{}; });
  inner_.reply({"ethtool.eee", "eth0"}, {{"enabled", "1"}});
  for (std::uint64_t chosen = 1; chosen <= 6; ++chosen) {
    FaultyHost host(inner_, {.at_write = chosen, .on_death = {}});
    std::vector<bool> done;
    done.push_back(host.make_directory("/d", 0755).has_value());
    done.push_back(host.replace_file("/f", "x", 0644).has_value());
    done.push_back(host.write("/a", "x").has_value());
    done.push_back(host.run({"udevadm", "settle"}).has_value());
    inner_.put("/gone", "");
    done.push_back(host.remove_file("/gone").has_value());
    done.push_back(host.change({"ethtool.eee", "eth0"}, {{"enabled", "0"}}).has_value());
    EXPECT_EQ(host.writes(), 6U);
    for (std::uint64_t i = 0; i < done.size(); ++i) EXPECT_EQ(done[i], i + 1 != chosen) << i;
  }
  EXPECT_FALSE(FaultyHost(inner_, {.at_write = 1, .on_death = {}}).run({}));
}

TEST_F(FaultyHostTest, ReadsPassAndDoNotCount) {
  inner_.link("/l", "a");
  inner_.reply({"uname", ""}, {{"release", "6"}});
  const FaultyHost host(inner_, {.at_write = 1, .on_death = {}});
  EXPECT_EQ(host.read("/a", Host::kDefaultReadLimit).value(), "old");
  EXPECT_EQ(host.list("/").value().size(), 4U);
  EXPECT_EQ(host.read_link("/l").value(), "a");
  EXPECT_EQ(host.resolve("/l").value(), "/a");
  EXPECT_EQ(host.status("/l").value().kind, FileKind::symlink);
  EXPECT_EQ(host.ask({"uname", ""}).value().at("release"), "6");
  EXPECT_EQ(host.read_trimmed("/l").value(), "old");
  EXPECT_FALSE(host.is_this_system());
  EXPECT_EQ(host.root(), "");
  EXPECT_EQ(host.writes(), 0U);
}

}  // namespace
}  // namespace assay
