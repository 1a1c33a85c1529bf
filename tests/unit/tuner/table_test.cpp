// The table that people read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_machine.hpp"
#include "tuner/check_table.hpp"

namespace assay::tuner::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

CheckRow row(std::string id, std::string target, std::string local, Outcome outcome,
             std::string configured = "x") {
  CheckRow one;
  one.id = std::move(id);
  one.target = std::move(target);
  one.local = std::move(local);
  one.wanted = "≥ 10s";
  one.configured = std::move(configured);
  one.outcome = outcome;
  return one;
}

TEST(Table, EqualTargetsShareALine) {
  CheckReport report;
  for (int cpu = 0; cpu < 64; ++cpu) {
    const std::string number = std::to_string(cpu);
    report.rows.push_back(
        row("cpu.governor", "cpu" + number, number, cpu == 7 ? Outcome::differs : Outcome::ok));
  }
  const auto groups = group_rows(report);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].targets, "cpu7");
  EXPECT_EQ(groups[1].targets, "cpu0-6,8-63");
  EXPECT_EQ(groups[1].count, 63U);
}

TEST(Table, DevicesKeepTheirNames) {
  CheckReport report;
  report.rows = {row("block.wbt", "pci-0000:01:00.0", "nvme0n1", Outcome::ok),
                 row("block.wbt", "pci-0000:02:00.0", "nvme1n1", Outcome::ok),
                 row("block.wbt", "virtual-md0", "md0", Outcome::ok, "y")};
  const auto groups = group_rows(report);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].targets, "pci-0000:01:00.0 (nvme0n1) and 1 more");
  EXPECT_EQ(groups[1].targets, "virtual-md0");
}

TEST(Table, WhatIsWrongComesFirst) {
  CheckReport report;
  report.rows = {row("a.ok", "host", "", Outcome::ok), row("b.denied", "host", "", Outcome::denied),
                 row("c.na", "host", "", Outcome::not_applicable),
                 row("d.pending", "host", "", Outcome::pending_reboot),
                 row("e.differs", "host", "", Outcome::differs)};
  std::vector<std::string> order;
  for (const CheckGroup& group : group_rows(report)) order.push_back(group.row.id);
  EXPECT_THAT(order, ::testing::ElementsAre("e.differs", "d.pending", "b.denied", "a.ok", "c.na"));
}

TEST(Table, EndsWithCountsAndTheExitCode) {
  CheckReport report;
  report.rows = {row("a.b", "host", "", Outcome::ok), row("c.d", "host", "", Outcome::differs)};
  report.notes = {"something does not fit"};
  const std::string text = render_table(report);
  EXPECT_THAT(text, HasSubstr("2 values: 1 differs, 1 ok\n"));
  EXPECT_THAT(text, HasSubstr("something does not fit"));
  EXPECT_TRUE(text.ends_with("exit code 1: 1 required value differs\n"));
}

TEST(Table, ColumnsAlignByCharacters) {
  CheckReport report;
  report.rows = {row("a.b", "host", "", Outcome::ok), row("c.d", "host", "", Outcome::ok)};
  report.rows[1].wanted = "12345";  // as wide as "≥ 10s", in fewer bytes
  const std::string text = render_table(report);
  const auto column = [&](std::string_view id) {
    const std::size_t line = text.find(id);
    std::size_t width = 0;
    for (std::size_t at = line; at < text.find("ok", line); ++at) {
      if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80) ++width;
    }
    return width;
  };
  EXPECT_EQ(column("a.b"), column("c.d"));
}

TEST(Table, OptionalDifferencesSaySo) {
  CheckReport report;
  report.rows = {row("a.b", "host", "", Outcome::differs)};
  EXPECT_THAT(render_table(report), Not(HasSubstr("(optional)")));
  report.rows[0].required = false;
  EXPECT_THAT(render_table(report), HasSubstr("differs (optional)"));
  EXPECT_THAT(render_table(report), HasSubstr("exit code 0"));
}

TEST(Table, AnEmptyReportIsStillAText) {
  EXPECT_THAT(render_table(CheckReport{}), HasSubstr("0 values\nexit code 0"));
}

}  // namespace
}  // namespace assay::tuner::testing
