// A whole transaction and its undo: what each row ends as, conflicts, failures, rounding, reboots.
#include "transaction.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "fake_machine.hpp"
#include "probes/probe.hpp"

namespace assay::tuner::testing {
namespace {

using profiles::Match;
using ::testing::HasSubstr;

const std::string kSwappiness = "/proc/sys/vm/swappiness";

TEST(Transaction, TunesAndPutsBackEveryShippedProfile) {
  for (const char* name : {"low-latency", "nvme-throughput", "realtime", "default"}) {
    SCOPED_TRACE(name);
    const auto host = make_untuned_machine();
    const std::string before = snapshot(*host);
    const profiles::Profile profile = shipped(name);
    const auto report = tune(*host, profile);
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->undone, "");
    for (const PlanRow& row : report->plan.rows) {
      EXPECT_NE(row.state, RowState::failed) << row.setting->id << ": " << row.note;
      EXPECT_NE(row.state, RowState::to_change) << row.setting->id;
    }
    EXPECT_NE(snapshot(*host), before);

    const auto again = tune(*host, profile);
    ASSERT_TRUE(again);
    for (const PlanRow& row : again->plan.rows) {
      EXPECT_NE(row.state, RowState::changed) << row.setting->id << " was changed again";
    }

    const auto undone = undo_newest(*host);
    ASSERT_TRUE(undone);
    EXPECT_TRUE(undone->complete()) << render_rollback(*undone);
    EXPECT_EQ(snapshot(*host), before);
    EXPECT_FALSE(undo_newest(*host)) << "there is nothing left to undo";
  }
}

TEST(Transaction, EachRowSaysWhatItBecame) {
  const auto host = make_untuned_machine();
  host->put("/proc/cmdline", "quiet\n");
  const auto report = tune(*host, shipped("low-latency"));
  ASSERT_TRUE(report);
  const auto state = [&](std::string_view id, std::string_view target = {}) {
    return plan_row(report->plan, id, target).state;
  };
  EXPECT_EQ(state("cpu.governor", "cpu0"), RowState::changed);
  EXPECT_EQ(state("memory.swap"), RowState::already_ok);
  EXPECT_EQ(state("boot.isolcpus"), RowState::pending_reboot);
  EXPECT_EQ(state("irq.affinity", "msix1@pci-0000:01:00.0"), RowState::kernel_managed);
  EXPECT_EQ(state("cpu.smt"), RowState::not_applicable);
  EXPECT_EQ(report->exit_code(), 1) << report->exit_reason();
  EXPECT_THAT(render_apply(*report), HasSubstr("undo with: assay rollback 20260615T120000Z"));
  const nlohmann::ordered_json document = to_json(*report);
  EXPECT_EQ(document.at("schema"), "assay.tune");
  EXPECT_EQ(document.at("journal"), "20260615T120000Z");
}

TEST(Transaction, NothingToDoLeavesNoJournal) {
  const auto host = make_machine();
  const auto report = tune(*host, wanting("memory.swappiness", "0"));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->journal, "");
  EXPECT_EQ(report->exit_code(), 0);
  EXPECT_TRUE(host->writes().empty());
}

TEST(Transaction, ARequiredFailurePutsAllBack) {
  const auto host = make_untuned_machine();
  host->on_write("/proc/sys/kernel/sched_rt_runtime_us", [](std::string_view) {
    return Expected<std::string>(fail_errno(EINVAL, "write", "sched_rt_runtime_us"));
  });
  const std::string before = snapshot(*host);
  const auto report = tune(*host, shipped("low-latency"));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->exit_code(), 4);
  EXPECT_THAT(report->exit_reason(), HasSubstr("every value was put back"));
  const PlanRow& row = plan_row(report->plan, "scheduler.rt-runtime");
  EXPECT_EQ(row.state, RowState::failed);
  EXPECT_THAT(row.note, HasSubstr("Invalid argument"));
  EXPECT_EQ(plan_row(report->plan, "cpu.governor").state, RowState::put_back);
  EXPECT_EQ(snapshot(*host), before);
  EXPECT_FALSE(undo_newest(*host)) << "its journal is rolled back already";
}

