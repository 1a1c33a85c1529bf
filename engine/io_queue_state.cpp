#include "engine/io_queue_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <climits>

namespace assay::engine {

Expected<void> IoQueue::State::settle(const Error& why, std::string_view instead) const {
  if (!options.announce) return Failure(why);
  options.announce(why, instead);
  return {};
}

// As asked; else without what asks for a poller or a poll queue; else by calls.
Expected<void> IoQueue::State::open_ring(const Host& host) {
  RingOptions wanted = options.ring;
  wanted.entries = options.depth;
  if (options.shared) {
    // Only this mode finishes operations for whichever thread looks, and a registered ring
    // descriptor is one thread's own.
    wanted.task_run = TaskRun::interrupting;
    wanted.register_ring = false;
  }
  auto made = Ring::create(host, wanted);
  const bool polls = wanted.poller || wanted.polling != DevicePolling::off;
  if (!made && polls) {
    wanted.poller = false;
    wanted.polling = DevicePolling::off;
    auto plain = Ring::create(host, wanted);
    if (plain) {
      auto told = settle(made.error(), "io_uring without kernel poller and device polling");
      if (!told) return told;
      made = std::move(plain);
    }
  }
  if (!made) return settle(made.error(), kCallsInstead);
  ring.emplace(std::move(*made));
  const std::vector<int> none(options.files, -1);
  const int failed = -io_uring_register_files(ring->get(), none.data(), options.files);
  if (failed != 0) return fail_errno(failed, "io_uring_register files");
  memory_table =
      options.memories > 0 && io_uring_register_buffers_sparse(ring->get(), options.memories) == 0;
  description = fmt::format("io_uring, {}", ring->description());
  return {};
}

void IoQueue::State::fill(io_uring_sqe& sqe, const IoOperation& operation, unsigned slot) {
  const auto file = static_cast<int>(operation.file.slot);
  const auto size = static_cast<unsigned>(std::min<std::size_t>(operation.size, INT_MAX));
  const bool fixed = slots[slot].memory.slot != MemoryId{}.slot;
  switch (operation.kind) {
    case IoKind::read:
      io_uring_prep_rw(fixed ? IORING_OP_READ_FIXED : IORING_OP_READ, &sqe, file, operation.data,
                       size, operation.offset);
      break;
    case IoKind::write:
      io_uring_prep_rw(fixed ? IORING_OP_WRITE_FIXED : IORING_OP_WRITE, &sqe, file, operation.data,
                       size, operation.offset);
      break;
    case IoKind::sync:
      io_uring_prep_fsync(&sqe, file, IORING_FSYNC_DATASYNC);
      break;
  }
  if (fixed) {
    sqe.buf_index = static_cast<std::uint16_t>(operation.memory.slot);
    ++counters.fixed_memory;
  }
  sqe.flags |= IOSQE_FIXED_FILE;
  ++counters.fixed_files;
  if (operation.order.then_next) sqe.flags |= IOSQE_IO_LINK;
  if (operation.order.barrier) sqe.flags |= IOSQE_IO_DRAIN;
  sqe.user_data = slot;
}

bool IoQueue::State::prepare(const IoOperation& operation, Buffer* buffer) {
  if (free.empty()) return false;
  io_uring_sqe* sqe = nullptr;
  if (ring) {
    sqe = entry();
    if (sqe == nullptr) return false;
  }
  const unsigned number = free.back();
  free.pop_back();
  IoSlot& slot = slots[number];
  slot.tag = operation.tag;
  slot.file = operation.file;
  const bool tracked = memory_table || !ring;
  slot.memory = tracked && known(operation.memory) ? operation.memory : MemoryId{};
  slot.active = true;
  slot.ordered = operation.order.then_next || operation.order.barrier;
  if (slot.ordered) ++ordered;
  if (buffer != nullptr) slot.buffer = std::move(*buffer);
  if (known(slot.file)) ++files[slot.file.slot].in_flight;
  if (known(slot.memory)) ++memories[slot.memory.slot].in_flight;
  ++counters.prepared;
  chain_open = operation.order.then_next;
  if (sqe != nullptr) {
    fill(*sqe, operation, number);
  } else {
    const int descriptor = known(slot.file) ? files[slot.file.slot].fd.get() : -1;
    calls.prepare(number, operation, descriptor);
  }
  batch.prepared();
  const unsigned waiting = ring ? io_uring_sq_ready(ring->get()) : 0;
  // A chain goes whole: the kernel ends it where a submission ends.
  if (waiting >= batch.target() && !chain_open) hand_over();
  return true;
}

void IoQueue::State::hand_over() {
  if (!ring) return calls.run();
  if (ring->submit_and_wait(0) < 0) ++refusals;
}

// There is room for every operation in flight; cancellations may have taken it, but those can go
// at once. Null: the kernel takes nothing just now.
io_uring_sqe* IoQueue::State::entry() {
  io_uring_sqe* sqe = io_uring_get_sqe(ring->get());
  if (sqe != nullptr) return sqe;
  hand_over();
  return ring->has_poller() ? ring->next_entry() : io_uring_get_sqe(ring->get());
}

bool IoQueue::State::next_answer(std::uint64_t& slot, int& result) {
  if (!ring) {
    unsigned number = 0;
    const bool there = calls.next(number, result);
    slot = number;
    return there;
  }
  io_uring_cqe* cqe = nullptr;
  unsigned head = 0;
  // Not io_uring_peek_cqe(): that may make a call, which is enter()'s to make and to count.
  io_uring_for_each_cqe(ring->get(), head, cqe) {
    slot = cqe->user_data;
    result = cqe->res;
    io_uring_cq_advance(ring->get(), 1);
    return true;
  }
  return false;
}

// A cancellation for each operation in flight that has the tag, or for all.
unsigned IoQueue::State::cancel_in_ring(std::uint64_t tag, bool all) {
  hand_over();  // what is prepared can only be found by the kernel when it is there
  unsigned asked = 0;
  for (unsigned number = 0; number < slots.size(); ++number) {
    if (!slots[number].active || (!all && slots[number].tag != tag)) continue;
    io_uring_sqe* sqe = entry();
    if (sqe == nullptr) break;
    io_uring_prep_cancel64(sqe, number, 0);
    sqe->user_data = kOwnRequest;
    ++asked;
  }
  hand_over();
  return asked;
}

}  // namespace assay::engine
