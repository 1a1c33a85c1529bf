// storage.mmap: the file is mapped, and a block is moved by copying memory: no system call. The
// copy is kept on purpose: pread(2) delivers a block into the caller's memory, and so does this.
#include <sys/mman.h>
#include <sys/resource.h>

#include <cstring>
#include <memory>

#include "engine/bus_error_guard.hpp"
#include "engine/own_threads.hpp"
#include "engine/storage_rows.hpp"
#include "engine/storage_sync.hpp"

namespace assay::engine {
namespace {

constexpr StorageNeeds kMmapNeeds{};

std::uint64_t thread_faults(bool major) {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return static_cast<std::uint64_t>(major ? usage.ru_majflt : usage.ru_minflt);
}

// kCalls is for the tests: a fallback that a program would not notice.
template <bool kWrite, bool kCalls>
class MapAccess {
 public:
  struct Options {
    StorageSabotage sabotage;
  };

  static Expected<MapAccess> open(const BlockContext& context, const StoragePlan& plan,
                                  const Options& options) {
    if (plan.direct) {
      return fail(ErrorCode::invalid, "storage.mmap", "", "a mapping is the page cache itself",
                  "leave --direct out");
    }
    if (context.file->is_character_device()) {
      return fail(ErrorCode::unsupported, "storage.mmap", context.file->description(),
                  "there is no file to map", "name a file or block device");
    }
    auto fd = open_for(context, plan, false);
    if (!fd) return Failure(fd.error());
    auto buffers = SlotBuffers::make(plan, 1, context.file->seed());
    if (!buffers) return Failure(buffers.error());
    return MapAccess(context, plan, std::move(*fd), std::move(*buffers), options);
  }

  // Mapped only now: pages that are mapped cannot be evicted. Cached pages are entered into the
  // page table at once, so that the timed part takes no fault for them.
  Expected<void> ready() {
    const int protection = kWrite ? PROT_READ | PROT_WRITE : PROT_READ;
    const int populate = plan_->regime == Regime::cached ? MAP_POPULATE : 0;
    auto mapping =
        Mapping::file(fd_, Bytes{context_.file->size()}, protection, MAP_SHARED | populate);
    if (!mapping) return Failure(mapping.error());
    mapping_ = std::move(*mapping);
    guard_ = std::make_unique<BusErrorGuard>(mapping_);
    ::madvise(mapping_.data(), mapping_.size().count,
              plan_->sequential ? MADV_SEQUENTIAL : MADV_RANDOM);
    return {};
  }

  void before_run() {
    calls_.begin(*context_.host);
    minor_ = thread_faults(false);
    major_ = thread_faults(true);
  }
  void after_run() {
    minor_ = thread_faults(false) - minor_;
    major_ = thread_faults(true) - major_;
    calls_.end(*context_.host);
    if (options_.sabotage.wrong_data) *buffers_.at(0) ^= std::byte{1};
  }

  void prepare(std::uint64_t offset) {
    if constexpr (kWrite) stamp(buffers_.span(0), offset, plan_->generation);
  }

  ssize_t move(std::uint64_t offset) {
    if constexpr (kCalls) return move_by_call(offset);
    std::byte* mapped = mapping_.as<std::byte>() + offset;
    if constexpr (kWrite) {
      std::memcpy(mapped, buffers_.at(0), plan_->unit_bytes);
    } else {
      std::memcpy(buffers_.at(0), mapped, plan_->unit_bytes);
    }
    return static_cast<ssize_t>(plan_->unit_bytes);
  }

  std::span<const std::byte> moved() const { return buffers_.span(0); }
  std::uint64_t calls_per_unit() const { return 0; }

  Engagement engagement(std::uint64_t operations, std::uint64_t, std::uint64_t) const {
    const std::string faults = fmt::format("{} minor and {} major faults", minor_, major_);
    if (!calls_.known()) {
      return {false, "cannot be proven: this kernel does not count system calls (" + faults + ")"};
    }
    return {operations > 0 && calls_.reads() == 0 && calls_.writes() == 0,
            fmt::format("{} read and {} write calls, {}", calls_.reads(), calls_.writes(), faults)};
  }

 private:
  MapAccess(const BlockContext& context, const StoragePlan& plan, UniqueFd fd, SlotBuffers buffers,
            const Options& options)
      : context_(context),
        plan_(&plan),
        fd_(std::move(fd)),
        buffers_(std::move(buffers)),
        options_(options) {}

  ssize_t move_by_call(std::uint64_t offset) {
    const auto at = static_cast<off_t>(offset);
    const ssize_t moved = kWrite ? ::pwrite(fd_.get(), buffers_.at(0), plan_->unit_bytes, at)
                                 : ::pread(fd_.get(), buffers_.at(0), plan_->unit_bytes, at);
    return moved < 0 ? -errno : moved;
  }

  BlockContext context_;
  const StoragePlan* plan_;
  UniqueFd fd_;
  SlotBuffers buffers_;
  Options options_;
  Mapping mapping_;
  std::unique_ptr<BusErrorGuard> guard_;  // of the mapping: goes before it
  CallWatch calls_;
  std::uint64_t minor_ = 0, major_ = 0;
};

}  // namespace

Made make_mmap(const BlockContext& context, const StorageSabotage& sabotage) {
  const bool write = context.parameters->operation == Operation::write;
  if (sabotage.calls_instead_of_map) {
    return write ? SyncBlock<MapAccess<true, true>>::make(context, kMmapNeeds, {sabotage})
                 : SyncBlock<MapAccess<false, true>>::make(context, kMmapNeeds, {sabotage});
  }
  return write ? SyncBlock<MapAccess<true, false>>::make(context, kMmapNeeds, {sabotage})
               : SyncBlock<MapAccess<false, false>>::make(context, kMmapNeeds, {sabotage});
}

Parameters resolve_mmap(const Parameters& parameters) {
  return resolve_storage(parameters, kMmapNeeds);
}

}  // namespace assay::engine
