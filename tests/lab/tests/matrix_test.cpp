// A shipped profile on a Debian host, from its first check to the last trace of it gone: tuned and
// made to last on the first boot, found in effect and undone on the second, and on the third every
// writable attribute, the boot line and /etc are as they were before anything was tuned.
// The profile is the program's first word.
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/lab/tests/host_values.hpp"
#include "tests/lab/tests/lab_guest.hpp"
#include "tests/lab/tests/matrix_remains.hpp"

namespace {

using nlohmann::json;
using Lines = std::vector<std::string>;

std::string profile_name;

std::string kind_name() { return lab::row().at("kind"); }

constexpr const char* kKept = "/var/lib/lab-matrix.json";

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Every file and link below /etc, by its content's size and hash: some are no text.
std::map<std::string, std::string> configuration() {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("/etc")) {
    const std::string path = entry.path();
    if (entry.is_symlink()) {
      files[path] = "-> " + std::filesystem::read_symlink(entry.path()).string();
    } else if (entry.is_regular_file()) {
      const std::string text = text_of(entry.path());
      files[path] =
          std::to_string(text.size()) + " " + std::to_string(std::hash<std::string>()(text));
    }
  }
  return files;
}

// What differs between two of them, both ways, by name.
Lines changed_files(const std::map<std::string, std::string>& before,
                    const std::map<std::string, std::string>& after) {
  Lines names;
  for (const auto& [path, text] : before) {
    const auto now = after.find(path);
    if (now == after.end() || now->second != text) names.push_back(path);
  }
  for (const auto& [path, text] : after) {
    if (!before.contains(path)) names.push_back(path);
  }
  return names;
}

// Until the boot is over: what its units change late is no difference between two boots.
void wait_for_the_boot() {
  lab::run({"udevadm", "settle"});
  for (int i = 0; i < 600; ++i) {
    // "No jobs running.", or a line for each unit.
    const std::string jobs = lab::run({"systemctl", "list-jobs", "--no-legend"}).out;
    if (jobs.find(" start ") == std::string::npos) return;
    lab::run({"sleep", "0.2"});
  }
  ADD_FAILURE() << "the boot does not end: " << lab::run({"systemctl", "list-jobs"}).out;
}

json rows_with(const json& document, const std::string& state) {
  json rows = json::array();
  for (const json& row : document.at("settings")) {
    if (row.at("state") == state) rows.push_back(row);
  }
  return rows;
}

// 1 when a required row is not as wanted, as the check's own rows tell.
int expected_code(const json& check) {
  for (const json& row : check.at("settings")) {
    const bool good = row.at("outcome") == "ok" || row.at("outcome") == "not-applicable" ||
                      row.at("outcome") == "kernel-managed";
    if (row.at("required") == true && !good) return 1;
  }
  return 0;
}

void expect_clean(lab::When when) {
  int code = -1;
  const json check = lab::assay_json({"check", profile_name}, &code);
  EXPECT_EQ(lab::unexplained(check, profile_name, kind_name(), when), Lines());
  EXPECT_EQ(code, expected_code(check)) << check.at("exit_reason");
}

// Kept for the reader of a failed test, among the test's results.
void show(const std::string& name, const json& document) {
  std::ofstream("/lab/out/" + name) << document.dump(1) << "\n";
}

// Transactions that a rollback would undo. One that tried what a driver refuses, and changed
// nothing, is none of them.
Lines transactions() {
  Lines ids;
  const json list = lab::assay_json({"rollback", "--list"});
  for (const json& journal : list.at("journals")) {
    if (journal.at("state") != "rolled-back") ids.push_back(journal.at("id"));
  }
  return ids;
}

// Changes nothing, and leaves no transaction behind.
void expect_nothing_to_tune() {
  const Lines before = transactions();
  int code = -1;
  const json again = lab::assay_json({"tune", profile_name, "--persist", "--yes"}, &code);
  show("again.json", again);
  EXPECT_LE(code, 1) << again.at("exit_reason");
  for (const char* state : {"changed", "failed", "denied", "put-back", "to-change"}) {
    EXPECT_EQ(rows_with(again, state), json::array()) << state;
  }
  EXPECT_TRUE(again.at("put_back").is_null()) << again.at("put_back");
  EXPECT_EQ(transactions(), before);
}

TEST(Boot1, TunesTheHostAndMakesItLast) {
  wait_for_the_boot();
  const json kept = {{"values", lab::writable_values()},
                     {"etc", configuration()},
                     {"boot_line", lab::first_line("/proc/cmdline")}};
  std::ofstream(kKept) << kept.dump();
  show("values.json", kept.at("values"));
  ASSERT_GT(kept.at("values").size(), 1000U);
  show("first.json", lab::assay_json({"check", profile_name}));

  int code = -1;
  const json tuned = lab::assay_json({"tune", profile_name, "--persist", "--yes"}, &code);
  show("tuned.json", tuned);
  EXPECT_LE(code, 1) << tuned.at("exit_reason");
  EXPECT_TRUE(tuned.at("put_back").is_null()) << tuned.at("put_back");
  EXPECT_EQ(rows_with(tuned, "failed"), json::array());
  EXPECT_EQ(rows_with(tuned, "denied"), json::array());
  EXPECT_NE(changed_files(kept.at("etc"), configuration()), Lines());
  expect_clean(lab::When::tuned);
}

TEST(Boot2, IsAsTheProfileWants) {
  wait_for_the_boot();
  show("values.json", lab::writable_values());
  expect_clean(lab::When::rebooted);
  expect_nothing_to_tune();
}

TEST(Boot2, IsUndone) {
  int code = -1;
  const json undone = lab::assay_json({"rollback"}, &code);
  show("undone.json", undone);
  EXPECT_EQ(code, 0) << undone.dump(1);
  const json before = json::parse(text_of(kKept));
  EXPECT_EQ(changed_files(before.at("etc"), configuration()), Lines());
  EXPECT_EQ(lab::run({"assay", "rollback"}).code, 4);  // one undo was enough
}

TEST(Boot3, FindsTheHostAsItWas) {
  wait_for_the_boot();
  const json before = json::parse(text_of(kKept));
  const lab::Values after = lab::writable_values();
  show("values.json", after);
  EXPECT_EQ(lab::differences(before.at("values"), after, lab::Between::boots), Lines());
  EXPECT_EQ(changed_files(before.at("etc"), configuration()), Lines());
  EXPECT_EQ(lab::first_line("/proc/cmdline"), before.at("boot_line"));
  EXPECT_EQ(lab::run({"systemctl", "list-units", "--all", "--no-legend", "assay*"}).out, "");
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s PROFILE [--gtest_filter=Boot1.*]\n", argv[0]);
    return 64;
  }
  profile_name = argv[1];
  return RUN_ALL_TESTS();
}
