// What each io_uring switch is called, what it needs, and whether a host can do it.
#include <fmt/format.h>

#include <algorithm>

#include "engine/drive_queue.hpp"
#include "engine/storage_uring_block.hpp"
#include "engine/technique_support.hpp"
#include "engine/uring_abi.hpp"

namespace assay::engine {
namespace {

using F = UringFeatures;
using P = Parameters;

constexpr UringFeature kFeatures[] = {
    {"fixed-buffers", "memory is registered once", [](F& f, P&) { f.fixed_buffers = true; }},
    {"fixed-files", "the file is registered once", [](F& f, P&) { f.fixed_file = true; }},
    {"batched", "several operations are handed over in one call",
     [](F& f, P&) { f.batched = true; }},
    {"registered-ring", "the ring's own descriptor is registered",
     [](F& f, P&) { f.registered_ring = true; }},
    {"no-sqarray", "no array of indices between queue and entries",
     [](F& f, P&) { f.no_array = true; }},
    {"coop-taskrun", "completions do not interrupt this thread",
     [](F& f, P&) { f.task_run = TaskRun::cooperative; }},
    {"defer-taskrun", "completions are finished when this thread asks",
     [](F& f, P&) { f.task_run = TaskRun::deferred; }},
    {"sqpoll", "a kernel thread submits", [](F& f, P&) { f.sqpoll = true; }},
    {"iopoll", "the drive's poll queue is asked, no interrupt", [](F& f, P&) { f.iopoll = true; }},
    {"hybrid-iopoll", "iopoll that sleeps half the usual time first",
     [](F& f, P& p) {
       f.iopoll = true;
       p.completion = Completion::hybrid;
     }},
};

unsigned setup_flags_of(const UringFeatures& features, const Parameters& parameters) {
  unsigned flags = 0;
  if (features.no_array) flags |= uring_abi::kSetupNoSqArray;
  if (features.passthrough) flags |= IORING_SETUP_SQE128 | IORING_SETUP_CQE32;
  if (features.sqpoll) flags |= IORING_SETUP_SQPOLL;
  if (features.iopoll) flags |= IORING_SETUP_IOPOLL;
  if (features.iopoll && parameters.completion == Completion::hybrid) {
    flags |= uring_abi::kSetupHybridIopoll;
  }
  if (features.best_effort) return flags;
  if (features.task_run == TaskRun::deferred) {
    flags |= IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  }
  if (features.task_run == TaskRun::cooperative) flags |= IORING_SETUP_COOP_TASKRUN;
  return flags;
}

Availability kernel_has(unsigned flags) {
  const unsigned lacking = flags & ~supported_setup_flags();
  for (const uring_abi::SetupFlag& flag : uring_abi::kSetupFlags) {
    if ((lacking & flag.bit) == 0) continue;
    return not_available(fmt::format("this kernel has no IORING_SETUP_{}", flag.name),
                         fmt::format("use Linux {} or newer", flag.since));
  }
  return {};
}

Availability drive_polls(const Host& host, const Parameters& parameters) {
  const auto device = device_below(parameters);
  if (!device) return {};  // whoever opens the file says it better
  const auto queue = drive_queue(host, *device);
  if (queue && queue->polls) return {};
  return not_available(
      queue ? fmt::format("{} has no poll queues (queue/io_poll is 0)", queue->name)
            : "the drive below this file is not known",
      "on an NVMe drive: nvme.poll_queues=2 on the boot line, or modprobe -r nvme; modprobe nvme "
      "poll_queues=2; then name it or a file on it with --file");
}

Availability drive_takes_commands(const Host& host, const Parameters& parameters) {
  const std::string remedy =
      "name an NVMe namespace with --file, such as /dev/nvme0n1, on Linux 5.19 or newer";
  if (parameters.path.empty()) return not_available("no NVMe namespace is named", remedy);
  const auto device = device_below(parameters);
  if (!device) return {};
  const auto queue = drive_queue(host, *device);
  const std::string path = queue ? generic_device_of(queue->name) : "";
  if (path.empty()) return not_available(parameters.path + " is on no NVMe drive", remedy);
  if (!host.status(path)) return not_available("there is no " + path, remedy);
  return {};
}

}  // namespace

std::span<const UringFeature> uring_features() { return kFeatures; }

UringFeatures features_of(Parameters& parameters) {
  UringFeatures features;
  const std::string all = parameters.features;
  for (std::string_view rest = all; !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find('+'));
    for (const UringFeature& feature : kFeatures) {
      if (feature.name == name) feature.turn_on(features, parameters);
    }
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
  }
  return features;
}

Availability uring_features_available(const Host& host, const Parameters& parameters,
                                      const UringFeatures& features) {
  Availability can = measurable(host);
  if (can.available) can = availability_of(ring_allowed(host));
  if (can.available) can = kernel_has(setup_flags_of(features, parameters));
  if (can.available && features.passthrough) can = drive_takes_commands(host, parameters);
  if (can.available && features.iopoll) can = drive_polls(host, parameters);
  return can;
}

StorageNeeds uring_needs(const UringFeatures& features) {
  StorageNeeds needs{.direct_default = true};
  if (features.batched) {
    // What fits two batches into the depth keeps the drive busy while one is handed over.
    needs.batch_default = 16;
    needs.depth_min = 2;
    needs.depth_default = 32;
  }
  needs.direct_required = features.iopoll || features.passthrough;
  needs.write_only = features.linked;
  if (features.sqpoll || features.iopoll) needs.completion_default = Completion::poll;
  return needs;
}

}  // namespace assay::engine
