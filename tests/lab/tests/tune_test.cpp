// `assay tune low-latency` on a real kernel with two nodes, and its undo: every writable attribute
// of /sys, /proc/sys and /proc/irq reads afterwards as it did before.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/lab/tests/host_values.hpp"
#include "tests/lab/tests/lab_guest.hpp"

namespace {

using nlohmann::json;
unsigned count_state(const json& document, const std::string& state) {
  unsigned count = 0;
  for (const json& row : document.at("settings")) count += row.at("state") == state;
  return count;
}

// What a plan does not bring, each with its reason, in the log of a failed test.
std::string rows_in(const json& document, const std::string& state) {
  std::string text;
  for (const json& row : document.at("settings")) {
    if (row.at("state") == state) text += row.dump() + "\n";
  }
  return text;
}

TEST(Tune, ChangesChecksAndPutsBackEverything) {
  const std::set<std::string> restless = lab::restless_values();
  const lab::Values before = lab::writable_values();
  ASSERT_GT(before.size(), 1000U);

  int code = -1;
  const json plan = lab::assay_json({"tune", "low-latency", "--plan"}, &code);
  EXPECT_EQ(code, 1);
  EXPECT_GT(count_state(plan, "to-change"), 20U);

  const json tuned = lab::assay_json({"tune", "low-latency", "--yes"}, &code);
  EXPECT_EQ(code, 1) << tuned.value("exit_reason", "");  // the boot line waits for a reboot
  EXPECT_TRUE(tuned.at("put_back").is_null()) << tuned.at("put_back");
  EXPECT_EQ(count_state(tuned, "failed"), 0U) << rows_in(tuned, "failed");
  EXPECT_EQ(count_state(tuned, "denied"), 0U) << rows_in(tuned, "denied");
  EXPECT_GT(count_state(tuned, "changed"), 20U);
  EXPECT_EQ(lab::first_line("/proc/sys/vm/swappiness"), "0");

  // What was changed is as wanted in the eyes of the check.
  const json checked = lab::assay_json({"check", "low-latency"});
  std::map<std::string, std::string> outcomes;
  for (const json& row : checked.at("settings")) {
    outcomes[std::string(row.at("id")) + std::string(row.at("target"))] = row.at("outcome");
  }
  for (const json& row : tuned.at("settings")) {
    if (row.at("state") != "changed") continue;
    // An idle device's interrupt only moves when it comes.
    if (row.at("note").is_string() && row.at("id") == "irq.affinity") {
      EXPECT_EQ(row.at("note"), "takes effect with its next interrupt");
      continue;
    }
    EXPECT_EQ(outcomes[std::string(row.at("id")) + std::string(row.at("target"))], "ok")
        << row.dump();
  }

  const json again = lab::assay_json({"tune", "low-latency", "--yes"}, &code);
  EXPECT_EQ(count_state(again, "changed"), 0U) << rows_in(again, "changed");

  const json undone = lab::assay_json({"rollback"}, &code);
  EXPECT_EQ(code, 0) << undone.value("exit_reason", "");
  for (const json& row : undone.at("changes")) EXPECT_NE(row.at("outcome"), "failed") << row.dump();
  const lab::Values after = lab::writable_values();
  EXPECT_EQ(lab::differences(before, after, lab::Between::readings, restless),
            std::vector<std::string>());
  EXPECT_EQ(lab::run({"assay", "rollback"}).code, 4);  // nothing is left to undo
}

// A person who runs the plan's script by hand gets the same host as `assay tune` makes.
TEST(Tune, ItsScriptHasTheSameEffect) {
  const std::string profile = "/tmp/scripted.yaml";
  std::ofstream(profile) << "schema: assay.profile\nversion: 1\nname: scripted\n"
                            "extends: low-latency\nsettings:\n"
                            "  scheduler.cpuset-partition: {at_least: isolated}\n";
  ASSERT_EQ(lab::run({"mkswap", "/dev/nvme0n1"}).code, 0);
  ASSERT_EQ(lab::run({"swapon", "/dev/nvme0n1"}).code, 0);
  const std::set<std::string> restless = lab::restless_values();
  int code = -1;
  const json tuned = lab::assay_json({"tune", profile, "--yes"}, &code);
  EXPECT_GT(count_state(tuned, "changed"), 20U);
  EXPECT_EQ(count_state(tuned, "failed"), 0U) << rows_in(tuned, "failed");
  const lab::Values wanted = lab::writable_values();
  lab::assay_json({"rollback"}, &code);
  EXPECT_EQ(code, 0);

  const lab::Ran script = lab::run({"assay", "tune", profile, "--plan", "--format", "script"});
  EXPECT_EQ(script.code, 1) << script.err;
  std::ofstream("/tmp/scripted.sh") << script.out;
  // Every kind of step that is no file is among them.
  for (const char* step : {"\nnic ", "\nthread ", "\npartition ", "\nswap "}) {
    EXPECT_NE(script.out.find(step), std::string::npos) << step << script.out;
  }
  for (const char* round : {"first", "again, which changes nothing"}) {
    const lab::Ran ran = lab::run({"sh", "/tmp/scripted.sh"});
    EXPECT_EQ(ran.code, 0) << round << ": " << ran.err << ran.out;
    EXPECT_EQ(lab::differences(wanted, lab::writable_values(), lab::Between::readings, restless),
              std::vector<std::string>())
        << round;
  }
  const json again = lab::assay_json({"tune", profile, "--yes"}, &code);
  EXPECT_EQ(count_state(again, "changed"), 0U) << rows_in(again, "changed");
}

// A folder that others may write to could hold a forged journal.
TEST(Tune, RefusesAFolderOfOthers) {
  ASSERT_EQ(chmod("/var/lib/assay/journal", 0777), 0);
  const lab::Ran ran = lab::run({"assay", "tune", "low-latency", "--yes"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_NE(ran.err.find("others could have written it"), std::string::npos) << ran.err;
  ASSERT_EQ(chmod("/var/lib/assay/journal", 0700), 0);
}

// A second tune is told who holds the lock.
TEST(Tune, OneAtATime) {
  const std::string path = "/var/lib/assay/journal/lock";
  const int lock = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(lock, 0);
  ASSERT_EQ(flock(lock, LOCK_EX | LOCK_NB), 0);
  ASSERT_EQ(pwrite(lock, "4242\n", 5, 0), 5);
  const lab::Ran ran = lab::run({"assay", "tune", "low-latency", "--yes"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_NE(ran.err.find("process 4242 is tuning this host"), std::string::npos) << ran.err;
  close(lock);
}

}  // namespace
