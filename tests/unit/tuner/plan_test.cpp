// What a plan holds: differences only, in an order that works, and refusals that name the lines.
#include "tuner/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <set>

#include "fake_machine.hpp"
#include "probes/probe.hpp"
#include "profiles/loader.hpp"
#include "tuner/allowed.hpp"
#include "untuned_machine.hpp"

namespace assay::tuner::testing {
namespace {

using profiles::Match;
using ::testing::HasSubstr;
using ::testing::Not;

Plan plan_with(const Host& host, const profiles::Profile& profile, Disruption worst) {
  PlanOptions options;
  options.max_disruption = worst;
  return plan_now(host, profile, options);
}

std::string refusal(const Host& host, const profiles::Profile& profile) {
  const auto plan = make_plan(host, probes::probe(host), profile, {});
  if (plan) return "no refusal";
  EXPECT_EQ(plan.error().code, ErrorCode::invalid);
  return plan.error().message();
}

// Where the row of a setting stands among those that are changed.
std::ptrdiff_t place_of(const Plan& plan, std::string_view id) {
  const auto found = std::ranges::find_if(plan.rows, [&](const PlanRow& row) {
    return row.setting->id == id && row.state == RowState::to_change;
  });
  EXPECT_NE(found, plan.rows.end()) << id << " is not changed";
  return found - plan.rows.begin();
}

TEST(Plan, AgreesWithTheCheck) {
  for (const char* name : {"low-latency", "nvme-throughput", "realtime", "default"}) {
    const auto host = make_untuned_machine();
    const profiles::Profile profile = shipped(name);
    const CheckReport report = check_now(*host, profile);
    const Plan plan = plan_now(*host, profile);
    std::size_t changes = 0;
    for (const CheckRow& row : report.rows) {
      if (profile.setting(row.id)->match == Match::keep) continue;
      const PlanRow& planned = plan_row(plan, row.id, row.target);
      EXPECT_EQ(planned.state == RowState::already_ok, row.outcome == Outcome::ok) << row.id;
      if (row.outcome == Outcome::ok) {
        EXPECT_TRUE(planned.changes.empty()) << row.id;
      }
      changes += planned.changes.size();
    }
    EXPECT_GT(changes, name == std::string("default") ? 2U : 30U) << name;
  }
}

TEST(Plan, ATunedHostHasNothingToDo) {
  const auto host = make_machine();
  const Plan plan = plan_now(*host, wanting("memory.swappiness", "0"));
  EXPECT_TRUE(plan.empty());
  EXPECT_EQ(plan.exit_code(), 0);
  EXPECT_EQ(plan_row(plan, "memory.swappiness").state, RowState::already_ok);
}

TEST(Plan, MakingOneWritesNothing) {
  const auto host = make_untuned_machine();
  plan_now(*host, shipped("low-latency"));
  EXPECT_TRUE(host->writes().empty());
  EXPECT_TRUE(host->changes().empty());
  EXPECT_TRUE(host->runs().empty());
}

TEST(Plan, ValuesAreTheKernels) {
  const auto host = make_untuned_machine();
  const Plan plan = plan_now(*host, shipped("low-latency"));
  const auto after = [&](std::string_view id, std::string_view target = {}) {
    const PlanRow& row = plan_row(plan, id, target);
    return row.changes.empty() ? std::string("none") : row.changes.front().after;
  };
  EXPECT_EQ(after("cpu.governor", "cpu2"), "performance");
  EXPECT_EQ(after("cpu.min-frequency", "cpu2"), "3800000");
  EXPECT_EQ(after("cpu.idle-exit-latency", "cpu2"), "2");
  EXPECT_EQ(after("cpu.boost"), "0");  // of no_turbo
  EXPECT_EQ(after("memory.thp-enabled"), "never");
  EXPECT_EQ(after("memory.dirty-bytes"), "268435456");
  EXPECT_EQ(after("scheduler.rt-runtime"), "-1");
  EXPECT_EQ(after("irq.affinity", "msix0@pci-0000:03:00.0"), "0-1");
  EXPECT_EQ(after("irq.default-affinity"), "3");
  EXPECT_EQ(after("irq.irqbalance"), "stopped");
  EXPECT_EQ(after("net.coalesce-rx"), "rx_usecs=0");
  EXPECT_EQ(after("net.tso"), "tx-tcp-segmentation=off tx-tcp6-segmentation=off");
  EXPECT_EQ(after("boot.nosoftlockup"), "0");
}

TEST(Plan, OrderFollowsTheTable) {
  const auto host = make_untuned_machine();
  const Plan plan = plan_now(*host, shipped("nvme-throughput"));
  EXPECT_LT(place_of(plan, "block.scheduler"), place_of(plan, "block.nr-requests"));
  EXPECT_LT(place_of(plan, "cpu.governor"), place_of(plan, "cpu.energy-preference"));
  const Plan low = plan_now(*host, shipped("low-latency"));
  EXPECT_LT(place_of(low, "cpu.max-frequency"), place_of(low, "cpu.min-frequency"));
  EXPECT_LT(place_of(low, "irq.irqbalance"), place_of(low, "irq.affinity"));
  EXPECT_LT(place_of(low, "net.coalesce-adaptive-rx"), place_of(low, "net.coalesce-rx"));
}

// The profile says nothing of the queue's depth; the old scheduler's undo must bring it back.
TEST(Plan, KeepsWhatAChangeWillMove) {
  const auto host = make_untuned_machine();
  const Plan plan = plan_now(*host, wanting("block.scheduler", "none"));
  const PlanRow& row = plan_row(plan, "block.scheduler");
  std::set<std::string> kept;
  for (const Change& change : row.changes) {
    if (change.restore_only) kept.insert(change.setting_id + "=" + change.before);
  }
  EXPECT_EQ(kept, (std::set<std::string>{"block.nr-requests=64", "block.wbt=75000"}));
}

TEST(Plan, DisruptionIsBounded) {
  const auto host = make_untuned_machine();
  const profiles::Profile profile = shipped("nvme-throughput");
  const Plan plan = plan_with(*host, profile, Disruption::none);
  const PlanRow& ring = plan_row(plan, "net.ring-rx");
  EXPECT_EQ(ring.state, RowState::left_out);
  EXPECT_THAT(ring.note, HasSubstr("link-reset"));
  EXPECT_EQ(plan_row(plan, "block.scheduler").state, RowState::left_out);
  EXPECT_EQ(plan_row(plan, "block.nomerges").state, RowState::to_change);
  EXPECT_EQ(plan.disruption(), Disruption::none);
  EXPECT_EQ(plan_with(*host, profile, Disruption::stall).disruption(), Disruption::stall);
  EXPECT_EQ(parse_disruption("link-reset").value(), Disruption::link_reset);
  EXPECT_THAT(parse_disruption("link-rest").error().message(), HasSubstr("did you mean"));
}

TEST(Plan, WhatOnlyABootBringsIsPending) {
  const auto host = make_untuned_machine();
  host->put("/proc/cmdline", "quiet\n");
  const Plan plan = plan_now(*host, shipped("low-latency"));
  const PlanRow& row = plan_row(plan, "boot.isolcpus");
  EXPECT_EQ(row.state, RowState::pending_reboot);
  EXPECT_TRUE(row.changes.empty());
  EXPECT_EQ(plan_row(plan, "boot.nmi-watchdog").state, RowState::to_change);
  EXPECT_EQ(plan.exit_code(), 1);
}

TEST(Plan, WaivedRowsAreLeftAlone) {
  const auto host = make_untuned_machine();
  profiles::Profile profile = wanting("memory.swappiness", "0");
  profiles::Waiver waiver;
  waiver.setting = "memory.swappiness";
  waiver.owner = "ops";
  waiver.reason = "measured";
  waiver.expires = std::chrono::year_month_day(std::chrono::year(2030), std::chrono::month(1),
                                               std::chrono::day(1));
  profile.waivers.push_back(waiver);
  const Plan plan = plan_now(*host, profile);
  EXPECT_EQ(plan.rows.at(0).state, RowState::left_out);
  EXPECT_TRUE(plan.empty());
  EXPECT_EQ(plan.exit_code(), 0);
}

TEST(Plan, SaysWhatTheHostCannotHave) {
  const auto host = make_untuned_machine();
  const Plan plan = plan_now(*host, wanting("block.scheduler", "bfq"));
  EXPECT_EQ(plan.rows.at(0).state, RowState::unsupported);
  EXPECT_THAT(plan.rows.at(0).note, HasSubstr("none mq-deadline kyber"));
  EXPECT_EQ(plan.exit_code(), 1);
}

// Without the kernel's latency bound each deep state is switched off by itself.
TEST(Plan, IdleStatesWithoutABound) {
  const auto host = make_untuned_machine();
  host->erase("/sys/devices/system/cpu/cpu2/power/pm_qos_resume_latency_us");
  const Plan plan = plan_now(*host, shipped("low-latency"));
  const PlanRow& row = plan_row(plan, "cpu.idle-exit-latency", "cpu2");
  ASSERT_EQ(row.changes.size(), 1U);
  EXPECT_EQ(path_of(row.changes[0]), "/sys/devices/system/cpu/cpu2/cpuidle/state2/disable");
  EXPECT_EQ(row.changes[0].after, "1");
}

// Rows are planned for the host as it will be: nothing may be sent to a thread that goes away.
TEST(Plan, ThreadsThatGoAwayAreNotCountedOn) {
  const auto host = make_untuned_machine();
  host->put("/sys/devices/system/cpu/smt/control", "on\n");
  const Plan plan = plan_now(*host, shipped("low-latency"));
  EXPECT_EQ(plan_row(plan, "irq.affinity", "msix0@pci-0000:03:00.0").changes.at(0).after, "0");
  EXPECT_EQ(plan_row(plan, "irq.default-affinity").changes.at(0).after, "1");
  for (const PlanRow& row : plan.rows) EXPECT_NE(row.target, "cpu3") << row.setting->id;
  std::size_t last = 0;
  for (std::size_t i = 0; i < plan.rows.size(); ++i) {
    if (plan.rows[i].state == RowState::to_change) last = i;
  }
  EXPECT_EQ(plan.rows[last].setting->id, "cpu.smt");
}

TEST(Plan, ContradictionsNameBothLines) {
  const auto host = make_untuned_machine();
  const std::vector<std::string_view> ids = setting_ids();
  const auto refused = [&](std::string_view rest) {
    const std::string text = "schema: assay.profile\nversion: 1\nname: mine\n" + std::string(rest);
    auto profile = profiles::parse_profile(text, "mine.yaml", {ids, {}});
    if (!profile) return profile.error().message();
    return refusal(*host, *profile);
  };
  EXPECT_THAT(refused("cpus:\n  housekeeping: 0-1\n  isolated: 2-3\n"
                      "settings:\n  irq.affinity: {at_most: isolated}\n"),
              AllOf(HasSubstr("mine.yaml:8:"), HasSubstr("mine.yaml:6:"),
                    HasSubstr("interrupts would go to isolated CPUs")));
  EXPECT_THAT(refused("cpus:\n  housekeeping: 0,2\n  isolated: 1,3\n"),
              AllOf(HasSubstr("mine.yaml:6:"), HasSubstr("mine.yaml:5:"), HasSubstr("sibling")));
  EXPECT_THAT(refused("settings:\n  boot.isolcpus: 2-3\n  boot.irqaffinity: 0-3\n"),
              AllOf(HasSubstr("mine.yaml:5:"), HasSubstr("mine.yaml:6:")));
  EXPECT_THAT(refused("settings:\n  memory.thp-enabled: never\n"
                      "  boot.transparent-hugepage: madvise\n"),
              HasSubstr("the next boot would set another value"));
  EXPECT_THAT(refused("settings:\n  cpu.min-frequency: 3GHz\n  cpu.max-frequency: 2GHz\n"),
              HasSubstr("the lowest clock would be above the highest"));
  EXPECT_EQ(refused("settings:\n  cpu.min-frequency: 2GHz\n  cpu.max-frequency: 3GHz\n"),
            "no refusal");
}

TEST(Plan, NothingOutsideTheRowsIsAllowed) {
  const auto host = make_untuned_machine();
  const Plan plan = plan_now(*host, shipped("low-latency"));
  for (const PlanRow& row : plan.rows) {
    for (const Change& change : row.changes) EXPECT_TRUE(check_allowed(change)) << change.path;
  }
  const auto allowed = [](const char* id, const char* path, const char* local = "") {
    Change change;
    change.setting_id = id;
    change.path = path;
    change.local = local;
    change.before = "0";
    change.after = "1";
    return check_allowed(change).has_value();
  };
  EXPECT_TRUE(allowed("memory.swappiness", "/proc/sys/vm/swappiness"));
  EXPECT_FALSE(allowed("memory.swappiness", "/proc/sys/kernel/core_pattern"));
  EXPECT_FALSE(allowed("memory.swappiness", "/proc/sys/vm/../kernel/core_pattern"));
  EXPECT_FALSE(allowed("no.such", "/proc/sys/vm/swappiness"));
  EXPECT_TRUE(allowed("block.nomerges", "/sys/block/{}/queue/nomerges", "nvme0n1"));
  EXPECT_FALSE(allowed("block.nomerges", "/sys/block/{}/queue/nomerges", "../../etc"));
  EXPECT_FALSE(allowed("block.nomerges", "/sys/block/{}/queue/nomerges", ".."));
  EXPECT_FALSE(allowed("block.nomerges", "/sys/block/{}/queue/nomerges", "a b"));
  EXPECT_FALSE(allowed("block.nomerges", "/sys/block/{}/queue/nomerges"));
  EXPECT_TRUE(allowed("net.rps", "/sys/class/net/{}/queues/rx-0/rps_cpus", "eth0"));
  EXPECT_FALSE(allowed("net.rps", "/sys/class/net/{}/queues/../rps_cpus", "eth0"));
  EXPECT_FALSE(allowed("block.write-cache", "/sys/block/{}/queue/write_cache", "sda"));
}

TEST(Plan, OwnFiles) {
  for (const char* good : {"/etc/sysctl.d/90-assay.conf", "/etc/modprobe.d/assay.conf",
                           "/etc/udev/rules.d/90-assay.rules", "/etc/default/grub.d/90-assay.cfg",
                           "/etc/systemd/system/assay-tune@.service",
                           "/etc/systemd/system/user@.service.d/assay.conf"}) {
    EXPECT_TRUE(is_own_file(good)) << good;
  }
  for (const char* bad :
       {"/etc/passwd", "/etc/sysctl.d/99-sysctl.conf", "/etc/sysctl.d/../passwd",
        "/etc/systemd/system/assay-x/../../y", "etc/sysctl.d/90-assay.conf",
        "/etc/sysctl.d/x/90-assay.conf", "/etc/systemd/system/a/b.d/assay.conf"}) {
    EXPECT_FALSE(is_own_file(bad)) << bad;
  }
}

TEST(Plan, JsonTableAndDiffSayTheSame) {
  const auto host = make_untuned_machine();
  const Plan plan = plan_now(*host, wanting("memory.swappiness", "0"));
  const nlohmann::ordered_json json = to_json(plan);
  EXPECT_EQ(json.at("schema"), "assay.plan");
  EXPECT_EQ(json.at("settings")[0].at("changes")[0].at("before"), "60");
  EXPECT_EQ(json.at("settings")[0].at("state"), "to-change");
  EXPECT_EQ(json.at("exit_code"), 1);
  EXPECT_THAT(render_plan(plan), AllOf(HasSubstr("memory.swappiness"), HasSubstr("to-change"),
                                       HasSubstr("1 value: 1 to-change")));
  EXPECT_EQ(render_diff(plan), "/proc/sys/vm/swappiness  (memory.swappiness)\n- 60\n+ 0\n");
}

}  // namespace
}  // namespace assay::tuner::testing
