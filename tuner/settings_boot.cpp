// Settings of the kernel's boot line: asked there, and in effect in the running kernel. Both must
// be as wanted: a word that the kernel refused is as bad as one that nobody wrote.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "core/units.hpp"
#include "tuner/areas.hpp"
#include "tuner/planners.hpp"
#include "tuner/readers.hpp"
#include "tuner/settings_more.hpp"
#include "tuner/text.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

struct BootCpus {
  std::string list;
  std::vector<std::string> flags;
};

// The CPU list of a boot word. Words before it are flags (isolcpus=managed_irq,domain,2-3);
// "all" and "N" stand for every and for the last CPU (kernel-parameters.rst, "cpu lists").
BootCpus boot_cpus(std::string_view value, const probes::Topology& topology) {
  BootCpus result;
  const std::string last = fmt::format("{}", topology.possible.last().value_or(0));
  std::string list;
  for (std::string_view part : split(value, ',')) {
    if (part == "all") {
      list += (list.empty() ? "" : ",") + std::string("0-") + last;
    } else if (!part.empty() && part.front() >= 'a' && part.front() <= 'z') {
      result.flags.emplace_back(part);
    } else if (!part.empty()) {
      std::string numbers(part);
      for (std::size_t at = numbers.find('N'); at != std::string::npos; at = numbers.find('N')) {
        numbers.replace(at, 1, last);
      }
      list += (list.empty() ? "" : ",") + numbers;
    }
  }
  auto cpus = CpuSet::parse_list(list);
  result.list = cpus ? show_cpus(*cpus) : list;
  return result;
}

Expected<Reading> cpu_list_reading(const HostView& view, std::string_view word,
                                   const CpuSet& effective) {
  auto ask = boot_ask(view, word);
  if (!ask) return Failure(ask.error());
  const probes::Topology& topology = view.inventory.topology;
  Reading reading = boot_reading(
      *ask, [&](std::string_view value) { return boot_cpus(value, topology).list; }, "none");
  reading.effective = show_cpus(effective);
  return reading;
}

Expected<Reading> read_isolcpus(const HostView& view, const Setting&, const Target&) {
  const probes::Topology& topology = view.inventory.topology;
  auto reading = cpu_list_reading(view, "isolcpus", topology.isolated);
  if (!reading || reading->configured == "none") return reading;
  auto ask = boot_ask(view, "isolcpus");
  const std::vector<std::string> flags = boot_cpus(ask->now.value_or(""), topology).flags;
  auto has = [&](std::string_view flag) { return std::ranges::find(flags, flag) != flags.end(); };
  if (!flags.empty() && !has("domain")) {
    reading->note = fmt::format("isolcpus={} without \"domain\" leaves the CPUs in the scheduler",
                                fmt::format("{},...", flags.front()));
  } else if (!has("managed_irq")) {
    reading->note = "without \"managed_irq\" drivers may still aim their interrupts there";
  }
  return reading;
}

std::vector<Target> host_with_nohz_full(const HostView& view) {
  return view.host.exists("/sys/devices/system/cpu/nohz_full") ? the_host(view)
                                                               : std::vector<Target>{};
}

Expected<Reading> read_nohz_full(const HostView& view, const Setting&, const Target&) {
  return cpu_list_reading(view, "nohz_full", view.inventory.topology.nohz_full);
}

// nohz_full moves RCU callbacks off its CPUs too, so what is in effect may be more than was asked.
Expected<Reading> read_rcu_nocbs(const HostView& view, const Setting&, const Target&) {
  auto reading = cpu_list_reading(view, "rcu_nocbs", CpuSet{});
  if (!reading) return reading;
  auto asked = parse_cpus(reading->configured);
  if (!asked) return Failure(asked.error());
  const CpuSet& nohz_full = view.inventory.topology.nohz_full;
  reading->effective = show_cpus(*asked | nohz_full);
  reading->effect_decides = true;
  if (!nohz_full.empty()) reading->note = "nohz_full implies rcu_nocbs for its CPUs";
  return reading;
}

Expected<Reading> read_irqaffinity(const HostView& view, const Setting& setting, const Target&) {
  const auto& in_effect = view.inventory.interrupts.default_affinity;
  if (!in_effect) return not_here(setting, "/proc/irq/default_smp_affinity is not there");
  auto reading = cpu_list_reading(view, "irqaffinity", *in_effect);
  // Without the word every CPU is asked, which is what the kernel then does.
  if (reading && reading->configured == "none") {
    reading->configured = show_cpus(view.inventory.topology.online);
  }
  return reading;
}

Expected<Reading> read_soft_watchdog(const HostView& view, const Setting& setting,
                                     const Target& target) {
  auto ask = boot_ask(view, "nosoftlockup");
  if (!ask) return Failure(ask.error());
  Reading reading = boot_reading(*ask, [](std::string_view) { return std::string("yes"); }, "no");
  auto running = view.host.read_trimmed(path_of(setting, target));
  if (!running) return Failure(running.error());
  reading.effective = yes_no(*running == "0");
  // Switched off at run time is as quiet as switched off at boot.
  reading.effect_decides = true;
  return reading;
}