TEST(Transaction, KeepGoingKeepsWhatSucceeded) {
  const auto host = make_untuned_machine();
  host->fail(kSwappiness, 0);
  host->on_write(kSwappiness, [](std::string_view) {
    return Expected<std::string>(fail_errno(EPERM, "write", kSwappiness));
  });
  const std::string before = snapshot(*host);
  ApplyOptions options = at_noon();
  options.keep_going = true;
  const auto report = tune(*host, shipped("low-latency"), options);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->undone, "");
  EXPECT_EQ(plan_row(report->plan, "memory.swappiness").state, RowState::denied);
  EXPECT_EQ(plan_row(report->plan, "memory.ksm").state, RowState::changed);
  EXPECT_NE(report->exit_code(), 0);
  ASSERT_TRUE(undo_newest(*host));
  EXPECT_EQ(snapshot(*host), before);
}

TEST(Transaction, OptionalFailuresStopNothing) {
  const auto host = make_untuned_machine();
  host->on_write(kSwappiness, [](std::string_view) {
    return Expected<std::string>(fail_errno(EINVAL, "write", kSwappiness));
  });
  profiles::Profile profile = wanting("memory.swappiness", "0");
  profile.settings.push_back(wanting("memory.ksm", "0").settings[0]);
  profile.settings[0].required = false;
  const auto report = tune(*host, profile);
  ASSERT_TRUE(report);
  EXPECT_EQ(plan_row(report->plan, "memory.swappiness").state, RowState::failed);
  EXPECT_EQ(plan_row(report->plan, "memory.ksm").state, RowState::changed);
  EXPECT_EQ(report->exit_code(), 0);
}

// Asking is not getting: the kernel took the write and kept its own value.
TEST(Transaction, AValueThatDoesNotStickIsAFailure) {
  const auto host = make_untuned_machine();
  host->on_write(kSwappiness, [](std::string_view) { return Expected<std::string>("60\n"); });
  const std::string before = snapshot(*host);
  const auto report = tune(*host, wanting("memory.swappiness", "0"));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->plan.rows.at(0).state, RowState::failed);
  EXPECT_THAT(report->plan.rows.at(0).note, HasSubstr("reads 60"));
  EXPECT_EQ(snapshot(*host), before);
}

// The kernel rounds, the result is as wanted, and the undo knows the rounded value as ours.
TEST(Transaction, ARoundedValueIsUndone) {
  const auto host = make_untuned_machine();
  const std::string path = "/proc/sys/net/core/rmem_max";
  host->on_write(path, [](std::string_view content) -> Expected<std::string> {
    return std::string(content == "16777216" ? "16778240" : content) + "\n";
  });
  const std::string before = snapshot(*host);
  const auto report = tune(*host, wanting("net.rmem-max", "16MiB", Match::at_least));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->plan.rows.at(0).state, RowState::changed);
  const auto undone = undo_newest(*host);
  ASSERT_TRUE(undone);
  EXPECT_TRUE(undone->complete());
  EXPECT_EQ(snapshot(*host), before);
}

TEST(Transaction, AChangeInBetweenAborts) {
  const auto host = make_untuned_machine();
  // Somebody sets swappiness just after the plan was made, once.
  host->on_write("/sys/kernel/mm/transparent_hugepage/enabled",
                 [&](std::string_view value) -> Expected<std::string> {
                   if (value != "never") return std::string("[always] madvise never\n");
                   host->put(kSwappiness, "33\n");
                   return std::string("always madvise [never]\n");
                 });
  profiles::Profile profile = wanting("memory.thp-enabled", "never");
  profile.settings.push_back(wanting("memory.swappiness", "0").settings[0]);
  const auto report = tune(*host, profile);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->exit_code(), 4);
  EXPECT_THAT(report->undone, HasSubstr("changed from 60 to 33"));
  EXPECT_EQ(host->read_trimmed(kSwappiness).value(), "33") << "theirs is not ours to undo";
}

