// Rows that tell by effect: interrupts that come, threads that may run, clocks that are right.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "core/units.hpp"
#include "tuner/areas.hpp"
#include "tuner/kernel_threads.hpp"
#include "tuner/planners.hpp"
#include "tuner/readers.hpp"
#include "tuner/settings_more.hpp"
#include "tuner/text.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

// The profile's isolated CPUs, else those that the kernel isolates now.
CpuSet isolated_cpus(const HostView& view) {
  const auto role = view.roles.find("isolated");
  return role != view.roles.end() ? role->second : view.inventory.topology.isolated;
}

std::vector<Target> isolated_targets(const HostView& view) {
  const CpuSet isolated = isolated_cpus(view);
  std::vector<Target> targets = online_cpus(view);
  std::erase_if(targets, [&](const Target& target) {
    const auto cpu = CpuSet::parse_list(target.local);
    return !cpu || !cpu->is_subset_of(isolated);
  });
  return targets;
}

// The column of a CPU in the table of interrupts.
std::optional<std::size_t> column_of(const probes::Interrupts& interrupts, const Target& target) {
  for (std::size_t i = 0; i < interrupts.cpus.size(); ++i) {
    if (fmt::format("{}", interrupts.cpus[i].value) == target.local) return i;
  }
  return std::nullopt;
}

std::string rate_text(double per_second) { return fmt::format("{:.1f}", per_second); }

// Interrupts of devices on one CPU, with the busiest by name.
Expected<Reading> read_irq_rate(const HostView& view, const Setting& setting,
                                const Target& target) {
  const probes::Interrupts& interrupts = view.inventory.interrupts;
  if (interrupts.window.count() == 0) {
    return not_here(setting, "interrupts were not counted: check with --window 1s");
  }
  const auto column = column_of(interrupts, target);
  if (!column) return not_here(setting, "the CPU counts no interrupts");
  double sum = 0;
  double most = 0;
  const probes::Irq* busiest = nullptr;
  for (const probes::Irq& irq : interrupts.irqs) {
    if (*column >= irq.rates.size()) continue;
    const double rate = irq.rates[*column];
    sum += rate;
    if (rate > most) {
      most = rate;
      busiest = &irq;
    }
  }
  Reading reading{.configured = rate_text(sum)};
  if (busiest != nullptr && !busiest->actions.empty()) {
    reading.note =
        fmt::format("a second; most from {} (IRQ {})", busiest->actions.front(), busiest->number);
  }
  return reading;
}

// The timer's own: with nohz_full about one a second while one task runs.
Expected<Reading> read_tick_rate(const HostView& view, const Setting& setting,
                                 const Target& target) {
  const probes::Interrupts& interrupts = view.inventory.interrupts;
  if (interrupts.window.count() == 0) {
    return not_here(setting, "interrupts were not counted: check with --window 1s");
  }
  const auto column = column_of(interrupts, target);
  const auto timer = interrupts.named_rates.find("LOC");
  if (!column || timer == interrupts.named_rates.end() || *column >= timer->second.size()) {
    return not_here(setting, "the kernel counts no timer interrupts (LOC)");
  }
  return Reading{.configured = rate_text(timer->second[*column]), .note = "timer ticks a second"};
}

constexpr Setting rate_row(std::string_view id, std::string_view where, std::string_view wanted,
                           std::string_view reason, decltype(Setting::read) read) {
  return {.id = id,
          .kind = ValueKind::number,
          .set_on = TargetKind::cpu,
          .where = where,
          .privilege = Privilege::none,
          .lasting = Lasting::recorded,
          .reason = reason,
          .source = "proc(5), /proc/interrupts",
          .low_latency = wanted,
          .targets = isolated_targets,
          .read = read,
          .not_applicable = "no CPU is isolated, and the profile isolates none"};
}

const std::array kIrqRateRows{
    rate_row("irq.isolated-rate", "/proc/interrupts, twice", "at_most 1",
             "Affinities only ask; what counts is that no device interrupts an isolated CPU.",
             read_irq_rate),
    rate_row("irq.isolated-ticks", "/proc/interrupts: LOC, twice", "at_most 10",
             "A tick takes the CPU for microseconds, a thousand times a second.", read_tick_rate),
};

