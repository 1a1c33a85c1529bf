// An io_uring: set up with the best task-work mode that the kernel has, closed by its destructor.
//
// A completion that arrives by interrupt on another CPU needs the ring's own thread to run a piece
// of kernel work before it shows. With DEFER_TASKRUN (Linux 6.1) that happens only inside a call
// that asks for events; with COOP_TASKRUN (5.19) at the next system call. submit_and_wait() always
// asks for events in these modes, so a completion never waits for a timer tick.
// One thread makes and uses a ring (SINGLE_ISSUER). Move-only.
#pragma once

#include <liburing.h>

#include <memory>
#include <span>
#include <string>

#include "core/error.hpp"
#include "core/fd.hpp"
#include "core/host.hpp"

namespace assay::engine {

// How the kernel finishes operations on behalf of the ring's thread, best first.
enum class TaskRun : std::uint8_t {
  deferred,     // only when this thread asks for events: SINGLE_ISSUER | DEFER_TASKRUN
  cooperative,  // at this thread's next system call: COOP_TASKRUN | TASKRUN_FLAG
  interrupting  // at once, by interrupting this thread: every kernel
};

struct RingOptions {
  unsigned entries = 1;  // operations in flight; rounded up to a power of two by the kernel
  TaskRun task_run = TaskRun::deferred;  // the best that is tried; older kernels get the next one
};

class Ring {
 public:
  // Sets a ring up. Errors: denied (kernel.io_uring_disabled, a seccomp filter), unsupported (no
  // io_uring in the kernel), exhausted (memory, the memlock limit of kernels before 5.12); each
  // with what to do. `host` is asked for the switch's value.
  static Expected<Ring> create(const Host& host, const RingOptions& options);

  Ring(Ring&&) noexcept = default;
  Ring& operator=(Ring&&) noexcept = default;

  // What was set up, in words: "DEFER_TASKRUN", "COOP_TASKRUN (this kernel has no DEFER_TASKRUN)".
  const std::string& description() const { return description_; }
  TaskRun task_run() const { return task_run_; }
  io_uring* get() { return ring_.get(); }

  // Registers memory for READ_FIXED and WRITE_FIXED, as buffers 0, 1, ... Errors: exhausted names
  // the memlock limit. Not to be called with operations in flight.
  Expected<void> register_buffers(std::span<const iovec> buffers);
  // Registers one file as index 0 of the table. The caller may close its own descriptor then.
  Expected<void> register_file(const UniqueFd& file);
  // The kernel answers these only when something is registered: the proof that it was.
  Expected<void> unregister_buffers();
  Expected<void> unregister_files();

  // Submits what was prepared and waits for `wanted` completions (0: only looks). Returns what
  // io_uring_enter(2) returned: the number submitted, or -errno.
  int submit_and_wait(unsigned wanted) {
    if (wanted > 0) return io_uring_submit_and_wait(ring_.get(), wanted);
    if (must_ask_) return io_uring_submit_and_get_events(ring_.get());
    return io_uring_submit(ring_.get());
  }

 private:
  struct Closer {
    void operator()(io_uring* ring) const {
      io_uring_queue_exit(ring);
      delete ring;
    }
  };
  Ring() = default;

  std::unique_ptr<io_uring, Closer> ring_;
  TaskRun task_run_ = TaskRun::interrupting;
  bool must_ask_ = false;  // completions show only to a call that asks for events
  std::string description_;
};

// Whether this process may set up a ring here. Error: as Ring::create().
Expected<void> ring_allowed(const Host& host);

}  // namespace assay::engine
