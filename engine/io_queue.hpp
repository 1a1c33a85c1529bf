// A queue of file operations over one io_uring: reads, writes and syncs are put together, handed to
// the kernel in few calls, and come back as completions.
//
//   auto queue = IoQueue::create({.depth = 64});
//   auto file = queue->add_file(std::move(fd));
//   queue->attach(pool);
//   if (!queue->write(*file, std::move(buffer), size, offset, tag)) ...       // full: poll first
//   queue->wait(1, [](IoDone done) { ... done.result, done.buffer ... });
//
// Ownership. A Buffer that is handed over is the queue's until its completion hands it back: it can
// be neither changed nor used again while in flight. A file or a piece of registered memory cannot
// be replaced while an operation uses it. The destructor cancels what is in flight and waits for
// it.
//
// Completions never wait for a timer tick: the ring is set up so that the call which looks for
// completions also makes the kernel finish them (see ring.hpp), on whichever CPU they arrived.
//
// Nothing is silent. Where the host refuses io_uring, or a way to poll that was asked for, create()
// fails, unless options.announce is set: then it is told why, and the next best takes its place,
// down to preadv2(2) and pwritev2(2), one call an operation.
//
// One thread makes and uses a queue (but see IoOptions::shared). Operations and completions neither
// allocate, lock, log nor throw.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/fd.hpp"
#include "core/host.hpp"
#include "engine/buffer_pool.hpp"
#include "engine/ring.hpp"

namespace assay::engine {

// A file, and a piece of memory, that one queue knows. Valid until removed.
struct FileId {
  unsigned slot = 0;
  friend bool operator==(FileId, FileId) = default;
};
struct MemoryId {
  unsigned slot = ~0U;  // default: not registered
  friend bool operator==(MemoryId, MemoryId) = default;
};

// Who does the work.
enum class IoBackend : std::uint8_t {
  uring,  // the kernel, asynchronously
  calls   // preadv2(2), pwritev2(2) and fdatasync(2), inside the call that hands over
};

struct IoOptions {
  // Operations that are prepared or in flight at most; 1 to 4096. Default: 64.
  unsigned depth = 64;
  // How many files, and pieces of memory, can be registered. Default: 16, 64.
  unsigned files = 16;
  unsigned memories = 64;
  // The most operations that are held back to go together. 1: each is handed over at once.
  // Default: 32, and at most the depth.
  unsigned batch_max = 32;
  // How the ring is set up (see ring.hpp): task-run mode, SQPOLL, IOPOLL; `entries` is the depth.
  // With IOPOLL only O_DIRECT files on a drive with poll queues work, and sync() does not; others
  // come back with -EOPNOTSUPP. Default: the best task-run mode, no polling.
  RingOptions ring = {};
  // Several threads may use the queue, one at a time (they hold a lock; see CoreQueues). Costs the
  // best task-run modes, which tie a ring to its thread. Default: off.
  bool shared = false;
  // Default: uring. `calls` is for tests and for hosts that are known to have no io_uring.
  IoBackend backend = IoBackend::uring;
  // Told each thing that was asked for and is not to be had: why, and what is done instead.
  // Default: none, and create() fails in these cases.
  std::function<void(const Error& why, std::string_view instead)> announce = {};
  // Where the kernel's switches are read. Default: this machine. Outlives create() only.
  const Host* host = nullptr;
};

// What of order an operation asks for.
struct IoOrder {
  // The next operation begins when this one has succeeded in full; if it fails or is short, the
  // next one's result is -ECANCELED. Chains end at the first operation without it.
  bool then_next = false;
  // This one begins when all that were prepared before it are done, and those after it when it is.
  bool barrier = false;
};

// A completed operation.
struct IoDone {
  std::uint64_t tag = 0;  // the caller's
  int result = 0;         // bytes moved (0 for a sync), or -errno; -ECANCELED if it was cancelled
  Buffer buffer;          // what was handed over with it
};

struct IoCounters {
  std::uint64_t prepared = 0, completed = 0, cancelled = 0;
  std::uint64_t enters = 0;        // system calls that handed over, waited or looked
  std::uint64_t fixed_files = 0;   // operations on a file of the kernel's table
  std::uint64_t fixed_memory = 0;  // operations on registered memory
};

class IoQueue {
 public:
  // Errors: those of Ring::create() when nothing may take its place; invalid (depth).
  static Expected<IoQueue> create(const IoOptions& options);

  IoQueue(IoQueue&&) noexcept;
  IoQueue& operator=(IoQueue&&) noexcept;
  // Cancels what is in flight and waits for it.
  ~IoQueue();

  IoBackend backend() const;
  // What does the work, in words: "io_uring, DEFER_TASKRUN", "preadv2 and pwritev2".
  const std::string& description() const;

  // --- files and memory; not on the hot path ---

