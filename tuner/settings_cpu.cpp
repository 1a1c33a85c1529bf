// Settings of the CPUs: clock frequency, idle states, threads.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "core/units.hpp"
#include "tuner/areas.hpp"
#include "tuner/planners.hpp"
#include "tuner/readers.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

using std::chrono::microseconds;

std::vector<Target> scaled_cpus(const HostView& view) {
  std::vector<Target> targets = online_cpus(view);
  std::erase_if(targets, [&](const Target& target) { return !cpu_of(view, target)->frequency; });
  return targets;
}

std::vector<Target> idling_cpus(const HostView& view) {
  std::vector<Target> targets = online_cpus(view);
  std::erase_if(targets,
                [&](const Target& target) { return cpu_of(view, target)->idle_states.empty(); });
  return targets;
}

std::vector<Target> energy_bias_cpus(const HostView& view) {
  const std::vector<std::string>& flags = view.inventory.topology.flags;
  if (std::ranges::find(flags, "epb") == flags.end()) return {};
  return online_cpus(view);
}

std::vector<Target> energy_preference_cpus(const HostView& view) {
  std::vector<Target> targets = scaled_cpus(view);
  std::erase_if(targets, [&](const Target& target) {
    return cpu_of(view, target)->frequency->energy_preference.empty();
  });
  return targets;
}

std::vector<Target> host_with_boost(const HostView& view) {
  return view.inventory.topology.boost ? the_host(view) : std::vector<Target>{};
}

std::vector<Target> host_with_smt(const HostView& view) {
  const std::string& control = view.inventory.topology.smt_control;
  const bool switchable = control == "on" || control == "off" || control == "forceoff";
  return switchable ? the_host(view) : std::vector<Target>{};
}

std::vector<Target> uncore_packages(const HostView& view) {
  std::vector<Target> targets;
  auto names = view.host.list("/sys/devices/system/cpu/intel_uncore_frequency");
  if (!names) return targets;
  for (const std::string& name : *names) {
    if (name.starts_with("package_")) targets.push_back({name, name});
  }
  return targets;
}

// "hardware-max" and "hardware-min" are each CPU's own limits: hybrid machines have several.
Expected<std::string> frequency_meaning(const HostView& view, const Target& target,
                                        std::string_view wanted) {
  const probes::Cpu* cpu = cpu_of(view, target);
  if (cpu == nullptr || !cpu->frequency) return std::string(wanted);
  if (wanted == "hardware-max") {
    return with_unit(ValueKind::frequency, "kHz",
                     fmt::format("{}", cpu->frequency->hardware_max_khz));
  }
  if (wanted == "hardware-min") {
    return with_unit(ValueKind::frequency, "kHz",
                     fmt::format("{}", cpu->frequency->hardware_min_khz));
  }
  return std::string(wanted);
}

// One clock when the lowest and the highest allowed are the same.
Expected<Reading> read_uncore(const HostView& view, const Setting& setting, const Target& target) {
  const std::string folder = path_of(setting, target);
  auto lowest = view.host.read_uint(folder + "/min_freq_khz");
  if (!lowest) return Failure(lowest.error());
  auto highest = view.host.read_uint(folder + "/max_freq_khz");
  if (!highest) return Failure(highest.error());
  return Reading{.configured = yes_no(*lowest == *highest),
                 .note = fmt::format("from {} to {} kHz", *lowest, *highest)};
}

// The policy's limit, and what firmware or a switched-off boost leaves of it.
Expected<Reading> read_max_frequency(const HostView& view, const Setting& setting,
                                     const Target& target) {
  auto asked = view.host.read_uint(path_of(setting, target));
  if (!asked) return Failure(asked.error());
  auto show = [](std::uint64_t khz) {
    return with_unit(ValueKind::frequency, "kHz", fmt::format("{}", khz));
  };
  Reading reading{.configured = show(*asked)};
  const std::string folder = fmt::format("/sys/devices/system/cpu/cpu{}/cpufreq/", target.local);
  std::uint64_t limit = *asked;
  if (auto bios = view.host.read_uint(folder + "bios_limit"); bios && *bios < limit) {
    limit = *bios;
    reading.note = "limited by the firmware (bios_limit)";
  }
  if (view.inventory.topology.boost == std::optional(false)) {
    if (auto base = view.host.read_uint(folder + "base_frequency"); base && *base < limit) {
      limit = *base;
      reading.note = "boost is off, so the base frequency is the limit";
    }
  }
  if (limit != *asked) reading.effective = show(limit);
  return reading;
}