TEST(Transaction, StoppedByTheUserPutsAllBack) {
  const auto host = make_untuned_machine();
  const std::string before = snapshot(*host);
  std::atomic<bool> stop{false};
  host->on_write("/sys/kernel/mm/ksm/run", [&](std::string_view) -> Expected<std::string> {
    stop = true;
    return std::string("0\n");
  });
  ApplyOptions options = at_noon();
  options.stop = &stop;
  const auto report = tune(*host, shipped("low-latency"), options);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->exit_code(), 130);
  host->on_write("/sys/kernel/mm/ksm/run", [](std::string_view value) -> Expected<std::string> {
    return std::string(value) + "\n";
  });
  host->put("/sys/kernel/mm/ksm/run", "1\n");
  EXPECT_EQ(snapshot(*host), before);
}

TEST(Rollback, WhatSomebodyChangedSinceIsAConflict) {
  const auto host = make_untuned_machine();
  profiles::Profile profile = wanting("memory.swappiness", "0");
  profile.settings.push_back(wanting("memory.ksm", "0").settings[0]);
  ASSERT_TRUE(tune(*host, profile));
  host->put(kSwappiness, "33\n");
  const auto undone = undo_newest(*host);
  ASSERT_TRUE(undone);
  EXPECT_EQ(undone->exit_code(), 1);
  EXPECT_EQ(undo_row(*undone, "memory.swappiness").outcome, UndoOutcome::conflict);
  EXPECT_EQ(undo_row(*undone, "memory.swappiness").now, "33");
  EXPECT_EQ(undo_row(*undone, "memory.ksm").outcome, UndoOutcome::restored);
  EXPECT_EQ(host->read_trimmed(kSwappiness).value(), "33");
  // The journal stays open until nothing is left of it.
  const auto forced = undo_newest(*host, {.force = true});
  ASSERT_TRUE(forced);
  EXPECT_EQ(forced->exit_code(), 0);
  EXPECT_EQ(undo_row(*forced, "memory.ksm").outcome, UndoOutcome::unchanged);
  EXPECT_EQ(host->read_trimmed(kSwappiness).value(), "60");
  EXPECT_FALSE(undo_newest(*host));
}

// After a reboot the kernel has its own values again, and another name for the drive.
TEST(Rollback, AfterAReboot) {
  const auto host = make_untuned_machine();
  profiles::Profile profile = wanting("memory.swappiness", "0");
  profile.settings.push_back(wanting("block.nomerges", "2").settings[0]);
  ASSERT_TRUE(tune(*host, profile));
  host->put("/proc/sys/kernel/random/boot_id", "5a1e0000-0000-4000-8000-000000000002\n");
  host->put(kSwappiness, "60\n");
  const std::string controller =
      std::string("/sys/devices/pci0000:00/") + kDrivePci + "/nvme/nvme0/";
  host->erase("/sys/block/nvme0n1");
  host->erase(controller + "nvme0n1");
  host->link("/sys/block/nvme1n1",
             "../devices/pci0000:00/" + std::string(kDrivePci) + "/nvme/nvme0/nvme1n1");
  host->link(controller + "nvme1n1/device", "../../nvme0");
  host->put(controller + "nvme1n1/size", "1000000\n");
  host->put(controller + "nvme1n1/queue/nomerges", "2\n");
  host->put(controller + "nvme1n1/queue/rotational", "0\n");
  const auto undone = undo_newest(*host);
  ASSERT_TRUE(undone);
  EXPECT_TRUE(undone->complete()) << render_rollback(*undone);
  EXPECT_EQ(undo_row(*undone, "memory.swappiness").outcome, UndoOutcome::unchanged);
  EXPECT_EQ(undo_row(*undone, "block.nomerges").outcome, UndoOutcome::restored);
  EXPECT_EQ(undo_row(*undone, "block.nomerges").subject, "/sys/block/nvme1n1/queue/nomerges");
  EXPECT_EQ(host->read_trimmed(controller + "nvme1n1/queue/nomerges").value(), "0");
}

