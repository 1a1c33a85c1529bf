#include "engine/io_queue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <optional>
#include <vector>

#include "core/file_host.hpp"
#include "engine/io_batch.hpp"
#include "engine/io_calls.hpp"

namespace assay::engine {
namespace {

constexpr unsigned kDepthMax = 4096;
constexpr std::uint64_t kMemoryMax = 1ULL << 30;  // of one registered buffer, a kernel limit
// A ring that refuses this often in a row will not recover.
constexpr unsigned kRefusalsMax = 1000;
// What a cancellation itself comes back with; no slot has this number.
constexpr std::uint64_t kOwnRequest = ~0ULL;
constexpr std::string_view kCallsInstead = "preadv2 and pwritev2, one call an operation";

struct Slot {
  std::uint64_t tag = 0;
  Buffer buffer;
  FileId file;
  MemoryId memory;
  bool active = false;
};
struct FileSlot {
  UniqueFd fd;
  unsigned in_flight = 0;
};
struct MemorySlot {
  std::span<std::byte> memory;
  unsigned in_flight = 0;
};

Failure slot_busy(std::string_view what, unsigned slot, unsigned in_flight) {
  return fail(ErrorCode::busy, fmt::format("update {}", what), fmt::format("slot {}", slot),
              fmt::format("{} operations in flight use it", in_flight), "wait for them first");
}

Failure no_such(std::string_view what, unsigned slot) {
  return fail(ErrorCode::invalid, fmt::format("update {}", what), fmt::format("slot {}", slot),
              "no such slot, or it is empty");
}

}  // namespace

struct IoQueue::State {
  explicit State(const IoOptions& wanted)
      : options(wanted),
        slots(wanted.depth),
        free(wanted.depth),
        files(wanted.files),
        memories(wanted.memories),
        batch(std::min(wanted.batch_max, wanted.depth)),
        calls(wanted.depth) {
    for (unsigned i = 0; i < wanted.depth; ++i) free[i] = wanted.depth - 1 - i;
  }

  Expected<void> open_ring(const Host& host);
  Expected<void> settle(const Error& why, std::string_view instead) const;
  bool prepare(const IoOperation& operation, Buffer* buffer);
  void fill(io_uring_sqe& sqe, const IoOperation& operation, unsigned slot);
  void hand_over();
  bool next_answer(std::uint64_t& slot, int& result);
  unsigned cancel_in_ring(std::uint64_t tag, bool all);
  unsigned in_flight() const { return options.depth - static_cast<unsigned>(free.size()); }
  bool known(FileId id) const { return id.slot < files.size(); }
  bool known(MemoryId id) const { return id.slot < memories.size(); }

  IoOptions options;
  std::optional<Ring> ring;  // none: the calls do the work
  std::string description;
  std::vector<Slot> slots;
  std::vector<unsigned> free;  // a stack; its capacity is the depth
  std::vector<FileSlot> files;
  std::vector<MemorySlot> memories;
  bool memory_table = false;
  const void* pool = nullptr;
  std::vector<MemoryId> pool_slabs;
  BatchPolicy batch;
  IoCalls calls;
  IoCounters counters;
  unsigned refusals = 0;
  bool chain_open = false;  // the last that was prepared links to the next
};

// Goes on with the next best, when somebody wants to be told; else it is an error.
Expected<void> IoQueue::State::settle(const Error& why, std::string_view instead) const {
  if (!options.announce) return Failure(why);
  options.announce(why, instead);
  return {};
}

Expected<void> IoQueue::State::open_ring(const Host& host) {
  RingOptions wanted = options.ring;
  wanted.entries = options.depth;
  // Only this mode finishes operations for whichever thread looks.
  if (options.shared) wanted.task_run = TaskRun::interrupting;
  auto made = Ring::create(host, wanted);
  if (!made) return settle(made.error(), kCallsInstead);
  ring.emplace(std::move(*made));
  // A registered ring descriptor is one thread's own.
  if (options.shared) io_uring_unregister_ring_fd(ring->get());
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
    sqe = io_uring_get_sqe(ring->get());
    // Room is taken by cancellations only, and those go with the next call.
    if (sqe == nullptr) {
      hand_over();
      sqe = io_uring_get_sqe(ring->get());
    }
    if (sqe == nullptr) return false;
  }
  const unsigned number = free.back();
  free.pop_back();
  Slot& slot = slots[number];
  slot.tag = operation.tag;
  slot.file = operation.file;
  const bool tracked = memory_table || !ring;
  slot.memory = tracked && known(operation.memory) ? operation.memory : MemoryId{};
  slot.active = true;
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

// What the kernel does not take now stays prepared, and goes with the next call; that one tells.
void IoQueue::State::hand_over() {
  if (!ring) return calls.run();
  ++counters.enters;
  io_uring_submit(ring->get());
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
    io_uring_sqe* sqe = io_uring_get_sqe(ring->get());
    if (sqe == nullptr) {
      hand_over();
      sqe = io_uring_get_sqe(ring->get());
    }
    if (sqe == nullptr) break;
    io_uring_prep_cancel64(sqe, number, 0);
    sqe->user_data = kOwnRequest;
    ++asked;
  }
  hand_over();
  return asked;
}