// The longest exit latency among the states that are not disabled and not above `bound`.
microseconds deepest_exit(const probes::Cpu& cpu, std::optional<microseconds> bound) {
  microseconds deepest{0};
  for (const probes::IdleState& state : cpu.idle_states) {
    if (state.disabled || (bound && state.exit_latency > *bound)) continue;
    deepest = std::max(deepest, state.exit_latency);
  }
  return deepest;
}

// The bound of pm_qos_resume_latency_us: "0" is no constraint, "n/a" is no latency at all.
Expected<std::optional<microseconds>> resume_latency_bound(const HostView& view,
                                                           const Target& target) {
  auto text = view.host.read_trimmed(
      fmt::format("/sys/devices/system/cpu/cpu{}/power/pm_qos_resume_latency_us", target.local));
  if (!text) {
    // Without CONFIG_PM there is no such file and no such bound.
    if (text.error().code == ErrorCode::absent) return std::optional<microseconds>{};
    return Failure(text.error());
  }
  if (*text == "n/a") return std::optional(microseconds{0});
  auto bound = parse_int(*text);
  if (!bound) return Failure(bound.error());
  if (*bound == 0) return std::optional<microseconds>{};
  return std::optional(microseconds{*bound});
}

Expected<Reading> read_idle_exit(const HostView& view, const Setting& setting,
                                 const Target& target) {
  const probes::Cpu* cpu = cpu_of(view, target);
  if (cpu == nullptr) return not_here(setting, "no such CPU");
  auto bound = resume_latency_bound(view, target);
  if (!bound) return Failure(bound.error());
  Reading reading{.configured = format_duration(deepest_exit(*cpu, std::nullopt))};
  if (*bound) {
    reading.effective = format_duration(deepest_exit(*cpu, **bound));
    reading.effect_decides = true;
    reading.note = fmt::format("pm_qos_resume_latency_us allows {}us", (**bound).count());
  }
  if (auto line = running_boot_line(view)) {
    // A bound by number says nothing about latency, so it is reported and not judged.
    for (std::string_view word : {"intel_idle.max_cstate", "processor.max_cstate"}) {
      if (auto state = boot_word(*line, word); state && reading.note.empty()) {
        reading.note = fmt::format("{}={} on the boot line", word, *state);
      }
    }
    if (auto idle = boot_word(*line, "idle"); idle && *idle == "poll") {
      reading.effective = "0us";
      reading.effect_decides = true;
      reading.note = "idle=poll on the boot line: no idle state is used";
    }
  }
  return reading;
}

Expected<Reading> read_boost(const HostView& view, const Setting&, const Target&) {
  return Reading{.configured = view.inventory.topology.boost.value_or(false) ? "on" : "off"};
}

Expected<Reading> read_smt(const HostView& view, const Setting& setting, const Target& target) {
  auto control = view.host.read_trimmed(path_of(setting, target));
  if (!control) return Failure(control.error());
  Reading reading{.configured = *control == "forceoff" ? "off" : *control};
  if (auto active = view.host.read_trimmed("/sys/devices/system/cpu/smt/active")) {
    reading.effective = *active == "1" ? "on" : "off";
    // Threads that are offline one by one do no harm, whatever the switch says.
    reading.effect_decides = true;
    if (*reading.effective != reading.configured) {
      reading.note = "the siblings' own online switches disagree with smt/control";
    }
  }
  return reading;
}

Expected<Reading> read_microcode(const HostView& view, const Setting& setting, const Target&) {
  if (view.inventory.topology.microcode.empty()) return not_here(setting, "not told by the CPU");
  return Reading{.configured = view.inventory.topology.microcode};
}

