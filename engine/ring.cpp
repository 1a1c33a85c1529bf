#include "engine/ring.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <cerrno>


namespace assay::engine {
namespace {

constexpr const char* kDisabledPath = "/proc/sys/kernel/io_uring_disabled";

Failure setup_failure(const Host& host, int sys_errno) {
  constexpr const char* kOperation = "io_uring_setup";
  if (sys_errno == EPERM) {
    const auto disabled = host.read_int(kDisabledPath);
    if (disabled && *disabled > 0) {
      return fail_errno(sys_errno, kOperation, "",
                        fmt::format("kernel.io_uring_disabled is {}; set it to 0 or run `assay "
                                    "tune`",
                                    *disabled));
    }
    return fail_errno(sys_errno, kOperation, "",
                      "a seccomp filter forbids it, as container runtimes do by default; allow "
                      "io_uring_setup, io_uring_enter and io_uring_register");
  }
  if (sys_errno == ENOSYS) {
    return fail_errno(sys_errno, kOperation, "",
                      "this kernel has no io_uring; use Linux 5.10 or "
                      "newer with CONFIG_IO_URING");
  }
  if (sys_errno == ENOMEM) {
    return fail_errno(sys_errno, kOperation, "",
                      "free memory, raise the memlock limit (ulimit -l), or lower --depth");
  }
  return fail_errno(sys_errno, kOperation);
}

unsigned flags_of(TaskRun mode) {
  constexpr unsigned kAlways = IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL;
  switch (mode) {
    case TaskRun::deferred:
      return kAlways | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    case TaskRun::cooperative:
      return kAlways | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
    case TaskRun::interrupting:
      break;
  }
  return 0;
}

const char* name_of(TaskRun mode) {
  switch (mode) {
    case TaskRun::deferred:
      return "DEFER_TASKRUN";
    case TaskRun::cooperative:
      return "COOP_TASKRUN";
    case TaskRun::interrupting:
      break;
  }
  return "no task-run flag";
}

std::string memlock_words() {
  rlimit limit{};
  ::getrlimit(RLIMIT_MEMLOCK, &limit);
  if (limit.rlim_cur == RLIM_INFINITY) return "free memory, or lower --depth or --block";
  return fmt::format(
      "the memlock limit is {}; raise it (ulimit -l, LimitMEMLOCK=), or lower "
      "--depth or --block",
      format_bytes(Bytes{limit.rlim_cur}));
}

}  // namespace

Expected<Ring> Ring::create(const Host& host, const RingOptions& options) {
  int failed = 0;
  for (const TaskRun mode : {TaskRun::deferred, TaskRun::cooperative, TaskRun::interrupting}) {
    if (mode < options.task_run) continue;
    io_uring_params parameters{};
    parameters.flags = flags_of(mode);
    auto raw = std::make_unique<io_uring>();
    failed = -io_uring_queue_init_params(options.entries, raw.get(), &parameters);
    if (failed == EINVAL) continue;  // an older kernel: the next mode
    if (failed != 0) return setup_failure(host, failed);
    Ring ring;
    ring.ring_.reset(raw.release());
    ring.task_run_ = mode;
    ring.must_ask_ = mode != TaskRun::interrupting;
    ring.description_ = name_of(mode);
    if (mode != options.task_run) {
      ring.description_ += fmt::format(" (this kernel has no {})", name_of(options.task_run));
    }
    // Saves looking the ring's own descriptor up in every call; older kernels do without.
    io_uring_register_ring_fd(ring.ring_.get());
    return ring;
  }
  return setup_failure(host, failed);
}

Expected<void> Ring::register_buffers(std::span<const iovec> buffers) {
  const int failed = -io_uring_register_buffers(ring_.get(), buffers.data(),
                                                static_cast<unsigned>(buffers.size()));
  if (failed == 0) return {};
  const bool memory = failed == ENOMEM || failed == EPERM;
  return fail_errno(failed, "io_uring_register buffers", "", memory ? memlock_words() : "");
}

Expected<void> Ring::register_file(const UniqueFd& file) {
  const int descriptor = file.get();
  const int failed = -io_uring_register_files(ring_.get(), &descriptor, 1);
  if (failed == 0) return {};
  return fail_errno(failed, "io_uring_register files");
}

Expected<void> Ring::unregister_buffers() {
  const int failed = -io_uring_unregister_buffers(ring_.get());
  if (failed == 0) return {};
  return fail_errno(failed, "io_uring_register unregister buffers");
}

Expected<void> Ring::unregister_files() {
  const int failed = -io_uring_unregister_files(ring_.get());
  if (failed == 0) return {};
  return fail_errno(failed, "io_uring_register unregister files");
}

Expected<void> ring_allowed(const Host& host) {
  const auto ring = Ring::create(host, {});
  if (!ring) return Failure(ring.error());
  return {};
}

}  // namespace assay::engine