IoQueue::IoQueue(std::unique_ptr<State> state) : state_(std::move(state)) {}
IoQueue::IoQueue(IoQueue&&) noexcept = default;

IoQueue& IoQueue::operator=(IoQueue&& other) noexcept {
  std::swap(state_, other.state_);  // the other one's destructor closes what was here
  return *this;
}

IoQueue::~IoQueue() {
  if (state_ == nullptr || in_flight() == 0) return;
  if (state_->ring) state_->cancel_in_ring(0, true);
  if (drain([](IoDone&&) {})) return;
  // The ring is broken and the kernel may still write: what it may write to stays for good.
  for (Slot& slot : state_->slots) {
    if (slot.active) new Buffer(std::move(slot.buffer));
  }
}

Expected<IoQueue> IoQueue::create(const IoOptions& options) {
  if (options.depth == 0 || options.depth > kDepthMax) {
    return fail(ErrorCode::invalid, "make an I/O queue", fmt::format("depth {}", options.depth),
                fmt::format("expected 1 to {}", kDepthMax));
  }
  auto state = std::make_unique<State>(options);
  state->description = kCallsInstead;
  if (options.backend == IoBackend::uring) {
    const auto own = options.host == nullptr ? make_file_host() : nullptr;
    const auto opened = state->open_ring(own ? *own : *options.host);
    if (!opened) return Failure(opened.error());
  }
  state->options.host = nullptr;
  return IoQueue(std::move(state));
}

IoBackend IoQueue::backend() const { return state_->ring ? IoBackend::uring : IoBackend::calls; }
const std::string& IoQueue::description() const { return state_->description; }
unsigned IoQueue::depth() const { return state_->options.depth; }
unsigned IoQueue::in_flight() const { return state_->in_flight(); }
unsigned IoQueue::batch_target() const { return state_->batch.target(); }
const IoCounters& IoQueue::counters() const { return state_->counters; }

Expected<FileId> IoQueue::add_file(UniqueFd file) {
  for (unsigned slot = 0; slot < state_->files.size(); ++slot) {
    if (state_->files[slot].fd || state_->files[slot].in_flight > 0) continue;
    if (auto put = replace_file({slot}, std::move(file)); !put) return Failure(put.error());
    return FileId{slot};
  }
  return fail(ErrorCode::exhausted, "add a file to an I/O queue", "",
              fmt::format("all {} slots are taken", state_->files.size()),
              "remove one, or raise IoOptions::files");
}

Expected<void> IoQueue::replace_file(FileId id, UniqueFd file) {
  if (!state_->known(id)) return no_such("a file", id.slot);
  FileSlot& slot = state_->files[id.slot];
  if (slot.in_flight > 0) return slot_busy("a file", id.slot, slot.in_flight);
  if (state_->ring) {
    const int descriptor = file.get();  // -1 empties the slot
    const int changed =
        io_uring_register_files_update(state_->ring->get(), id.slot, &descriptor, 1);
    if (changed < 0) return fail_errno(-changed, "io_uring_register files update");
  }
  slot.fd = std::move(file);
  return {};
}