Expected<Reading> read_nmi_watchdog(const HostView& view, const Setting& setting,
                                    const Target& target) {
  auto ask = boot_ask(view, "nmi_watchdog");
  if (!ask) return Failure(ask.error());
  Reading reading =
      boot_reading(*ask, [](std::string_view value) { return std::string(value); }, "unset");
  auto running = view.host.read_trimmed(path_of(setting, target));
  if (!running) return Failure(running.error());
  reading.effective = *running;
  reading.effect_decides = true;
  auto file = view.persisted.sysctl.find(sysctl_key(setting.where));
  if (file != view.persisted.sysctl.end()) {  // applied after the boot line, so it wins
    reading.later = file->second.value;
    reading.later_source = file->second.file;
  }
  return reading;
}

// "hugepagesz=1G hugepages=4 hugepages=512": each number belongs to the size before it, and a
// number without one to the default size. Only the default size's is this row's.
std::optional<std::string> default_size_pages(std::string_view line) {
  std::optional<Bytes> default_size, size;
  if (auto word = boot_word(line, "default_hugepagesz")) {
    if (auto bytes = parse_bytes(*word)) default_size = *bytes;
  }
  const Bytes wanted_size = default_size.value_or(2_MiB);
  std::optional<std::string> pages;
  for (const BootToken& token : boot_tokens(line)) {
    if (token.name == "hugepagesz") {
      auto bytes = parse_bytes(token.value);
      size = bytes ? std::optional(*bytes) : std::nullopt;
    } else if (token.name == "hugepages" && size.value_or(wanted_size) == wanted_size) {
      pages = token.value;
    }
  }
  return pages;
}

Expected<Reading> read_boot_huge_pages(const HostView& view, const Setting& setting,
                                       const Target& target) {
  auto line = running_boot_line(view);
  if (!line) return Failure(line.error());
  auto running = view.host.read_trimmed(path_of(setting, target));
  if (!running) return Failure(running.error());
  Reading reading{.configured = default_size_pages(*line).value_or("0"), .effective = *running};
  if (const auto& next = view.persisted.boot_line) {
    reading.later = default_size_pages(next->value);
    reading.later_source = next->file;
  }
  if (reading.configured != *reading.effective) {
    reading.note = "the pool was changed after the boot, or memory did not suffice";
  }
  return reading;
}

Expected<Reading> read_boot_thp(const HostView& view, const Setting& setting,
                                const Target& target) {
  auto ask = boot_ask(view, "transparent_hugepage");
  if (!ask) return Failure(ask.error());
  auto running = read_chosen(view, setting, target);
  if (!running) return running;
  Reading reading =
      boot_reading(*ask, [](std::string_view value) { return std::string(value); }, "unset");
  reading.effective = running->configured;
  return reading;
}

std::vector<Target> host_with_iommu(const HostView& view) {
  auto groups = view.host.list("/sys/kernel/iommu_groups");
  return groups && !groups->empty() ? the_host(view) : std::vector<Target>{};
}

// "pt" gives devices the identity domain; the groups tell what they have.
Expected<Reading> read_iommu(const HostView& view, const Setting& setting, const Target&) {
  auto ask = boot_ask(view, "iommu");
  if (!ask) return Failure(ask.error());
  auto groups = view.host.list("/sys/kernel/iommu_groups");
  if (!groups) return Failure(groups.error());
  Reading reading =
      boot_reading(*ask, [](std::string_view value) { return std::string(value); }, "unset");
  unsigned identity = 0, translated = 0;
  for (const std::string& group : *groups) {
    auto type = view.host.read_trimmed(fmt::format("/sys/kernel/iommu_groups/{}/type", group));
    if (!type) continue;
    (*type == "identity" ? identity : translated)++;
  }
  if (identity + translated == 0) return not_here(setting, "the IOMMU groups tell no type");
  reading.effective = translated == 0 ? "pt" : "translated";
  reading.note = fmt::format("{} of {} IOMMU groups pass through", identity, identity + translated);
  return reading;
}

// What every row of the boot line has in common.
constexpr Setting boot_row(std::string_view id, std::string_view where, ValueKind kind,
                           std::string_view reason) {
  return {.id = id,
          .kind = kind,
          .where = where,
          .disruption = Disruption::reboot,
          .risk = Risk::medium,
          .lasting = Lasting::boot_line,
          .reason = reason,
          .source = kKernelParameters,
          .targets = the_host,
          .read = read_boot_word};
}

constexpr Setting cpus_row(std::string_view id, std::string_view where, std::string_view value,
                           std::string_view reason, decltype(Setting::read) read) {
  Setting row = boot_row(id, where, ValueKind::cpu_list, reason);
  row.low_latency = value;
  row.read = read;
  return row;
}

