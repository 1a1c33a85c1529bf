#include <fmt/format.h>
#include <gtest/gtest.h>

#include "machine.hpp"

namespace assay::probes {
namespace {

const std::string kCpuRoot = "/sys/devices/system/cpu";

TEST(Topology, CountsTwoSocketsWithThreads) {
  MemoryHost host;
  put_two_sockets(host);
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.counts.cpus, 8U);
  EXPECT_EQ(topology.counts.cores, 4U);
  EXPECT_EQ(topology.counts.packages, 2U);
  EXPECT_EQ(topology.counts.nodes, 2U);
  EXPECT_TRUE(topology.smt_active);
  ASSERT_NE(topology.find(CpuId{6}), nullptr);
  EXPECT_EQ(topology.find(CpuId{6})->siblings, (CpuSet{2, 6}));
  EXPECT_EQ(topology.find(CpuId{6})->package, 1U);
  EXPECT_EQ(topology.find(CpuId{6})->node, NodeId{1});
  EXPECT_EQ(topology.find(CpuId{8}), nullptr);
  EXPECT_TRUE(topology.notes.empty());
}

TEST(Topology, OldKernelsHaveMasksOnly) {
  MemoryHost host;
  for (unsigned cpu = 0; cpu < 4; ++cpu) {
    put_cpu(host, {cpu, cpu % 2, 0, "", ""});
    const std::string base = fmt::format("{}/cpu{}/topology/", kCpuRoot, cpu);
    const char* mask = cpu % 2 == 0 ? "00000000,00000005" : "00000000,0000000a";
    host.put(base + "thread_siblings", mask);
    host.put(base + "core_siblings", mask);
  }
  const Counts counts = probe(host).topology.counts;
  EXPECT_EQ(counts.cpus, 4U);
  EXPECT_EQ(counts.cores, 2U);
  EXPECT_EQ(counts.packages, 2U);
  EXPECT_EQ(counts.nodes, 1U);
}

TEST(Topology, NewKernelsMayHaveNewNamesOnly) {
  MemoryHost host;
  for (unsigned cpu = 0; cpu < 2; ++cpu) {
    put_cpu(host, {cpu, 0, 0, "", ""});
    const std::string base = fmt::format("{}/cpu{}/topology/", kCpuRoot, cpu);
    host.put(base + "core_cpus_list", "0-1\n");
    host.put(base + "package_cpus_list", "0-1\n");
  }
  const Counts counts = probe(host).topology.counts;
  EXPECT_EQ(counts.cores, 1U);
  EXPECT_EQ(counts.packages, 1U);
}

TEST(Topology, CoreIdsThatRepeatAcrossPackagesAndDiesAreOtherCores) {
  MemoryHost host;
  for (unsigned cpu = 0; cpu < 8; ++cpu) {
    put_cpu(host, {cpu, cpu / 4, 0, "", ""});
    host.put(fmt::format("{}/cpu{}/topology/die_id", kCpuRoot, cpu),
             fmt::format("{}", cpu / 2 % 2));
  }
  const Counts counts = probe(host).topology.counts;
  EXPECT_EQ(counts.cores, 4U);  // 2 packages with 2 dies with core 0
  EXPECT_EQ(counts.packages, 2U);
}

TEST(Topology, CpuinfoServesWhereSysfsHasNoTopology) {
  MemoryHost host;
  std::string cpuinfo;
  for (unsigned cpu = 0; cpu < 4; ++cpu) {
    cpuinfo += fmt::format(
        "processor\t: {}\nvendor_id\t: GenuineIntel\nmodel name\t: Old\n"
        "physical id\t: {}\ncore id\t\t: 0\nflags\t\t: sse fpu\n\n",
        cpu, cpu / 2);
  }
  host.put("/proc/cpuinfo", cpuinfo);
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.counts.cpus, 4U);
  EXPECT_EQ(topology.counts.cores, 2U);
  EXPECT_EQ(topology.counts.packages, 2U);
  EXPECT_EQ(topology.vendor, "GenuineIntel");
  EXPECT_EQ(topology.model_name, "Old");
  EXPECT_EQ(topology.flags, (std::vector<std::string>{"fpu", "sse"}));
  EXPECT_EQ(topology.online, CpuSet::range(0, 3));
}

TEST(Topology, StatServesWhereNothingElseIs) {
  MemoryHost host;
  host.put("/proc/stat", "cpu  1 2 3\ncpu0 1 2 3\ncpu1 1 2 3\nintr 5\n");
  EXPECT_EQ(probe(host).topology.counts.cpus, 2U);
}

TEST(Topology, OfflineCpusArePresentAndNotCounted) {
  MemoryHost host;
  put_two_sockets(host);
  host.put(kCpuRoot + "/online", "1-3,5-7\n");
  host.put(kCpuRoot + "/offline", "0,4\n");
  for (const char* cpu : {"/cpu0", "/cpu4"}) {
    host.erase(kCpuRoot + cpu);
    host.put(kCpuRoot + cpu + "/online", "0\n");
  }
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.counts.cpus, 6U);
  EXPECT_EQ(topology.counts.cores, 3U);
  EXPECT_EQ(topology.counts.packages, 2U);
  EXPECT_EQ(topology.offline, (CpuSet{0, 4}));
  ASSERT_NE(topology.find(CpuId{0}), nullptr);
  EXPECT_FALSE(topology.find(CpuId{0})->online);
  EXPECT_EQ(topology.cpus.size(), 8U);
}

