#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "machine.hpp"

namespace assay::probes {
namespace {

const std::string kCpuFolder = "/sys/devices/system/cpu";

TEST(CpuPower, ReadsFrequencyAndIdleStates) {
  MemoryHost host;
  put_cpu(host, {0, 0, 0, "0", "0"});
  const std::string base = kCpuFolder + "/cpu0/cpufreq/";
  host.put(base + "scaling_governor", "performance\n");
  host.put(base + "scaling_driver", "intel_pstate\n");
  host.put(base + "scaling_min_freq", "800000\n");
  host.put(base + "scaling_max_freq", "3900000\n");
  host.put(base + "cpuinfo_min_freq", "800000\n");
  host.put(base + "cpuinfo_max_freq", "5000000\n");
  host.put(base + "scaling_cur_freq", "1200000\n");
  host.put(base + "energy_performance_preference", "balance_power\n");
  for (const auto& [state, name, latency] :
       {std::tuple{0, "POLL", "0"}, {1, "C1", "2"}, {10, "C6", "133"}}) {
    const std::string directory = fmt::format("{}/cpu0/cpuidle/state{}/", kCpuFolder, state);
    host.put(directory + "name", name);
    host.put(directory + "latency", latency);
    host.put(directory + "disable", state == 10 ? "1\n" : "0\n");
  }
  host.put(kCpuFolder + "/cpu0/power/energy_perf_bias", "6\n");
  host.put(kCpuFolder + "/cpu0/power/pm_qos_resume_latency_us", "n/a\n");
  host.put(kCpuFolder + "/intel_pstate/no_turbo", "1\n");
  host.put(kCpuFolder + "/intel_pstate/status", "active\n");
  host.put(kCpuFolder + "/cpuidle/current_driver", "intel_idle\n");
  host.put(kCpuFolder + "/cpuidle/current_governor_ro", "menu\n");
  const Topology topology = probe(host).topology;
  const Cpu& cpu = topology.cpus.at(0);
  ASSERT_TRUE(cpu.frequency.has_value());
  EXPECT_EQ(cpu.frequency->governor, "performance");
  EXPECT_EQ(cpu.frequency->max_khz, 3'900'000U);
  EXPECT_EQ(cpu.frequency->hardware_max_khz, 5'000'000U);
  EXPECT_EQ(cpu.frequency->current_khz, 1'200'000U);
  EXPECT_EQ(cpu.frequency->energy_preference, "balance_power");
  ASSERT_EQ(cpu.idle_states.size(), 3U);
  EXPECT_EQ(cpu.idle_states[2].index, 10U);
  EXPECT_EQ(cpu.idle_states[2].name, "C6");
  EXPECT_EQ(cpu.idle_states[2].exit_latency.count(), 133);
  EXPECT_TRUE(cpu.idle_states[2].disabled);
  EXPECT_FALSE(cpu.idle_states[1].disabled);
  EXPECT_EQ(cpu.energy_perf_bias, 6);
  EXPECT_EQ(cpu.resume_latency_limit, "n/a");
  EXPECT_EQ(topology.boost, false);
  EXPECT_EQ(topology.frequency_mode, "active");
  EXPECT_EQ(topology.idle_driver, "intel_idle");
  EXPECT_EQ(topology.idle_governor, "menu");
}

// From 32 CPUs on, a thread of its own reads them.
TEST(CpuPower, ManyCpusKeepTheirOwn) {
  MemoryHost host;
  for (unsigned cpu = 0; cpu < 48; ++cpu) {
    put_cpu(host, {cpu, 0, cpu, fmt::format("{}", cpu), fmt::format("{}", cpu)});
    const std::string base = fmt::format("{}/cpu{}/", kCpuFolder, cpu);
    host.put(base + "cpufreq/scaling_governor", cpu == 47 ? "powersave\n" : "performance\n");
    host.put(base + "cpufreq/scaling_max_freq", fmt::format("{}\n", 3'000'000 + cpu));
    host.put(base + "cpuidle/state0/name", "C1\n");
    host.put(base + "cpuidle/state0/latency", fmt::format("{}\n", cpu));
  }
  host.put(kCpuFolder + "/cpu40/power/energy_perf_bias", "6\n");
  host.fail(kCpuFolder + "/cpu40/power/energy_perf_bias", EACCES);
  const Inventory inventory = probe(host);
  ASSERT_EQ(inventory.topology.cpus.size(), 48U);
  for (const Cpu& cpu : inventory.topology.cpus) {
    ASSERT_TRUE(cpu.frequency) << cpu.id.value;
    EXPECT_EQ(cpu.frequency->max_khz, 3'000'000 + cpu.id.value);
    ASSERT_EQ(cpu.idle_states.size(), 1U);
    EXPECT_EQ(cpu.idle_states[0].exit_latency.count(), cpu.id.value);
  }
  EXPECT_EQ(inventory.topology.cpus.back().frequency->governor, "powersave");
  EXPECT_THAT(inventory.unreadable, ::testing::Contains(::testing::HasSubstr("cpu40")));
}

TEST(CpuPower, AGuestHasNone) {
  MemoryHost host;
  put_cpu(host, {0, 0, 0, "0", "0"});
  const Topology topology = probe(host).topology;
  EXPECT_FALSE(topology.cpus.at(0).frequency.has_value());
  EXPECT_TRUE(topology.cpus.at(0).idle_states.empty());
  EXPECT_EQ(topology.boost, std::nullopt);
}

TEST(CpuPower, BoostOfAcpiCpufreq) {
  MemoryHost host;
  put_cpu(host, {0, 0, 0, "0", "0"});
  host.put(kCpuFolder + "/cpufreq/boost", "1\n");
  EXPECT_EQ(probe(host).topology.boost, true);
}

TEST(CpuPower, LyingFilesDoNoHarm) {
  MemoryHost host;
  put_cpu(host, {0, 0, 0, "0", "0"});
  host.put(kCpuFolder + "/cpu0/cpufreq/scaling_max_freq", "-1\n");
  host.put(kCpuFolder + "/cpu0/cpufreq/scaling_governor", "\xff\xfe\n");
  host.put(kCpuFolder + "/cpu0/cpuidle/state0/latency", "18446744073709551615\n");
  host.put(kCpuFolder + "/cpu0/cpuidle/statex/latency", "1\n");
  const Cpu cpu = probe(host).topology.cpus.at(0);
  ASSERT_TRUE(cpu.frequency.has_value());
  EXPECT_EQ(cpu.frequency->governor, "??");
  EXPECT_EQ(cpu.frequency->max_khz, 0U);
  ASSERT_EQ(cpu.idle_states.size(), 1U);
  EXPECT_GE(cpu.idle_states[0].exit_latency.count(), 0);
}

TEST(CpuPower, UncoreDomains) {
  MemoryHost host;
  put_cpu(host, {0, 0, 0, "0", "0"});
  const std::string base = kCpuFolder + "/intel_uncore_frequency/package_00_die_00/";
  host.put(base + "min_freq_khz", "800000\n");
  host.put(base + "max_freq_khz", "2400000\n");
  host.put(base + "initial_max_freq_khz", "2400000\n");
  const Topology topology = probe(host).topology;
  ASSERT_EQ(topology.uncore.size(), 1U);
  EXPECT_EQ(topology.uncore[0].name, "package_00_die_00");
  EXPECT_EQ(topology.uncore[0].max_khz, 2'400'000U);
}

TEST(CpuKinds, ThePmusTellThem) {
  MemoryHost host;
  for (unsigned cpu = 0; cpu < 4; ++cpu) put_cpu(host, {cpu, 0, cpu, "", ""});
  host.put("/sys/devices/cpu_core/cpus", "0-1\n");
  host.put("/sys/devices/cpu_atom/cpus", "2-3\n");
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.cpus.at(1).kind, "performance");
  EXPECT_EQ(topology.cpus.at(2).kind, "efficiency");
  host.put("/sys/devices/cpu_lowpower/cpus", "3\n");
  EXPECT_EQ(probe(host).topology.cpus.at(2).kind, "efficiency");
  EXPECT_EQ(probe(host).topology.cpus.at(3).kind, "low-power");
}

TEST(Frequency, TellsWhatThereIsToChooseFrom) {
  MemoryHost host;
  put_cpu(host, {0, 0, 0, "", ""});
  const std::string base = fmt::format("{}/cpu0/cpufreq/", kCpuFolder);
  host.put(base + "scaling_governor", "powersave\n");
  host.put(base + "scaling_available_governors", "performance powersave \n");
  host.put(base + "energy_performance_available_preferences", "default performance\n");
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.governors, (std::vector<std::string>{"performance", "powersave"}));
  EXPECT_EQ(topology.energy_preferences, (std::vector<std::string>{"default", "performance"}));
}

TEST(CpuKinds, CapacitiesTellThemOnArm) {
  MemoryHost host;
  const char* capacities[] = {"446", "446", "871", "1024"};
  for (unsigned cpu = 0; cpu < 4; ++cpu) {
    put_cpu(host, {cpu, 0, cpu, "", ""});
    host.put(fmt::format("{}/cpu{}/cpu_capacity", kCpuFolder, cpu), capacities[cpu]);
  }
  const Topology topology = probe(host).topology;
  EXPECT_EQ(topology.cpus.at(0).kind, "efficiency");
  EXPECT_EQ(topology.cpus.at(2).kind, "performance");  // within a fifth of the fastest
  EXPECT_EQ(topology.cpus.at(3).kind, "performance");
}

TEST(CpuKinds, EqualCpusHaveNone) {
  MemoryHost host;
  for (unsigned cpu = 0; cpu < 2; ++cpu) {
    put_cpu(host, {cpu, 0, cpu, "", ""});
    host.put(fmt::format("{}/cpu{}/cpu_capacity", kCpuFolder, cpu), "1024\n");
  }
  EXPECT_EQ(probe(host).topology.cpus.at(0).kind, "");
}

}  // namespace
}  // namespace assay::probes
