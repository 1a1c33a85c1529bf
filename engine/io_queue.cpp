#include "engine/io_queue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "core/file_host.hpp"
#include "engine/io_queue_state.hpp"

namespace assay::engine {
namespace {

constexpr unsigned kDepthMax = 4096;
constexpr std::uint64_t kMemoryMax = 1ULL << 30;  // of one registered buffer, a kernel limit
// A ring that refuses this often in a row will not recover.
constexpr unsigned kRefusalsMax = 1000;
// A signal, or a queue that must be emptied first: what was prepared stays and goes next time.
bool may_repeat(int entered) {
  return entered == -EINTR || entered == -EAGAIN || entered == -EBUSY;
}

Failure slot_busy(std::string_view what, unsigned slot, unsigned in_flight) {
  return fail(ErrorCode::busy, fmt::format("update {}", what), fmt::format("slot {}", slot),
              fmt::format("{} operations in flight use it", in_flight), "wait for them first");
}

Failure no_such(std::string_view what, unsigned slot) {
  return fail(ErrorCode::invalid, fmt::format("update {}", what), fmt::format("slot {}", slot),
              "no such slot, or it is empty");
}

}  // namespace

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
  for (IoSlot& slot : state_->slots) {
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

IoCounters IoQueue::counters() const {
  IoCounters counters = state_->counters;
  if (state_->ring) counters.enters = state_->ring->enters();
  return counters;
}

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
  const int entered = state.ring->submit_and_wait(0);
  if (entered < 0 && !may_repeat(entered)) return enter_failed(entered);
  return {};
}

bool IoQueue::next(IoDone& done) {
  State& state = *state_;
  std::uint64_t number = 0;
  int result = 0;
  do {
    if (!state.next_answer(number, result)) return false;
  } while (number == kOwnRequest);
  IoSlot& slot = state.slots[number];
  if (state.known(slot.file)) --state.files[slot.file.slot].in_flight;
  if (state.known(slot.memory)) --state.memories[slot.memory.slot].in_flight;
  slot.active = false;
  if (std::exchange(slot.ordered, false)) --state.ordered;
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
  // With DEFER_TASKRUN the kernel wakes a waiting thread when as many completions have gathered as
  // it waits for (since Linux 6.2), and begins what waits for them only then: for ever, where one
  // of those that are waited for stands behind a barrier. Waiting for one at a time avoids that.
  if (state.ordered > 0) wanted = std::min(wanted, 1U);
  const bool only_look = wanted == 0 && state.refusals == 0 && io_uring_sq_ready(ring.get()) == 0;
  const int entered = only_look ? ring.look() : ring.submit_and_wait(wanted);
  if (entered == -EINTR) return kInterrupted;
  if (entered < 0 && may_repeat(entered)) {
    return ++state.refusals > kRefusalsMax ? entered : 0;
  }
  if (entered < 0) return entered;
  state.refusals = 0;
  // A signal during the wait is not told when something was handed over in the same call. (A call
  // that polls the drive may come back early for other reasons.)
  const bool early = io_uring_cq_ready(ring.get()) < wanted && !ring.polls_device();
  return early ? kInterrupted : 0;
}

Failure IoQueue::enter_failed(int answer) { return fail_errno(-answer, "io_uring_enter"); }

}  // namespace assay::engine
