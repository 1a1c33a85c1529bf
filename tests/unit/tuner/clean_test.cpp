// What a tune leaves behind when it is undone: nothing, down to the folders that it made, whatever
// state the host's other tools were in.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_machine.hpp"
#include "persist_fixture.hpp"
#include "transaction.hpp"
#include "tuner/check.hpp"
#include "tuner/unit_drop_in.hpp"

namespace assay::tuner::testing {
namespace {

using ::testing::HasSubstr;

constexpr const char* kWants = "/etc/systemd/system/multi-user.target.wants/irqbalance.service";

// Folders, files, links and modes below a path, as one text.
void tree_of(const Host& host, const std::string& path, std::string& out) {
  const auto status = host.status(path);
  if (!status) return;
  out += fmt::format("{} {:o}", path, status->mode);
  if (status->kind == FileKind::symlink) out += " -> " + host.read_link(path).value_or("?");
  if (status->kind == FileKind::regular) out += " = " + host.read(path).value_or("?");
  out += '\n';
  const auto names = host.list(path);
  if (status->kind != FileKind::directory || !names) return;
  for (const std::string& name : *names) tree_of(host, path + "/" + name, out);
}

std::string etc_tree(const Host& host) {
  std::string out;
  tree_of(host, "/etc", out);
  return out;
}

std::unique_ptr<MemoryHost> bare_debian() {
  auto host = make_untuned_machine();
  host->put("/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n");
  host->put("/usr/sbin/update-grub", "");
  host->put("/usr/lib/systemd/systemd", "");
  // Folders that packages make, and none that only we would use.
  for (const char* folder : {"/etc/security", "/etc/udev", "/etc/systemd/system"}) {
    host->directory(folder);
  }
  return host;
}

void tune_and_undo(MemoryHost& host, const std::string& what) {
  const std::string before = etc_tree(host);
  PlanOptions options;
  options.persist = true;
  const profiles::Profile profile = shipped("low-latency");
  JournalFolder folder(host);
  auto report = apply(host, plan_now(host, profile, options), profile, folder, at_noon());
  ASSERT_TRUE(report) << what << ": " << report.error().message();
  ASSERT_EQ(report->undone, "") << what;
  EXPECT_NE(etc_tree(host), before) << what;
  EXPECT_TRUE(is_held_back(host, "irqbalance.service")) << what;
  const auto row = row_of(check_now(host, wanting("irq.irqbalance", "stopped")));
  EXPECT_EQ(row.outcome, Outcome::ok) << what << ": " << row.reason;
  ASSERT_TRUE(undo_newest(host)) << what;
  EXPECT_EQ(etc_tree(host), before) << what;
}

TEST(Clean, FoldersThatWereMadeGoAgain) {
  auto host = bare_debian();
  ASSERT_FALSE(host->exists("/etc/assay"));
  tune_and_undo(*host, "a host without our folders");
  EXPECT_FALSE(host->exists("/etc/assay"));
  EXPECT_FALSE(host->exists("/etc/default/grub.d"));
  EXPECT_TRUE(host->exists("/etc/security"));
}

TEST(Clean, AFolderThatSomebodyUsesByNowStays) {
  auto host = bare_debian();
  PlanOptions options;
  options.persist = true;
  JournalFolder folder(*host);
  const auto low = shipped("low-latency");
  auto report = apply(*host, plan_now(*host, low, options), low, folder, at_noon());
  ASSERT_TRUE(report);
  host->put("/etc/default/grub.d/site.cfg", "GRUB_TIMEOUT=1\n");
  ASSERT_TRUE(undo_newest(*host));
  EXPECT_TRUE(host->exists("/etc/default/grub.d/site.cfg"));
  EXPECT_FALSE(host->exists("/etc/default/grub.d/99-assay.cfg"));
}

TEST(Clean, WhateverStateIrqbalanceWasIn) {
  auto running = bare_debian();
  tune_and_undo(*running, "enabled and running");
  EXPECT_TRUE(running->exists("/proc/77/comm")) << "it runs again";

  auto disabled = bare_debian();
  disabled->erase(kWants);
  disabled->erase("/proc/77");
  tune_and_undo(*disabled, "disabled");
  EXPECT_FALSE(disabled->exists("/proc/77/comm"));

  auto masked = bare_debian();
  masked->erase("/proc/77");
  masked->link("/etc/systemd/system/irqbalance.service", "/dev/null");
  tune_and_undo(*masked, "masked, and still wanted by a target");
  EXPECT_EQ(masked->read_link("/etc/systemd/system/irqbalance.service").value_or(""), "/dev/null");

  auto missing = bare_debian();
  missing->erase(kWants);
  missing->erase("/proc/77");
  missing->erase("/etc/default/irqbalance");
  tune_and_undo(*missing, "not installed");
}

TEST(Clean, AnEnabledIrqbalanceThatIsHeldBackDoesNotComeBack) {
  auto host = bare_debian();
  host->erase("/proc/77");
  EXPECT_THAT(row_of(check_now(*host, wanting("irq.irqbalance", "stopped"))).reason,
              HasSubstr("multi-user.target.wants"));
  host->put(drop_in_path("irqbalance.service"), drop_in_text("irqbalance.service"));
  const auto row = row_of(check_now(*host, wanting("irq.irqbalance", "stopped")));
  EXPECT_EQ(row.outcome, Outcome::ok) << row.reason;
}

// The timer is held back by the change itself, so that it lasts without --persist, too.
TEST(Clean, TheTrimTimer) {
  auto host = bare_debian();
  host->directory("/run/systemd/system");
  host->link("/etc/systemd/system/timers.target.wants/fstrim.timer",
             "/usr/lib/systemd/system/fstrim.timer");
  const std::string before = etc_tree(*host);
  const auto profile = wanting("block.fstrim-timer", "disabled");
  JournalFolder folder(*host);
  auto report = apply(*host, plan_now(*host, profile), profile, folder, at_noon());
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(plan_row(report->plan, "block.fstrim-timer").state, RowState::changed)
      << plan_row(report->plan, "block.fstrim-timer").note;
  EXPECT_EQ(host->runs().back(), (std::vector<std::string>{"systemctl", "stop", "fstrim.timer"}));
  EXPECT_TRUE(plan_now(*host, profile).empty());
  ASSERT_TRUE(undo_newest(*host));
  EXPECT_EQ(host->runs().back(), (std::vector<std::string>{"systemctl", "start", "fstrim.timer"}))
      << "after systemd was told that the drop-in is gone";
  EXPECT_EQ(etc_tree(*host), before);
}

}  // namespace
}  // namespace assay::tuner::testing
