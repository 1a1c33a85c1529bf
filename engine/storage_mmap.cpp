// storage.mmap: the file is mapped, and a block is moved by copying memory: no system call. The
// copy is kept on purpose: pread(2) delivers a block into the caller's memory, and so does this.
#include <sys/mman.h>
#include <sys/resource.h>

#include <cstring>
#include <memory>

#include "engine/bus_error_guard.hpp"
#include "engine/storage_rows.hpp"
#include "engine/storage_sync.hpp"

namespace assay::engine {
namespace {

constexpr StorageNeeds kNeeds{};

// System calls of this thread that read or write, as the kernel counts them (proc(5), "io").
struct CallCount {
  std::uint64_t reads = 0, writes = 0;
  bool known = false;

  static CallCount now(const Host& host) {
    CallCount count;
    const auto text = host.read("/proc/thread-self/io");
    if (!text) return count;
    const auto number = [&text](std::string_view key) -> std::uint64_t {
      const std::size_t at = text->find(key);
      if (at == std::string::npos) return 0;
      const std::size_t start = at + key.size();
      return parse_uint(text->substr(start, text->find('\n', start) - start)).value_or(0);
    };
    count.reads = number("syscr: ");
    count.writes = number("syscw: ");
    count.known = text->find("syscr: ") != std::string::npos;
    return count;
  }
};

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

  // Reading the counter makes calls too: two readings in a row tell how many.
  void before_run() {
    const CallCount first = CallCount::now(*context_.host);
    before_ = CallCount::now(*context_.host);
    own_reads_ = before_.reads - first.reads;
    minor_ = thread_faults(false);
    major_ = thread_faults(true);
  }
  void after_run() {
    minor_ = thread_faults(false) - minor_;
    major_ = thread_faults(true) - major_;
    after_ = CallCount::now(*context_.host);
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
    if (!before_.known || !after_.known) {
      return {false, "cannot be proven: this kernel does not count system calls (" + faults + ")"};
    }
    const std::uint64_t reads = after_.reads - before_.reads - own_reads_;
    const std::uint64_t writes = after_.writes - before_.writes;
    return {operations > 0 && reads == 0 && writes == 0,
            fmt::format("{} read and {} write calls, {}", reads, writes, faults)};
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
  CallCount before_, after_;
  std::uint64_t own_reads_ = 0, minor_ = 0, major_ = 0;
};

}  // namespace

Made make_mmap(const BlockContext& context, const StorageSabotage& sabotage) {
  const bool write = context.parameters->operation == Operation::write;
  if (sabotage.calls_instead_of_map) {
    return write ? SyncBlock<MapAccess<true, true>>::make(context, kNeeds, {sabotage})
                 : SyncBlock<MapAccess<false, true>>::make(context, kNeeds, {sabotage});
  }
  return write ? SyncBlock<MapAccess<true, false>>::make(context, kNeeds, {sabotage})
               : SyncBlock<MapAccess<false, false>>::make(context, kNeeds, {sabotage});
}

Parameters resolve_mmap(const Parameters& parameters) {
  return resolve_storage(parameters, kNeeds);
}

}  // namespace assay::engine
