// storage.stdio: records go through the C library's FILE with a buffer of 1 MiB, so that one
// write(2) or read(2) carries many of them; the baseline makes a call for each record. In order
// only: going elsewhere would empty the buffer.
#include <cstdio>
#include <memory>

#include "engine/own_threads.hpp"
#include "engine/storage_rows.hpp"
#include "engine/storage_sync.hpp"

namespace assay::engine {
namespace {

constexpr std::size_t kBufferBytes = 1 << 20;
constexpr StorageNeeds kStdioNeeds{.sequential_only = true};

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

template <bool kWrite>
class StdioAccess {
 public:
  struct Options {
    StorageSabotage sabotage;
  };

  static Expected<StdioAccess> open(const BlockContext& context, const StoragePlan& plan,
                                    const Options& options) {
    if (plan.direct) {
      return fail(ErrorCode::invalid, "storage.stdio", "",
                  "the C library's buffer is not aligned for O_DIRECT", "leave --direct out");
    }
    auto fd = open_for(context, plan, false);
    if (!fd) return Failure(fd.error());
    auto buffers = SlotBuffers::make(plan, 1, context.file->seed());
    if (!buffers) return Failure(buffers.error());
    StdioAccess access(context, plan, std::move(*buffers), options);
    access.file_.reset(::fdopen(fd->get(), kWrite ? "r+" : "r"));
    if (!access.file_) return fail_errno(errno, "fdopen", context.file->description());
    fd->release();  // closed with the FILE
    const bool buffered = !options.sabotage.unbuffered;
    access.memory_.resize(buffered ? kBufferBytes : 1);
    std::setvbuf(access.file_.get(), access.memory_.data(), buffered ? _IOFBF : _IONBF,
                 access.memory_.size());
    return access;
  }

  Expected<void> ready() { return {}; }
  void before_run() { calls_.begin(*context_.host); }
  // What is left in the buffer is part of what was written.
  void after_run() {
    std::fflush(file_.get());
    calls_.end(*context_.host);
    if (options_.sabotage.wrong_data) *buffers_.at(0) ^= std::byte{1};
  }

  void prepare(std::uint64_t offset) {
    if constexpr (kWrite) stamp(buffers_.span(0), offset, plan_->generation);
  }

  ssize_t move(std::uint64_t offset) {
    std::FILE* file = file_.get();
    if (offset != next_ && ::fseeko(file, static_cast<off_t>(offset), SEEK_SET) != 0) {
      return -errno;
    }
    const std::size_t bytes = plan_->unit_bytes;
    const std::size_t moved = kWrite ? ::fwrite_unlocked(buffers_.at(0), 1, bytes, file)
                                     : ::fread_unlocked(buffers_.at(0), 1, bytes, file);
    next_ = offset + moved;
    if (moved < bytes && ::ferror_unlocked(file) != 0) {
      ::clearerr_unlocked(file);
      return -errno;
    }
    return static_cast<ssize_t>(moved);
  }

  std::span<const std::byte> moved() const { return buffers_.span(0); }
  std::uint64_t calls_per_unit() const { return 0; }  // see calls()
  std::uint64_t calls() const { return kWrite ? calls_.writes() : calls_.reads(); }

  Engagement engagement(std::uint64_t operations, std::uint64_t, std::uint64_t bytes) const {
    if (!calls_.known()) {
      return {false, "cannot be proven: this kernel does not count system calls"};
    }
    // A buffer's worth for each call, one to start with and one at the end of the file.
    const std::uint64_t needed = bytes / kBufferBytes + 4;
    const bool worthwhile = plan_->unit_bytes < kBufferBytes;
    return {operations > 0 && (calls() <= 2 * needed || !worthwhile),
            fmt::format("{} {} calls for {} records of {}", calls(), kWrite ? "write" : "read",
                        operations, format_bytes(Bytes{plan_->unit_bytes}))};
  }

 private:
  StdioAccess(const BlockContext& context, const StoragePlan& plan, SlotBuffers buffers,
              const Options& options)
      : context_(context), plan_(&plan), buffers_(std::move(buffers)), options_(options) {}

  BlockContext context_;
  const StoragePlan* plan_;
  SlotBuffers buffers_;
  Options options_;
  std::vector<char> memory_;  // the FILE's buffer: goes after it
  std::unique_ptr<std::FILE, FileCloser> file_;
  std::uint64_t next_ = 0;  // where the FILE stands
  CallWatch calls_;
};

}  // namespace

Made make_stdio(const BlockContext& context, const StorageSabotage& sabotage) {
  if (context.parameters->operation == Operation::write) {
    return SyncBlock<StdioAccess<true>>::make(context, kStdioNeeds, {sabotage});
  }
  return SyncBlock<StdioAccess<false>>::make(context, kStdioNeeds, {sabotage});
}

Parameters resolve_stdio(const Parameters& parameters) {
  return resolve_storage(parameters, kStdioNeeds);
}

}  // namespace assay::engine