Expected<void> IoQueue::remove_file(FileId id) { return replace_file(id, UniqueFd()); }

int IoQueue::descriptor(FileId id) const {
  return state_->known(id) ? state_->files[id.slot].fd.get() : -1;
}

Expected<MemoryId> IoQueue::add_memory(std::span<std::byte> memory) {
  for (unsigned slot = 0; slot < state_->memories.size(); ++slot) {
    const MemorySlot& there = state_->memories[slot];
    if (!there.memory.empty() || there.in_flight > 0) continue;
    if (auto put = replace_memory({slot}, memory); !put) return Failure(put.error());
    return MemoryId{slot};
  }
  return fail(ErrorCode::exhausted, "register memory", "",
              fmt::format("all {} slots are taken", state_->memories.size()),
              "remove one, or raise IoOptions::memories");
}

Expected<void> IoQueue::replace_memory(MemoryId id, std::span<std::byte> memory) {
  if (!state_->known(id)) return no_such("registered memory", id.slot);
  MemorySlot& slot = state_->memories[id.slot];
  if (slot.in_flight > 0) return slot_busy("registered memory", id.slot, slot.in_flight);
  if (memory.size() > kMemoryMax) {
    return fail(ErrorCode::invalid, "register memory", format_bytes(Bytes{memory.size()}),
                "the kernel takes at most 1GiB in one piece", "register it in several");
  }
  if (state_->ring) {
    if (!state_->memory_table) {
      return fail(ErrorCode::unsupported, "register memory", "",
                  "this kernel has no table of buffers that can be updated",
                  "use Linux 5.19 or newer, or do without");
    }
    const iovec piece{memory.data(), memory.size()};
    const __u64 no_tag = 0;
    const int changed =
        io_uring_register_buffers_update_tag(state_->ring->get(), id.slot, &piece, &no_tag, 1);
    if (changed < 0) {
      const bool limit = changed == -ENOMEM;
      return fail_errno(-changed, "io_uring_register buffers update", "",
                        limit ? "raise the memlock limit (ulimit -l, LimitMEMLOCK=)" : "");
    }
  }
  slot.memory = memory;
  return {};
}

Expected<void> IoQueue::remove_memory(MemoryId id) { return replace_memory(id, {}); }

Expected<void> IoQueue::attach(const BufferPool& pool) {
  if (state_->pool != nullptr) {
    return fail(ErrorCode::invalid, "attach a buffer pool", "", "the queue has one already");
  }
  std::vector<MemoryId> slabs;
  for (const std::span<std::byte> slab : pool.slabs()) {
    const auto added = add_memory(slab);
    if (!added) {
      for (const MemoryId id : slabs) static_cast<void>(remove_memory(id));
      return state_->settle(added.error(), "buffers that the kernel pins for each operation");
    }
    slabs.push_back(*added);
  }
  state_->pool = pool.identity();
  state_->pool_slabs = std::move(slabs);
  return {};
}

namespace {

IoOperation with_buffer(IoKind kind, FileId file, const Buffer& buffer, std::size_t size,
                        std::uint64_t offset, std::uint64_t tag, IoOrder order) {
  return {.kind = kind,
          .order = order,
          .file = file,
          .memory = {},
          .data = buffer.data(),
          .size = std::min(size, buffer.size()),
          .offset = offset,
          .tag = tag};
}

}  // namespace

bool IoQueue::read(FileId file, Buffer&& buffer, std::size_t size, std::uint64_t offset,
                   std::uint64_t tag, IoOrder order) {
  auto operation = with_buffer(IoKind::read, file, buffer, size, offset, tag, order);
  if (buffer.pool() == state_->pool && buffer) operation.memory = state_->pool_slabs[buffer.slab()];
  return state_->prepare(operation, &buffer);
}

