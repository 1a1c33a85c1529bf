// storage.vectored: preadv(2) or pwritev(2) moves a record of several blocks, each into memory of
// its own, in one system call; the baseline makes one call for each block of the same record.
#include <sys/uio.h>

#include <vector>

#include "engine/mixed_access.hpp"
#include "engine/storage_rows.hpp"
#include "engine/storage_sync.hpp"

namespace assay::engine {
namespace {

constexpr unsigned kBlocksPerCall = 16;
constexpr unsigned kVectorsMax = 1024;  // IOV_MAX: what one call takes (readv(2))
constexpr StorageNeeds kVectoredNeeds{.batch_default = kBlocksPerCall, .batch_is_record = true};

template <bool kWrite>
class VectorAccess {
 public:
  struct Options {
    StorageSabotage sabotage;
  };

  static Expected<VectorAccess> open(const BlockContext& context, const StoragePlan& plan,
                                     const Options& options) {
    if (plan.batch > kVectorsMax) {
      return fail(ErrorCode::invalid, "storage.vectored", "",
                  fmt::format("one call takes at most {} blocks", kVectorsMax),
                  "choose a smaller --batch");
    }
    auto fd = open_for(context, plan, plan.direct);
    if (!fd) return Failure(fd.error());
    auto buffers = SlotBuffers::make(plan, 1, context.file->seed());
    if (!buffers) return Failure(buffers.error());
    return VectorAccess(plan, std::move(*fd), std::move(*buffers), options);
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
    const std::size_t vectors = vectors_.size();
    for (std::size_t i = 0; i < vectors; i += per_call_) {
      const auto count = static_cast<int>(std::min(per_call_, vectors - i));
      const ssize_t moved = call(&vectors_[i], count, static_cast<off_t>(offset));
      ++calls_;
      if (moved < 0) return -errno;
      all += moved;
      offset += static_cast<std::uint64_t>(moved);
    }
    return all;
  }

  std::span<const std::byte> moved() const { return buffers_.span(0); }
  std::uint64_t calls_per_unit() const { return (vectors_.size() + per_call_ - 1) / per_call_; }

  Engagement engagement(std::uint64_t, std::uint64_t, std::uint64_t bytes) const {
    const double blocks = static_cast<double>(bytes) / static_cast<double>(plan_->block_bytes);
    const double per_call = calls_ == 0 ? 0 : blocks / static_cast<double>(calls_);
    return {per_call > 1.5,
            fmt::format("{:.1f} blocks per {} call", per_call, kWrite ? "pwritev" : "preadv")};
  }

 private:
  VectorAccess(const StoragePlan& plan, UniqueFd fd, SlotBuffers buffers, const Options& options)
      : plan_(&plan),
        fd_(std::move(fd)),
        buffers_(std::move(buffers)),
        options_(options),
        per_call_(options.sabotage.one_call_each ? 1 : plan.batch) {
    for (unsigned i = 0; i < plan.batch; ++i) {
      vectors_.push_back({buffers_.at(0) + i * plan.block_bytes, plan.block_bytes});
    }
  }

  ssize_t call(const iovec* vectors, int count, off_t offset) {
    if constexpr (kWrite) return ::pwritev(fd_.get(), vectors, count, offset);
    return ::preadv(fd_.get(), vectors, count, offset);
  }

  const StoragePlan* plan_;
  UniqueFd fd_;
  SlotBuffers buffers_;
  Options options_;
  std::size_t per_call_;
  std::vector<iovec> vectors_;
  std::uint64_t calls_ = 0;
};

}  // namespace

Made make_vectored(const BlockContext& context, const StorageSabotage& sabotage) {
  if (is_mixed(*context.parameters)) {
    return SyncBlock<MixedAccess<VectorAccess<false>, VectorAccess<true>>>::make(
        context, kVectoredNeeds, {sabotage});
  }
  if (writes(*context.parameters)) {
    return SyncBlock<VectorAccess<true>>::make(context, kVectoredNeeds, {sabotage});
  }
  return SyncBlock<VectorAccess<false>>::make(context, kVectoredNeeds, {sabotage});
}

Parameters resolve_vectored(const Parameters& parameters) {
  return resolve_storage(parameters, kVectoredNeeds);
}

}  // namespace assay::engine