// Where new kernel threads start, and where those that can be moved may run.
Expected<Reading> read_kernel_threads(const HostView& view, const Setting& setting, const Target&) {
  auto threads = movable_kernel_threads(view.host);
  if (!threads) return Failure(threads.error());
  if (threads->movable == 0) return not_here(setting, "no kernel thread is to be seen");
  Reading reading{.configured = show_cpus(threads->new_ones), .effective = show_cpus(threads->all)};
  reading.note = fmt::format("{} of the kernel's threads can be moved", threads->movable);
  const CpuSet isolated = isolated_cpus(view);
  for (const KernelThread& thread : threads->threads) {
    if (!thread.cpus.intersects(isolated)) continue;
    reading.note += fmt::format("; {} ({}) may run on {}", thread.name, thread.pid,
                                show_cpus(thread.cpus & isolated));
    break;
  }
  return reading;
}

constexpr std::array<std::string_view, 1> kThreadRequest{"thread.affinity"};
// The kernel places its own threads anew when a partition comes or goes (cpuset.c,
// update_tasks_cpumask).
constexpr std::array<std::string_view, 1> kMovedByPartition{"scheduler.cpuset-partition"};

const std::array kKernelThreadRows{Setting{
    .id = "scheduler.kernel-threads",
    .kind = ValueKind::cpu_list,
    .where = "/proc/*/status: Cpus_allowed_list of kernel threads",
    .reason = "Threads of the kernel that may run anywhere run on an isolated CPU as well.",
    .source = "Documentation/admin-guide/kernel-per-CPU-kthreads.rst",
    .low_latency = "at_most housekeeping",
    .after = kMovedByPartition,
    .targets = the_host,
    .read = read_kernel_threads,
    .plan = plan_kernel_threads,
    .writes = kThreadRequest,
    .moved_by = kMovedByPartition,
}};

Expected<Reading> read_default_page(const HostView& view, const Setting& setting, const Target&) {
  auto ask = boot_ask(view, "default_hugepagesz");
  if (!ask) return Failure(ask.error());
  const Bytes running = view.inventory.memory.default_huge_page;
  if (running.count == 0) return not_here(setting, "the kernel has no huge pages");
  const auto show = [](std::string_view value) {
    auto bytes = parse_bytes(value);
    return bytes ? format_bytes(*bytes) : std::string(value);
  };
  Reading reading = boot_reading(*ask, show, format_bytes(running));
  reading.effective = format_bytes(running);
  reading.effect_decides = true;
  return reading;
}

// kthread_cpus= is a patch of some vendors' kernels: a word that nobody reads changes nothing, so
// its effect is asked for.
Expected<Reading> read_kthread_word(const HostView& view, const Setting& setting, const Target&) {
  auto ask = boot_ask(view, "kthread_cpus");
  if (!ask) return Failure(ask.error());
  Reading reading =
      boot_reading(*ask, [](std::string_view value) { return std::string(value); }, "unset");
  if (!ask->now) return reading;
  auto threads = movable_kernel_threads(view.host);
  if (!threads) return Failure(threads.error());
  if (threads->new_ones.empty()) return not_here(setting, "the thread kthreadd is not to be seen");
  const auto asked = CpuSet::parse_list(*ask->now);
  const bool works = asked && threads->new_ones.is_subset_of(*asked);
  reading.effective = show_cpus(threads->new_ones);
  reading.note = works ? "kthreadd runs where the word says"
                       : "this kernel does not read the word: kthreadd may run elsewhere";
  return reading;
}

const std::array kBootPageRows{
    Setting{
        .id = "boot.default-hugepagesz",
        .kind = ValueKind::bytes,
        .where = "default_hugepagesz=",
        .disruption = Disruption::reboot,
        .risk = Risk::medium,
        .lasting = Lasting::boot_line,
        .reason = "What a program gets that asks for huge pages and names no size.",
        .source = kKernelParameters,
        .low_latency = "keep",
        .throughput = "keep",
        .targets = the_host,
        .read = read_default_page,
    },
    Setting{
        .id = "boot.kthread-cpus",
        .where = "kthread_cpus=",
        .disruption = Disruption::reboot,
        .risk = Risk::medium,
        .lasting = Lasting::recorded,
        .reason = "Only some vendors' kernels know this word, so its effect is looked at, and "
                  "nothing relies on it.",
        .source = "scheduler.kernel-threads tells the effect",
        .low_latency = "keep",
        .throughput = "keep",
        .targets = the_host,
        .read = read_kthread_word,
    },
};

Expected<Reading> read_offset(const HostView& view, const Setting& setting, const Target&) {
  const probes::TimeSync& time = view.inventory.time;
  if (!time.offset_ns) return not_here(setting, "the kernel does not tell its clock's state");
  if (time.synchronized == std::optional(false)) {
    // Zero is then only what nobody has measured.
    return Reading{.configured = "unlimited", .note = "nothing synchronizes the clock"};
  }
  const std::int64_t offset = *time.offset_ns;
  Reading reading{.configured = format_duration(Nanoseconds(offset < 0 ? -offset : offset))};
  if (time.estimated_error_us) {
    reading.note = fmt::format("estimated error {} us, at most {} us", *time.estimated_error_us,
                               time.maximum_error_us.value_or(0));
  }
  return reading;
}

