// How a row that differs becomes the changes that mend it. Each planner is a Setting::plan.
//
// A planner reads what it will change, in the form in which it will be written, and returns only
// what differs: an equal value is never written. Pure over its HostView and thread-safe; nothing
// here changes a host.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/cpuset.hpp"
#include "core/error.hpp"
#include "tuner/setting.hpp"

namespace assay::tuner {

using Changes = std::vector<Change>;

// --- planners of one file, the row's `where` ---

// The wanted value as the kernel's bare number or word.
Expected<Changes> plan_file(const HostView& view, const Setting& setting, const Target& target,
                            const Reading& reading, const Wanted& wanted);
// One of the words that the file offers: "none [mq-deadline] kyber".
Expected<Changes> plan_chosen(const HostView& view, const Setting& setting, const Target& target,
                              const Reading& reading, const Wanted& wanted);
// A CPU mask, or a CPU list.
Expected<Changes> plan_mask(const HostView& view, const Setting& setting, const Target& target,
                            const Reading& reading, const Wanted& wanted);
Expected<Changes> plan_list(const HostView& view, const Setting& setting, const Target& target,
                            const Reading& reading, const Wanted& wanted);

// --- planners of one row each ---

// cpu: a latency bound, or the idle states above it switched off where the kernel has no bound.
Expected<Changes> plan_idle_exit(const HostView& view, const Setting& setting, const Target& target,
                                 const Reading& reading, const Wanted& wanted);
Expected<Changes> plan_boost(const HostView& view, const Setting& setting, const Target& target,
                             const Reading& reading, const Wanted& wanted);
Expected<Changes> plan_uncore(const HostView& view, const Setting& setting, const Target& target,
                              const Reading& reading, const Wanted& wanted);
// memory: dirty_bytes; 0 comes back by the ratio of the same name.
Expected<Changes> plan_dirty(const HostView& view, const Setting& setting, const Target& target,
                             const Reading& reading, const Wanted& wanted);
// irq: the service stopped or started; its configuration file with one line changed.
Expected<Changes> plan_irqbalance(const HostView& view, const Setting& setting,
                                  const Target& target, const Reading& reading,
                                  const Wanted& wanted);
Expected<Changes> plan_banned(const HostView& view, const Setting& setting, const Target& target,
                              const Reading& reading, const Wanted& wanted);
// boot: a watchdog's switch. The kernel turns kernel.watchdog off with the last of them, and the
// others stay without effect until it is on again: it is put back too.
Expected<Changes> plan_watchdog(const HostView& view, const Setting& setting, const Target& target,
                                const Reading& reading, const Wanted& wanted);
// scheduler: the mask that is asked for, which is not the one in force.
Expected<Changes> plan_workqueue(const HostView& view, const Setting& setting, const Target& target,
                                 const Reading& reading, const Wanted& wanted);
// time: the first wanted clock that the kernel offers.
Expected<Changes> plan_clocksource(const HostView& view, const Setting& setting,
                                   const Target& target, const Reading& reading,
                                   const Wanted& wanted);

// net: ethtool's operations, and the steering of each receive queue.
Expected<Changes> plan_ring_rx(const HostView& view, const Setting& setting, const Target& target,
                               const Reading& reading, const Wanted& wanted);
Expected<Changes> plan_ring_tx(const HostView& view, const Setting& setting, const Target& target,
                               const Reading& reading, const Wanted& wanted);
Expected<Changes> plan_channels(const HostView& view, const Setting& setting, const Target& target,
                                const Reading& reading, const Wanted& wanted);
Expected<Changes> plan_adaptive_rx(const HostView& view, const Setting& setting,
                                   const Target& target, const Reading& reading,
                                   const Wanted& wanted);
Expected<Changes> plan_coalesce_rx(const HostView& view, const Setting& setting,
                                   const Target& target, const Reading& reading,
                                   const Wanted& wanted);
Expected<Changes> plan_gro(const HostView& view, const Setting& setting, const Target& target,
                           const Reading& reading, const Wanted& wanted);
Expected<Changes> plan_lro(const HostView& view, const Setting& setting, const Target& target,
                           const Reading& reading, const Wanted& wanted);
Expected<Changes> plan_tso(const HostView& view, const Setting& setting, const Target& target,
                           const Reading& reading, const Wanted& wanted);
Expected<Changes> plan_pause(const HostView& view, const Setting& setting, const Target& target,
                             const Reading& reading, const Wanted& wanted);
Expected<Changes> plan_eee(const HostView& view, const Setting& setting, const Target& target,
                           const Reading& reading, const Wanted& wanted);
Expected<Changes> plan_rps(const HostView& view, const Setting& setting, const Target& target,
                           const Reading& reading, const Wanted& wanted);

// --- pieces for planners ---

// A change of this row on this target, without a path or values.
Change change_of(const Setting& setting, const Target& target, ChangeKind kind);
// Reads what the change holds now into `before`, and adds it to `changes` unless that is `after`.
Expected<void> add_if_differs(const HostView& view, Change change, Changes& changes);
// The CPUs to ask for: within or around what is there, as at_most and at_least say. Error: invalid.
Expected<CpuSet> cpus_to_ask(const Wanted& wanted, const CpuSet& there);

}  // namespace assay::tuner
