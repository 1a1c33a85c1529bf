// Settings of the scheduler: what else may run on a CPU, and how real time is bounded.
#include <fmt/core.h>

#include <array>

#include "tuner/areas.hpp"
#include "tuner/planners.hpp"
#include "tuner/readers.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

constexpr std::string_view kWorkqueue = "/sys/devices/virtual/workqueue/";

// The kernel takes the isolated CPUs out of what was asked for.
Expected<Reading> read_workqueue(const HostView& view, const Setting& setting,
                                 const Target& target) {
  auto in_effect = read_mask(view, setting, target);
  if (!in_effect) return in_effect;
  auto text = view.host.read_trimmed(std::string(kWorkqueue) + "cpumask_requested");
  if (!text) return in_effect;  // before Linux 6.9 there is one mask
  auto asked = CpuSet::parse_mask(*text);
  if (!asked) return Failure(asked.error());
  Reading reading{
      .configured = show_cpus(*asked), .effective = in_effect->configured, .effect_decides = true};
  if (reading.configured != *reading.effective) {
    reading.note = "the kernel leaves isolated CPUs out of the mask that was asked for";
  }
  return reading;
}

// A partition may be asked for and refused: its file then says "isolated invalid (reason)".
Expected<Reading> read_partitions(const HostView& view, const Setting& setting, const Target&) {
  static constexpr std::string_view kRoot = "/sys/fs/cgroup";
  auto groups = view.host.list(kRoot);
  if (!groups) return Failure(groups.error());
  CpuSet asked, in_effect;
  std::string note;
  for (const std::string& group : *groups) {
    const std::string folder = fmt::format("{}/{}/", kRoot, group);
    auto state = view.host.read_trimmed(folder + "cpuset.cpus.partition");
    if (!state || !state->starts_with("isolated")) continue;
    auto wanted = view.host.read_trimmed(folder + "cpuset.cpus");
    if (!wanted) return Failure(wanted.error());
    auto cpus = CpuSet::parse_list(*wanted);
    if (!cpus) return Failure(cpus.error());
    asked = asked | *cpus;
    if (*state == "isolated") {
      in_effect = in_effect | *cpus;
    } else {
      note = fmt::format("{}: {}", group, *state);
    }
  }
  if (!view.host.exists(std::string(kRoot) + "/cgroup.controllers")) {
    return not_here(setting, "no cgroup v2 hierarchy");
  }
  return Reading{
      .configured = show_cpus(asked), .effective = show_cpus(in_effect), .note = std::move(note)};
}

Expected<Reading> read_realtime(const HostView& view, const Setting& setting, const Target&) {
  const probes::Kernel& kernel = view.inventory.kernel;
  if (kernel.release.empty()) return not_here(setting, "the kernel's release is not known");
  return Reading{
      .configured = yes_no(kernel.realtime),
      .note = kernel.preempt_model.empty() ? "" : "the kernel is " + kernel.preempt_model};
}

constexpr std::string_view kKernelSysctl = "Documentation/admin-guide/sysctl/kernel.rst";

const std::array kSchedulerRows{
    Setting{
        .id = "scheduler.workqueue-cpumask",
        .kind = ValueKind::cpu_list,
        .where = "/sys/devices/virtual/workqueue/cpumask",
        .reason = "The kernel's own deferred work runs on any CPU of this mask.",
        .source = "Documentation/core-api/workqueue.rst",
        .low_latency = "at_most housekeeping",
        .targets = the_host,
        .read = read_workqueue,
        .plan = plan_workqueue,
    },
    Setting{
        .id = "scheduler.rt-runtime",
        .kind = ValueKind::duration,
        .unit = "us",
        .where = "/proc/sys/kernel/sched_rt_runtime_us",
        .risk = Risk::high,
        .lasting = Lasting::sysctl,
        .reason = "Real-time tasks that use their share are stopped for the rest of the period; "
                  "unlimited never stops them, and a loop then owns its CPU.",
        .source = "Documentation/scheduler/sched-rt-group.rst",
        .low_latency = "unlimited",
        .targets = the_host,
        .read = read_sysctl,
        .plan = plan_file,
    },
    Setting{
        .id = "scheduler.timer-migration",
        .kind = ValueKind::number,
        .where = "/proc/sys/kernel/timer_migration",
        .lasting = Lasting::sysctl,
        .reason = "Timers of idle CPUs move to busy ones, which then run other CPUs' work.",
        .source = kKernelSysctl,
        .low_latency = "0",
        .targets = the_host,
        .read = read_sysctl,
        .plan = plan_file,
    },
    Setting{
        .id = "scheduler.autogroup",
        .kind = ValueKind::number,
        .where = "/proc/sys/kernel/sched_autogroup_enabled",
        .lasting = Lasting::sysctl,
        .reason = "Grouping by session makes a nice value mean something else in each terminal.",
        .source = "sched(7)",
        .low_latency = "0",
        .targets = the_host,
        .read = read_sysctl,
        .plan = plan_file,
    },
    Setting{
        .id = "scheduler.fair-server",
        .kind = ValueKind::duration,
        .unit = "ns",
        .set_on = TargetKind::cpu,
        .where = "/sys/kernel/debug/sched/fair_server/cpu{}/runtime",
        .risk = Risk::high,
        .reason = "Reserves time for ordinary tasks on a CPU that real-time tasks fill; 0 gives "
                  "them none.",
        .source = "Documentation/scheduler/sched-deadline.rst",
        .targets = online_cpus,
        .read = read_file,
        .plan = plan_file,
    },
    Setting{
        .id = "scheduler.cpuset-partition",
        .kind = ValueKind::cpu_list,
        .where = "/sys/fs/cgroup/*/cpuset.cpus.partition",
        .risk = Risk::medium,
        .reason = "An isolated partition takes CPUs from the scheduler at run time, without a "
                  "reboot.",
        .source = "Documentation/admin-guide/cgroup-v2.rst",
        .targets = the_host,
        .read = read_partitions,
    },
    Setting{
        .id = "scheduler.realtime-kernel",
        .kind = ValueKind::flag,
        .where = "/sys/kernel/realtime",
        .disruption = Disruption::reboot,
        .risk = Risk::medium,
        .lasting = Lasting::recorded,
        .reason = "Only a PREEMPT_RT kernel bounds how long it holds a task that is ready to run.",
        .source = "Documentation/core-api/real-time/theory.rst",
        .targets = the_host,
        .read = read_realtime,
    },
};

}  // namespace

std::span<const Setting> scheduler_settings() { return kSchedulerRows; }

}  // namespace assay::tuner