// At each boot the start-up unit makes a transaction of its own, for what that boot gave. Undoing
// the one that made it last undoes these with it, and forgets those of boots that are over.
TEST(Rollback, WithWhatTheStartUpUnitDid) {
  const auto host = make_untuned_machine();
  const profiles::Profile profile = wanting("memory.swappiness", "0");
  const auto boot = [&](char number, const char* value) {
    host->put("/proc/sys/kernel/random/boot_id",
              std::string("5a1e0000-0000-4000-8000-00000000000") + number + "\n");
    host->put(kSwappiness, value);
    ApplyOptions options = at_noon();
    options.now += std::chrono::hours(number);
    options.reapplied = true;
    return tune(*host, profile, options)->journal;
  };
  const std::string first = tune(*host, profile)->journal;
  const std::string second = boot('2', "60\n");
  const std::string third = boot('3', "55\n");
  JournalFolder folder(*host);
  EXPECT_EQ(folder.load(second).error().code, ErrorCode::absent);
  EXPECT_TRUE(folder.load(third)->reapplied);
  auto journals = folder.to_undo("");
  ASSERT_TRUE(journals);
  ASSERT_EQ(journals->size(), 2U);
  EXPECT_EQ(folder.to_undo(first)->size(), 2U);
  const auto undone = rollback(*host, folder, *std::move(journals), {});
  ASSERT_TRUE(undone);
  EXPECT_EQ(undone->exit_code(), 0) << render_rollback(*undone);
  EXPECT_EQ(undone->journal, first);
  EXPECT_EQ(undone->reapplied, std::vector<std::string>{third});
  ASSERT_EQ(undone->rows.size(), 1U);
  EXPECT_EQ(undone->rows[0].outcome, UndoOutcome::restored);
  // What this boot gave, for nobody knows that another would do better.
  EXPECT_EQ(host->read_trimmed(kSwappiness).value(), "55");
  EXPECT_FALSE(folder.to_undo(""));
}

TEST(Rollback, ADeviceThatIsGoneIsNoConflict) {
  const auto host = make_untuned_machine();
  ASSERT_TRUE(tune(*host, wanting("block.nomerges", "2")));
  host->erase("/sys/block/nvme0n1");
  const auto undone = undo_newest(*host);
  ASSERT_TRUE(undone);
  EXPECT_EQ(undone->rows.at(0).outcome, UndoOutcome::gone);
  EXPECT_EQ(undone->exit_code(), 0);
}

// Whole files of our own, as persistence adds them: one that was not there goes away again, and
// what reads them is told twice.
TEST(Rollback, WholeFilesAndReloads) {
  const auto host = make_untuned_machine();
  host->put("/etc/modprobe.d/assay.conf", "# older\n", 0640);
  const std::string before = snapshot(*host);
  const profiles::Profile profile = wanting("memory.swappiness", "0");
  Plan plan = plan_now(*host, profile);
  Change made{.kind = ChangeKind::replace_file, .setting_id = "memory.swappiness"};
  made.path = "/etc/sysctl.d/90-assay.conf";
  made.after = "vm.swappiness = 0\n";
  made.absent_before = true;
  Change replaced{.kind = ChangeKind::replace_file, .setting_id = "block.apst"};
  replaced.path = "/etc/modprobe.d/assay.conf";
  replaced.before = "# older\n";
  replaced.after = "options nvme_core default_ps_max_latency_us=0\n";
  replaced.mode_before = 0640;
  Change reload{.kind = ChangeKind::run, .setting_id = "memory.swappiness"};
  reload.argv = reload.undo_argv = {"systemctl", "daemon-reload"};
  plan.lasting = {made, replaced, reload};
  JournalFolder folder(*host);
  const auto report = apply(*host, std::move(plan), profile, folder, at_noon());
  ASSERT_TRUE(report) << report.error().message();
  ASSERT_EQ(report->undone, "");
  EXPECT_EQ(host->read("/etc/sysctl.d/90-assay.conf").value(), "vm.swappiness = 0\n");
  EXPECT_EQ(host->runs().size(), 1U);
  const auto undone = undo_newest(*host);
  ASSERT_TRUE(undone);
  EXPECT_TRUE(undone->complete()) << render_rollback(*undone);
  EXPECT_EQ(host->runs().size(), 2U);
  EXPECT_EQ(snapshot(*host), before);
}

}  // namespace
}  // namespace assay::tuner::testing
