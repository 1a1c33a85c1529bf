// Outcomes, waivers, selection, exit codes, and what a profile can get wrong.
#include "tuner/check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "fake_machine.hpp"
#include "probes/probe.hpp"

namespace assay::tuner::testing {
namespace {

using profiles::Match;
using profiles::Profile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Expected<CheckReport> check_raw(const Host& host, const Profile& profile) {
  return check(host, probes::probe(host), profile, std::chrono::sys_days{});
}

void waive(Profile& profile, std::string_view id, unsigned day) {
  using namespace std::chrono;
  profiles::Waiver waiver;
  waiver.setting = id;
  waiver.owner = "ops";
  waiver.reason = "vendor asks for it";
  waiver.expires = year_month_day(year(2026), month(6), std::chrono::day(day));
  profile.waivers.push_back(waiver);
}

std::vector<std::string> targets(const CheckReport& report) {
  std::vector<std::string> names;
  for (const CheckRow& row : report.rows) names.push_back(row.target);
  return names;
}

TEST(Check, DeniedSaysErrnosWordsAndExitsWith3) {
  auto host = make_machine();
  host->fail("/sys/kernel/debug/sched/fair_server/cpu2/runtime", EACCES);
  const CheckReport report = check_now(*host, wanting("scheduler.fair-server", "0"));
  const CheckRow row = row_of(report, "cpu2");
  EXPECT_EQ(row.outcome, Outcome::denied);
  EXPECT_THAT(row.reason, HasSubstr("Permission denied"));
  EXPECT_EQ(row.configured, "");
  EXPECT_EQ(row_of(report, "cpu1").outcome, Outcome::ok);
  EXPECT_EQ(report.exit_code(), 3);
}

TEST(Check, DeniedAffinitySaysWhy) {
  auto host = make_machine();
  host->fail("/proc/irq/40/smp_affinity_list", EPERM);
  host->fail("/proc/irq/40/smp_affinity", EPERM);
  const CheckReport report =
      check_now(*host, wanting("irq.affinity", "housekeeping", Match::at_most));
  const CheckRow row = row_of(report, "msix0@pci-0000:03:00.0");
  EXPECT_EQ(row.outcome, Outcome::denied);
  EXPECT_THAT(row.reason, HasSubstr("Operation not permitted"));
}

TEST(Check, DifferingOutweighsDenied) {
  auto host = make_machine();
  host->fail("/sys/kernel/debug/sched/fair_server/cpu2/runtime", EACCES);
  host->put("/sys/kernel/debug/sched/fair_server/cpu3/runtime", "1\n");
  EXPECT_EQ(check_now(*host, wanting("scheduler.fair-server", "0")).exit_code(), 1);
}

TEST(Check, OptionalRowsNeverFail) {
  auto host = make_machine();
  host->fail("/proc/sys/vm/swappiness", EACCES);
  host->put("/proc/sys/vm/stat_interval", "1\n");
  Profile profile = wanting("memory.swappiness", "0");
  profile.settings.push_back(wanting("memory.stat-interval", "10s", Match::at_least).settings[0]);
  for (auto& wanted : profile.settings) wanted.required = false;
  const CheckReport report = check_now(*host, profile);
  EXPECT_EQ(report.rows[0].outcome, Outcome::denied);
  EXPECT_EQ(report.rows[1].outcome, Outcome::differs);
  EXPECT_EQ(report.exit_code(), 0);
}

TEST(Check, AnErrorThatIsNoneOfTheseIsNotAsWanted) {
  auto host = make_machine();
  host->fail("/proc/sys/vm/swappiness", EIO);
  const CheckReport report = check_now(*host, wanting("memory.swappiness", "0"));
  EXPECT_EQ(row_of(report).outcome, Outcome::differs);
  EXPECT_THAT(row_of(report).reason, HasSubstr("Input/output error"));
  EXPECT_EQ(report.exit_code(), 1);
}

TEST(Check, AValueThatMakesNoSenseIsNotAsWanted) {
  auto host = make_machine();
  host->put("/proc/sys/vm/swappiness", "plenty\n");
  const CheckRow row = row_of(check_now(*host, wanting("memory.swappiness", "0")));
  EXPECT_EQ(row.outcome, Outcome::differs);
  EXPECT_THAT(row.reason, HasSubstr("plenty"));
}

TEST(Check, AFileThatTheDriverDoesNotServeIsNotApplicable) {
  auto host = make_machine();
  host->fail("/sys/block/nvme0n1/queue/wbt_lat_usec", EINVAL);
  EXPECT_EQ(row_of(check_now(*host, wanting("block.wbt", "0us"))).outcome, Outcome::not_applicable);
}

TEST(Check, KeepRecordsAndNeverFails) {
  auto host = make_machine();
  const CheckReport report = check_now(*host, wanting("memory.overcommit", "", Match::keep));
  const CheckRow row = row_of(report);
  EXPECT_EQ(row.outcome, Outcome::ok);
  EXPECT_EQ(row.wanted, "recorded");
  EXPECT_EQ(row.configured, "0");
  EXPECT_FALSE(row.required);
  host->fail("/proc/sys/vm/overcommit_memory", EACCES);
  EXPECT_EQ(check_now(*host, wanting("memory.overcommit", "", Match::keep)).exit_code(), 0);
}

TEST(Check, NotApplicableNamesTheHypervisor) {
  auto host = make_machine();
  for (int cpu = 0; cpu < 4; ++cpu) {
    host->erase("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cpufreq");
  }
  host->put("/sys/hypervisor/type", "xen\n");
  const CheckRow row = row_of(check_now(*host, wanting("cpu.governor", "performance")));
  EXPECT_EQ(row.outcome, Outcome::not_applicable);
  EXPECT_EQ(row.target, "host");
  EXPECT_THAT(row.reason, HasSubstr("cpufreq"));
  EXPECT_THAT(row.reason, HasSubstr("a guest of Xen"));
}

TEST(Check, NotApplicableNamesTheFile) {
  auto host = make_machine();
  host->erase("/proc/sys/kernel/numa_balancing");
  EXPECT_THAT(row_of(check_now(*host, wanting("memory.numa-balancing", "0"))).reason,
              HasSubstr("/proc/sys/kernel/numa_balancing is not there"));
}

TEST(Waivers, HoldThroughTheirLastDay) {
  auto host = make_machine();
  host->put("/proc/sys/vm/swappiness", "60\n");
  Profile profile = wanting("memory.swappiness", "0");
  waive(profile, "memory.swappiness", 15);
  const CheckReport report = check_now(*host, profile);
  EXPECT_EQ(row_of(report).outcome, Outcome::waived);
  EXPECT_THAT(row_of(report).reason, HasSubstr("waived by ops until 2026-06-15"));
  EXPECT_THAT(row_of(report).reason, HasSubstr("vendor asks for it"));
  EXPECT_EQ(report.exit_code(), 0);
}

TEST(Waivers, ExpireTheDayAfter) {
  auto host = make_machine();
  host->put("/proc/sys/vm/swappiness", "60\n");
  Profile profile = wanting("memory.swappiness", "0");
  waive(profile, "memory.swappiness", 14);
  const CheckReport report = check_now(*host, profile);
  EXPECT_EQ(row_of(report).outcome, Outcome::differs);
  EXPECT_THAT(row_of(report).reason, HasSubstr("waiver expired on 2026-06-14"));
  EXPECT_EQ(report.exit_code(), 1);
}

TEST(Waivers, SayNothingAboutWhatIsAsWanted) {
  auto host = make_machine();
  Profile profile = wanting("memory.swappiness", "0");
  waive(profile, "memory.swappiness", 14);
  EXPECT_EQ(row_of(check_now(*host, profile)).outcome, Outcome::ok);
  EXPECT_EQ(row_of(check_now(*host, profile)).reason, "");
}

TEST(Waivers, CoverWhatMayNotBeRead) {
  auto host = make_machine();
  host->fail("/proc/sys/vm/swappiness", EACCES);
  Profile profile = wanting("memory.swappiness", "0");
  waive(profile, "memory.swappiness", 30);
  EXPECT_EQ(row_of(check_now(*host, profile)).outcome, Outcome::waived);
}

TEST(Select, CpusByRole) {
  auto host = make_machine();
  Profile profile = wanting("cpu.governor", "performance");
  profile.settings[0].select = "isolated";
  EXPECT_THAT(targets(check_now(*host, profile)), ElementsAre("cpu2", "cpu3"));
}

TEST(Select, DevicesByGlobOnEitherName) {
  auto host = make_machine();
  Profile profile = wanting("irq.affinity", "housekeeping", Match::at_most);
  profile.settings[0].select = "nvme*";
  EXPECT_THAT(targets(check_now(*host, profile)), ElementsAre("msix1@pci-0000:01:00.0"));
  profile.settings[0].select = "*pci*,!nvme*";
  EXPECT_THAT(targets(check_now(*host, profile)), ElementsAre("msix0@pci-0000:03:00.0"));
  profile.settings[0].select = "node1";
  const CheckReport report = check_now(*host, profile);
  EXPECT_EQ(row_of(report).outcome, Outcome::not_applicable);
  EXPECT_THAT(row_of(report).reason, HasSubstr("node1"));
}

TEST(Select, NodesByName) {
  auto host = make_machine();
  Profile profile = wanting("memory.hugepages-2m", "8");
  profile.settings[0].select = "node1";
  EXPECT_THAT(targets(check_now(*host, profile)), ElementsAre("node1"));
}

TEST(BadProfile, SelectOnAHostSetting) {
  auto host = make_machine();
  Profile profile = wanting("memory.swappiness", "0");
  profile.settings[0].select = "cpu1";
  const auto report = check_raw(*host, profile);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::invalid);
}

TEST(BadProfile, UnknownSettingIsSuggested) {
  auto host = make_machine();
  const auto report = check_raw(*host, wanting("cpu.govenor", "performance"));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::invalid);
  EXPECT_THAT(report.error().message(), HasSubstr("cpu.governor"));
  EXPECT_THAT(report.error().message(), HasSubstr("test.yaml:7:3"));
}

