// A block that pushes chunks into a byte stream which a peer thread drains. Internal to the engine.
//
// One operation is a chunk whose last byte has arrived in the peer's memory. Chunks are compared
// with their source in the warm-up, by the peer, and the last one of the timed part at the end.
//   Mover    Moved move(std::uint64_t offset, std::size_t size)
//   Channel  ssize_t receive(std::byte*, std::size_t, bool spin)   the peer's
//            void hang_up()                                        wakes and ends the peer
//   Source   Expected<void> warm()
//            bool equals(std::uint64_t offset, std::span<const std::byte> arrived)
// `Source` also says what engaged: Engagement judge(const Mover&, std::uint64_t received).
#pragma once

#include <fmt/format.h>
#include <sched.h>

#include <cerrno>
#include <vector>

#include "engine/copy_movers.hpp"
#include "engine/mixing.hpp"
#include "engine/peer_thread.hpp"
#include "engine/scheduling.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {

// How the peer misbehaves: for the tests.
struct StreamFault {
  bool corrupt = false;                     // changes a byte of what it received
  std::uint64_t peer_dies_after_bytes = 0;  // 0: never
};

template <typename Mover, typename Channel, typename Source>
class CopyStreamBlock final : public Block {
 public:
  CopyStreamBlock(const BlockContext& context, std::uint64_t size_bytes, StreamFault fault,
                  Channel channel, Source source, Mover mover)
      : context_(context),
        fault_(fault),
        block_(context.parameters->block.count),
        chunks_(size_bytes / block_),
        spin_(may_spin(context.cpus)),
        channel_(std::move(channel)),
        source_(std::move(source)),
        mover_(std::move(mover)),
        numbers_(context.index),
        arrived_(block_) {}
  ~CopyStreamBlock() override { hang_up(); }

  Expected<void> start() {
    return peer_.start(peer_cpu(context_.cpus),
                       [this](const std::atomic<bool>& stop) { drain(stop); });
  }

  Expected<void> warm_up() override {
    if (auto warm = source_.warm(); !warm) return warm;
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return std::unexpected(pin.error());
    for (unsigned i = 0; i < kCheckedChunks; ++i) {
      const std::uint64_t chunk = i * (chunks_ - 1) / (kCheckedChunks - 1);
      check_offset_.store(chunk * block_, std::memory_order_release);
      const Moved moved = with_ticks(
          *context_.clock, [&]<typename Ticks>(Ticks) { return transfer<Ticks>(chunk * block_); });
      if (moved.error != 0) return failure(moved.error);
    }
    check_offset_.store(kNoCheck, std::memory_order_release);
    return {};
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return std::unexpected(pin.error());
    const int error = with_ticks(
        *context_.clock, [&]<typename Ticks>(Ticks) { return loop<Ticks>(duration, recorder); });
    // The last chunk of the timed part still stands in the peer's memory, which is the peer's until
    // it has been joined. A block runs once.
    hang_up();
    if (error != 0) return failure(error);
    compare(last_offset_);
    return {};
  }

  Engagement engagement() override {
    hang_up();
    return source_.judge(mover_, received_.load(std::memory_order_acquire));
  }

  Verification verification() override {
    hang_up();
    return {wrong_ == 0, true, checked_,
            wrong_ == 0 ? "chunks received equal their source"
                        : fmt::format("{} of {} chunks received differ from their source", wrong_,
                                      checked_)};
  }

 private:
  static constexpr unsigned kCheckedChunks = 8;    // in the warm-up, spread over the source
  static constexpr unsigned kSpinsPerLook = 1024;  // between two looks at the clock
  static constexpr std::uint64_t kNoCheck = ~0ULL;

  void hang_up() {
    channel_.hang_up();
    peer_.stop();
  }

