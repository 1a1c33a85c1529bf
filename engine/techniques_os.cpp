#include "engine/techniques_os.hpp"

#include <array>

#include "engine/os_blocks.hpp"
#include "engine/scheduling.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

Availability policy_available(const Host& host, const probes::Inventory&,
                              const Parameters& parameters) {
  if (auto here = measurable(host); !here.available) return here;
  if (parameters.policy != Policy::fifo) return {};
  return availability_of(fifo_allowed());
}

Availability wakeup_available(const Host& host, const probes::Inventory& inventory,
                              const Parameters& parameters) {
  if (auto fits = check_interval(parameters.interval); !fits) return availability_of(fits);
  return policy_available(host, inventory, parameters);
}

// With the policy already "other" there is nothing to compare with.
Parameters with_ordinary_policy(const Parameters& parameters) {
  Parameters ordinary = parameters;
  ordinary.policy = Policy::other;
  return ordinary;
}

// A CPU that does the host's own work: the first that is not isolated.
CpuSet housekeeping_cpu(const probes::Inventory& inventory, const Parameters&, const CpuSet&,
                        const CpuSet& allowed) {
  const CpuSet ordinary = allowed - inventory.topology.isolated;
  const auto first = ordinary.empty() ? allowed.first() : ordinary.first();
  return first ? CpuSet{*first} : CpuSet{};
}

CpuSet everywhere(const probes::Inventory&, const Parameters&, const CpuSet&,
                  const CpuSet& allowed) {
  return allowed;
}

// Clocks are compared between all CPUs that were asked for, or all there are.
CpuSet compared_cpus(const probes::Inventory&, const Parameters& parameters, const CpuSet& asked,
                     const CpuSet& allowed) {
  if (parameters.variant != kSyncVariant || !asked.empty()) return asked;
  return allowed;
}

Availability floating_available(const Host& host, const probes::Inventory& inventory,
                                const Parameters& parameters) {
  if (auto can = wakeup_available(host, inventory, parameters); !can.available) return can;
  if (inventory.topology.allowed.count() >= 2) return {};
  return not_available("one CPU only: a thread is pinned to it either way",
                       "allow this process a second CPU");
}

// Ordinary scheduling whatever was asked for: the parameter is none of theirs.
Availability ordinary_available(const Host& host, const probes::Inventory& inventory,
                                const Parameters& parameters) {
  return wakeup_available(host, inventory, with_ordinary_policy(parameters));
}

Availability realtime_available(const Host& host, const probes::Inventory& inventory,
                                const Parameters& parameters) {
  Parameters own = parameters;
  own.policy = Policy::fifo;
  return wakeup_available(host, inventory, own);
}

std::vector<std::string> timer_parts(const probes::Inventory& inventory) {
  std::vector<std::string> parts;
  for (const std::string_view variant : timer_variants()) {
    const bool alone = variant == kSyncVariant && inventory.topology.allowed.count() < 2;
    // The meter's scale is of the TSC only where the kernel uses it too.
    const bool untrusted = variant == "tsc" && inventory.kernel.clocksource != "tsc";
    if (!alone && !untrusted && check_timer_variant(variant)) parts.emplace_back(variant);
  }
  return parts;
}

Availability timer_available(const Host& host, const probes::Inventory& inventory,
                             const Parameters& parameters) {
  if (auto here = measurable(host); !here.available) return here;
  if (parameters.variant == kSyncVariant && inventory.topology.allowed.count() < 2) {
    return not_available("one CPU only: there is no other clock to compare with",
                         "allow this process a second CPU");
  }
  return availability_of(check_timer_variant(parameters.variant));
}

Expected<std::unique_ptr<Block>> make_jitter(const BlockContext& context) {
  return make_jitter_block(context);
}

Expected<std::unique_ptr<Block>> make_wakeup(const BlockContext& context) {
  return make_wakeup_block(context);
}

Expected<std::unique_ptr<Block>> make_pinned(const BlockContext& context) {
  WakeupPlan plan = wakeup_plan(context);
  plan.policy = Policy::other;
  return make_wakeup_block(context, plan, {});
}

