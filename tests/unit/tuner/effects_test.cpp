// Rows that are judged by effect: interrupts counted over a window, the kernel's own threads, the
// clock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_machine.hpp"
#include "probes/probe.hpp"
#include "tuner/kernel_threads.hpp"

namespace assay::tuner::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

CheckReport check_rates(const Host& host, const probes::Inventory& inventory, std::string_view id) {
  auto report = check(host, inventory, wanting(id, "1", profiles::Match::at_most), {});
  if (!report) ADD_FAILURE() << report.error().message();
  return report.value_or(CheckReport{});
}

TEST(IrqRates, NeedAWindow) {
  const auto host = make_machine();
  for (const char* id : {"irq.isolated-rate", "irq.isolated-ticks"}) {
    const CheckRow row = row_of(check_rates(*host, probes::probe(*host), id));
    EXPECT_EQ(row.outcome, Outcome::not_applicable);
    EXPECT_THAT(row.reason, HasSubstr("--window"));
  }
}

TEST(IrqRates, CountOnlyIsolatedCpus) {
  const auto host = make_machine();
  auto inventory = probes::probe(*host);
  inventory.interrupts.window = std::chrono::seconds(1);
  for (probes::Irq& irq : inventory.interrupts.irqs) irq.rates = {500, 500, 0, 0};
  inventory.interrupts.named_rates["LOC"] = {1000, 1000, 1, 250};
  const CheckReport quiet = check_rates(*host, inventory, "irq.isolated-rate");
  EXPECT_EQ(quiet.rows.size(), 2U);
  EXPECT_EQ(quiet.exit_code(), 0);
  const CheckReport ticks = check_rates(*host, inventory, "irq.isolated-ticks");
  EXPECT_EQ(row_of(ticks, "cpu2").outcome, Outcome::ok);
  EXPECT_EQ(row_of(ticks, "cpu3").outcome, Outcome::differs);
  EXPECT_EQ(row_of(ticks, "cpu3").configured, "250.0");
  inventory.interrupts.irqs.back().rates = {0, 0, 0, 3};
  const CheckRow busy = row_of(check_rates(*host, inventory, "irq.isolated-rate"), "cpu3");
  EXPECT_EQ(busy.outcome, Outcome::differs);
  EXPECT_EQ(busy.configured, "3.0");
}

TEST(IrqRates, WithoutIsolatedCpusThereIsNothingToCount) {
  auto host = make_machine();
  host->put("/sys/devices/system/cpu/isolated", "\n");
  auto profile = wanting("irq.isolated-rate", "1", profiles::Match::at_most);
  profile.cpu_roles.clear();
  const auto report = check_now(*host, profile);
  EXPECT_EQ(row_of(report).outcome, Outcome::not_applicable);
}

TEST(KernelThreadsOf, AHost) {
  const auto host = make_machine();
  const auto found = movable_kernel_threads(*host);
  ASSERT_TRUE(found);
  std::vector<std::string> names;
  for (const KernelThread& thread : found->threads) names.push_back(thread.name);
  // Neither the one that is bound to its CPU nor the program.
  EXPECT_THAT(names, ElementsAre("kthreadd", "rcu (x) y"));
  EXPECT_EQ(found->new_ones, CpuSet::range(0, 1));
  EXPECT_EQ(found->all, CpuSet::range(0, 1));
}

TEST(KernelThreadsOf, LyingFilesDoNoHarm) {
  auto host = make_machine();
  for (const char* text : {"", "2", "2 (", "2 )(", "2 (x) S", "2 (x) S 0 0 0 0 -1 -5 0",
                           "2 (x) S 0 0 0 0 -1 99999999999999999999 0", "\xff\xff"}) {
    host->put("/proc/2/stat", text);
    EXPECT_TRUE(movable_kernel_threads(*host)) << text;
  }
  host->put("/proc/15/status", "Cpus_allowed_list:\tx\n");
  EXPECT_EQ(movable_kernel_threads(*host)->movable, 0U);
}

