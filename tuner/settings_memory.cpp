// Settings of memory: page sizes, reclaim, and the kernel's background work on it.
#include <fmt/core.h>

#include <array>
#include <cmath>

#include "core/units.hpp"
#include "tuner/areas.hpp"
#include "tuner/planners.hpp"
#include "tuner/readers.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

// vm.nr_hugepages: the kernel takes a request and gives what contiguous memory there is.
Expected<Reading> read_huge_pages(const HostView& view, const Setting& setting,
                                  const Target& target) {
  auto reading = read_sysctl(view, setting, target);
  if (!reading || !reading->later) return reading;
  reading->later_at_boot = false;
  if (*reading->effective != reading->configured) {
    reading->note = fmt::format(
        "{} asks {}, the kernel gave {}: memory is in pieces, or the file "
        "was not applied yet",
        reading->later_source, reading->configured, *reading->effective);
  }
  return reading;
}

template <unsigned kSizeKiB>
std::vector<Target> nodes_with_size(const HostView& view) {
  std::vector<Target> targets = nodes(view);
  std::erase_if(targets, [&](const Target& target) {
    return !view.host.exists(fmt::format("/sys/devices/system/node/node{}/hugepages/hugepages-{}kB",
                                         target.local, kSizeKiB));
  });
  return targets;
}

Expected<Reading> read_swap(const HostView& view, const Setting& setting, const Target&) {
  // A host that tells no memory at all tells nothing about swap either.
  if (view.inventory.memory.total.count == 0)
    return not_here(setting, "/proc/meminfo is not there");
  return Reading{.configured = format_bytes(view.inventory.memory.swap_total)};
}

// dirty_bytes 0 means that the ratio of the same name is in force, a share of available memory.
// That changes all the time; what it can grow to is a share of the whole, and the same tomorrow.
Expected<Reading> read_dirty(const HostView& view, const Setting& setting, const Target& target) {
  auto reading = read_sysctl(view, setting, target);
  if (!reading) return reading;
  const std::string running = reading->effective.value_or(reading->configured);
  if (running != "0B") return reading;
  std::string ratio_path(setting.where);
  ratio_path.replace(ratio_path.rfind("bytes"), 5, "ratio");
  auto ratio = view.host.read_uint(ratio_path);
  if (!ratio) return Failure(ratio.error());
  const std::uint64_t whole = view.inventory.memory.total.count;
  const Bytes share{((whole * *ratio / 100) >> 20) << 20};  // in whole MiB
  reading->effective = format_bytes(share);
  reading->effect_decides = true;
  reading->note = fmt::format("0 bytes: {}% of available memory is in force, up to {}", *ratio,
                              format_bytes_short(share));
  return reading;
}

constexpr std::string_view kVm = "Documentation/admin-guide/sysctl/vm.rst";
constexpr std::string_view kThp = "Documentation/admin-guide/mm/transhuge.rst";
constexpr std::string_view kHugetlb = "Documentation/admin-guide/mm/hugetlbpage.rst";
constexpr std::array<std::string_view, 1> kAfterThp{"memory.thp-enabled"};

constexpr std::array<std::string_view, 2> kDirtyFiles{"/proc/sys/vm/dirty_bytes",
                                                      "/proc/sys/vm/dirty_ratio"};
constexpr std::array<std::string_view, 2> kBackgroundFiles{"/proc/sys/vm/dirty_background_bytes",
                                                           "/proc/sys/vm/dirty_background_ratio"};

constexpr std::array<std::string_view, 1> kSwapRequest{"swap.area"};