bool IoQueue::write(FileId file, Buffer&& buffer, std::size_t size, std::uint64_t offset,
                    std::uint64_t tag, IoOrder order) {
  auto operation = with_buffer(IoKind::write, file, buffer, size, offset, tag, order);
  if (buffer.pool() == state_->pool && buffer) operation.memory = state_->pool_slabs[buffer.slab()];
  return state_->prepare(operation, &buffer);
}

bool IoQueue::read(FileId file, std::span<std::byte> into, std::uint64_t offset, std::uint64_t tag,
                   MemoryId registered, IoOrder order) {
  return state_->prepare({.kind = IoKind::read,
                          .order = order,
                          .file = file,
                          .memory = registered,
                          .data = into.data(),
                          .size = into.size(),
                          .offset = offset,
                          .tag = tag},
                         nullptr);
}

bool IoQueue::write(FileId file, std::span<const std::byte> from, std::uint64_t offset,
                    std::uint64_t tag, MemoryId registered, IoOrder order) {
  return state_->prepare({.kind = IoKind::write,
                          .order = order,
                          .file = file,
                          .memory = registered,
                          .data = const_cast<std::byte*>(from.data()),  // as iovec wants it
                          .size = from.size(),
                          .offset = offset,
                          .tag = tag},
                         nullptr);
}

bool IoQueue::sync(FileId file, std::uint64_t tag, IoOrder order) {
  return state_->prepare({.kind = IoKind::sync,
                          .order = order,
                          .file = file,
                          .memory = {},
                          .data = nullptr,
                          .size = 0,
                          .offset = 0,
                          .tag = tag},
                         nullptr);
}

unsigned IoQueue::cancel(std::uint64_t tag) {
  const unsigned asked =
      state_->ring ? state_->cancel_in_ring(tag, false) : state_->calls.cancel(tag);
  state_->counters.cancelled += asked;
  return asked;
}

Expected<void> IoQueue::submit() {
  State& state = *state_;
  state.chain_open = false;
  if (!state.ring) {
    state.calls.run();
    return {};
  }
  if (io_uring_sq_ready(state.ring->get()) == 0) return {};
  ++state.counters.enters;
  const int entered = io_uring_submit(state.ring->get());
  const bool later = entered == -EAGAIN || entered == -EBUSY || entered == -EINTR;
  if (entered < 0 && !later) return enter_failed(entered);
  return {};
}

bool IoQueue::next(IoDone& done) {
  State& state = *state_;
  std::uint64_t number = 0;
  int result = 0;
  do {
    if (!state.next_answer(number, result)) return false;
  } while (number == kOwnRequest);
  Slot& slot = state.slots[number];
  if (state.known(slot.file)) --state.files[slot.file.slot].in_flight;
  if (state.known(slot.memory)) --state.memories[slot.memory.slot].in_flight;
  slot.active = false;
  done.tag = slot.tag;
  done.result = result;
  done.buffer = std::move(slot.buffer);
  state.free.push_back(static_cast<unsigned>(number));
  ++state.counters.completed;
  return true;
}

int IoQueue::enter(unsigned wanted) {
  State& state = *state_;
  state.batch.polled();
  state.chain_open = false;
  if (!state.ring) {
    state.calls.run();
    return 0;
  }
  Ring& ring = *state.ring;
  const bool must_ask = ring.task_run() != TaskRun::interrupting;
  if (wanted == 0 && !must_ask && io_uring_sq_ready(ring.get()) == 0) return 0;
  ++state.counters.enters;
  const int entered = ring.submit_and_wait(wanted);
  if (entered == -EINTR) return kInterrupted;
  if (entered == -EAGAIN || entered == -EBUSY) {
    return ++state.refusals > kRefusalsMax ? entered : 0;
  }
  if (entered < 0) return entered;
  state.refusals = 0;
  // A signal during the wait is not told when something was handed over in the same call.
  return io_uring_cq_ready(ring.get()) < wanted ? kInterrupted : 0;
}

Failure IoQueue::enter_failed(int answer) { return fail_errno(-answer, "io_uring_enter"); }

}  // namespace assay::engine