TEST(BadProfile, AValueOfAnotherKind) {
  auto host = make_machine();
  for (const auto& [id, value] :
       {std::pair{"memory.swappiness", "lots"}, std::pair{"memory.stat-interval", "10"},
        std::pair{"net.rmem-max", "16 bananas"}, std::pair{"cpu.boost", "perhaps"},
        std::pair{"cpu.min-frequency", "hardware-maximum"}, std::pair{"irq.affinity", "nobody"}}) {
    const auto report = check_raw(*host, wanting(id, value));
    ASSERT_FALSE(report) << id;
    EXPECT_EQ(report.error().code, ErrorCode::invalid) << id;
    EXPECT_THAT(report.error().message(), HasSubstr("test.yaml:7:3")) << id;
  }
}

TEST(BadProfile, OrderOfWordsMeansNothing) {
  auto host = make_machine();
  EXPECT_FALSE(check_raw(*host, wanting("cpu.governor", "performance", Match::at_least)));
}

TEST(KeepOnly, AreasAndIds) {
  Profile profile = wanting("cpu.governor", "performance");
  for (const char* id : {"cpu.boost", "memory.ksm", "block.wbt"}) {
    profile.settings.push_back(wanting(id, "0").settings[0]);
  }
  const std::vector<std::string> names{"cpu", "block.wbt"};
  ASSERT_TRUE(keep_only(names, profile));
  ASSERT_EQ(profile.settings.size(), 3U);
  EXPECT_EQ(profile.settings[2].id, "block.wbt");
}