const std::array kMemoryRows{
    Setting{
        .id = "memory.thp-enabled",
        .where = "/sys/kernel/mm/transparent_hugepage/enabled",
        .reason = "Huge pages that the kernel builds by itself save misses and cost stalls while "
                  "it moves memory to make them.",
        .source = kThp,
        .low_latency = "never",
        .throughput = "madvise",
        .targets = the_host,
        .read = read_chosen,
        .plan = plan_chosen,
    },
    Setting{
        .id = "memory.thp-defrag",
        .where = "/sys/kernel/mm/transparent_hugepage/defrag",
        .reason = "Decides whether a page fault waits while the kernel compacts memory.",
        .source = kThp,
        .low_latency = "never",
        .throughput = "madvise",
        .after = kAfterThp,
        .targets = the_host,
        .read = read_chosen,
        .plan = plan_chosen,
    },
    Setting{
        .id = "memory.hugepages",
        .kind = ValueKind::number,
        .where = "/proc/sys/vm/nr_hugepages",
        .disruption = Disruption::stall,
        .risk = Risk::medium,
        .lasting = Lasting::sysctl,
        .reason =
            "Huge pages of the default size that programs may map; a page table walk less for "
            "every miss.",
        .source = kHugetlb,
        .targets = the_host,
        .read = read_huge_pages,
        .plan = plan_file,
    },
    Setting{
        .id = "memory.hugepages-2m",
        .kind = ValueKind::number,
        .set_on = TargetKind::node,
        .where = "/sys/devices/system/node/node{}/hugepages/hugepages-2048kB/nr_hugepages",
        .disruption = Disruption::stall,
        .risk = Risk::medium,
        .reason = "2 MiB pages on each node, so that buffers are local to the CPUs that use them.",
        .source = kHugetlb,
        .throughput = "at_least 64",
        .targets = nodes_with_size<2048>,
        .read = read_file,
        .not_applicable = "this CPU or kernel has no 2 MiB pages",
        .plan = plan_file,
    },
    Setting{
        .id = "memory.hugepages-1g",
        .kind = ValueKind::number,
        .set_on = TargetKind::node,
        .where = "/sys/devices/system/node/node{}/hugepages/hugepages-1048576kB/nr_hugepages",
        .disruption = Disruption::reboot,
        .risk = Risk::medium,
        .lasting = Lasting::boot_line,
        .reason = "1 GiB pages for very large buffers; only a boot finds the memory for them.",
        .source = kHugetlb,
        .targets = nodes_with_size<1048576>,
        .read = read_file,
        .not_applicable = "this CPU or kernel has no 1 GiB pages",
    },
    Setting{
        .id = "memory.swappiness",
        .kind = ValueKind::number,
        .where = "/proc/sys/vm/swappiness",
        .lasting = Lasting::sysctl,
        .reason = "A page that went to swap costs milliseconds when it is touched again.",
        .source = kVm,
        .low_latency = "at_most 0",
        .throughput = "at_most 10",
        .targets = the_host,
        .read = read_sysctl,
        .plan = plan_file,
    },
    Setting{
        .id = "memory.swap",
        .kind = ValueKind::bytes,
        .where = "/proc/swaps",
        .disruption = Disruption::stall,
        .risk = Risk::medium,
        .reason = "With no active swap no page of a running program can go there.",
        .source = "swapon(8)",
        .low_latency = "at_most 0",
        .targets = the_host,
        .read = read_swap,
        .plan = plan_swap,
        .writes = kSwapRequest,
    },
    Setting{
        .id = "memory.numa-balancing",
        .kind = ValueKind::number,
        .where = "/proc/sys/kernel/numa_balancing",
        .lasting = Lasting::sysctl,
        .reason = "Balancing unmaps pages to learn who uses them: a fault at a time nobody chose.",
        .source = "Documentation/admin-guide/sysctl/kernel.rst",
        .low_latency = "0",
        .throughput = "0",
        .targets = the_host,
        .read = read_sysctl,
        .plan = plan_file,
    },
    Setting{
        .id = "memory.zone-reclaim",
        .kind = ValueKind::number,
        .where = "/proc/sys/vm/zone_reclaim_mode",
        .lasting = Lasting::sysctl,
        .reason = "Reclaiming on the own node before asking another one stalls the allocation.",
        .source = kVm,
        .low_latency = "0",
        .throughput = "0",
        .targets = the_host,
        .read = read_sysctl,
        .plan = plan_file,
    },
    Setting{
        .id = "memory.stat-interval",
        .kind = ValueKind::duration,
        .unit = "s",
        .where = "/proc/sys/vm/stat_interval",
        .lasting = Lasting::sysctl,
        .reason =
            "Each interval wakes a worker on every CPU to fold its counters, isolated or not.",
        .source = kVm,
        .low_latency = "at_least 10s",
        .throughput = "at_least 10s",
        .targets = the_host,
        .read = read_sysctl,
        .plan = plan_file,
    },
    Setting{
        .id = "memory.ksm",
        .kind = ValueKind::number,
        .where = "/sys/kernel/mm/ksm/run",
        .reason = "Merging equal pages turns a later write into a copy and a fault.",
        .source = "Documentation/admin-guide/mm/ksm.rst",
        .low_latency = "0",
        .throughput = "0",
        .targets = the_host,
        .read = read_file,
        .plan = plan_file,
    },
    Setting{
        .id = "memory.dirty-bytes",
        .kind = ValueKind::bytes,
        .unit = "B",
        .where = "/proc/sys/vm/dirty_bytes",
        .lasting = Lasting::sysctl,
        .reason = "Above this much unwritten data the writer itself must write it out.",
        .source = kVm,
        .low_latency = "at_most 256MiB",
        .throughput = "at_most 1GiB",
        .targets = the_host,
        .read = read_dirty,
        .plan = plan_dirty,
        .writes = kDirtyFiles,
    },
    Setting{
        .id = "memory.dirty-background-bytes",
        .kind = ValueKind::bytes,
        .unit = "B",
        .where = "/proc/sys/vm/dirty_background_bytes",
        .lasting = Lasting::sysctl,
        .reason = "Writing out early and in small pieces keeps the queue of the drive short.",
        .source = kVm,
        .low_latency = "at_most 64MiB",
        .throughput = "at_most 256MiB",
        .targets = the_host,
        .read = read_dirty,
        .plan = plan_dirty,
        .writes = kBackgroundFiles,
    },
    Setting{
        .id = "memory.compaction-proactiveness",
        .kind = ValueKind::number,
        .where = "/proc/sys/vm/compaction_proactiveness",
        .lasting = Lasting::sysctl,
        .reason = "Compaction ahead of need moves pages under running programs.",
        .source = kVm,
        .low_latency = "0",
        .throughput = "0",
        .targets = the_host,
        .read = read_sysctl,
        .plan = plan_file,
    },
    Setting{
        .id = "memory.overcommit",
        .kind = ValueKind::number,
        .where = "/proc/sys/vm/overcommit_memory",
        .risk = Risk::high,
        .lasting = Lasting::recorded,
        .reason = "How memory is promised depends on the programs, so it is recorded and kept.",
        .source = kVm,
        .low_latency = "keep",
        .throughput = "keep",
        .targets = the_host,
        .read = read_sysctl,
    },
};

}  // namespace

std::span<const Setting> memory_settings() { return kMemoryRows; }

}  // namespace assay::tuner
