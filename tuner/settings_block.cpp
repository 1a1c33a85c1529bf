// Settings of drives: the block layer's queue, NVMe power states, where the drive sits.
#include <fmt/core.h>

#include <array>

#include "tuner/areas.hpp"
#include "tuner/planners.hpp"
#include "tuner/readers.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

// Some queue files exist for every drive and answer EINVAL where the driver lacks the feature.
Expected<Reading> read_optional_file(const HostView& view, const Setting& setting,
                                     const Target& target) {
  auto reading = read_file(view, setting, target);
  if (!reading && reading.error().code == ErrorCode::invalid) {
    return not_here(setting, "the drive's queue does not have it");
  }
  return reading;
}

std::vector<Target> host_with_nvme(const HostView& view) {
  return view.inventory.nvme.empty() ? std::vector<Target>{} : the_host(view);
}

// The module's bound for new controllers, and what this controller was given.
Expected<Reading> read_apst(const HostView& view, const Setting& setting, const Target& target) {
  auto asked = view.host.read_trimmed("/sys/module/nvme_core/parameters/default_ps_max_latency_us");
  if (!asked) return Failure(asked.error());
  Reading reading{.configured = with_unit(setting.kind, setting.unit, *asked)};
  auto own = view.host.read_trimmed(path_of(setting, target));
  if (own) {
    reading.effective = with_unit(setting.kind, setting.unit, *own == "auto" ? *asked : *own);
    reading.effect_decides = true;
  }
  auto next = view.persisted.modules.find("nvme_core.default_ps_max_latency_us");
  if (next != view.persisted.modules.end()) {
    reading.later = with_unit(setting.kind, setting.unit, next->second.value);
    reading.later_source = next->second.file;
  }
  return reading;
}

Expected<Reading> read_poll_queues(const HostView& view, const Setting& setting,
                                   const Target& target) {
  auto reading = read_file(view, setting, target);
  if (!reading) return reading;
  auto next = view.persisted.modules.find("nvme.poll_queues");
  if (next == view.persisted.modules.end()) return reading;
  reading->effective = reading->configured;
  reading->configured = next->second.value;
  reading->effect_decides = true;
  reading->later = next->second.value;
  reading->later_source = next->second.file;
  return reading;
}

constexpr std::string_view kQueueSysfs = "Documentation/ABI/stable/sysfs-block";
constexpr std::string_view kNoDrive = "no physical drive";
constexpr std::array<std::string_view, 1> kAfterScheduler{"block.scheduler"};

// What every row of a drive's queue has in common; the rest is set by name.
constexpr Setting queue_row(std::string_view id, std::string_view where, ValueKind kind,
                            std::string_view unit) {
  return {.id = id,
          .kind = kind,
          .unit = unit,
          .set_on = TargetKind::drive,
          .where = where,
          .lasting = Lasting::udev,
          .source = kQueueSysfs,
          .targets = physical_drives,
          .read = read_file,
          .not_applicable = kNoDrive,
          .plan = plan_file};
}

constexpr Setting scheduler() {
  Setting row = queue_row("block.scheduler", "/sys/block/{}/queue/scheduler", ValueKind::word, "");
  row.reason = "A fast drive orders its own queue; a scheduler in front only adds work and locks.";
  row.low_latency = row.throughput = "none";
  row.disruption = Disruption::stall;
  row.source = "Documentation/block/switching-sched.rst";
  row.read = read_chosen;
  row.plan = plan_chosen;
  return row;
}

constexpr Setting nomerges() {
  Setting row = queue_row("block.nomerges", "/sys/block/{}/queue/nomerges", ValueKind::number, "");
  row.reason = "Random requests never merge; looking for neighbours is wasted on each of them.";
  row.low_latency = row.throughput = "2";
  return row;
}

constexpr Setting rq_affinity() {
  Setting row =
      queue_row("block.rq-affinity", "/sys/block/{}/queue/rq_affinity", ValueKind::number, "");
  row.reason = "2 finishes a request on the very CPU that asked for it, where its data is warm.";
  row.low_latency = row.throughput = "2";
  return row;
}

constexpr Setting nr_requests() {
  Setting row =
      queue_row("block.nr-requests", "/sys/block/{}/queue/nr_requests", ValueKind::number, "");
  row.reason = "Deep queues need as many requests; a change of scheduler resets the number.";
  row.throughput = "at_least 256";
  row.disruption = Disruption::stall;
  row.after = row.moved_by = kAfterScheduler;
  return row;
}

constexpr Setting io_poll() {
  Setting row = queue_row("block.io-poll", "/sys/block/{}/queue/io_poll", ValueKind::flag, "");
  row.reason =
      "Polled completions need a drive with poll queues; the file only tells, the driver's "
      "poll_queues decides.";
  row.lasting = Lasting::modprobe;
  row.disruption = Disruption::driver_reload;
  row.plan = nullptr;
  return row;
}