TEST(KeepOnly, RefusesWhatDoesNotExistAndWhatIsNotWanted) {
  Profile profile = wanting("cpu.governor", "performance");
  const std::vector<std::string> wrong{"cpu.governer"};
  const auto bad = keep_only(wrong, profile);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::invalid);
  EXPECT_THAT(bad.error().message(), HasSubstr("cpu.governor"));
  const std::vector<std::string> none{"net"};
  EXPECT_FALSE(keep_only(none, profile));
}

TEST(Json, HasTheNamesThatOthersRelyOn) {
  auto host = make_machine();
  host->put("/proc/sys/vm/swappiness", "60\n");
  host->put("/etc/sysctl.d/90.conf", "vm.swappiness=0\n");
  const auto json = to_json(check_now(*host, wanting("memory.swappiness", "0")));
  EXPECT_EQ(json["schema"], "assay.check");
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["profile"], "test");
  ASSERT_EQ(json["settings"].size(), 1U);
  const auto& row = json["settings"][0];
  EXPECT_EQ(row["id"], "memory.swappiness");
  EXPECT_EQ(row["target"], "host");
  EXPECT_EQ(row["wanted"], "0");
  EXPECT_EQ(row["configured"], "0");
  EXPECT_EQ(row["effective"], "60");
  EXPECT_EQ(row["outcome"], "pending-reboot");
  EXPECT_EQ(json["exit_code"], 1);
  EXPECT_EQ(json["counts"]["pending-reboot"], 1);
}

TEST(Json, WhatWasNotReadIsNull) {
  auto host = make_machine();
  host->fail("/proc/sys/vm/swappiness", EACCES);
  const auto json = to_json(check_now(*host, wanting("memory.swappiness", "0")));
  EXPECT_TRUE(json["settings"][0]["configured"].is_null());
  EXPECT_TRUE(json["settings"][0]["effective"].is_null());
}

TEST(ExitReason, SaysWhy) {
  auto host = make_machine();
  EXPECT_EQ(check_now(*host, wanting("memory.swappiness", "0")).exit_reason(),
            "every required value is as wanted");
  host->put("/proc/sys/vm/swappiness", "60\n");
  EXPECT_EQ(check_now(*host, wanting("memory.swappiness", "0")).exit_reason(),
            "1 required value differs");
}

}  // namespace
}  // namespace assay::tuner::testing
