// storage.write-fdatasync: each block is written and made durable before the next: pwrite(2), then
// fdatasync(2). The baseline of what links the two into one submission.
#include "engine/storage_rows.hpp"
#include "engine/storage_sync.hpp"

namespace assay::engine {
namespace {

constexpr StorageNeeds kNeeds{.direct_default = true, .write_only = true};

class WriteSyncAccess {
 public:
  struct Options {
    StorageSabotage sabotage;
  };

  static Expected<WriteSyncAccess> open(const BlockContext& context, const StoragePlan& plan,
                                        const Options& options) {
    auto fd = open_for(context, plan, plan.direct);
    if (!fd) return Failure(fd.error());
    auto buffers = SlotBuffers::make(plan, 1, context.file->seed());
    if (!buffers) return Failure(buffers.error());
    // Damaged before it is written, where no stamp covers it: what stands in the file is wrong.
    if (options.sabotage.wrong_data) buffers->at(0)[sizeof(SectorHeader)] ^= std::byte{1};
    return WriteSyncAccess(plan, std::move(*fd), std::move(*buffers), options);
  }

  Expected<void> ready() { return {}; }
  void before_run() {}
  void after_run() {}
  void prepare(std::uint64_t offset) { stamp(buffers_.span(0), offset, plan_->generation); }

  ssize_t move(std::uint64_t offset) {
    const ssize_t moved =
        ::pwrite(fd_.get(), buffers_.at(0), plan_->unit_bytes, static_cast<off_t>(offset));
    if (moved < 0 || options_.sabotage.one_call_each) return moved < 0 ? -errno : moved;
    if (::fdatasync(fd_.get()) != 0) return -errno;
    ++synced_;
    return moved;
  }

  std::span<const std::byte> moved() const { return buffers_.span(0); }
  std::uint64_t calls_per_unit() const { return 2; }

  Engagement engagement(std::uint64_t operations, std::uint64_t, std::uint64_t) const {
    return {operations > 0 && synced_ == operations,
            fmt::format("{} writes, {} of them made durable", operations, synced_)};
  }

 private:
  WriteSyncAccess(const StoragePlan& plan, UniqueFd fd, SlotBuffers buffers, const Options& options)
      : plan_(&plan), fd_(std::move(fd)), buffers_(std::move(buffers)), options_(options) {}

  const StoragePlan* plan_;
  UniqueFd fd_;
  SlotBuffers buffers_;
  Options options_;
  std::uint64_t synced_ = 0;
};

}  // namespace

Made make_write_sync(const BlockContext& context, const StorageSabotage& sabotage) {
  return SyncBlock<WriteSyncAccess>::make(context, kNeeds, {sabotage});
}

Parameters resolve_write_sync(const Parameters& parameters) {
  return resolve_storage(parameters, kNeeds);
}

}  // namespace assay::engine
