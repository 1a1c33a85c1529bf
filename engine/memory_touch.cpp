// memory.prefault-lock and memory.first-touch: what the first write to a page costs.
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>

#include "engine/memory_blocks.hpp"
#include "engine/peer_thread.hpp"
#include "engine/scheduling.hpp"

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1  // Linux 4.4
#endif

namespace assay::engine {
namespace {

constexpr unsigned kWarmUpPages = 64;
// The kernel's own business with a page (migration, say) may cost a fault that nobody can prevent.
constexpr std::uint64_t kTouchesPerFaultMin = 1000;

std::uint64_t faults_so_far() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return static_cast<std::uint64_t>(usage.ru_minflt + usage.ru_majflt);
}

class TouchBlock final : public Block {
 public:
  TouchBlock(const BlockContext& context, bool prefaulted, MemoryFault fault)
      : context_(context),
        prefaulted_(prefaulted),
        prepared_(prefaulted != (fault == MemoryFault::not_prefaulted)),
        page_bytes_(base_page_size().count),
        pages_(context.parameters->size.count / page_bytes_) {}

  Expected<void> map() {
    mapping_.reset();  // first: two at a time would need twice the memory
    auto mapped = PageMapping::map({.size = context_.parameters->size,
                                    .pages = PageKind::base,
                                    .populate = prepared_,
                                    .lock = prepared_});
    if (!mapped) return Failure(mapped.error());
    mapping_ = std::make_unique<PageMapping>(std::move(*mapped));
    next_ = 0;
    return {};
  }

  Expected<void> warm_up() override {
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return Failure(pin.error());
    // Brings the loop in: its pages are then mapped anew, or were there from the start.
    Recorder ignored;
    with_ticks(*context_.clock,
               [&]<typename Ticks>(Ticks) { pass<Ticks>(kWarmUpPages, UINT64_MAX, ignored); });
    faults_ = touches_ = 0;
    next_ = 0;
    return prefaulted_ ? Expected<void>{} : map();
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return Failure(pin.error());
    const std::uint64_t deadline =
        context_.clock->ticks() +
        context_.clock->ns_to_ticks(static_cast<std::uint64_t>(duration.count()));
    while (context_.clock->ticks() < deadline) {
      if (next_ == pages_) {
        next_ = 0;
        if (!prefaulted_) {
          check_pages();
          if (auto mapped = map(); !mapped) return mapped;
        }
      }
      const std::uint64_t before = faults_so_far();
      with_ticks(*context_.clock,
                 [&]<typename Ticks>(Ticks) { pass<Ticks>(pages_ - next_, deadline, recorder); });
      faults_ += faults_so_far() - before;
    }
    check_pages();
    return {};
  }

  Engagement engagement() override {
    const auto usage = mapping_->usage(*context_.host);
    const Bytes locked = usage ? usage->locked : Bytes{0};
    const Bytes size = mapping_->size();
    const bool base = usage && usage->transparent.count == 0;
    std::string words = fmt::format(
        "{} page faults in {} touches of pages of {}; {} of {} locked (smaps)", faults_, touches_,
        format_bytes(base_page_size()), format_bytes(locked), format_bytes(size));
    const bool kept = locked >= size && faults_ * kTouchesPerFaultMin <= touches_;
    const bool fresh = locked.count == 0 && faults_ * 10 >= touches_ * 9;
    return {touches_ > 0 && base && (prefaulted_ ? kept : fresh), std::move(words)};
  }

  Verification verification() override { return data_; }

 private:
  std::uint64_t* word_of(std::size_t page) const {
    return reinterpret_cast<std::uint64_t*>(mapping_->data() + page * page_bytes_);
  }

  // Up to `count` pages from the next one on, each written once.
  template <typename Ticks>
  void pass(std::size_t count, std::uint64_t deadline, Recorder& recorder) {
    const TickScale scale = context_.clock->scale();
    const std::size_t last = std::min(pages_, next_ + count);
    while (next_ < last) {
      auto* const word = word_of(next_);
      const std::uint64_t start = Ticks::now();
      if (start >= deadline) return;
      *static_cast<volatile std::uint64_t*>(word) = ++touches_;
      // The end stamp must not be taken before the write has found its page.
      const std::uint64_t seen = *static_cast<volatile std::uint64_t*>(word);
      asm volatile("" : : "r"(seen) : "memory");
      const std::uint64_t end = Ticks::now();
      ++recorder.operations;
      recorder.record_service(scale.to_ns(end), scale.to_ns(end - start));
      ++next_;
    }
  }

  // The pages written last hold the numbers that were written, in their order.
  void check_pages() {
    data_.applies = true;
    for (std::size_t i = 0; i < next_; ++i) {
      const std::uint64_t wanted = touches_ - (next_ - 1 - i);
      ++data_.checked;
      if (*word_of(i) == wanted || !data_.verified) continue;
      data_.verified = false;
      data_.detail = fmt::format("page {} holds {} instead of {}", i, *word_of(i), wanted);
    }
  }

  const BlockContext context_;
  const bool prefaulted_;
  const bool prepared_;  // differs from it in the tests of the proof only
  const std::size_t page_bytes_, pages_;
  std::unique_ptr<PageMapping> mapping_;
  std::size_t next_ = 0;
  std::uint64_t touches_ = 0, faults_ = 0;
  Verification data_;
};

}  // namespace

Expected<std::unique_ptr<Block>> make_touch_block(const BlockContext& context, bool prefaulted,
                                                  MemoryFault fault) {
  if (context.parameters->size < base_page_size() * 2) {
    return fail(ErrorCode::invalid, "parameter size", format_bytes(context.parameters->size),
                "expected two pages or more");
  }
  auto pin = ScopedAffinity::pin(measuring_cpu(context.cpus));
  if (!pin) return Failure(pin.error());
  auto block = std::make_unique<TouchBlock>(context, prefaulted, fault);
  if (auto mapped = block->map(); !mapped) return Failure(mapped.error());
  return block;
}

Expected<void> locking_allowed(Bytes size) {
  // Asks for the limit alone: pages that nobody touches are not brought in.
  void* const room = ::mmap(nullptr, size.count, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) return fail_errno(errno, "map memory", format_bytes(size));
  const int error = ::mlock2(room, size.count, MLOCK_ONFAULT) == 0 ? 0 : errno;
  ::munmap(room, size.count);
  if (error == 0) return {};
  rlimit limit{};
  ::getrlimit(RLIMIT_MEMLOCK, &limit);
  return fail_errno(error, "lock memory", format_bytes(size),
                    fmt::format("the memlock limit is {}: raise it (ulimit -l, LimitMEMLOCK=), "
                                "choose a smaller --size, or run as root",
                                format_bytes_short(Bytes{limit.rlim_cur})));
}

}  // namespace assay::engine
