// An io_uring: set up as asked, closed by its destructor.
//
// A completion that arrives by interrupt on another CPU needs the ring's own thread to run a piece
// of kernel work before it shows. With DEFER_TASKRUN (Linux 6.1) that happens only inside a call
// that asks for events; with COOP_TASKRUN (5.19) at the next system call. submit_and_wait() always
// asks for events in these modes, so a completion never waits for a timer tick.
//
// No flag is dropped silently: what a kernel lacks is either named in description(), or with
// `exact` an error. Calls into the kernel are counted where they are made: enters().
// One thread makes and uses a ring (SINGLE_ISSUER). Move-only.
#pragma once

#include <liburing.h>

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/error.hpp"
#include "core/fd.hpp"
#include "core/host.hpp"
#include "engine/outside_fence.hpp"

namespace assay::engine {

// How the kernel finishes operations on behalf of the ring's thread, best first.
enum class TaskRun : std::uint8_t {
  deferred,     // only when this thread asks for events: SINGLE_ISSUER | DEFER_TASKRUN
  cooperative,  // at this thread's next system call: COOP_TASKRUN | TASKRUN_FLAG
  interrupting  // at once, by interrupting this thread: every kernel
};

// How completions are found: by the drive's interrupt, or by asking the drive's poll queue.
enum class DevicePolling : std::uint8_t {
  off,
  busy,   // IOPOLL: the waiting call asks the drive without pause. O_DIRECT on poll queues only
  hybrid  // IOPOLL | HYBRID_IOPOLL (Linux 6.13): it sleeps for half the usual time first
};

struct RingOptions {
  unsigned entries = 1;  // operations in flight; rounded up to a power of two by the kernel
  TaskRun task_run = TaskRun::deferred;  // the best that is tried; older kernels get the next one
  DevicePolling polling = DevicePolling::off;
  // SQPOLL: a kernel thread takes what is submitted, without a call, and finishes it; task_run has
  // no meaning then. It sleeps after `poller_idle` without work. The queue is made twice as long as
  // `entries`, since the thread may give entries back after their completion.
  bool poller = false;
  std::optional<unsigned> poller_cpu = {};  // SQ_AFF; absent: any
  std::chrono::milliseconds poller_idle{1000};
  bool big_entries = false;   // SQE128 and CQE32, for commands that are passed through
  bool no_array = false;      // NO_SQARRAY (Linux 6.6): entries are taken in their order
  bool register_ring = true;  // saves looking the ring's descriptor up in every call (5.18)
  // false: task_run and register_ring are wishes, and description() says what became of them.
  // true: whatever is not granted exactly is an error.
  bool exact = false;
};

class Ring {
 public:
  // Sets a ring up. Errors: denied (kernel.io_uring_disabled, a seccomp filter), unsupported (no
  // io_uring in the kernel, or not that flag: with the version that has it), invalid (flags that
  // exclude each other), exhausted (memory, the memlock limit of kernels before 5.12); each with
  // what to do. `host` is asked for the switch's value.
  static Expected<Ring> create(const Host& host, const RingOptions& options);

  Ring(Ring&&) noexcept = default;
  Ring& operator=(Ring&&) noexcept = default;

  // What was set up, in words: "DEFER_TASKRUN", "COOP_TASKRUN (this kernel has no DEFER_TASKRUN)",
  // "SQPOLL, IOPOLL".
  const std::string& description() const { return description_; }
  TaskRun task_run() const { return task_run_; }
  // The flags that the kernel accepted: IORING_SETUP_*.
  unsigned setup_flags() const { return ring_->flags; }
  bool has_poller() const { return (ring_->flags & IORING_SETUP_SQPOLL) != 0; }
  bool polls_device() const { return (ring_->flags & IORING_SETUP_IOPOLL) != 0; }
  // Whether calls name the ring by its place in the thread's table of registered rings.
  bool is_registered() const { return registered_; }
  // System calls that were made to submit and to wait.
  std::uint64_t enters() const { return enters_; }
  io_uring* get() { return ring_.get(); }
  const io_uring* get() const { return ring_.get(); }