  // Takes the file over. Error: exhausted (every slot is taken).
  Expected<FileId> add_file(UniqueFd file);
  // Puts another file into a slot, or none. Error: busy (an operation uses the slot), invalid.
  Expected<void> replace_file(FileId id, UniqueFd file);
  Expected<void> remove_file(FileId id);
  // Its descriptor, still the queue's; -1 for an empty slot.
  int descriptor(FileId id) const;

  // Registers memory, so that the kernel need not pin its pages for each operation. It must stay
  // mapped until removed. Errors: exhausted (slots, memlock limit), unsupported (Linux
  // before 5.19), invalid (more than 1 GiB).
  Expected<MemoryId> add_memory(std::span<std::byte> memory);
  Expected<void> replace_memory(MemoryId id, std::span<std::byte> memory);  // busy, as above
  Expected<void> remove_memory(MemoryId id);
  // Registers every slab of a pool, so that its Buffers go the fast way. One pool a queue; it
  // outlives the queue. Buffers of other pools work, unregistered. Errors: as add_memory(); invalid
  // (a second pool). Where the kernel cannot register, IoOptions::announce decides.
  Expected<void> attach(const BufferPool& pool);

  // --- operations: true when prepared; false when the queue is full, and nothing has changed ---
  // `size` is at most the buffer's. An operation is handed to the kernel at the latest by the next
  // submit(), poll() or wait().

  [[nodiscard]] bool read(FileId file, Buffer&& buffer, std::size_t size, std::uint64_t offset,
                          std::uint64_t tag, IoOrder order = {});
  [[nodiscard]] bool write(FileId file, Buffer&& buffer, std::size_t size, std::uint64_t offset,
                           std::uint64_t tag, IoOrder order = {});
  // Memory that the caller owns, and leaves alone until the completion. With `registered`, it lies
  // in that piece.
  [[nodiscard]] bool read(FileId file, std::span<std::byte> into, std::uint64_t offset,
                          std::uint64_t tag, MemoryId registered = {}, IoOrder order = {});
  [[nodiscard]] bool write(FileId file, std::span<const std::byte> from, std::uint64_t offset,
                           std::uint64_t tag, MemoryId registered = {}, IoOrder order = {});
  // fdatasync(2): what completed before is on the medium. With `barrier`, everything prepared
  // before.
  [[nodiscard]] bool sync(FileId file, std::uint64_t tag, IoOrder order = {});

  // Asks for every operation with this tag to be given up: it comes back with -ECANCELED, or with
  // its result when it was too far on. Returns how many were asked. They still have to be waited
  // for.
  unsigned cancel(std::uint64_t tag);

  // --- handing over, completions ---
  // An Error is returned when the ring is no longer of use; single operations fail through their
  // IoDone.

  // Hands over what is prepared. Looks for no completions.
  Expected<void> submit();
  // Hands over, and calls handler(IoDone) for what is done. Returns how many that were. The handler
  // may prepare operations, but not poll.
  template <typename Handler>
  Expected<unsigned> poll(Handler&& handler) {
    return complete(0, handler);
  }
  // The same, but waits until `wanted` have been handled, or all when fewer are in flight. A signal
  // ends the wait early.
  template <typename Handler>
  Expected<unsigned> wait(unsigned wanted, Handler&& handler) {
    return complete(wanted, handler);
  }
  // Waits for everything, whatever signals come.
  template <typename Handler>
  Expected<unsigned> drain(Handler&& handler) {
    unsigned handled = 0;
    while (in_flight() > 0) {
      const auto some = complete(in_flight(), handler);
      if (!some) return some;
      handled += *some;
    }
    return handled;
  }

  unsigned depth() const;
  unsigned in_flight() const;  // prepared or with the kernel
  bool full() const { return in_flight() == depth(); }
  // How many are put together before they go, just now.
  unsigned batch_target() const;
  IoCounters counters() const;

 private:
  struct State;
  explicit IoQueue(std::unique_ptr<State> state);

  template <typename Handler>
  Expected<unsigned> complete(unsigned wanted, Handler& handler) {
    // What the handler prepares may be done at once; it waits for the next call, so that this ends.
    const unsigned limit = in_flight();
    if (wanted > limit) wanted = limit;
    unsigned handled = 0;
    bool looked = false;
    while (handled < limit) {
      IoDone done;
      if (next(done)) {
        ++handled;
        handler(std::move(done));
        continue;
      }
      if (looked && handled >= wanted) break;
      const int answer = enter(handled < wanted ? wanted - handled : 0);
      if (answer == kInterrupted) {
        while (handled < limit && next(done)) {
          ++handled;
          handler(std::move(done));
        }
        break;
      }
      if (answer < 0) return enter_failed(answer);
      looked = true;
    }
    return handled;
  }

  static constexpr int kInterrupted = 1;
  bool next(IoDone& done);
  // Hands over and waits. 0, kInterrupted, or -errno.
  int enter(unsigned wanted);
  static Failure enter_failed(int answer);

  std::unique_ptr<State> state_;
};

}  // namespace assay::engine
