#include <fmt/format.h>

#include <algorithm>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

const std::string kCpus = "/sys/devices/system/cpu";

// `driver` is the kernel's one driver for all CPUs; read with the first.
std::optional<Frequency> read_frequency(Reader& reader, unsigned cpu, std::string& driver) {
  const std::string base = fmt::format("{}/cpu{}/cpufreq/", kCpus, cpu);
  const auto maximum = reader.count(base + "scaling_max_freq");
  Frequency frequency;
  frequency.governor = reader.word(base + "scaling_governor");
  if (!maximum && frequency.governor.empty()) return std::nullopt;
  if (driver.empty()) driver = reader.word(base + "scaling_driver");
  frequency.driver = driver;
  frequency.max_khz = maximum.value_or(0);
  frequency.min_khz = reader.count(base + "scaling_min_freq").value_or(0);
  frequency.hardware_min_khz = reader.count(base + "cpuinfo_min_freq").value_or(0);
  frequency.hardware_max_khz = reader.count(base + "cpuinfo_max_freq").value_or(0);
  frequency.current_khz = reader.count(base + "scaling_cur_freq");
  frequency.energy_preference = reader.word(base + "energy_performance_preference");
  return frequency;
}

std::vector<IdleState> read_idle_states(Reader& reader, unsigned cpu) {
  const std::string base = fmt::format("{}/cpu{}/cpuidle", kCpus, cpu);
  std::vector<IdleState> states;
  for (const std::string& name : reader.names(base)) {
    const auto index = number_after(name, "state");
    if (!index) continue;
    const std::string directory = base + "/" + name;
    IdleState state;
    state.index = *index;
    state.name = reader.word(directory + "/name");
    const auto latency = reader.count(directory + "/latency");
    state.exit_latency = std::chrono::microseconds(
        static_cast<std::int64_t>(std::min<std::uint64_t>(latency.value_or(0), 1'000'000'000)));
    // Bit 0 is the user's switch, bit 1 the driver's (ABI/testing/sysfs-devices-system-cpu).
    state.disabled = reader.count(directory + "/disable").value_or(0) != 0;
    states.push_back(std::move(state));
  }
  return states;
}

// Turbo has three switches, by driver; intel_pstate's is upside down.
std::optional<bool> read_boost(Reader& reader) {
  if (const auto off = reader.flag(kCpus + "/intel_pstate/no_turbo")) return !*off;
  if (const auto on = reader.flag(kCpus + "/cpufreq/boost")) return on;
  return reader.flag(kCpus + "/cpufreq/policy0/boost");
}

void read_uncore(Reader& reader, Topology& topology) {
  const std::string base = kCpus + "/intel_uncore_frequency";
  for (const std::string& name : reader.names(base)) {
    const std::string directory = base + "/" + name + "/";
    const auto maximum = reader.count(directory + "max_freq_khz");
    if (!maximum) continue;
    Uncore uncore;
    uncore.name = printable(name);
    uncore.max_khz = *maximum;
    uncore.min_khz = reader.count(directory + "min_freq_khz").value_or(0);
    uncore.hardware_max_khz = reader.count(directory + "initial_max_freq_khz").value_or(0);
    uncore.hardware_min_khz = reader.count(directory + "initial_min_freq_khz").value_or(0);
    topology.uncore.push_back(std::move(uncore));
  }
}

// Online CPUs by a number that each has in a file; empty when one has none.
std::map<std::uint64_t, CpuSet> cpus_by(Reader& reader, const Topology& topology,
                                        const char* file) {
  std::map<std::uint64_t, CpuSet> groups;
  for (const unsigned cpu : topology.online.to_vector()) {
    const auto number = reader.count(fmt::format("{}/cpu{}/{}", kCpus, cpu, file));
    // Far above any frequency or capacity, and small enough to multiply.
    constexpr std::uint64_t kNumberMax = 1ULL << 40;
    if (!number || *number > kNumberMax) return {};
    groups[*number].add(cpu);
  }
  return groups;
}

}  // namespace

std::vector<CpuPower> read_power_of(Reader& reader, const std::vector<unsigned>& cpus) {
  // A guest mostly has no frequency control at all; one look then saves one per CPU.
  const bool has_frequency =
      !reader.names(kCpus + "/cpufreq").empty() ||
      (!cpus.empty() && reader.exists(fmt::format("{}/cpu{}/cpufreq", kCpus, cpus.front())));
  std::string driver;
  std::vector<CpuPower> result;
  result.reserve(cpus.size());
  for (const unsigned cpu : cpus) {
    CpuPower& power = result.emplace_back();
    if (has_frequency) power.frequency = read_frequency(reader, cpu, driver);
    power.idle_states = read_idle_states(reader, cpu);
    const std::string base = fmt::format("{}/cpu{}/power/", kCpus, cpu);
    power.energy_perf_bias = reader.number(base + "energy_perf_bias");
    power.resume_latency_limit = reader.word(base + "pm_qos_resume_latency_us");
  }
  return result;
}

void set_power(std::vector<CpuPower> powers, Topology& topology) {
  auto power = powers.begin();
  for (Cpu& cpu : topology.cpus) {
    if (!cpu.online || power == powers.end()) continue;
    cpu.frequency = std::move(power->frequency);
    cpu.idle_states = std::move(power->idle_states);
    cpu.energy_perf_bias = power->energy_perf_bias;
    cpu.resume_latency_limit = std::move(power->resume_latency_limit);
    ++power;
  }
}

void read_power_of_all(Reader& reader, Topology& topology) {
  if (const auto first = topology.online.first()) {
    const std::string base = fmt::format("{}/cpu{}/cpufreq/", kCpus, *first);
    topology.governors = split(reader.word(base + "scaling_available_governors"), " ");
    topology.energy_preferences =
        split(reader.word(base + "energy_performance_available_preferences"), " ");
  }
  topology.boost = read_boost(reader);
  topology.frequency_mode = reader.word(kCpus + "/intel_pstate/status");
  if (topology.frequency_mode.empty()) {
    topology.frequency_mode = reader.word(kCpus + "/amd_pstate/status");
  }
  topology.idle_driver = reader.word(kCpus + "/cpuidle/current_driver");
  topology.idle_governor = reader.word(kCpus + "/cpuidle/current_governor");
  if (topology.idle_governor.empty()) {
    topology.idle_governor = reader.word(kCpus + "/cpuidle/current_governor_ro");
  }
  read_uncore(reader, topology);
}

void read_cpu_kinds(Reader& reader, Topology& topology) {
  // The PMU of each kind lists its CPUs (Alder Lake and later).
  const auto performance = reader.cpus("/sys/devices/cpu_core/cpus");
  const auto efficiency = reader.cpus("/sys/devices/cpu_atom/cpus");
  if (performance && efficiency) {
    const auto low_power = reader.cpus("/sys/devices/cpu_lowpower/cpus");
    for (Cpu& cpu : topology.cpus) {
      if (performance->contains(cpu.id.value)) cpu.kind = "performance";
      if (efficiency->contains(cpu.id.value)) cpu.kind = "efficiency";
      if (low_power && low_power->contains(cpu.id.value)) cpu.kind = "low-power";
    }
    return;
  }
  // Arm and newer kernels: capacity relative to the fastest CPU, 1024 being that one.
  auto by_capacity = cpus_by(reader, topology, "cpu_capacity");
  // Intel's base frequencies are one a kind; maxima differ between favoured cores as well.
  if (by_capacity.empty()) by_capacity = cpus_by(reader, topology, "cpufreq/base_frequency");
  // Less than a fifth apart is a favoured core of the same kind, not another kind.
  if (by_capacity.empty()) return;
  const std::uint64_t least = by_capacity.begin()->first;
  const std::uint64_t most = by_capacity.rbegin()->first;
  if (least * 5 > most * 4) return;
  for (const auto& [capacity, cpus] : by_capacity) {
    const char* kind = capacity * 5 > most * 4     ? "performance"
                       : capacity * 4 <= least * 5 ? "efficiency"
                                                   : "middle";
    for (Cpu& cpu : topology.cpus) {
      if (cpus.contains(cpu.id.value)) cpu.kind = kind;
    }
  }
}

}  // namespace assay::probes
