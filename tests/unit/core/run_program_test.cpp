#include "core/run_program.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/real_host.hpp"

namespace assay {
namespace {

TEST(RunProgram, OnlyTheListMayRun) {
  for (const std::string name : {"sh", "/usr/bin/systemctl", "../bin/systemctl", "systemctl ", "rm",
                                 "", "bash", "udevadm\n"}) {
    const auto result = run_allowed_program({name, "x"});
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().code, ErrorCode::denied) << name;
  }
  EXPECT_EQ(run_allowed_program({}).error().code, ErrorCode::invalid);
  EXPECT_EQ(run_allowed_program({"udevadm", std::string("a\0b", 3)}).error().code,
            ErrorCode::invalid);
  EXPECT_EQ(make_real_host()->run({"sh", "-c", "true"}).error().code, ErrorCode::denied);
}

// Whichever of the programs this machine has must run without a shell and give its output.
TEST(RunProgram, OutputAndExitCode) {
  unsigned ran = 0;
  for (const std::string name : {"udevadm", "systemctl"}) {
    const auto good = run_allowed_program({name, "--version"});
    if (!good) {
      EXPECT_EQ(good.error().code, ErrorCode::absent) << good.error().message();
      continue;
    }
    ++ran;
    EXPECT_EQ(good->exit_code, 0) << good->output;
    EXPECT_FALSE(good->output.empty());
    const auto bad = run_allowed_program({name, "--no-such-option; echo injected"});
    ASSERT_TRUE(bad) << bad.error().message();
    EXPECT_NE(bad->exit_code, 0);
    // What a shell would have run stands in the program's complaint, never on a line of its own.
    EXPECT_EQ(("\n" + bad->output).find("\ninjected"), std::string::npos) << bad->output;
    EXPECT_NE(bad->output.find("no-such-option"), std::string::npos) << bad->output;
  }
  if (ran == 0) GTEST_SKIP() << "neither udevadm nor systemctl is installed";
}

}  // namespace
}  // namespace assay
