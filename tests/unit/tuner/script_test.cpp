// The script of a plan has the effect of the plan, stops where the host is no longer as it was, and
// expands nothing that it was given.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "../probes/run_tool.hpp"
#include "fake_machine.hpp"
#include "untuned_machine.hpp"

namespace assay::tuner::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

std::string slurp(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// A plan's files below a folder of our own, and the script that is run over them.
class ScriptTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "script-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { fs::remove_all(root_); }

  // Without what needs programs of a real host.
  Plan file_plan(std::string_view profile) {
    Plan plan = plan_now(*host_, shipped(profile));
    std::erase_if(plan.rows, [](const PlanRow& row) {
      return !row.changes.empty() && row.changes.front().kind != ChangeKind::write_file;
    });
    return plan;
  }
  void lay_out(const Plan& plan) {
    for (const PlanRow& row : plan.rows) {
      for (const Change& change : row.changes)
        put(path_of(change), host_->read(path_of(change)).value());
    }
  }
  void put(const std::string& path, const std::string& content) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << content;
  }
  probes::ToolResult run(const std::string& script) {
    std::ofstream(root_ + "/script") << "exec 2>&1\n" << script;
    return probes::run_tool({"sh", root_ + "/script"}, {{"ROOT", root_}}).value();
  }

  std::unique_ptr<MemoryHost> host_ = make_untuned_machine();
  std::string root_;
};

TEST_F(ScriptTest, HasTheEffectOfThePlan) {
  for (const char* profile : {"low-latency", "nvme-throughput"}) {
    const Plan plan = file_plan(profile);
    lay_out(plan);
    const std::string script = render_script(plan);
    const auto ran = run(script);
    ASSERT_EQ(ran.exit_code, 0) << ran.output;
    unsigned changes = 0;
    for (const PlanRow& row : plan.rows) {
      for (const Change& change : row.changes) {
        if (change.restore_only) continue;
        ++changes;
        EXPECT_EQ(slurp(root_ + path_of(change)), change.after) << path_of(change);
      }
    }
    EXPECT_GT(changes, 25U);
    EXPECT_EQ(run(script).exit_code, 0) << "a second run finds everything done";
  }
}

TEST_F(ScriptTest, StopsWhereTheHostIsNoLongerAsItWas) {
  const Plan plan = file_plan("low-latency");
  lay_out(plan);
  put("/proc/sys/vm/swappiness", "33\n");
  const auto ran = run(render_script(plan));
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.output, HasSubstr("/proc/sys/vm/swappiness is '33' and was '60'"));
  EXPECT_EQ(slurp(root_ + "/proc/sys/vm/swappiness"), "33\n");
}

TEST_F(ScriptTest, ExpandsNothing) {
  Plan plan = file_plan("low-latency");
  std::erase_if(plan.rows, [](const PlanRow& row) { return row.setting->id != "cpu.governor"; });
  ASSERT_FALSE(plan.rows.empty());
  plan.rows.resize(1);
  const std::string evil =
      "a'; touch \"$ROOT/evil\"; $(touch \"$ROOT/evil\") `touch $ROOT/evil` \\";
  plan.profile = "x\ntouch \"$ROOT/evil\"";
  plan.rows[0].before = "y\ntouch \"$ROOT/evil\"";
  plan.rows[0].changes[0].before = evil;
  plan.rows[0].changes[0].after = evil + " after";
  put(path_of(plan.rows[0].changes[0]), evil + "\n");
  const auto ran = run(render_script(plan));
  EXPECT_EQ(ran.exit_code, 0) << ran.output;
  EXPECT_EQ(slurp(root_ + path_of(plan.rows[0].changes[0])), evil + " after");
  EXPECT_FALSE(fs::exists(root_ + "/evil"));
}

TEST_F(ScriptTest, SaysWhyAndWhatItLeavesOut) {
  host_->put("/proc/cmdline", "quiet\n");
  const std::string script = render_script(plan_now(*host_, shipped("low-latency")));
  EXPECT_THAT(script, HasSubstr("#!/bin/sh\n"));
  EXPECT_THAT(script, HasSubstr("set -eu\n"));
  EXPECT_THAT(script, HasSubstr("# memory.swappiness on host: 60 -> ≤ 0\n"));
  EXPECT_THAT(script, HasSubstr("nic 'eth0' -c"));
  EXPECT_THAT(script, HasSubstr("'systemctl' 'stop' 'irqbalance.service'"));
  EXPECT_THAT(script, HasSubstr("# not done here: boot.isolcpus = 2-3: only a boot brings it"));
}

}  // namespace
}  // namespace assay::tuner::testing