TEST(KernelThreadRow, NamesTheThreadThatMayRunOnIsolatedCpus) {
  auto host = make_machine();
  host->put("/proc/15/status", "Cpus_allowed_list:\t0-2\n");
  const CheckRow row = row_of(check_now(
      *host, wanting("scheduler.kernel-threads", "housekeeping", profiles::Match::at_most)));
  EXPECT_EQ(row.outcome, Outcome::differs);
  EXPECT_THAT(row.reason, HasSubstr("rcu (x) y (15) may run on 2"));
}

TEST(KthreadWord, IsJudgedByItsEffect) {
  auto host = make_machine();
  host->put("/proc/cmdline", "kthread_cpus=0-1\n");
  const auto profile = wanting("boot.kthread-cpus", "0-1");
  EXPECT_EQ(row_of(check_now(*host, profile)).outcome, Outcome::ok);
  host->put("/proc/2/status", "Cpus_allowed_list:\t0-3\n");
  EXPECT_THAT(row_of(check_now(*host, profile)).reason, HasSubstr("does not read the word"));
}

TEST(TimeOffset, IsBoundedOnBothSides) {
  auto host = make_machine();
  const auto profile = wanting("time.offset", "2us", profiles::Match::at_most);
  EXPECT_EQ(row_of(check_now(*host, profile)).outcome, Outcome::not_applicable);
  for (const char* offset : {"1500", "-1500", "0"}) {
    host->reply({"adjtimex", ""}, {{"synchronized", "1"}, {"offset_ns", offset}});
    EXPECT_EQ(row_of(check_now(*host, profile)).outcome, Outcome::ok) << offset;
  }
  for (const char* offset : {"2001", "-2001"}) {
    host->reply({"adjtimex", ""}, {{"synchronized", "1"}, {"offset_ns", offset}});
    EXPECT_EQ(row_of(check_now(*host, profile)).outcome, Outcome::differs) << offset;
  }
}

TEST(TimeOffset, OfAClockThatNobodySteersIsNotZero) {
  auto host = make_machine();
  host->reply({"adjtimex", ""}, {{"synchronized", "0"}, {"offset_ns", "0"}});
  const auto report = check_now(*host, wanting("time.offset", "1s", profiles::Match::at_most));
  EXPECT_EQ(row_of(report).outcome, Outcome::differs);
  EXPECT_THAT(row_of(report).reason, HasSubstr("nothing synchronizes"));
}

TEST(NvmeHealth, NeedsRootAndSaysSo) {
  auto host = make_machine();
  for (const char* kind : {"nvme.smart", "nvme.identify"}) {
    host->reply_error({kind, "nvme0"}, errno_error(EACCES, "ask", "nvme0"));
  }
  const auto report = check_now(*host, wanting("block.nvme-warnings", "none"));
  EXPECT_EQ(row_of(report).outcome, Outcome::denied);
  EXPECT_EQ(report.exit_code(), 3);
}

TEST(NvmeHealth, WarningsHaveNames) {
  auto host = make_machine();
  host->reply({"nvme.smart", "nvme0"}, {{"critical_warning", "5"}, {"media_errors", "2"}});
  const CheckRow row = row_of(check_now(*host, wanting("block.nvme-warnings", "none")));
  EXPECT_EQ(row.configured, "spare,reliability");
  EXPECT_THAT(row.reason, HasSubstr("2 media errors"));
}

TEST(FlowSteering, WithoutTheHostsTableIsOff) {
  auto host = make_machine();
  const std::string net = std::string("/sys/devices/pci0000:00/") + kNicPci + "/net/eth0/";
  host->put(net + "queues/rx-0/rps_flow_cnt", "4096\n");
  const auto profile = wanting("net.rfs", "0");
  EXPECT_EQ(row_of(check_now(*host, profile)).outcome, Outcome::differs);
  host->put("/proc/sys/net/core/rps_sock_flow_entries", "0\n");
  const CheckRow row = row_of(check_now(*host, profile));
  EXPECT_EQ(row.outcome, Outcome::ok);
  EXPECT_EQ(row.effective, "0");
}

}  // namespace
}  // namespace assay::tuner::testing
