// memory.padding and memory.shared-line: two threads that count, each in a field of its own.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>

#include "engine/memory_blocks.hpp"
#include "engine/peer_thread.hpp"
#include "engine/scheduling.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

using Counter = std::atomic<std::uint64_t>;

constexpr std::size_t kRoomBytes = 1024;  // no line, and no pair of lines, is larger than half
constexpr unsigned kAloneSamples = 200;

// A preemption or an interrupt makes one sample in hundreds dear; sharing makes each, while the
// other thread runs: which it may do for a part of the time only.
constexpr double kDearShareMin = 0.1;

double share_above(const stats::Histogram& histogram, double limit_ns) {
  std::uint64_t above = 0;
  for (const stats::Bucket& bucket : histogram.buckets()) {
    if (static_cast<double>(bucket.low_ns) >= limit_ns) above += bucket.count;
  }
  return histogram.empty() ? 0
                           : static_cast<double>(above) / static_cast<double>(histogram.count());
}

// On a boundary of its own, so that a distance within it is a distance between lines.
struct alignas(kRoomBytes) Room {
  std::array<Counter, kRoomBytes / sizeof(Counter)> fields{};
};

class PaddingBlock final : public Block {
 public:
  PaddingBlock(const BlockContext& context, bool padded, MemoryFault fault)
      : context_(context),
        padded_(padded),
        with_peer_(fault != MemoryFault::alone),
        line_bytes_(cache_line_bytes(*context.inventory, {*context.cpus.first()})),
        // Prefetchers fetch lines in pairs: two lines apart is far enough for them too.
        distance_(padded && fault != MemoryFault::same_line ? std::max(128U, 2 * line_bytes_)
                                                            : sizeof(Counter)),
        theirs_(room_->fields[distance_ / sizeof(Counter)]) {}
  ~PaddingBlock() override { peer_.stop(); }

  Expected<void> start() {
    return peer_.start(peer_cpu(context_.cpus), [this](const std::atomic<bool>& stop) {
      std::uint64_t counted = 0;
      while (!stop.load(std::memory_order_acquire)) {
        if (!counting_.load(std::memory_order_acquire)) {
          counted_.store(counted, std::memory_order_release);
          spin_pause();
          continue;
        }
        for (unsigned i = 0; i < kIncrementsPerSample; ++i) count(theirs_);
        counted += kIncrementsPerSample;
      }
      counted_.store(counted, std::memory_order_release);
    });
  }

  // What an increment costs with nobody beside: the smallest of many, which no disturbance reaches.
  Expected<void> warm_up() override {
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return Failure(pin.error());
    alone_ns_ = with_ticks(*context_.clock, [&]<typename Ticks>(Ticks) { return least<Ticks>(); });
    if (!with_peer_) return {};
    counting_.store(true, std::memory_order_release);
    const std::uint64_t from = theirs_.load();
    const std::uint64_t limit_ns =
        context_.clock->now_ns() + static_cast<std::uint64_t>(kPeerTimeout.count());
    while (theirs_.load() == from) {
      if (context_.clock->now_ns() > limit_ns) {
        return fail(ErrorCode::io, "count beside another thread", {}, "the peer does not run",
                    "give it a CPU of its own with --cpus");
      }
    }
    return {};
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return Failure(pin.error());
    const std::uint64_t theirs_before = theirs_.load();
    with_ticks(*context_.clock, [&]<typename Ticks>(Ticks) { loop<Ticks>(duration, recorder); });
    theirs_meanwhile_ += theirs_.load() - theirs_before;
    beside_ns_ = static_cast<double>(recorder.service.quantile_ns(0.5)) / kIncrementsPerSample;
    dear_share_ =
        share_above(recorder.service, kSharingRatioMin * alone_ns_ * kIncrementsPerSample);
    return {};
  }

  Engagement engagement() override {
    const bool apart = distance_ >= line_bytes_;
    const bool beside = theirs_meanwhile_ > 0;
    const bool seen = dear_share_ >= kDearShareMin;
    const char* const verdict = seen ? "false sharing seen" : "false sharing not seen";
    return {
        beside && (padded_ ? apart : !apart && seen),
        fmt::format("fields {} bytes apart, lines of {}; an increment costs {:.1f} ns beside "
                    "the other thread on CPU {}, which counted {} meanwhile, and {:.1f} ns "
                    "alone; {:.0f} % of samples cost {} times that: {}",
                    distance_, line_bytes_, beside_ns_, peer_.affinity().to_list(),
                    theirs_meanwhile_, alone_ns_, 100 * dear_share_, kSharingRatioMin, verdict)};
  }

  // Stops the other thread: asked last.
  Verification verification() override {
    counting_.store(false, std::memory_order_release);
    peer_.stop();
    const std::uint64_t ours = mine().load(), theirs = theirs_.load();
    const bool right = ours == made_ && theirs == counted_.load();
    return {right, true, ours + theirs,
            right ? std::string()
                  : fmt::format("{} and {} counted of {} and {}", ours, theirs, made_,
                                counted_.load())};
  }

 private:
  Counter& mine() { return room_->fields[0]; }

  // A statistics counter, as programs have them: one writer, but readers elsewhere.
  static void count(Counter& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

  template <typename Ticks>
  std::uint64_t sample() {
    const std::uint64_t start = Ticks::now();
    for (unsigned i = 0; i < kIncrementsPerSample; ++i) count(mine());
    made_ += kIncrementsPerSample;
    return Ticks::now() - start;
  }

  template <typename Ticks>
  double least() {
    std::uint64_t least_ticks = sample<Ticks>();
    for (unsigned i = 0; i < kAloneSamples; ++i)
      least_ticks = std::min(least_ticks, sample<Ticks>());
    return static_cast<double>(context_.clock->scale().to_ns(least_ticks)) / kIncrementsPerSample;
  }

  template <typename Ticks>
  void loop(Nanoseconds duration, Recorder& recorder) {
    const TickScale scale = context_.clock->scale();
    const std::uint64_t length = static_cast<std::uint64_t>(duration.count());
    const std::uint64_t deadline = Ticks::now() + context_.clock->ns_to_ticks(length);
    while (true) {
      const std::uint64_t ticks = sample<Ticks>();
      const std::uint64_t end = Ticks::now();
      recorder.operations += kIncrementsPerSample;
      recorder.record_service(scale.to_ns(end), scale.to_ns(ticks));
      if (end >= deadline) return;
    }
  }

  const BlockContext context_;
  const bool padded_, with_peer_;
  const unsigned line_bytes_;
  const std::size_t distance_;
  const std::unique_ptr<Room> room_ = std::make_unique<Room>();
  Counter& theirs_;
  std::uint64_t made_ = 0, theirs_meanwhile_ = 0;
  double alone_ns_ = 0, beside_ns_ = 0, dear_share_ = 0;
  // In a line of its own: asked by the other thread all the time.
  alignas(kRoomBytes) std::atomic<bool> counting_{false};
  std::atomic<std::uint64_t> counted_{0};
  alignas(kRoomBytes) PeerThread peer_;  // last: its body uses everything above
};

}  // namespace

Expected<std::unique_ptr<Block>> make_padding_block(const BlockContext& context, bool padded,
                                                    MemoryFault fault) {
  if (!may_spin(context.cpus)) {
    return fail(ErrorCode::invalid, "count on two CPUs", context.cpus.to_list(),
                "two threads have to count at the same time", "give two with --cpus");
  }
  auto block = std::make_unique<PaddingBlock>(context, padded, fault);
  if (auto started = block->start(); !started) return Failure(started.error());
  return block;
}

}  // namespace assay::engine