Expected<Reading> read_vulnerabilities(const HostView& view, const Setting& setting,
                                       const Target&) {
  const auto& all = view.inventory.kernel.vulnerabilities;
  if (all.empty()) return not_here(setting, "this kernel lists no vulnerabilities");
  std::string names;
  for (const probes::Vulnerability& one : all) {
    if (one.state.starts_with("Vulnerable")) names += (names.empty() ? "" : ",") + one.name;
  }
  return Reading{.configured = names.empty() ? "none open" : "vulnerable: " + names};
}

constexpr std::array<std::string_view, 2> kFrequencyWords{"hardware-max", "hardware-min"};
constexpr std::array<std::string_view, 1> kAfterGovernor{"cpu.governor"};
constexpr std::array<std::string_view, 1> kAfterMax{"cpu.max-frequency"};
constexpr std::array<std::string_view, 2> kIdleFiles{
    "/sys/devices/system/cpu/cpu{}/power/pm_qos_resume_latency_us",
    "/sys/devices/system/cpu/cpu{}/cpuidle/*/disable"};
constexpr std::array<std::string_view, 2> kBoostFiles{
    "/sys/devices/system/cpu/intel_pstate/no_turbo", "/sys/devices/system/cpu/cpufreq/boost"};
constexpr std::array<std::string_view, 1> kUncoreFiles{
    "/sys/devices/system/cpu/intel_uncore_frequency/{}/min_freq_khz"};
constexpr std::string_view kNoCpufreq = "no frequency scaling driver (cpufreq)";

