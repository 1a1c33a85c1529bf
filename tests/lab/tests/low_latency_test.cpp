// `assay check low-latency` on a host with two nodes: the outcomes that the kind's row implies, and
// what the kernel itself answers where the row does not decide.
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/lab/tests/lab_guest.hpp"

namespace {

using nlohmann::json;

const json& checked() {
  static const json document = lab::assay_json({"check", "low-latency"});
  return document;
}

// The one row of a setting of the whole host.
json host_row(const std::string& id) {
  for (const json& row : checked().at("settings")) {
    if (row.at("id") == id && row.at("target") == "host") return row;
  }
  ADD_FAILURE() << "no row " << id;
  return json::object();
}

// Outcome by the name that the host gives the target ("nvme0q1", "eth0").
std::map<std::string, std::string> outcomes(const std::string& id) {
  std::map<std::string, std::string> found;
  for (const json& row : checked().at("settings")) {
    if (row.at("id") == id) found[row.at("local")] = row.at("outcome");
  }
  return found;
}

// What the boot line names is compared with what the profile wants of this host: housekeeping is
// the first core of each node, so CPUs 1 and 3 are to be isolated where the row isolates CPU 3
// alone.
TEST(LowLatency, ComparesTheBootLineWithTheIsolatedProcessors) {
  for (const char* id : {"boot.isolcpus", "boot.nohz-full", "boot.rcu-nocbs"}) {
    const json row = host_row(id);
    EXPECT_EQ(row.value("wanted", ""), "1,3") << id;
    EXPECT_EQ(row.value("configured", ""), "3") << id;
    EXPECT_EQ(row.value("effective", ""), "3") << id;
    EXPECT_EQ(row.value("outcome", ""), "differs") << id;
  }
  EXPECT_EQ(host_row("boot.irqaffinity").value("configured", ""), "0-2");
  EXPECT_EQ(host_row("boot.irqaffinity").value("wanted", ""), "0,2");
}

TEST(LowLatency, JudgesWhatTheRowLeavesAsDebianSetsIt) {
  const std::map<std::string, std::string> implied = {{"memory.thp-enabled", "differs"},
                                                      {"memory.numa-balancing", "differs"},
                                                      {"memory.swap", "ok"},
                                                      {"scheduler.timer-migration", "differs"},
                                                      {"irq.irqbalance", "ok"},
                                                      {"irq.default-affinity", "differs"},
                                                      {"cpu.governor", "not-applicable"},
                                                      {"cpu.idle-exit-latency", "not-applicable"},
                                                      {"cpu.smt", "not-applicable"},
                                                      {"boot.iommu", "not-applicable"},
                                                      {"time.clocksource", "ok"},
                                                      {"boot.skew-tick", "differs"},
                                                      {"scheduler.workqueue-cpumask", "differs"},
                                                      {"container.cpu-quota", "ok"}};
  for (const auto& [id, outcome] : implied) {
    EXPECT_EQ(host_row(id).value("outcome", ""), outcome) << id;
  }
}

TEST(LowLatency, JudgesEveryDriveAndEveryPort) {
  const auto schedulers = outcomes("block.scheduler");
  EXPECT_EQ(schedulers.size(), lab::row().at("drives").size());
  for (const auto& [drive, outcome] : schedulers) EXPECT_EQ(outcome, "ok") << drive;
  for (const auto& [drive, outcome] : outcomes("block.nomerges")) {
    EXPECT_EQ(outcome, "differs") << drive;
  }
  const auto offloads = outcomes("net.gro");
  EXPECT_EQ(offloads.size(), lab::row().at("nics").size());
  for (const auto& [port, outcome] : offloads) EXPECT_EQ(outcome, "differs") << port;
  for (const auto& [port, outcome] : outcomes("net.numa-node")) EXPECT_EQ(outcome, "ok") << port;
  for (const auto& [drive, outcome] : outcomes("block.numa-node"))
    EXPECT_EQ(outcome, "ok") << drive;
}

// A profile cannot ask for what the kernel alone decides: each drive queue's interrupt, but not the
// controllers' and the ports'. The
// timer's is the kernel's as well, and has no device.
TEST(LowLatency, LeavesManagedInterruptsToTheKernel) {
  const json inventory = lab::assay_json({"probe"});
  std::set<std::string> managed;
  for (const json& irq : inventory.at("interrupts").at("irqs")) {
    if (lab::kernel_places(irq.at("number"))) {
      managed.insert(irq.at("target").get<std::string>());
    }
  }
  ASSERT_FALSE(managed.empty());
  for (const json& row : checked().at("settings")) {
    if (row.at("id") != "irq.affinity") continue;
    EXPECT_EQ(row.at("outcome") == "kernel-managed", managed.contains(row.at("target")))
        << row.dump();
  }
}

TEST(LowLatency, EndsWithOneBecauseSomethingDiffers) {
  int code = -1;
  const json document = lab::assay_json({"check", "low-latency"}, &code);
  EXPECT_EQ(code, 1);
  EXPECT_EQ(document.at("exit_code"), 1);
}

}  // namespace
