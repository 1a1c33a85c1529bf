// storage.posix-aio: aio_read(3) and aio_write(3). The C library hands each operation to a thread
// of its own that calls pread(2) or pwrite(2); glibc serves one descriptor's operations one after
// another. Completions are looked for operation by operation, as the interface wants it.
#include <aio.h>
#include <unistd.h>

#include <vector>

#include "engine/own_threads.hpp"
#include "engine/storage_queue.hpp"
#include "engine/storage_sync.hpp"

namespace assay::engine {
namespace {

constexpr StorageNeeds kPosixAioNeeds{.direct_default = true};

// kCalls is for the tests: a fallback that a program would not notice.
template <bool kWrite, bool kCalls>
class PosixAioQueue {
 public:
  static Expected<std::unique_ptr<PosixAioQueue>> open(const BlockContext& context,
                                                       const StoragePlan& plan,
                                                       const SlotBuffers& buffers,
                                                       const StorageSabotage&) {
    auto fd = open_for(context, plan, plan.direct);
    if (!fd) return Failure(fd.error());
    return std::unique_ptr<PosixAioQueue>(
        new PosixAioQueue(context, plan, buffers, std::move(*fd)));
  }

  PosixAioQueue(const PosixAioQueue&) = delete;
  PosixAioQueue& operator=(const PosixAioQueue&) = delete;
  // The library's threads write into the memory of what is in flight: it must not go before.
  ~PosixAioQueue() {
    if (!running_.empty()) ::aio_cancel(fd_.get(), nullptr);
    while (!running_.empty()) {
      const int failed = reap(1, [](unsigned, long) {});
      if (failed < 0 && failed != -EINTR) break;
    }
  }

  void before_run() { before_ = own_threads(*context_.host); }
  void after_run() { helpers_ = helper_work(before_, own_threads(*context_.host), ""); }

  void prepare(unsigned slot, std::uint64_t offset) {
    if constexpr (kWrite) stamp(buffers_.span(slot), offset, plan_.generation);
    aiocb& control = controls_[slot];
    control.aio_fildes = fd_.get();
    control.aio_buf = buffers_.at(slot);
    control.aio_nbytes = plan_.unit_bytes;
    control.aio_offset = static_cast<off_t>(offset);
    prepared_.push_back(slot);
  }

  int submit() {
    for (const unsigned slot : prepared_) {
      if (const int failed = start(slot); failed < 0) return failed;
      running_.push_back(slot);
      ++calls_;
    }
    prepared_.clear();
    return 0;
  }

  template <typename Done>
  int reap(unsigned wanted, Done done) {
    unsigned found = take_finished(done);
    while (found < wanted) {
      if (::aio_suspend(waiting_list(), static_cast<int>(running_.size()), nullptr) != 0) {
        return -errno;
      }
      ++calls_;
      found += take_finished(done);
    }
    return 0;
  }

  std::uint64_t calls() const { return calls_; }

  Engagement engagement(std::uint64_t, std::uint64_t completed) const {
    const bool theirs = helpers_.calls_known ? helpers_.calls >= completed : true;
    return {completed > 0 && helpers_.threads > 0 && theirs,
            fmt::format("{} helper threads made {} calls for {} operations", helpers_.threads,
                        helpers_.calls, completed)};
  }

 private:
  PosixAioQueue(const BlockContext& context, const StoragePlan& plan, const SlotBuffers& buffers,
                UniqueFd fd)
      : context_(context),
        plan_(plan),
        buffers_(buffers),
        fd_(std::move(fd)),
        controls_(plan.depth),
        list_(plan.depth),
        moved_(plan.depth) {
    prepared_.reserve(plan.depth);
    running_.reserve(plan.depth);
    for (aiocb& control : controls_) control.aio_sigevent.sigev_notify = SIGEV_NONE;
  }

  int start(unsigned slot) {
    aiocb& control = controls_[slot];
    if constexpr (kCalls) {
      void* const memory = buffers_.at(slot);
      const ssize_t moved = kWrite
                                ? ::pwrite(fd_.get(), memory, plan_.unit_bytes, control.aio_offset)
                                : ::pread(fd_.get(), memory, plan_.unit_bytes, control.aio_offset);
      moved_[slot] = moved < 0 ? -errno : moved;
      return 0;
    }
    const int failed = kWrite ? ::aio_write(&control) : ::aio_read(&control);
    return failed == 0 ? 0 : -errno;
  }

  const aiocb* const* waiting_list() {
    for (std::size_t i = 0; i < running_.size(); ++i) list_[i] = &controls_[running_[i]];
    return list_.data();
  }

  template <typename Done>
  unsigned take_finished(Done& done) {
    unsigned found = 0;
    for (std::size_t i = 0; i < running_.size();) {
      const unsigned slot = running_[i];
      long result = moved_[slot];
      if constexpr (!kCalls) {
        const int state = ::aio_error(&controls_[slot]);
        if (state == EINPROGRESS) {
          ++i;
          continue;
        }
        result = state == 0 ? ::aio_return(&controls_[slot]) : -state;
      }
      running_[i] = running_.back();
      running_.pop_back();
      ++found;
      done(slot, result);
    }
    return found;
  }

  BlockContext context_;
  const StoragePlan& plan_;
  const SlotBuffers& buffers_;
  UniqueFd fd_;
  std::vector<aiocb> controls_;
  std::vector<const aiocb*> list_;
  std::vector<long> moved_;                   // what the fallback of the tests moved
  std::vector<unsigned> prepared_, running_;  // slots
  std::vector<OwnThread> before_;
  HelperWork helpers_;
  std::uint64_t calls_ = 0;
};

template <bool kCalls>
Made choose_aio(const BlockContext& context, const StorageSabotage& sabotage) {
  if (context.parameters->operation == Operation::write) {
    return QueueBlock<PosixAioQueue<true, kCalls>>::make(context, kPosixAioNeeds, sabotage);
  }
  return QueueBlock<PosixAioQueue<false, kCalls>>::make(context, kPosixAioNeeds, sabotage);
}

}  // namespace

Made make_posix_aio(const BlockContext& context, const StorageSabotage& sabotage) {
  return sabotage.synchronous ? choose_aio<true>(context, sabotage)
                              : choose_aio<false>(context, sabotage);
}

// Of libaio, too.
Parameters resolve_aio(const Parameters& parameters) {
  return resolve_storage(parameters, kPosixAioNeeds);
}

}  // namespace assay::engine
