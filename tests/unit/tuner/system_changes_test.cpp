// Changes of what is no file of sysfs: steering tables, threads of the kernel, swap, partitions.
// Each is planned, applied, found as wanted, and undone exactly.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>

#include "fake_machine.hpp"
#include "transaction.hpp"
#include "tuner/check.hpp"
#include "tuner/planners.hpp"

namespace assay::tuner::testing {
namespace {

using profiles::Match;
using ::testing::HasSubstr;

const std::string kNet = std::string("/sys/devices/pci0000:00/") + kNicPci + "/net/eth0/queues/";

MemoryHost::WriteHook masks() {
  return
      [](std::string_view content) -> Expected<std::string> { return std::string(content) + "\n"; };
}

// Tunes, looks, undoes, and compares everything.
void there_and_back(MemoryHost& host, const profiles::Profile& profile, std::string_view id,
                    const std::function<void()>& tuned) {
  const std::string before = snapshot(host);
  JournalFolder folder(host);
  auto report = apply(host, plan_now(host, profile), profile, folder, at_noon());
  ASSERT_TRUE(report) << report.error().message();
  ASSERT_EQ(report->undone, "");
  EXPECT_EQ(plan_row(report->plan, id).state, RowState::changed) << plan_row(report->plan, id).note;
  tuned();
  EXPECT_TRUE(plan_now(host, profile).empty()) << "again changes nothing";
  ASSERT_TRUE(undo_newest(host));
  EXPECT_EQ(snapshot(host), before);
}

TEST(Steering, TransmitQueuesGetTheirCpusInTurn) {
  auto host = make_untuned_machine();
  for (const char* queue : {"tx-0", "tx-1"}) {
    host->put(kNet + queue + "/xps_cpus", "0\n");
    host->on_write(kNet + queue + "/xps_cpus", masks());
  }
  there_and_back(*host, wanting("net.xps", "0-3"), "net.xps", [&] {
    EXPECT_EQ(CpuSet::parse_mask(host->read_trimmed(kNet + "tx-0/xps_cpus").value())->to_list(),
              "0,2");
    EXPECT_EQ(CpuSet::parse_mask(host->read_trimmed(kNet + "tx-1/xps_cpus").value())->to_list(),
              "1,3");
  });
}

TEST(Steering, FlowsOfTheHostAndOfEachQueue) {
  auto host = make_untuned_machine();
  host->put("/proc/sys/net/core/rps_sock_flow_entries", "0\n");
  host->on_write("/proc/sys/net/core/rps_sock_flow_entries", masks());
  for (const char* queue : {"rx-0", "rx-1"}) {
    host->put(kNet + queue + "/rps_flow_cnt", "0\n");
    host->on_write(kNet + queue + "/rps_flow_cnt", masks());
  }
  there_and_back(*host, wanting("net.rfs", "4096"), "net.rfs", [&] {
    EXPECT_EQ(host->read_trimmed(kNet + "rx-1/rps_flow_cnt").value(), "2048");
    EXPECT_EQ(host->read_trimmed("/proc/sys/net/core/rps_sock_flow_entries").value(), "32768");
  });
}

TEST(Steering, TheCardsTableIsFilledEvenly) {
  auto host = make_untuned_machine();
  const Query table{"ethtool.rxfh", "eth0"};
  host->reply(table,
              {{"indirection_size", "8"}, {"queues", "1"}, {"indirection", "0,0,0,0,0,0,0,0"}});
  host->on_change(table, [&](const Reply& values) -> Expected<void> {
    const std::string text = values.at("indirection");
    host->reply(table, {{"indirection_size", "8"},
                        {"queues", text.find('1') == std::string::npos ? "1" : "2"},
                        {"indirection", text}});
    return {};
  });
  there_and_back(*host, wanting("net.rss-queues", "max"), "net.rss-queues",
                 [&] { EXPECT_EQ(host->ask(table)->at("indirection"), "0,1,0,1,0,1,0,1"); });
}

// /proc shows where a thread may run, as the kernel does once it was moved.
void put_thread(MemoryHost& host, const std::string& pid, const std::string& name,
                const std::string& cpus) {
  const std::string folder = "/proc/" + pid + "/";
  host.put(folder + "stat", fmt::format("{} ({}) S 0 0 0 0 -1 2129984 0 0 0\n", pid, name));
  host.put(folder + "comm", name + "\n");
  const auto show = [&host, folder](const std::string& list) {
    host.put(folder + "status", fmt::format("Cpus_allowed_list:\t{}\n", list));
  };
  show(cpus);
  std::string plain = name;
  std::ranges::replace(plain, '/', '!');
  const Query query{"thread.affinity", pid + ":" + plain};
  host.reply(query, {{"cpus", cpus}});
  host.on_change(query, [&host, query, show](const Reply& values) -> Expected<void> {
    host.reply(query, values);
    show(values.at("cpus"));
    return {};
  });
}

TEST(KernelThreads, AreMovedAndMovedBack) {
  auto host = make_untuned_machine();
  put_thread(*host, "2", "kthreadd", "0-3");
  put_thread(*host, "15", "rcu_preempt", "0-3");
  put_thread(*host, "9", "irq/work", "0-3");
  put_thread(*host, "77", "irq/24-nvme0q1", "2");
  auto profile = wanting("scheduler.kernel-threads", "0-1", Match::at_most);
  there_and_back(*host, profile, "scheduler.kernel-threads", [&] {
    EXPECT_EQ(host->ask({"thread.affinity", "15:rcu_preempt"})->at("cpus"), "0-1");
    EXPECT_EQ(host->ask({"thread.affinity", "9:irq!work"})->at("cpus"), "0-1");
    EXPECT_EQ(host->ask({"thread.affinity", "77:irq!24-nvme0q1"})->at("cpus"), "2")
        << "it follows its interrupt, whoever moves it";
  });
}

TEST(KernelThreads, OneThatHasEndedIsNoConflict) {
  auto host = make_untuned_machine();
  put_thread(*host, "2", "kthreadd", "0-1");
  put_thread(*host, "15", "rcu_preempt", "0-3");
  const auto profile = wanting("scheduler.kernel-threads", "0-1", Match::at_most);
  JournalFolder folder(*host);
  ASSERT_TRUE(apply(*host, plan_now(*host, profile), profile, folder, at_noon()));
  host->reply_error({"thread.affinity", "15:rcu_preempt"},
                    make_error(ErrorCode::absent, "find thread", "15", "it has ended"));
  const auto back = undo_newest(*host);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->exit_code(), 0);
}

void put_swap(MemoryHost& host, std::uint64_t used_kib) {
  host.put("/proc/meminfo", "MemTotal: 4096 kB\nMemAvailable: 2048 kB\nSwapTotal: 4096 kB\n");
  host.put("/proc/swaps",
           fmt::format("Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 4096 {} 5\n",
                       used_kib));
  const Query area{"swap.area", "!dev!sda2"};
  host.reply(area, {{"state", "on:5"}});
  host.on_change(area, [&host, area](const Reply& values) -> Expected<void> {
    const bool on = values.at("state") != "off";
    host.put("/proc/meminfo", fmt::format("MemTotal: 4096 kB\nMemAvailable: 2048 kB\nSwapTotal: {} "
                                          "kB\n",
                                          on ? 4096 : 0));
    host.reply(area, values);
    return {};
  });
}

TEST(Swap, IsSwitchedOffAndOnAgainWithItsPriority) {
  auto host = make_untuned_machine();
  put_swap(*host, 1000);
  there_and_back(*host, wanting("memory.swap", "0", Match::at_most), "memory.swap",
                 [&] { EXPECT_EQ(host->ask({"swap.area", "!dev!sda2"})->at("state"), "off"); });
  EXPECT_EQ(host->ask({"swap.area", "!dev!sda2"})->at("state"), "on:5");
}

TEST(Swap, WhatDoesNotFitIntoMemoryStays) {
  auto host = make_untuned_machine();
  put_swap(*host, 2000);
  const Plan plan = plan_now(*host, wanting("memory.swap", "0", Match::at_most));
  EXPECT_EQ(plan_row(plan, "memory.swap").state, RowState::unsupported);
  EXPECT_THAT(plan_row(plan, "memory.swap").note, HasSubstr("2000 KiB are swapped out"));
}

TEST(Partition, BesideThoseOfOthers) {
  auto host = make_untuned_machine();
  const Query ours{"cpuset.partition", "assay"};
  host->put("/sys/fs/cgroup/trading/cpuset.cpus", "3\n");
  host->reply(ours, {{"controller", "on"}, {"cpus", "none"}, {"state", "none"}});
  host->on_change(ours, [&](const Reply& values) -> Expected<void> {
    host->reply(ours, values);
    host->erase("/sys/fs/cgroup/assay");
    if (values.at("state") == "none") return {};
    host->put("/sys/fs/cgroup/assay/cpuset.cpus", values.at("cpus") + "\n");
    host->put("/sys/fs/cgroup/assay/cpuset.cpus.partition", values.at("state") + "\n");
    return {};
  });
  there_and_back(
      *host, wanting("scheduler.cpuset-partition", "2-3"), "scheduler.cpuset-partition",
      [&] { EXPECT_EQ(host->read_trimmed("/sys/fs/cgroup/assay/cpuset.cpus").value(), "2"); });
  const Plan plan = plan_now(*host, wanting("scheduler.cpuset-partition", "2"));
  EXPECT_THAT(plan_row(plan, "scheduler.cpuset-partition").note,
              HasSubstr("another group holds 3"));
}

// The kernel places all its threads anew when a partition comes or goes: those that were asked to
// move are where they were asked to be, and all are where they were once it has gone.
TEST(Partition, ThreadsThatItMovesComeBackToTheirOwnPlaces) {
  auto host = make_untuned_machine();
  const std::map<std::string, std::string> threads{
      {"2:kthreadd", "0-3"}, {"67:kswapd0", "0-2"}, {"80:pinned", "0"}};
  put_thread(*host, "2", "kthreadd", "0-3");
  put_thread(*host, "67", "kswapd0", "0-2");
  put_thread(*host, "80", "pinned", "0");
  const auto cpus_of = [&](const std::string& thread) {
    return host->ask({"thread.affinity", thread})->at("cpus");
  };
  const Query ours{"cpuset.partition", "assay"};
  host->reply(ours, {{"controller", "on"}, {"cpus", "none"}, {"state", "none"}});
  host->on_change(ours, [&](const Reply& values) -> Expected<void> {
    host->reply(ours, values);
    host->erase("/sys/fs/cgroup/assay");
    const bool gone = values.at("state") == "none";
    for (const auto& [thread, before] : threads) {
      if (auto moved = host->change({"thread.affinity", thread}, {{"cpus", gone ? "0-3" : "0-1"}});
          !moved) {
        return moved;
      }
    }
    if (gone) return {};
    host->put("/sys/fs/cgroup/assay/cpuset.cpus", values.at("cpus") + "\n");
    host->put("/sys/fs/cgroup/assay/cpuset.cpus.partition", values.at("state") + "\n");
    return {};
  });
  // Another group's partition is already there: the isolated CPUs are 2 and 3.
  host->put("/sys/fs/cgroup/trading/cpuset.cpus", "3\n");
  auto profile = wanting("scheduler.cpuset-partition", "2-3");
  const auto more = wanting("scheduler.kernel-threads", "0-1", Match::at_most);
  profile.settings.push_back(more.settings.front());
  there_and_back(*host, profile, "scheduler.kernel-threads",
                 [&] { EXPECT_EQ(cpus_of("67:kswapd0"), "0-1"); });
  for (const auto& [thread, before] : threads) EXPECT_EQ(cpus_of(thread), before) << thread;
  // Where no thread is asked to move they come back all the same.
  there_and_back(*host, wanting("scheduler.cpuset-partition", "2-3"), "scheduler.cpuset-partition",
                 [&] { EXPECT_EQ(cpus_of("67:kswapd0"), "0-1"); });
  for (const auto& [thread, before] : threads) EXPECT_EQ(cpus_of(thread), before) << thread;
}

// Queues of one card are dealt out to CPUs of its node; what is no queue's keeps the whole set.
TEST(QueueAffinity, DealsQueuesOutNearTheDevice) {
  probes::Inventory inventory;
  for (unsigned node = 0; node < 2; ++node) {
    probes::Node one;
    one.id = NodeId{node};
    one.cpus = CpuSet::range(node * 4, node * 4 + 3);
    inventory.topology.nodes.push_back(one);
  }
  inventory.topology.online = CpuSet::range(0, 7);
  probes::Nic card;
  card.name = "eth1";
  card.kind = "physical";
  card.node = NodeId{1};
  card.pci_address = "0000:81:00.0";
  inventory.nics.push_back(card);
  for (const char* queue : {"TxRx-0", "TxRx-1", "TxRx-2", ""}) {
    probes::Irq irq;
    irq.number = fmt::format("{}", 60 + inventory.interrupts.irqs.size());
    irq.device = card.pci_address;
    irq.queue = queue;
    inventory.interrupts.irqs.push_back(irq);
  }
  const auto cpu_of = [&](std::size_t irq, const char* cpus) {
    const auto one =
        cpu_for_queue(inventory, inventory.interrupts.irqs[irq], CpuSet::parse_list(cpus).value());
    return one ? one->to_list() : "all of them";
  };
  EXPECT_EQ(cpu_of(0, "0,4-5"), "4");
  EXPECT_EQ(cpu_of(1, "0,4-5"), "5");
  EXPECT_EQ(cpu_of(2, "0,4-5"), "4");
  EXPECT_EQ(cpu_of(1, "0-1"), "1") << "none of them is near: then any";
  EXPECT_EQ(cpu_of(3, "0,4-5"), "all of them");
}

}  // namespace
}  // namespace assay::tuner::testing
