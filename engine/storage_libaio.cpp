// storage.libaio: the kernel's older asynchronous calls, io_submit(2) and io_getevents(2), as they
// are, without the library of that name. Truly asynchronous with O_DIRECT only: through the page
// cache io_submit returns when the data has been moved.
#include <linux/aio_abi.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

#include "engine/own_threads.hpp"
#include "engine/storage_queue.hpp"
#include "engine/storage_sync.hpp"

namespace assay::engine {
namespace {

constexpr StorageNeeds kLibaioNeeds{.direct_default = true};

// kCalls is for the tests: a fallback that a program would not notice.
template <bool kWrite, bool kCalls>
class KernelAioQueue {
 public:
  static Expected<std::unique_ptr<KernelAioQueue>> open(const BlockContext& context,
                                                        const StoragePlan& plan,
                                                        const SlotBuffers& buffers,
                                                        const StorageSabotage&) {
    auto fd = open_for(context, plan, plan.direct);
    if (!fd) return Failure(fd.error());
    std::unique_ptr<KernelAioQueue> queue(
        new KernelAioQueue(context, plan, buffers, std::move(*fd)));
    if (::syscall(SYS_io_setup, plan.depth, &queue->ring_) != 0) {
      return fail_errno(errno, "io_setup", "",
                        errno == EAGAIN ? "the host's limit is reached: raise fs.aio-max-nr, or "
                                          "lower --depth"
                                        : "");
    }
    return queue;
  }

  KernelAioQueue(const KernelAioQueue&) = delete;
  KernelAioQueue& operator=(const KernelAioQueue&) = delete;
  // Waits for what is in flight.
  ~KernelAioQueue() {
    if (ring_ != 0) ::syscall(SYS_io_destroy, ring_);
  }

  void before_run() { own_calls_.begin(*context_.host); }
  void after_run() { own_calls_.end(*context_.host); }

  void prepare(unsigned slot, std::uint64_t offset) {
    if constexpr (kWrite) stamp(buffers_.span(slot), offset, plan_.generation);
    iocb& control = controls_[slot];
    control.aio_data = slot;
    control.aio_lio_opcode = kWrite ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
    control.aio_fildes = static_cast<std::uint32_t>(fd_.get());
    control.aio_buf = reinterpret_cast<std::uintptr_t>(buffers_.at(slot));
    control.aio_nbytes = plan_.unit_bytes;
    control.aio_offset = static_cast<std::int64_t>(offset);
    prepared_.push_back(&control);
  }

  int submit() {
    std::size_t sent = 0;
    while (sent < prepared_.size()) {
      const long taken = hand_over(prepared_.data() + sent, prepared_.size() - sent);
      ++calls_;
      if (taken < 0 && errno != EAGAIN && errno != EINTR) return -errno;
      if (taken > 0) sent += static_cast<std::size_t>(taken);
    }
    prepared_.clear();
    return 0;
  }

  template <typename Done>
  int reap(unsigned wanted, Done done) {
    long found = 0;
    if constexpr (kCalls) {
      for (const io_event& event : fallen_back_) events_[static_cast<std::size_t>(found++)] = event;
      fallen_back_.clear();
    } else {
      timespec at_once{};
      found = ::syscall(SYS_io_getevents, ring_, static_cast<long>(wanted),
                        static_cast<long>(events_.size()), events_.data(),
                        wanted == 0 ? &at_once : nullptr);
      ++calls_;
    }
    if (found < 0) return -errno;
    events_seen_ += static_cast<std::uint64_t>(found);
    for (long i = 0; i < found; ++i) {
      const io_event& event = events_[static_cast<std::size_t>(i)];
      done(static_cast<unsigned>(event.data), static_cast<long>(event.res));
    }
    return 0;
  }

  std::uint64_t calls() const { return calls_; }

  Engagement engagement(std::uint64_t, std::uint64_t completed) const {
    const std::uint64_t others = own_calls_.reads() + own_calls_.writes();
    const std::string evidence = fmt::format("{} events of io_getevents", events_seen_);
    if (!own_calls_.known()) return {completed > 0, evidence};
    return {completed > 0 && others == 0,
            fmt::format("{}, {} read or write calls", evidence, others)};
  }

 private:
  KernelAioQueue(const BlockContext& context, const StoragePlan& plan, const SlotBuffers& buffers,
                 UniqueFd fd)
      : context_(context),
        plan_(plan),
        buffers_(buffers),
        fd_(std::move(fd)),
        controls_(plan.depth),
        events_(plan.depth) {
    prepared_.reserve(plan.depth);
    fallen_back_.reserve(plan.depth);
  }

  long hand_over(iocb** controls, std::size_t count) {
    if constexpr (!kCalls) {
      return ::syscall(SYS_io_submit, ring_, static_cast<long>(count), controls);
    }
    for (std::size_t i = 0; i < count; ++i) {
      const iocb& control = *controls[i];
      auto* const memory = reinterpret_cast<void*>(control.aio_buf);
      const ssize_t moved =
          kWrite ? ::pwrite(fd_.get(), memory, control.aio_nbytes, control.aio_offset)
                 : ::pread(fd_.get(), memory, control.aio_nbytes, control.aio_offset);
      io_event event{};
      event.data = control.aio_data;
      event.res = moved < 0 ? -errno : moved;
      fallen_back_.push_back(event);
    }
    return static_cast<long>(count);
  }

  BlockContext context_;
  const StoragePlan& plan_;
  const SlotBuffers& buffers_;
  UniqueFd fd_;
  aio_context_t ring_ = 0;
  std::vector<iocb> controls_;
  std::vector<iocb*> prepared_;
  std::vector<io_event> events_, fallen_back_;
  CallWatch own_calls_;
  std::uint64_t calls_ = 0, events_seen_ = 0;
};

template <bool kCalls>
Made choose(const BlockContext& context, const StorageSabotage& sabotage) {
  if (context.parameters->operation == Operation::write) {
    return QueueBlock<KernelAioQueue<true, kCalls>>::make(context, kLibaioNeeds, sabotage);
  }
  return QueueBlock<KernelAioQueue<false, kCalls>>::make(context, kLibaioNeeds, sabotage);
}

}  // namespace

Made make_libaio(const BlockContext& context, const StorageSabotage& sabotage) {
  return sabotage.synchronous ? choose<true>(context, sabotage) : choose<false>(context, sabotage);
}

}  // namespace assay::engine