  // The peer: receives into the place of the chunk where the bytes belong. In the warm-up it also
  // compares every chunk, before it says that it has it.
  void drain(const std::atomic<bool>& stop) {
    std::uint64_t total = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      const std::size_t at = total % block_;
      // With a CPU of its own it never sleeps, as the receiver of a steady stream would not: waking
      // it up costs more than moving a small chunk, on both sides of the comparison.
      const ssize_t got = channel_.receive(arrived_.data() + at, block_ - at, spin_);
      if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) {
        spin_pause();
        continue;
      }
      if (got <= 0) return;
      if (fault_.corrupt) arrived_[at] ^= std::byte{1};
      total += static_cast<std::uint64_t>(got);
      if (total % block_ == 0) {
        const std::uint64_t check = check_offset_.load(std::memory_order_acquire);
        if (check != kNoCheck) compare(check);
      }
      received_.store(total, std::memory_order_release);
      if (fault_.peer_dies_after_bytes != 0 && total >= fault_.peer_dies_after_bytes) return;
    }
  }

  // One chunk, until its last byte is on the other side.
  template <typename Ticks>
  Moved transfer(std::uint64_t offset) {
    const std::uint64_t start = Ticks::now();
    Moved moved = mover_.move(offset, block_);
    sent_ += moved.bytes;
    last_offset_ = offset;
    for (unsigned spins = 1; received_.load(std::memory_order_acquire) < sent_; ++spins) {
      if (spin_) {
        spin_pause();
        if (spins % kSpinsPerLook != 0) continue;
      } else {
        ::sched_yield();
      }
      const std::uint64_t waited = context_.clock->scale().to_ns(Ticks::now() - start);
      if (peer_.finished() || waited > 5 * static_cast<std::uint64_t>(kPeerTimeout.count())) {
        moved.error = peer_.finished() ? EPIPE : ETIMEDOUT;
        break;
      }
    }
    return moved;
  }

  std::uint64_t next_offset() {
    if (context_.parameters->pattern == Pattern::random) return numbers_.below(chunks_) * block_;
    return (sequence_++ % chunks_) * block_;
  }

  // 0, or the errno after which going on makes no sense: a stream that lost its place.
  template <typename Ticks>
  int loop(Nanoseconds duration, Recorder& recorder) {
    const TickScale scale = context_.clock->scale();
    const std::uint64_t length = static_cast<std::uint64_t>(duration.count());
    const std::uint64_t deadline = Ticks::now() + context_.clock->ns_to_ticks(length);
    while (true) {
      const std::uint64_t offset = next_offset();
      const std::uint64_t start = Ticks::now();
      if (start >= deadline) return 0;
      const Moved moved = transfer<Ticks>(offset);
      const std::uint64_t end = Ticks::now();
      ++recorder.operations;
      recorder.bytes += moved.bytes;
      recorder.enters += moved.calls;
      recorder.short_transfers += moved.shorts;
      if (moved.error != 0) {
        recorder.count_error(moved.error);
        return moved.error;
      }
      recorder.record_service(scale.to_ns(end), scale.to_ns(end - start));
    }
  }

  void compare(std::uint64_t offset) {
    ++checked_;
    wrong_ += source_.equals(offset, arrived_) ? 0 : 1;
  }

  static Failure failure(int error) {
    return fail_errno(error, "copy to a stream", {},
                      error == EPIPE ? "the draining thread ended" : "");
  }

  const BlockContext context_;
  const StreamFault fault_;
  const std::size_t block_;
  const std::uint64_t chunks_;
  const bool spin_;
  Channel channel_;
  Source source_;
  Mover mover_;
  MixedNumbers numbers_;
  std::uint64_t sequence_ = 0, sent_ = 0, last_offset_ = 0;
  std::vector<std::byte> arrived_;  // the peer's, until it has been joined
  std::uint64_t checked_ = 0, wrong_ = 0;
  std::atomic<std::uint64_t> check_offset_{kNoCheck};   // of the chunk on its way, in the warm-up
  alignas(64) std::atomic<std::uint64_t> received_{0};  // the peer's, polled by the sender
  PeerThread peer_;                                     // last: its body uses everything above
};

// Builds the block and starts its peer.
template <typename Mover, typename Channel, typename Source>
Expected<std::unique_ptr<Block>> start_copy_stream(const BlockContext& context,
                                                   std::uint64_t size_bytes, StreamFault fault,
                                                   Channel channel, Source source, Mover mover) {
  using Made = CopyStreamBlock<Mover, Channel, Source>;
  auto block = std::make_unique<Made>(context, size_bytes, fault, std::move(channel),
                                      std::move(source), std::move(mover));
  if (auto started = block->start(); !started) return std::unexpected(started.error());
  return block;
}

}  // namespace assay::engine
