// storage.pread and storage.direct: one pread(2) or pwrite(2) for each block, through the page
// cache or past it. The first is the baseline of most others.
#include "engine/mixed_access.hpp"
#include "engine/storage_rows.hpp"
#include "engine/storage_sync.hpp"

namespace assay::engine {

Expected<UniqueFd> open_for(const BlockContext& context, const StoragePlan& plan, bool direct) {
  auto fd = context.file->open(plan.write, direct);
  if (!fd) return fd;
  const int advice = plan.sequential ? POSIX_FADV_SEQUENTIAL : POSIX_FADV_RANDOM;
  ::posix_fadvise(fd->get(), 0, 0, advice);  // refused by devices without a page cache: no matter
  return fd;
}

namespace {

constexpr StorageNeeds kPreadNeeds{.batch_is_record = true};
constexpr StorageNeeds kDirectNeeds{.direct_default = true, .direct_required = true};

// One system call for each block; a record of several blocks takes several.
template <bool kWrite>
class CallAccess {
 public:
  struct Options {
    StorageSabotage sabotage;
  };

  static Expected<CallAccess> open(const BlockContext& context, const StoragePlan& plan,
                                   const Options& options) {
    const bool direct = plan.direct && !options.sabotage.buffered;
    auto fd = open_for(context, plan, direct);
    if (!fd) return Failure(fd.error());
    auto buffers = SlotBuffers::make(plan, 1, context.file->seed());
    if (!buffers) return Failure(buffers.error());
    return CallAccess(plan, std::move(*fd), std::move(*buffers), options);
  }

  Expected<void> ready() { return {}; }
  void before_run() {}
  void after_run() {
    if (options_.sabotage.wrong_data) *buffers_.at(0) ^= std::byte{1};
  }

  void prepare(std::uint64_t offset) {
    if constexpr (kWrite) stamp(buffers_.span(0), offset, plan_->generation);
  }

  ssize_t move(std::uint64_t offset) {
    ssize_t all = 0;
    std::byte* at = buffers_.at(0);
    for (unsigned i = 0; i < calls_; ++i) {
      const ssize_t moved = call(at, static_cast<off_t>(offset));
      if (moved < 0) return -errno;
      all += moved;
      at += plan_->block_bytes;
      offset += plan_->block_bytes;
    }
    return all;
  }

  std::span<const std::byte> moved() const { return buffers_.span(0); }
  std::uint64_t calls_per_unit() const { return calls_; }

  Engagement engagement(std::uint64_t operations, std::uint64_t, std::uint64_t) const {
    return {operations > 0,
            fmt::format("{} x {} of {}", operations * calls_, kWrite ? "pwrite" : "pread",
                        format_bytes(Bytes{plan_->block_bytes}))};
  }

 private:
  CallAccess(const StoragePlan& plan, UniqueFd fd, SlotBuffers buffers, const Options& options)
      : plan_(&plan),
        fd_(std::move(fd)),
        buffers_(std::move(buffers)),
        options_(options),
        calls_(static_cast<unsigned>(plan.unit_bytes / plan.block_bytes)) {}

  ssize_t call(std::byte* at, off_t offset) {
    if constexpr (kWrite) return ::pwrite(fd_.get(), at, plan_->block_bytes, offset);
    return ::pread(fd_.get(), at, plan_->block_bytes, offset);
  }

  const StoragePlan* plan_;
  UniqueFd fd_;
  SlotBuffers buffers_;
  Options options_;
  unsigned calls_;
};

Made make_call_block(const BlockContext& context, const StorageNeeds& needs,
                     const StorageSabotage& sabotage) {
  if (is_mixed(*context.parameters)) {
    return SyncBlock<MixedAccess<CallAccess<false>, CallAccess<true>>>::make(context, needs,
                                                                             {sabotage});
  }
  if (writes(*context.parameters)) {
    return SyncBlock<CallAccess<true>>::make(context, needs, {sabotage});
  }
  return SyncBlock<CallAccess<false>>::make(context, needs, {sabotage});
}

}  // namespace

Made make_pread(const BlockContext& context, const StorageSabotage& sabotage) {
  return make_call_block(context, kPreadNeeds, sabotage);
}
Made make_direct(const BlockContext& context, const StorageSabotage& sabotage) {
  return make_call_block(context, kDirectNeeds, sabotage);
}
Parameters resolve_pread(const Parameters& parameters) {
  return resolve_storage(parameters, kPreadNeeds);
}
Parameters resolve_direct(const Parameters& parameters) {
  return resolve_storage(parameters, kDirectNeeds);
}

}  // namespace assay::engine
