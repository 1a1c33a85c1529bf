#include "engine/ring.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

#include "engine/uring_abi.hpp"

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

// Flags without which a kernel that has the others would answer differently for no reason.
constexpr unsigned kTaskRunBase = IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL;

unsigned flags_of(TaskRun mode) {
  switch (mode) {
    case TaskRun::deferred:
      return kTaskRunBase | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
             IORING_SETUP_TASKRUN_FLAG;
    case TaskRun::cooperative:
      return kTaskRunBase | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
    case TaskRun::interrupting:
      break;
  }
  return 0;
}

unsigned flags_of(const RingOptions& options, TaskRun mode) {
  unsigned flags = flags_of(mode);
  if (options.polling != DevicePolling::off) flags |= IORING_SETUP_IOPOLL;
  if (options.polling == DevicePolling::hybrid) flags |= uring_abi::kSetupHybridIopoll;
  if (options.poller) flags |= IORING_SETUP_SQPOLL;
  if (options.poller && options.poller_cpu) flags |= IORING_SETUP_SQ_AFF;
  if (options.big_entries) flags |= IORING_SETUP_SQE128 | IORING_SETUP_CQE32;
  if (options.no_array) flags |= uring_abi::kSetupNoSqArray;
  return flags;
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

// What stands in the description beside the task-run mode.
unsigned without_task_run(unsigned flags) {
  constexpr unsigned kTaskRun = kTaskRunBase | IORING_SETUP_SINGLE_ISSUER |
                                IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN |
                                IORING_SETUP_TASKRUN_FLAG;
  return flags & ~kTaskRun;
}

// Sets up and maps. liburing 2.3 knows no NO_SQARRAY and would write to where its array would be:
// so the calls are made one by one. 0 or an errno.
int set_up(unsigned entries, io_uring_params& parameters, io_uring& ring) {
  const int fd = io_uring_setup(entries, &parameters);
  if (fd < 0) return -fd;
  if (const int failed = -io_uring_queue_mmap(fd, &parameters, &ring); failed != 0) {
    ::close(fd);
    return failed;
  }
  ring.enter_ring_fd = fd;
  if ((parameters.flags & uring_abi::kSetupNoSqArray) == 0) {
    // Entries go in the order in which they were prepared: the array never changes.
    for (unsigned i = 0; i < parameters.sq_entries; ++i) ring.sq.array[i] = i;
  }
  return 0;
}

// A refusal that names no reason: which of the flags is it that this kernel lacks?
Failure refused_flags(unsigned flags) {
  const unsigned lacking = flags & ~supported_setup_flags();
  std::string_view since = "5.1";
  for (const uring_abi::SetupFlag& flag : uring_abi::kSetupFlags) {
    if ((lacking & flag.bit) != 0) since = flag.since;  // the table goes from old to new
  }
  if (lacking == 0) {
    return fail(ErrorCode::invalid, "io_uring_setup", setup_flag_names(flags),
                "the kernel takes each of these flags, but not all of them together",
                "leave one of them out");
  }
  return fail(ErrorCode::unsupported, "io_uring_setup", "",
              fmt::format("this kernel has no {}", setup_flag_names(lacking)),
              fmt::format("use Linux {} or newer", since));
}

Expected<void> check_combination(const RingOptions& options) {
  if (options.polling == DevicePolling::off && !options.poller) return {};
  if (options.exact && options.poller && options.task_run != TaskRun::interrupting) {
    return fail(ErrorCode::invalid, "io_uring_setup",
                fmt::format("SQPOLL with {}", name_of(options.task_run)),
                "the poller's thread finishes the operations, so there is no work of the ring's "
                "thread to defer",
                "leave one of the two out");
  }
  return {};
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

// A ring, or with `failed` set the errno of a flag that may be left out.
Expected<Ring> Ring::try_setup(const Host& host, const RingOptions& options, TaskRun mode,
                               int& failed) {
  io_uring_params parameters{};
  parameters.flags = flags_of(options, mode);
  parameters.sq_thread_idle = static_cast<unsigned>(options.poller_idle.count());
  parameters.sq_thread_cpu = options.poller_cpu.value_or(0);
  const unsigned wanted = parameters.flags;
  auto raw = std::make_unique<io_uring>();
  failed = set_up(options.poller ? 2 * options.entries : options.entries, parameters, *raw);
  if (failed == EINVAL) return refused_flags(wanted);
  if (failed == EPERM && options.poller && ring_allowed(host)) {
    return fail_errno(failed, "io_uring_setup", "SQPOLL",
                      "before Linux 5.13 a poller needs root or CAP_SYS_NICE");
  }
  if (failed != 0) return setup_failure(host, failed);
  Ring ring;
  ring.ring_.reset(raw.release());
  ring.task_run_ = mode;
  ring.must_ask_ =
      mode != TaskRun::interrupting || (options.polling != DevicePolling::off && !options.poller);
  return ring;
}

Expected<Ring> Ring::create(const Host& host, const RingOptions& options) {
  if (auto fine = check_combination(options); !fine) return Failure(fine.error());
  const TaskRun best = options.poller ? TaskRun::interrupting : options.task_run;
  for (const TaskRun mode : {TaskRun::deferred, TaskRun::cooperative, TaskRun::interrupting}) {
    if (mode < best) continue;
    int failed = 0;
    auto ring = try_setup(host, options, mode, failed);
    // An older kernel: the next mode.
    const bool may_fall = failed == EINVAL && !options.exact && mode != TaskRun::interrupting;
    if (!ring && may_fall) continue;
    if (!ring) return ring;
    const unsigned others = without_task_run(ring->ring_->flags);
    ring->description_ = setup_flag_names(others);
    if (!options.poller) {
      ring->description_ += fmt::format("{}{}", others == 0 ? "" : " | ", name_of(mode));
    }
    if (mode != best) {
      ring->description_ += fmt::format(" (this kernel has no {})", name_of(best));
    }
    if (options.register_ring && io_uring_register_ring_fd(ring->ring_.get()) == 1) {
      ring->registered_ = true;
      ring->enter_flags_ = IORING_ENTER_REGISTERED_RING;
    } else if (options.register_ring && options.exact) {
      return fail(ErrorCode::unsupported, "io_uring_register ring", "",
                  "this kernel registers no ring descriptor", "use Linux 5.18 or newer");
    }
    return ring;
  }
  return setup_failure(host, EINVAL);
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

unsigned supported_setup_flags() {
  static const unsigned supported = [] {
    unsigned flags = 0;
    for (const uring_abi::SetupFlag& flag : uring_abi::kSetupFlags) {
      io_uring_params parameters{};
      parameters.flags = flag.bit | flag.needs;
      const int fd = io_uring_setup(1, &parameters);
      if (fd < 0) continue;
      flags |= flag.bit;
      ::close(fd);
    }
    return flags;
  }();
  return supported;
}

std::string setup_flag_names(unsigned flags) {
  std::string names;
  for (const uring_abi::SetupFlag& flag : uring_abi::kSetupFlags) {
    if ((flags & flag.bit) == 0) continue;
    names += fmt::format("{}{}", names.empty() ? "" : " | ", flag.name);
  }
  return names;
}

}  // namespace assay::engine
