// The settings table as data: complete, consistent, and what the profiles rely on.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "profiles/loader.hpp"
#include "tuner/setting.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

using profiles::Match;

// "at_least 10s" as its parts.
std::pair<Match, std::string_view> parts(std::string_view text) {
  if (text == "keep") return {Match::keep, ""};
  for (auto [word, match] : {std::pair{std::string_view("at_least "), Match::at_least},
                             std::pair{std::string_view("at_most "), Match::at_most}}) {
    if (text.starts_with(word)) return {match, text.substr(word.size())};
  }
  return {Match::equal, text};
}

bool is_word_of(const Setting& row, std::string_view value) {
  for (std::string_view word : row.words) {
    if (word == value) return true;
  }
  return false;
}

TEST(Rows, AreCompleteAndUnique) {
  std::set<std::string_view> ids;
  for (const Setting& row : settings()) {
    EXPECT_TRUE(ids.insert(row.id).second) << row.id << " stands twice";
    EXPECT_NE(row.id.find('.'), std::string_view::npos) << row.id;
    EXPECT_FALSE(row.reason.empty()) << row.id;
    EXPECT_TRUE(row.reason.ends_with('.')) << row.id;
    EXPECT_FALSE(row.source.empty()) << row.id;
    EXPECT_FALSE(row.where.empty()) << row.id;
    EXPECT_NE(row.targets, nullptr) << row.id;
    EXPECT_NE(row.read, nullptr) << row.id;
  }
}

// What is recorded is never changed: a drive's write cache, mitigations and audit least of all.
TEST(Rows, RecordedOnesCannotBeChanged) {
  for (const Setting& row : settings()) {
    if (row.lasting == Lasting::recorded) {
      EXPECT_EQ(row.plan, nullptr) << row.id;
    }
  }
  for (const char* id : {"block.write-cache", "boot.mitigations", "boot.audit"}) {
    EXPECT_EQ(find_setting(id)->lasting, Lasting::recorded) << id;
  }
}

// What lasts by a sysctl, a udev rule, a start-up unit or a drop-in can be set at run time.
TEST(Rows, WhatCanBeSetAtRunTimeHasAPlanner) {
  for (const Setting& row : settings()) {
    const bool at_run_time = row.lasting == Lasting::sysctl || row.lasting == Lasting::udev ||
                             row.lasting == Lasting::startup_unit ||
                             row.lasting == Lasting::drop_in;
    if (!at_run_time) continue;
    EXPECT_NE(row.plan, nullptr) << row.id;
  }
}

TEST(Rows, WhatMovesARowIsSetBeforeIt) {
  for (const Setting& row : settings()) {
    for (std::string_view id : row.moved_by) {
      EXPECT_NE(std::ranges::find(row.after, id), row.after.end()) << row.id << " after " << id;
    }
  }
}

TEST(Rows, EveryAreaHasAtLeastTwo) {
  std::map<std::string_view, int> areas;
  for (const Setting& row : settings()) ++areas[area_of(row.id)];
  for (const char* area : {"cpu", "memory", "irq", "net", "block", "boot", "scheduler", "time",
                           "limits", "container"}) {
    EXPECT_GE(areas[area], 2) << area;
  }
  EXPECT_EQ(areas.size(), setting_areas().size());
}

TEST(Rows, ManyHaveManyTargets) {
  int many = 0;
  for (const Setting& row : settings()) many += row.set_on != TargetKind::host;
  EXPECT_GE(many, 8);
}

TEST(Rows, WhatMustBeSetFirstExists) {
  for (const Setting& row : settings()) {
    for (std::string_view id : row.after) {
      EXPECT_NE(find_setting(id), nullptr) << row.id << " after " << id;
      EXPECT_NE(id, row.id);
    }
  }
}

TEST(Rows, RecommendedValuesAreValues) {
  for (const Setting& row : settings()) {
    for (std::string_view text : {row.low_latency, row.throughput}) {
      const auto [match, value] = parts(text);
      // CPU lists are selectors, which only a host gives a meaning.
      if (text.empty() || match == Match::keep || row.kind == ValueKind::cpu_list) continue;
      if (is_word_of(row, value)) continue;
      EXPECT_TRUE(check_value(row.kind, match, value)) << row.id << ": " << text;
    }
  }
}

TEST(Rows, AreFoundById) {
  for (std::string_view id : setting_ids()) {
    ASSERT_NE(find_setting(id), nullptr);
    EXPECT_EQ(find_setting(id)->id, id);
  }
  EXPECT_EQ(find_setting("cpu"), nullptr);
}

// A profile that we ship must not fail on some other machine for a value that is none.
TEST(Rows, BuiltInProfilesWantRealValues) {
  const auto ids = setting_ids();
  for (const profiles::BuiltIn& built_in : profiles::built_in_profiles()) {
    auto profile = profiles::load_profile(built_in.name, {ids, {}});
    ASSERT_TRUE(profile) << built_in.name << ": " << profile.error().message();
    for (const profiles::WantedSetting& wanted : profile->settings) {
      const Setting* row = find_setting(wanted.id);
      ASSERT_NE(row, nullptr) << built_in.name << ": " << wanted.id;
      if (row->kind == ValueKind::cpu_list || is_word_of(*row, wanted.value)) continue;
      auto good = check_value(row->kind, wanted.match, wanted.value);
      EXPECT_TRUE(good) << built_in.name << ": " << wanted.id << " = " << wanted.value;
    }
  }
}

}  // namespace
}  // namespace assay::tuner
