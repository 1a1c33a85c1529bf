#include "engine/storage_uring_state.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include "engine/drive_queue.hpp"
#include "engine/uring_abi.hpp"

namespace assay::engine {
namespace {

std::uint64_t interrupts_of(const UringState& state) {
  const auto queue = drive_queue(*state.context.host, state.context.file->device());
  return queue ? drive_interrupts(*state.context.host, queue->name) : 0;
}

void add(Engagement& proof, bool holds, const std::string& evidence) {
  proof.engaged = proof.engaged && holds;
  proof.evidence = evidence + "; " + proof.evidence;
}

// Flags that are on because they were asked for; the kernel refuses what it does not know.
void prove_setup(const UringState& state, Engagement& proof) {
  const UringFeatures& features = state.features;
  if (features.best_effort) return;  // the description says what there is
  unsigned wanted = 0;
  if (features.task_run == TaskRun::deferred) wanted |= IORING_SETUP_DEFER_TASKRUN;
  if (features.task_run == TaskRun::deferred) wanted |= IORING_SETUP_SINGLE_ISSUER;
  if (features.task_run == TaskRun::cooperative) wanted |= IORING_SETUP_COOP_TASKRUN;
  if (features.no_array) wanted |= uring_abi::kSetupNoSqArray;
  if (features.passthrough) wanted |= IORING_SETUP_SQE128 | IORING_SETUP_CQE32;
  const unsigned dropped = wanted & ~state.ring->setup_flags();
  if (wanted != 0) {
    add(proof, dropped == 0,
        dropped == 0 ? fmt::format("setup flags {} accepted", setup_flag_names(wanted))
                     : fmt::format("setup flags {} dropped", setup_flag_names(dropped)));
  }
  if (features.registered_ring) {
    const bool there = state.ring->is_registered();
    add(proof, there, fmt::format("ring descriptor {}registered", there ? "" : "not "));
  }
}

// With a poller nearly no call is left: one to wake it at the start, and now and then.
void prove_poller(const UringState& state, Engagement& proof) {
  const HelperWork& poller = state.poller;
  const std::uint64_t allowed = state.plan.depth + state.completed / 10;
  const bool few_calls = state.plan.completion != Completion::poll || state.enters <= allowed;
  const auto cpu_us = std::chrono::duration_cast<std::chrono::microseconds>(poller.cpu).count();
  add(proof, state.ring->has_poller() && poller.cpu.count() > 0 && few_calls,
      fmt::format("the poller's thread used {} us of CPU, {} calls for {} operations", cpu_us,
                  state.enters, state.completed));
}

void prove_device_polling(const UringState& state, Engagement& proof) {
  const auto queue = drive_queue(*state.context.host, state.context.file->device());
  const bool polls = queue && queue->polls;
  // Interrupts of others on a drive in use; ours would be one for each operation.
  const bool quiet = state.interrupts * 10 <= state.completed;
  add(proof, polls && quiet && state.ring->polls_device(),
      fmt::format("{}{} has {}poll queues, {} interrupts for {} completions",
                  state.ring->polls_device() ? "" : "no IOPOLL, ",
                  queue ? queue->name : "the drive", polls ? "" : "no ", state.interrupts,
                  state.completed));
}

void prove_batches(const UringState& state, Engagement& proof) {
  // Who polls enters the kernel only to look as well: those calls hand nothing over.
  const double per_enter = state.handed_over == 0 ? 0
                                                  : static_cast<double>(state.submitted) /
                                                        static_cast<double>(state.handed_over);
  add(proof, per_enter > 1.5, fmt::format("{:.1f} operations per io_uring_enter", per_enter));
}

// The queue's entries stay as they were submitted: their opcodes are read back. And the kernel
// takes a registration back only when there is one.
bool entries_are_fixed(const UringState& state) {
  const io_uring& ring = *state.ring->get();
  const bool big = (ring.flags & IORING_SETUP_SQE128) != 0;
  const auto entries = std::min<std::uint64_t>(ring.sq.ring_entries, state.submitted);
  const bool may_read = state.plan.mixed || !state.plan.write;
  for (std::uint64_t i = 0; i < entries; ++i) {
    const io_uring_sqe& entry = ring.sq.sqes[big ? 2 * i : i];
    const bool fixed = state.features.passthrough
                           ? entry.opcode == IORING_OP_URING_CMD &&
                                 entry.uring_cmd_flags == uring_abi::kUringCmdFixed
                           : (entry.opcode == IORING_OP_READ_FIXED && may_read) ||
                                 (entry.opcode == IORING_OP_WRITE_FIXED && state.plan.write);
    if (!fixed) return false;
  }
  return entries > 0;
}

void prove_buffers(UringState& state, Engagement& proof) {
  const bool fixed = entries_are_fixed(state);
  const auto registered = state.ring->unregister_buffers();
  const char* name = state.features.passthrough ? "URING_CMD_FIXED"
                     : state.plan.mixed         ? "READ_FIXED and WRITE_FIXED"
                     : state.plan.write         ? "WRITE_FIXED"
                                                : "READ_FIXED";
  const Bytes huge = state.buffers.on_huge_pages(*state.context.host);
  add(proof, fixed && registered,
      fixed && registered ? fmt::format("{} on {} of registered memory{}", name,
                                        format_bytes(Bytes{state.buffers.memory().size()}),
                                        huge.count > 0 ? " in huge pages" : "")
                          : fmt::format("opcode {}not {}, memory {}registered", fixed ? "" : "is ",
                                        fixed ? "other than it" : name, registered ? "" : "not "));
}

void prove_file(UringState& state, Engagement& proof) {
  const auto registered = state.ring->unregister_files();
  const bool holds = registered && state.descriptor_closed;
  add(proof, holds,
      holds ? "file table served, the descriptor was closed"
            : fmt::format("file {}registered, descriptor {}", registered ? "" : "not ",
                          state.descriptor_closed ? "closed" : "still open"));
}

void prove_passthrough(const UringState& state, Engagement& proof) {
  struct stat about{};
  const bool character = ::fstat(state.fd.get(), &about) == 0 && S_ISCHR(about.st_mode);
  add(proof, character,
      character ? fmt::format("NVMe commands to {}", state.target.path)
                : "the descriptor is no NVMe character device");
}

void prove_links(const UringState& state, Engagement& proof) {
  const LinkCounts& links = state.links;
  add(proof, links.failure_cancels && links.in_order > 0 && links.out_of_order == 0,
      fmt::format("{} of {} writes done before their fsync; a write that failed {} its fsync",
                  links.in_order, links.in_order + links.out_of_order,
                  links.failure_cancels ? "cancelled" : "did not cancel"));
}

}  // namespace

void note_before(UringState& state) {
  if (state.features.sqpoll) state.threads = own_threads(*state.context.host);
  if (state.features.iopoll) state.interrupts = interrupts_of(state);
}

void note_after(UringState& state) {
  if (state.features.sqpoll) {
    state.poller = helper_work(state.threads, own_threads(*state.context.host), "iou-sqp");
  }
  if (state.features.iopoll) state.interrupts = interrupts_of(state) - state.interrupts;
}

void prove_features(UringState& state, Engagement& proof) {
  const UringFeatures& features = state.features;
  add(proof, state.submitted > 0 && state.submitted == state.completed,
      fmt::format("{} submitted, {} completed, {}", state.submitted, state.completed,
                  state.ring->description()));
  prove_setup(state, proof);
  if (features.sqpoll) prove_poller(state, proof);
  if (features.iopoll) prove_device_polling(state, proof);
  if (features.batched) prove_batches(state, proof);
  if (features.linked) prove_links(state, proof);
  if (features.passthrough) prove_passthrough(state, proof);
  if (features.fixed_buffers) prove_buffers(state, proof);
  if (features.fixed_file) prove_file(state, proof);
}

}  // namespace assay::engine