const std::array kCpuRows{
    Setting{
        .id = "cpu.governor",
        .set_on = TargetKind::cpu,
        .where = "/sys/devices/system/cpu/cpu{}/cpufreq/scaling_governor",
        .reason = "Other governors lower the clock of a CPU that waits, and the next burst of work "
                  "starts slow.",
        .source = "Documentation/admin-guide/pm/cpufreq.rst",
        .low_latency = "performance",
        .throughput = "performance",
        .targets = scaled_cpus,
        .read = read_file,
        .not_applicable = kNoCpufreq,
        .plan = plan_file,
    },
    Setting{
        .id = "cpu.min-frequency",
        .kind = ValueKind::frequency,
        .unit = "kHz",
        .set_on = TargetKind::cpu,
        .where = "/sys/devices/system/cpu/cpu{}/cpufreq/scaling_min_freq",
        .reason = "A clock that never falls has no ramp to wait for.",
        .source = "Documentation/admin-guide/pm/cpufreq.rst",
        .low_latency = "hardware-max",
        .after = kAfterMax,
        .targets = scaled_cpus,
        .read = read_file,
        .not_applicable = kNoCpufreq,
        .words = kFrequencyWords,
        .meaning = frequency_meaning,
        .plan = plan_file,
    },
    Setting{
        .id = "cpu.max-frequency",
        .kind = ValueKind::frequency,
        .unit = "kHz",
        .set_on = TargetKind::cpu,
        .where = "/sys/devices/system/cpu/cpu{}/cpufreq/scaling_max_freq",
        .reason = "A cap below what the hardware can do slows every path.",
        .source = "Documentation/admin-guide/pm/cpufreq.rst",
        .low_latency = "at_least hardware-max",
        .throughput = "at_least hardware-max",
        .after = kAfterGovernor,
        .targets = scaled_cpus,
        .read = read_max_frequency,
        .not_applicable = kNoCpufreq,
        .words = kFrequencyWords,
        .meaning = frequency_meaning,
        .plan = plan_file,
    },
    Setting{
        .id = "cpu.energy-preference",
        .set_on = TargetKind::cpu,
        .where = "/sys/devices/system/cpu/cpu{}/cpufreq/energy_performance_preference",
        .reason = "Tells the hardware's own clock control to prefer speed over energy.",
        .source = "Documentation/admin-guide/pm/intel_pstate.rst",
        .low_latency = "performance",
        .throughput = "performance",
        .after = kAfterGovernor,
        .targets = energy_preference_cpus,
        .read = read_file,
        .not_applicable = "the clock driver offers no energy preference",
        .plan = plan_file,
        .moved_by = kAfterGovernor,
    },
    Setting{
        .id = "cpu.energy-bias",
        .kind = ValueKind::number,
        .set_on = TargetKind::cpu,
        .where = "/sys/devices/system/cpu/cpu{}/power/energy_perf_bias",
        .reason = "0 is fastest, 15 saves most; firmware often leaves 6.",
        .source = "Documentation/admin-guide/pm/intel_epb.rst",
        .low_latency = "at_most 0",
        .throughput = "at_most 0",
        .after = kAfterGovernor,
        .targets = energy_bias_cpus,
        .read = read_file,
        .not_applicable = "the CPU has no energy bias (flag epb)",
        .plan = plan_file,
        .moved_by = kAfterGovernor,
    },
    Setting{
        .id = "cpu.idle-exit-latency",
        .kind = ValueKind::duration,
        .unit = "us",
        .set_on = TargetKind::cpu,
        .where = "/sys/devices/system/cpu/cpu{}/power/pm_qos_resume_latency_us",
        .risk = Risk::medium,
        .reason =
            "The deepest idle state that a CPU may enter decides how late it wakes up; states "
            "are told apart by their exit latency, never by their number.",
        .source = "Documentation/admin-guide/pm/cpuidle.rst",
        .low_latency = "at_most 2us",
        .throughput = "at_most 10us",
        .targets = idling_cpus,
        .read = read_idle_exit,
        .not_applicable = "no idle states (cpuidle)",
        .plan = plan_idle_exit,
        .writes = kIdleFiles,
    },
    Setting{
        .id = "cpu.boost",
        .kind = ValueKind::flag,
        .where = "/sys/devices/system/cpu/cpufreq/boost or intel_pstate/no_turbo",
        .reason = "Boost shortens every path; switch it off only where an even pace matters more "
                  "than the shortest one.",
        .source = "Documentation/admin-guide/pm/cpufreq.rst",
        .low_latency = "on",
        .throughput = "on",
        .targets = host_with_boost,
        .read = read_boost,
        .not_applicable = "no boost switch",
        .plan = plan_boost,
        .writes = kBoostFiles,
    },
    Setting{
        .id = "cpu.smt",
        .where = "/sys/devices/system/cpu/smt/control",
        .disruption = Disruption::stall,
        .risk = Risk::medium,
        .reason =
            "A busy sibling takes half of the core, and its caches, from the thread beside it.",
        .source = "Documentation/ABI/testing/sysfs-devices-system-cpu",
        .low_latency = "off",
        .targets = host_with_smt,
        .read = read_smt,
        .not_applicable = "no SMT switch: one thread per core, or a kernel without smt/control",
        .plan = plan_file,
    },
    Setting{
        .id = "cpu.uncore-frequency",
        .kind = ValueKind::flag,
        .set_on = TargetKind::package,
        .where = "/sys/devices/system/cpu/intel_uncore_frequency/{}",
        .reason = "The clock of caches and memory controller falls when cores idle, and every miss "
                  "then costs more, unless lowest and highest are the same.",
        .source = "Documentation/admin-guide/pm/intel_uncore_frequency_scaling.rst",
        .low_latency = "yes",
        .targets = uncore_packages,
        .read = read_uncore,
        .not_applicable = "no uncore frequency driver",
        .plan = plan_uncore,
        .writes = kUncoreFiles,
    },
    Setting{
        .id = "cpu.microcode",
        .where = "/proc/cpuinfo",
        .privilege = Privilege::none,
        .lasting = Lasting::recorded,
        .reason =
            "Two hosts with different microcode are two different machines to a latency test.",
        .source = "Documentation/arch/x86/microcode.rst",
        .low_latency = "keep",
        .throughput = "keep",
        .targets = the_host,
        .read = read_microcode,
    },
    Setting{
        .id = "cpu.vulnerabilities",
        .where = "/sys/devices/system/cpu/vulnerabilities",
        .privilege = Privilege::none,
        .lasting = Lasting::recorded,
        .reason = "What the kernel guards against costs time on every entry; it is recorded beside "
                  "the results.",
        .source = "Documentation/admin-guide/hw-vuln/index.rst",
        .low_latency = "keep",
        .throughput = "keep",
        .targets = the_host,
        .read = read_vulnerabilities,
    },
};

}  // namespace

std::span<const Setting> cpu_settings() { return kCpuRows; }

}  // namespace assay::tuner