constexpr Setting nohz_full() {
  Setting row = cpus_row("boot.nohz-full", "/sys/devices/system/cpu/nohz_full", "isolated",
                         "Stops the timer tick on a CPU that runs one task.", read_nohz_full);
  row.source = "Documentation/timers/no_hz.rst";
  row.targets = host_with_nohz_full;
  row.not_applicable = "no /sys/devices/system/cpu/nohz_full: a kernel without CONFIG_NO_HZ_FULL";
  return row;
}

constexpr Setting effect_row(std::string_view id, std::string_view where, ValueKind kind,
                             std::string_view reason, std::string_view low_latency,
                             decltype(Setting::read) read) {
  Setting row = boot_row(id, where, kind, reason);
  row.low_latency = low_latency;
  row.read = read;
  return row;
}

constexpr Setting word_row(std::string_view id, std::string_view where, ValueKind kind,
                           std::string_view reason, std::string_view low_latency) {
  return effect_row(id, where, kind, reason, low_latency, read_boot_word);
}

constexpr std::array<std::string_view, 2> kSoftWatchdog{"/proc/sys/kernel/soft_watchdog",
                                                        "/proc/sys/kernel/watchdog"};
constexpr std::array<std::string_view, 2> kNmiWatchdog{"/proc/sys/kernel/nmi_watchdog",
                                                       "/proc/sys/kernel/watchdog"};

// Asked for at boot, and a switch of the running kernel too.
constexpr Setting watchdog(Setting row, std::span<const std::string_view> writes) {
  row.disruption = Disruption::none;
  row.plan = plan_watchdog;
  row.writes = writes;
  return row;
}

constexpr Setting kept_row(std::string_view id, std::string_view where, std::string_view reason) {
  Setting row = boot_row(id, where, ValueKind::word, reason);
  row.low_latency = row.throughput = "keep";
  row.risk = Risk::high;
  row.lasting = Lasting::recorded;
  return row;
}

constexpr Setting transparent_hugepage() {
  Setting row = effect_row(
      "boot.transparent-hugepage", "/sys/kernel/mm/transparent_hugepage/enabled", ValueKind::word,
      "Set from the first page on, before any program can have huge ones.", "never", read_boot_thp);
  row.throughput = "madvise";
  row.source = "Documentation/admin-guide/mm/transhuge.rst";
  return row;
}

constexpr Setting iommu() {
  Setting row = effect_row("boot.iommu", "/sys/kernel/iommu_groups/*/type", ValueKind::word,
                           "Passing DMA through saves the host's own drivers a translation and its "
                           "flush for every buffer.",
                           "pt", read_iommu);
  row.throughput = "pt";
  row.targets = host_with_iommu;
  row.not_applicable = "no IOMMU";
  return row;
}

const std::array kBootLineRows{
    cpus_row("boot.isolcpus", "/sys/devices/system/cpu/isolated", "isolated",
             "Keeps the scheduler from placing other work on the isolated CPUs.", read_isolcpus),
    nohz_full(),
    cpus_row("boot.rcu-nocbs", "rcu_nocbs=", "isolated",
             "Moves the kernel's deferred frees off the isolated CPUs.", read_rcu_nocbs),
    cpus_row("boot.irqaffinity", "/proc/irq/default_smp_affinity", "housekeeping",
             "Interrupts start on housekeeping CPUs before anything can move them.",
             read_irqaffinity),
    word_row("boot.skew-tick", "skew_tick=", ValueKind::word,
             "Ticks of all CPUs at one instant fight for the same locks.", "1"),
    watchdog(
        effect_row("boot.nosoftlockup", "/proc/sys/kernel/soft_watchdog", ValueKind::flag,
                   "The soft-lockup watchdog runs a thread on every CPU, and calls a busy polling "
                   "loop a lockup.",
                   "yes", read_soft_watchdog),
        kSoftWatchdog),
    watchdog(
        effect_row("boot.nmi-watchdog", "/proc/sys/kernel/nmi_watchdog", ValueKind::word,
                   "The hard-lockup watchdog interrupts every CPU and takes one of its counters.",
                   "0", read_nmi_watchdog),
        kNmiWatchdog),
    word_row("boot.tsc", "tsc=", ValueKind::word,
             "Stops the kernel from checking, and perhaps giving up, a clock known to be good.",
             "reliable"),
    effect_row("boot.hugepages", "/proc/sys/vm/nr_hugepages", ValueKind::number,
               "Huge pages taken at boot, when memory is still in one piece.", "",
               read_boot_huge_pages),
    transparent_hugepage(),
    iommu(),
    kept_row("boot.mitigations", "mitigations=",
             "Guards against CPU flaws cost time on every entry to the kernel; they are only ever "
             "recorded."),
    kept_row("boot.audit", "audit=",
             "Auditing adds work to every system call; it is a matter of policy, so it is only "
             "recorded."),
};

}  // namespace

std::span<const Setting> boot_settings() { return kBootLineRows; }

}  // namespace assay::tuner
