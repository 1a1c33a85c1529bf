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

Expected<std::unique_ptr<Block>> make_jitter(const BlockContext& context) {
  return make_jitter_block(context);
}

Expected<std::unique_ptr<Block>> make_wakeup(const BlockContext& context) {
  return make_wakeup_block(context);
}

constexpr std::array kOsRows{
    Technique{
        .id = "os.jitter",
        .summary = "Every gap between two successive time stamps of a spinning loop: the median is "
                   "the loop, the tail is what interrupted it",
        .baseline = "",
        .claim = {.text = "no gap above 20 µs on an isolated CPU",
                  .latency_ratio_max = {},
                  .throughput_ratio_min = {},
                  .latency_ns_max = {}},
        .proof = "affinity and scheduling class read back before and after",
        .parameters = "policy",
        .available = policy_available,
        .make = make_jitter,
    },
    Technique{
        .id = "os.wakeup",
        .summary = "How late a timed sleep ends (clock_nanosleep to an absolute time), as "
                   "cyclictest measures it",
        .baseline = "os.wakeup",
        .claim = {.text = "no wake-up later than 20 µs on an isolated CPU",
                  .latency_ratio_max = {},
                  .throughput_ratio_min = {},
                  .latency_ns_max = {}},
        .proof = "affinity, scheduling class and timer slack read back",
        .parameters = "interval,policy",
        .baseline_parameters = with_ordinary_policy,
        .available = wakeup_available,
        .make = make_wakeup,
    },
};

}  // namespace

std::span<const Technique> os_techniques() { return kOsRows; }

}  // namespace assay::engine