TEST(Topology, OnlineFilesServeWhereThereIsNoList) {
  MemoryHost host;
  for (unsigned cpu = 0; cpu < 3; ++cpu) put_cpu(host, {cpu, 0, cpu, "", ""});
  host.put(kCpuRoot + "/cpu1/online", "0\n");
  host.put(kCpuRoot + "/cpu2/online", "1\n");
  EXPECT_EQ(probe(host).topology.online, (CpuSet{0, 2}));
}

TEST(Topology, SparseNumbersStay) {
  MemoryHost host;
  for (const unsigned cpu : {0U, 5U, 64U, 1000U}) put_cpu(host, {cpu, 0, cpu, "", ""});
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.counts.cpus, 4U);
  EXPECT_EQ(topology.online, (CpuSet{0, 5, 64, 1000}));
}

TEST(Topology, AListThatClaimsMoreThanThereIsIsNoted) {
  MemoryHost host;
  put_cpu(host, {0, 0, 0, "", ""});
  for (const char* name : {"present", "online"}) host.put(kCpuRoot + "/" + name, "0-65535\n");
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.counts.cpus, 1U);
  EXPECT_EQ(topology.cpus.size(), 1U);
  ASSERT_EQ(topology.notes.size(), 1U);
  EXPECT_NE(topology.notes[0].find("1-65535"), std::string::npos);
}

TEST(Topology, ModulesOfTwoCoresAreTwoCores) {
  // Bulldozer under old kernels: both cores of a module are called thread siblings.
  MemoryHost host;
  put_cpu(host, {0, 0, 0, "0-1", "0-1"});
  put_cpu(host, {1, 0, 1, "0-1", "0-1"});
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.counts.cores, 2U);
  EXPECT_EQ(topology.find(CpuId{0})->siblings, CpuSet{0});
}

TEST(Topology, LyingFilesDoNoHarm) {
  MemoryHost host;
  put_cpu(host, {0, 0, 0, "1-", "7"});
  put_cpu(host, {1, 0, 1, "0", "0"});
  host.put(kCpuRoot + "/cpu0/topology/physical_package_id", "-1\n");
  host.put(kCpuRoot + "/cpu0/topology/core_id", "4294967295\n");
  host.put(kCpuRoot + "/cpu1/topology/core_id", std::string("\x00\xff\x01", 3));
  host.put(kCpuRoot + "/present", std::string("\xff\xfe", 2));
  host.put(kCpuRoot + "/online", "-3\n");
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.counts.cpus, 2U);
  EXPECT_EQ(topology.counts.cores, 2U);
  EXPECT_EQ(topology.find(CpuId{0})->package, std::nullopt);
  EXPECT_EQ(topology.find(CpuId{0})->core, std::nullopt);
  EXPECT_EQ(topology.counts.packages, 1U);
}

TEST(Topology, UnknownClusterAndDieAreAbsent) {
  MemoryHost host;
  put_cpu(host, {0, 0, 0, "0", "0"});
  host.put(kCpuRoot + "/cpu0/topology/cluster_id", "65535\n");
  host.put(kCpuRoot + "/cpu0/topology/die_id", "-1\n");
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.cpus.at(0).cluster, std::nullopt);
  EXPECT_EQ(topology.cpus.at(0).die, std::nullopt);
}

TEST(Topology, IsolationAndPermissionAreTold) {
  MemoryHost host;
  put_two_sockets(host);
  host.put(kCpuRoot + "/isolated", "2-3\n");
  host.put(kCpuRoot + "/nohz_full", "(null)\n");  // what some kernels print for "none"
  host.put("/proc/self/status", "Name:\tx\nCpus_allowed_list:\t0-1,4\nMems_allowed_list:\t0\n");
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.isolated, (CpuSet{2, 3}));
  EXPECT_TRUE(topology.nohz_full.empty());
  EXPECT_EQ(topology.allowed, (CpuSet{0, 1, 4}));
  EXPECT_TRUE(topology.find(CpuId{2})->isolated);
  EXPECT_FALSE(topology.find(CpuId{5})->allowed);
  EXPECT_TRUE(topology.nodes.at(0).allowed);
  EXPECT_FALSE(topology.nodes.at(1).allowed);
  EXPECT_EQ(topology.counts.cpus, 8U);  // forbidden ones count
}

TEST(Topology, SmtSwitchIsTold) {
  MemoryHost host;
  put_cpu(host, {0, 0, 0, "0", "0"});
  host.put(kCpuRoot + "/smt/control", "forceoff\n");
  host.put(kCpuRoot + "/smt/active", "0\n");
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.smt_control, "forceoff");
  EXPECT_FALSE(topology.smt_active);
}

TEST(Topology, NothingAtAllIsAnEmptyTopology) {
  MemoryHost host;
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.counts.cpus, 0U);
  EXPECT_EQ(topology.counts.packages, 0U);
  EXPECT_EQ(topology.counts.nodes, 0U);
  EXPECT_TRUE(topology.cpus.empty());
}

}  // namespace
}  // namespace assay::probes