Expected<std::unique_ptr<Block>> make_unpinned(const BlockContext& context) {
  WakeupPlan plan = wakeup_plan(context);
  plan.policy = Policy::other;
  plan.cpus = context.cpus;
  return make_wakeup_block(context, plan, {});
}

Expected<std::unique_ptr<Block>> make_realtime(const BlockContext& context) {
  WakeupPlan plan = wakeup_plan(context);
  plan.policy = Policy::fifo;
  return make_wakeup_block(context, plan, {});
}

Expected<std::unique_ptr<Block>> make_timer(const BlockContext& context) {
  if (context.parameters->variant == kSyncVariant) return make_clock_sync_block(context);
  return make_clock_cost_block(context);
}

constexpr std::string_view kWakeupProof = "affinity, scheduling class and timer slack read back";

constexpr std::array kOsRows{
    Technique{
        .id = "os.jitter",
        .summary = "Every gap between two successive time stamps of a spinning loop: the median is "
                   "the loop, the tail is what interrupted it",
        .baseline = "os.housekeeping",
        .claim = {.text = "no gap above 20 µs on an isolated CPU"},
        .proof = "affinity and scheduling class read back before and after; preemptions and steal "
                 "are results",
        .parameters = "policy",
        .baseline_parameters = with_ordinary_policy,
        .available = policy_available,
        .make = make_jitter,
    },
    Technique{
        .id = "os.housekeeping",
        .summary = "The same loop on a CPU that does the host's own work (the first that is not "
                   "isolated), in the ordinary scheduling class",
        .proof = "affinity and scheduling class read back before and after",
        .parameters = "",
        .place = housekeeping_cpu,
        .available = policy_available,
        .make = make_jitter,
    },
    Technique{
        .id = "os.wakeup",
        .summary = "How late a timed sleep ends (clock_nanosleep to an absolute time), as "
                   "cyclictest measures it",
        .baseline = "os.wakeup",
        .claim = {.text = "no wake-up later than 20 µs on an isolated CPU"},
        .proof = kWakeupProof,
        .parameters = "interval,policy",
        .baseline_parameters = with_ordinary_policy,
        .available = wakeup_available,
        .make = make_wakeup,
    },
    Technique{
        .id = "os.unpinned",
        .summary = "Timed sleeps of an ordinary thread that may wake up on any CPU",
        .proof = "affinity (all CPUs), scheduling class and timer slack read back; moves counted",
        .parameters = "interval",
        .place = everywhere,
        .available = ordinary_available,
        .make = make_unpinned,
    },
    Technique{
        .id = "os.pinned",
        .summary = "Timed sleeps of an ordinary thread that is pinned to one CPU",
        .baseline = "os.unpinned",
        .claim = {.text = "no migrations: warm caches, a steadier tail"},
        .proof = kWakeupProof,
        .parameters = "interval",
        .available = floating_available,
        .make = make_pinned,
    },
    Technique{
        .id = "os.realtime",
        .summary = "Timed sleeps of a pinned thread in SCHED_FIFO (priority 40)",
        .baseline = "os.wakeup",
        .claim = {.text = "woken before all ordinary work: a shorter tail than SCHED_OTHER"},
        .proof = kWakeupProof,
        .parameters = "interval",
        .baseline_parameters = with_ordinary_policy,
        .available = realtime_available,
        .make = make_realtime,
    },
    Technique{
        .id = "os.timer",
        .summary = "What one reading of each clock costs, and how far apart the clocks of each "
                   "pair of CPUs are (variant sync)",
        .proof = "each clock never went back and went on like the meter's; both sides of an "
                 "exchange on their CPUs",
        .parameters = "variant",
        .operations_per_sample =
            [](const Parameters& p) { return p.variant == kSyncVariant ? 1 : kReadingsPerSample; },
        .variants = timer_parts,
        .place = compared_cpus,
        .available = timer_available,
        .make = make_timer,
    },
};

}  // namespace

std::span<const Technique> os_techniques() { return kOsRows; }

}  // namespace assay::engine