constexpr Setting add_random() {
  Setting row =
      queue_row("block.add-random", "/sys/block/{}/queue/add_random", ValueKind::flag, "");
  row.reason = "Feeding the random pool from each completion costs time on each of them.";
  row.low_latency = row.throughput = "0";
  return row;
}

constexpr Setting iostats() {
  Setting row = queue_row("block.iostats", "/sys/block/{}/queue/iostats", ValueKind::flag, "");
  row.reason = "Counting every request takes two time stamps a request; monitoring loses its data.";
  row.low_latency = row.throughput = "0";
  row.risk = Risk::medium;
  return row;
}

constexpr Setting wbt() {
  Setting row =
      queue_row("block.wbt", "/sys/block/{}/queue/wbt_lat_usec", ValueKind::duration, "us");
  row.reason = "Writeback throttling holds writers back to protect readers of slow drives.";
  row.low_latency = row.throughput = "0us";
  row.after = row.moved_by = kAfterScheduler;
  row.read = read_optional_file;
  return row;
}

constexpr Setting read_ahead() {
  Setting row =
      queue_row("block.read-ahead", "/sys/block/{}/queue/read_ahead_kb", ValueKind::bytes, "KiB");
  row.reason = "Reading ahead of random reads fills the drive's queue with data nobody wants.";
  row.throughput = "at_most 128KiB";
  return row;
}

constexpr Setting write_cache() {
  Setting row =
      queue_row("block.write-cache", "/sys/block/{}/queue/write_cache", ValueKind::word, "");
  row.reason =
      "Telling the kernel that there is no cache, when there is one, loses data on power "
      "failure: it is recorded and never changed.";
  row.low_latency = row.throughput = "keep";
  row.risk = Risk::high;
  row.lasting = Lasting::recorded;
  row.plan = nullptr;
  return row;
}

const std::array kBlockRows{
    scheduler(),
    nomerges(),
    rq_affinity(),
    nr_requests(),
    io_poll(),
    add_random(),
    iostats(),
    wbt(),
    read_ahead(),
    write_cache(),
    Setting{
        .id = "block.apst",
        .kind = ValueKind::duration,
        .unit = "us",
        .set_on = TargetKind::drive,
        .where = "/sys/class/nvme/{}/power/pm_qos_latency_tolerance_us",
        .lasting = Lasting::modprobe,
        .reason = "A drive that may sleep when idle answers the first request late by its wake-up.",
        .source = "Documentation/admin-guide/kernel-parameters.txt "
                  "(nvme_core.default_ps_max_latency_us)",
        .low_latency = "at_most 0us",
        .targets = nvme_controllers,
        .read = read_apst,
        .not_applicable = "no NVMe controller",
        .plan = plan_file,
    },
    Setting{
        .id = "block.nvme-poll-queues",
        .kind = ValueKind::number,
        .where = "/sys/module/nvme/parameters/poll_queues",
        .disruption = Disruption::driver_reload,
        .risk = Risk::medium,
        .lasting = Lasting::modprobe,
        .reason = "Queues without interrupts, for programs that poll for their completions.",
        .source = "modinfo nvme (poll_queues)",
        .targets = host_with_nvme,
        .read = read_poll_queues,
        .not_applicable = "no NVMe controller",
    },
    Setting{
        .id = "block.pcie-link",
        .kind = ValueKind::flag,
        .set_on = TargetKind::drive,
        .where = "/sys/bus/pci/devices/*/current_link_speed, current_link_width",
        .lasting = Lasting::recorded,
        .reason = "A link that trained below what card and slot can do halves the bandwidth, and "
                  "nothing says so.",
        .source = "Documentation/ABI/testing/sysfs-bus-pci",
        .low_latency = "yes",
        .throughput = "yes",
        .targets = physical_drives,
        .read = read_link_full,
        .not_applicable = kNoDrive,
    },
    Setting{
        .id = "block.numa-node",
        .kind = ValueKind::flag,
        .set_on = TargetKind::drive,
        .where = "/sys/bus/pci/devices/*/numa_node",
        .lasting = Lasting::recorded,
        .reason = "A drive on another node than the CPUs that use it pays the way between the "
                  "sockets on each request.",
        .source = "Documentation/ABI/testing/sysfs-bus-pci",
        .low_latency = "yes",
        .throughput = "yes",
        .targets = physical_drives,
        .read = read_near,
        .not_applicable = kNoDrive,
    },
};

}  // namespace

std::span<const Setting> block_settings() { return kBlockRows; }

}  // namespace assay::tuner
