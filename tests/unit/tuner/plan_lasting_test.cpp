// `assay tune --persist` as one transaction: the values and the files that make them last, and
// back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "persist_fixture.hpp"
#include "transaction.hpp"
#include "tuner/allowed.hpp"
#include "tuner/persist.hpp"

namespace assay::tuner::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// The untuned machine with Debian's boot loader, systemd and udev on it.
std::unique_ptr<MemoryHost> untuned_debian() {
  auto host = make_untuned_machine();
  host->put("/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n");
  host->put("/usr/sbin/update-grub", "");
  host->put("/usr/lib/systemd/systemd", "");
  host->put("/run/udev/control", "");
  for (const char* folder : {"/run/systemd/system", "/etc/udev/rules.d", "/etc/security",
                             "/etc/sysctl.d", "/etc/modprobe.d", "/etc/systemd/system"}) {
    host->directory(folder);
  }
  return host;
}

Plan lasting_plan(const Host& host, const profiles::Profile& profile) {
  PlanOptions options;
  options.persist = true;
  return plan_now(host, profile, options);
}

std::string content_of(const Plan& plan, std::string_view path) {
  const auto found = std::ranges::find(plan.lasting, path, &Change::path);
  return found == plan.lasting.end() ? "(none)" : found->after;
}

TEST(PlanLasting, OnlyWhenItIsAsked) {
  const auto host = untuned_debian();
  EXPECT_THAT(plan_now(*host, shipped("low-latency")).lasting, IsEmpty());
}

TEST(PlanLasting, EveryWayOfLastingOfAShippedProfile) {
  const auto host = untuned_debian();
  const profiles::Profile profile = shipped("low-latency");
  const Plan plan = lasting_plan(*host, profile);
  EXPECT_THAT(content_of(plan, "/etc/sysctl.d/99-assay.conf"),
              HasSubstr("\nvm.stat_interval = 10\n"));
  EXPECT_THAT(content_of(plan, "/etc/sysctl.d/99-assay.conf"),
              HasSubstr("\nkernel.sched_rt_runtime_us = -1\n"));
  EXPECT_THAT(content_of(plan, "/etc/udev/rules.d/99-assay.rules"),
              HasSubstr("ATTR{queue/scheduler}=\"none\"\n"));
  EXPECT_THAT(content_of(plan, "/etc/default/grub.d/99-assay.cfg"),
              HasSubstr(" isolcpus=managed_irq,domain,"));
  EXPECT_THAT(content_of(plan, "/etc/security/limits.d/99-assay.conf"),
              HasSubstr("\n* - memlock unlimited\n"));
  EXPECT_THAT(content_of(plan, "/etc/assay/low-latency.yaml"),
              HasSubstr("\nname: \"low-latency\""));
  for (const Change& change : plan.lasting) {
    EXPECT_TRUE(check_allowed(change)) << change.path;
  }
}

TEST(PlanLasting, EachShippedProfileIsATransactionAndComesBack) {
  for (const char* name : {"low-latency", "nvme-throughput", "realtime", "default"}) {
    auto host = untuned_debian();
    const auto before = etc_of(*host);
    const profiles::Profile profile = shipped(name);
    JournalFolder folder(*host);
    auto report = apply(*host, lasting_plan(*host, profile), profile, folder, at_noon());
    ASSERT_TRUE(report) << name << ": " << report.error().message();
    EXPECT_EQ(report->undone, "") << name;
    // What was written lasts: the same again has nothing to write.
    EXPECT_THAT(lasting_plan(*host, profile).lasting, IsEmpty()) << name;
    if (!report->journal.empty()) {
      const auto back = undo_newest(*host);
      ASSERT_TRUE(back) << name;
    }
    EXPECT_EQ(etc_of(*host), before) << name;
  }
}

TEST(PlanLasting, WhoOverridesItIsANote) {
  auto host = untuned_debian();
  host->put("/etc/sysctl.conf", "vm.stat_interval=1\n");
  EXPECT_THAT(lasting_plan(*host, shipped("low-latency")).notes,
              Contains(HasSubstr("/etc/sysctl.conf:1 sets memory.stat-interval")));
  host->erase("/usr/sbin/update-grub");
  EXPECT_THAT(lasting_plan(*host, shipped("low-latency")).notes,
              Contains(HasSubstr("by hand, to make it last: append to GRUB_CMDLINE_LINUX")));
}

TEST(PlanLasting, WhatIsWaivedOrTooDisruptiveDoesNotLast) {
  const auto host = untuned_debian();
  PlanOptions options;
  options.persist = true;
  options.max_disruption = Disruption::none;
  const Plan plan = plan_now(*host, shipped("low-latency"), options);
  EXPECT_THAT(content_of(plan, "/etc/udev/rules.d/99-assay.rules"), Not(HasSubstr("scheduler")));
  EXPECT_THAT(content_of(plan, "/etc/systemd/system/assay-tune@.service"),
              HasSubstr("--max-disruption none"));
}

}  // namespace
}  // namespace assay::tuner::testing
