// How a row that differs becomes the changes that mend it. Each planner is a Setting::plan.
//
// A planner reads what it will change, in the form in which it will be written, and returns only
// what differs: an equal value is never written. Pure over its HostView and thread-safe; nothing
// here changes a host.
#pragma once

#include <optional>
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
// irq: within what is wanted; the queues of one device each get a CPU of their own.
Expected<Changes> plan_affinity(const HostView& view, const Setting& setting, const Target& target,
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

Expected<Changes> plan_coalesce_tx(const HostView& view, const Setting& setting,
                                   const Target& target, const Reading& reading,
                                   const Wanted& wanted);
Expected<Changes> plan_ntuple(const HostView& view, const Setting& setting, const Target& target,
                              const Reading& reading, const Wanted& wanted);
// The card's table filled anew, so that it spreads evenly over as many queues.
Expected<Changes> plan_rss(const HostView& view, const Setting& setting, const Target& target,
                           const Reading& reading, const Wanted& wanted);
// Flows in all for following programs, and the host's own table where it has none.
Expected<Changes> plan_rfs(const HostView& view, const Setting& setting, const Target& target,
                           const Reading& reading, const Wanted& wanted);
// The CPUs dealt out to the transmit queues, each to one.
Expected<Changes> plan_xps(const HostView& view, const Setting& setting, const Target& target,
                           const Reading& reading, const Wanted& wanted);

// --- what is no file (planners_system.cpp) ---

Expected<Changes> plan_kernel_threads(const HostView& view, const Setting& setting,
                                      const Target& target, const Reading& reading,
                                      const Wanted& wanted);
// Where each of the kernel's threads may run now, to be put back once what moves them is undone.
// Empty where they cannot be read.
Changes kept_threads(const HostView& view, const Setting& setting, const Target& target);
// Every swap area switched off, where what is in it fits into memory.
Expected<Changes> plan_swap(const HostView& view, const Setting& setting, const Target& target,
                            const Reading& reading, const Wanted& wanted);
// One partition of assay's own, beside those of others.
Expected<Changes> plan_partition(const HostView& view, const Setting& setting, const Target& target,
                                 const Reading& reading, const Wanted& wanted);
// A timer of systemd, the row's `where`, kept from starting by a drop-in, and stopped.
Expected<Changes> plan_timer(const HostView& view, const Setting& setting, const Target& target,
                             const Reading& reading, const Wanted& wanted);

// --- pieces for planners ---

// A change of this row on this target, without a path or values.
Change change_of(const Setting& setting, const Target& target, ChangeKind kind);
// Reads what the change holds now into `before`, and adds it to `changes` unless that is `after`.
Expected<void> add_if_differs(const HostView& view, Change change, Changes& changes);
// One of `cpus` for the interrupt of a queue: the queues of its device are dealt out in turn, to
// CPUs of the device's node where there are some among them. Nothing: it is no queue's, or the only
// one of its device.
std::optional<CpuSet> cpu_for_queue(const probes::Inventory& inventory, const probes::Irq& irq,
                                    const CpuSet& cpus);
// The CPUs to ask for: within or around what is there, as at_most and at_least say. Error: invalid.
Expected<CpuSet> cpus_to_ask(const Wanted& wanted, const CpuSet& there);

}  // namespace assay::tuner