  // Registers memory for READ_FIXED and WRITE_FIXED, as buffers 0, 1, ... Errors: exhausted names
  // the memlock limit. Not to be called with operations in flight.
  Expected<void> register_buffers(std::span<const iovec> buffers);
  // Registers one file as index 0 of the table. The caller may close its own descriptor then.
  Expected<void> register_file(const UniqueFd& file);
  // The kernel answers these only when something is registered: the proof that it was.
  Expected<void> unregister_buffers();
  Expected<void> unregister_files();

  // An entry to prepare. There is always one for each of RingOptions::entries that is not in
  // flight; with a poller it may take an instant until the thread has given it back.
  io_uring_sqe* next_entry() {
    io_uring_sqe* entry = io_uring_get_sqe(ring_.get());
    while (entry == nullptr) entry = io_uring_get_sqe(ring_.get());
    return entry;
  }

  // Submits what was prepared and waits for `wanted` completions (0: only looks). Returns the
  // number submitted, or -errno of io_uring_enter(2). With a poller there is a call only when it
  // sleeps or has to be waited for.
  int submit_and_wait(unsigned wanted) {
    const unsigned waiting = publish();
    unsigned flags = wanted > 0 || must_ask_ ? IORING_ENTER_GETEVENTS : 0;
    if (has_poller()) {
      // The store of the tail must be seen before the flag is read: else both sides sleep.
      outside_fence<__ATOMIC_SEQ_CST>();
      if ((kernel_flags() & IORING_SQ_NEED_WAKEUP) != 0) {
        flags |= IORING_ENTER_SQ_WAKEUP;
      } else if (wanted <= io_uring_cq_ready(ring_.get())) {
        return static_cast<int>(waiting);
      }
    } else if (waiting == 0 && flags == 0) {
      return 0;
    }
    return enter(waiting, wanted, flags);
  }

  // Looks for completions without waiting: has the kernel run what it keeps for this thread, where
  // it says that there is something. 0 or -errno.
  int look() {
    constexpr unsigned kSomething = IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW;
    const bool ask = (kernel_flags() & kSomething) != 0 || (polls_device() && !has_poller());
    return ask ? enter(0, 0, IORING_ENTER_GETEVENTS) : 0;
  }

 private:
  struct Closer {
    void operator()(io_uring* ring) const {
      io_uring_queue_exit(ring);
      delete ring;
    }
  };
  Ring() = default;
  static Expected<Ring> try_setup(const Host& host, const RingOptions& options, TaskRun mode,
                                  int& failed);

  unsigned kernel_flags() const { return IO_URING_READ_ONCE(*ring_->sq.kflags); }

  // Hands prepared entries to the kernel's side of the queue; how many it has not taken yet.
  unsigned publish() {
    io_uring_sq& queue = ring_->sq;
    queue.sqe_head = queue.sqe_tail;
    io_uring_smp_store_release(queue.ktail, queue.sqe_tail);
    return queue.sqe_tail - IO_URING_READ_ONCE(*queue.khead);
  }

  int enter(unsigned submit, unsigned wanted, unsigned flags) {
    ++enters_;
    return io_uring_enter(static_cast<unsigned>(ring_->enter_ring_fd), submit, wanted,
                          flags | enter_flags_, nullptr);
  }

  std::unique_ptr<io_uring, Closer> ring_;
  std::uint64_t enters_ = 0;
  unsigned enter_flags_ = 0;
  TaskRun task_run_ = TaskRun::interrupting;
  bool must_ask_ = false;  // completions show only to a call that asks for events
  bool registered_ = false;
  std::string description_;
};

// Whether this process may set up a ring here. Error: as Ring::create().
Expected<void> ring_allowed(const Host& host);

// The flags of io_uring_setup(2) that this kernel takes, each tried once. 0 where no ring may be
// set up at all.
unsigned supported_setup_flags();

// "SINGLE_ISSUER | DEFER_TASKRUN" of IORING_SETUP_* bits.
std::string setup_flag_names(unsigned flags);

}  // namespace assay::engine