const std::array kTimeOffsetRows{Setting{
    .id = "time.offset",
    .kind = ValueKind::duration,
    .where = "adjtimex(2): offset",
    .privilege = Privilege::none,
    .lasting = Lasting::recorded,
    .reason = "How far the clock still is from what chrony, NTP or PTP tell it.",
    .source = "adjtimex(2)",
    .low_latency = "at_most 100us",
    .throughput = "at_most 100ms",
    .targets = the_host,
    .read = read_offset,
}};

Expected<Reading> read_board_firmware(const HostView& view, const Setting& setting, const Target&) {
  const probes::Environment& environment = view.inventory.environment;
  if (environment.bios_version.empty()) return not_here(setting, "the firmware tells no version");
  Reading reading{.configured = environment.bios_version};
  if (!environment.product_name.empty()) reading.note = "of " + environment.product_name;
  return reading;
}

std::vector<Target> cpus_with_a_clock(const HostView& view) {
  std::vector<Target> targets = online_cpus(view);
  std::erase_if(targets, [&](const Target& target) {
    const probes::Cpu* cpu = cpu_of(view, target);
    return cpu == nullptr || !cpu->frequency || !cpu->frequency->current_khz;
  });
  return targets;
}

Expected<Reading> read_actual_frequency(const HostView& view, const Setting& setting,
                                        const Target& target) {
  const probes::Cpu* cpu = cpu_of(view, target);
  if (cpu == nullptr || !cpu->frequency || !cpu->frequency->current_khz) {
    return not_here(setting, "the driver tells no clock");
  }
  const std::string khz = fmt::format("{}", *cpu->frequency->current_khz);
  return Reading{.configured = with_unit(setting.kind, setting.unit, khz),
                 .note = "as the driver measured it last"};
}

// What the CPU promises without boost; where the driver does not tell, its lowest clock.
Expected<std::string> base_clock(const HostView& view, const Target& target,
                                 std::string_view wanted) {
  const probes::Cpu* cpu = cpu_of(view, target);
  if (wanted != "hardware-base" || cpu == nullptr || !cpu->frequency) return std::string(wanted);
  const auto base = view.host.read_uint(
      fmt::format("/sys/devices/system/cpu/cpu{}/cpufreq/base_frequency", target.local));
  return with_unit(ValueKind::frequency, "kHz",
                   fmt::format("{}", base ? *base : cpu->frequency->hardware_min_khz));
}

constexpr std::array<std::string_view, 1> kBaseWord{"hardware-base"};

const std::array kClockRows{Setting{
    .id = "cpu.actual-frequency",
    .kind = ValueKind::frequency,
    .unit = "kHz",
    .set_on = TargetKind::cpu,
    .where = "/sys/devices/system/cpu/cpu{}/cpufreq/scaling_cur_freq",
    .privilege = Privilege::none,
    .lasting = Lasting::recorded,
    .reason = "Heat, power limits and firmware slow a CPU down, whatever its governor asks for.",
    .source = "Documentation/admin-guide/pm/cpufreq.rst",
    .low_latency = "at_least hardware-base",
    .targets = cpus_with_a_clock,
    .read = read_actual_frequency,
    .not_applicable = "no CPU tells the clock that it runs at",
    .words = kBaseWord,
    .meaning = base_clock,
}};

const std::array kCpuFirmwareRows{Setting{
    .id = "cpu.firmware",
    .where = "/sys/class/dmi/id/bios_version",
    .privilege = Privilege::none,
    .lasting = Lasting::recorded,
    .reason = "Firmware sets clocks, idle states and interrupts of its own (SMIs), and an update "
              "changes them.",
    .source = "Documentation/ABI/testing/sysfs-class-dmi",
    .low_latency = "keep",
    .throughput = "keep",
    .targets = the_host,
    .read = read_board_firmware,
}};

}  // namespace

std::span<const Setting> cpu_clock_settings() { return kClockRows; }
std::span<const Setting> cpu_firmware_settings() { return kCpuFirmwareRows; }
std::span<const Setting> irq_rate_settings() { return kIrqRateRows; }
std::span<const Setting> boot_page_settings() { return kBootPageRows; }
std::span<const Setting> scheduler_thread_settings() { return kKernelThreadRows; }
std::span<const Setting> time_offset_settings() { return kTimeOffsetRows; }

}  // namespace assay::tuner
