#include "engine/ipc_echo.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "engine/peer_thread.hpp"
#include "engine/scheduling.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

constexpr std::uint64_t kEchoMark = 0xa55a'5ec0'ad0b'ac4eULL;  // any number but 0
constexpr unsigned kEchoWarmUp = 64;
constexpr unsigned kWarmUpTimeouts = 2;

enum class EchoOutcome : std::uint8_t { ok, timed_out, closed, failed };

EchoOutcome outcome_of(ssize_t moved) {
  if (moved > 0) return EchoOutcome::ok;
  if (moved == 0) return EchoOutcome::closed;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return EchoOutcome::timed_out;
  return errno == EPIPE || errno == ECONNRESET ? EchoOutcome::closed : EchoOutcome::failed;
}

// A message is a stretch of a byte stream: what came in parts is put together.
struct PipeTransport {
  static constexpr bool kIsPipe = true;
  static EchoOutcome send(int fd, const std::byte* data, std::size_t size) {
    for (std::size_t done = 0; done < size;) {
      const ssize_t moved = ::write(fd, data + done, size - done);
      if (moved < 0 && errno == EINTR) continue;
      if (moved <= 0) return outcome_of(moved);
      done += static_cast<std::size_t>(moved);
    }
    return EchoOutcome::ok;
  }
  static EchoOutcome receive(int fd, std::byte* data, std::size_t size) {
    for (std::size_t done = 0; done < size;) {
      const ssize_t moved = ::read(fd, data + done, size - done);
      if (moved < 0 && errno == EINTR) continue;
      if (moved <= 0) return outcome_of(moved);
      done += static_cast<std::size_t>(moved);
    }
    return EchoOutcome::ok;
  }
};

// TCP has no bounds either. A message that stops half-way has lost its place for good.
struct StreamTransport {
  static constexpr bool kIsPipe = false;
  static EchoOutcome send(int fd, const std::byte* data, std::size_t size) {
    return move_all(
        size, [=](std::size_t done) { return ::send(fd, data + done, size - done, MSG_NOSIGNAL); });
  }
  static EchoOutcome receive(int fd, std::byte* data, std::size_t size) {
    return move_all(size,
                    [=](std::size_t done) { return ::recv(fd, data + done, size - done, 0); });
  }

 private:
  template <typename Move>
  static EchoOutcome move_all(std::size_t size, Move move) {
    for (std::size_t done = 0; done < size;) {
      const ssize_t moved = move(done);
      if (moved < 0 && errno == EINTR) continue;
      if (moved <= 0) {
        const EchoOutcome outcome = outcome_of(moved);
        return outcome == EchoOutcome::timed_out && done > 0 ? EchoOutcome::failed : outcome;
      }
      done += static_cast<std::size_t>(moved);
    }
    return EchoOutcome::ok;
  }
};

// The kernel keeps the bounds of a message.
struct SocketTransport {
  static constexpr bool kIsPipe = false;
  static EchoOutcome send(int fd, const std::byte* data, std::size_t size) {
    while (true) {
      const ssize_t moved = ::send(fd, data, size, MSG_NOSIGNAL);
      if (moved >= 0 || errno != EINTR) return outcome_of(moved);
    }
  }
  static EchoOutcome receive(int fd, std::byte* data, std::size_t size) {
    while (true) {
      const ssize_t moved = ::recv(fd, data, size, 0);
      if (moved >= 0 || errno != EINTR) return outcome_of(moved);
    }
  }
};

std::uint64_t load_word(const std::byte* data) {
  std::uint64_t word = 0;
  std::memcpy(&word, data, sizeof word);
  return word;
}

void store_word(std::byte* data, std::uint64_t word) { std::memcpy(data, &word, sizeof word); }

template <typename Transport>
class EchoBlock final : public Block {
 public:
  EchoBlock(const BlockContext& context, EchoChannel channel, const EchoOptions& options)
      : context_(context),
        options_(options),
        channel_(std::move(channel)),
        out_(context.parameters->message.count),
        in_(out_.size()),
        far_buffer_(out_.size()) {
    for (std::size_t i = 0; i < out_.size(); ++i) {
      out_[i] = static_cast<std::byte>(i * 131 + context.index);
    }
  }
  ~EchoBlock() override {
    hang_up();
    peer_.stop();
  }

  Expected<void> start() {
    return peer_.start(peer_cpu(context_.cpus),
                       [this](const std::atomic<bool>& stop) { answer(stop); });
  }

  Expected<void> warm_up() override {
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return std::unexpected(pin.error());
    unsigned timeouts = 0;
    for (unsigned i = 0; i < kEchoWarmUp; ++i) {
      const EchoOutcome outcome = exchange();
      if (outcome == EchoOutcome::ok) check_payload();
      if (outcome == EchoOutcome::timed_out && ++timeouts < kWarmUpTimeouts) continue;
      if (outcome != EchoOutcome::ok) return failure(outcome);
    }
    return {};
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return std::unexpected(pin.error());
    const EchoOutcome outcome = with_ticks(
        *context_.clock, [&]<typename Ticks>(Ticks) { return loop<Ticks>(duration, recorder); });
    // The last reply still stands in the buffer: one more full comparison, outside the timed part.
    if (outcome == EchoOutcome::ok) check_payload();
    if (outcome == EchoOutcome::closed || outcome == EchoOutcome::failed) return failure(outcome);
    return {};
  }

  Engagement engagement() override {
    const bool engaged = answered_ > 0 && unmarked_ == 0;
    return {engaged, fmt::format("{} of {} messages answered by the peer thread on CPU {}, "
                                 "{} without its mark",
                                 answered_, sent_, peer_.affinity().to_list(), unmarked_)};
  }

  Verification verification() override {
    return {wrong_ == 0, true, checked_,
            wrong_ == 0
                ? "replies equal what was sent"
                : fmt::format("{} of {} replies differ from what was sent", wrong_, checked_)};
  }

 private:
  int near_out() const {
    return Transport::kIsPipe ? channel_.near_out.get() : channel_.near.get();
  }
  int far_out() const { return Transport::kIsPipe ? channel_.far_out.get() : channel_.far.get(); }

  // Ends the channel as the peer sees it. A pipe's near ends are this thread's own; a socket is
  // shut down, not closed, for the peer may be inside recv(2) with it.
  void hang_up() {
    if constexpr (Transport::kIsPipe) {
      channel_.near_out.reset();
      channel_.near.reset();
    } else {
      ::shutdown(channel_.far.get(), SHUT_RDWR);
      ::shutdown(channel_.near.get(), SHUT_RDWR);
    }
  }

  // The peer's whole life.
  void answer(const std::atomic<bool>& stop) {
    std::byte* const data = far_buffer_.data();
    const std::size_t size = far_buffer_.size();
    for (std::uint64_t taken = 0; !stop.load(std::memory_order_relaxed);) {
      const EchoOutcome got = Transport::receive(channel_.far.get(), data, size);
      if (got == EchoOutcome::timed_out) continue;
      if (got != EchoOutcome::ok) break;
      ++taken;
      const bool faulty = options_.fault != EchoFault::none && taken > options_.healthy_messages;
      if (faulty && options_.fault == EchoFault::dies) break;
      if (faulty && options_.fault == EchoFault::silent) continue;
      if (faulty && options_.fault == EchoFault::corrupts) data[size - 1] ^= std::byte{1};
      const bool mark = !faulty || options_.fault != EchoFault::unmarked;
      if (mark) store_word(data, load_word(data) ^ kEchoMark);
      const EchoOutcome gone = Transport::send(far_out(), data, size);
      if (gone != EchoOutcome::ok && gone != EchoOutcome::timed_out) break;
    }
    // Whoever waits for this side must learn that it is gone. These ends belong to this thread.
    if constexpr (Transport::kIsPipe) {
      channel_.far_out.reset();
    } else {
      ::shutdown(channel_.far.get(), SHUT_RDWR);
    }
  }

  // One message there and back. A reply to an earlier message (its wait had timed out) is passed
  // over; an answer without the mark ends the wait all the same.
  EchoOutcome exchange() {
    ++sent_;
    store_word(out_.data(), sent_);
    const EchoOutcome gone = Transport::send(near_out(), out_.data(), out_.size());
    if (gone != EchoOutcome::ok) return gone;
    while (true) {
      const EchoOutcome got = Transport::receive(channel_.near.get(), in_.data(), in_.size());
      if (got != EchoOutcome::ok) return got;
      const std::uint64_t word = load_word(in_.data());
      if ((word ^ kEchoMark) == sent_) break;
      if (word == sent_) {
        ++unmarked_;
        return EchoOutcome::ok;
      }
    }
    ++answered_;
    return EchoOutcome::ok;
  }

  void check_payload() {
    ++checked_;
    const std::size_t head = sizeof(std::uint64_t);
    if (std::memcmp(in_.data() + head, out_.data() + head, out_.size() - head) != 0) ++wrong_;
  }

  template <typename Ticks>
  EchoOutcome loop(Nanoseconds duration, Recorder& recorder) {
    const TickScale scale = context_.clock->scale();
    const std::uint64_t length = static_cast<std::uint64_t>(duration.count());
    const std::uint64_t deadline = Ticks::now() + context_.clock->ns_to_ticks(length);
    while (true) {
      const std::uint64_t start = Ticks::now();
      if (start >= deadline) return EchoOutcome::ok;
      EchoOutcome outcome = exchange();
      const std::uint64_t end = Ticks::now();
      ++recorder.operations;
      recorder.enters += 2;
      if (outcome == EchoOutcome::ok) {
        recorder.bytes += 2 * out_.size();
        recorder.record_service(scale.to_ns(end), scale.to_ns(end - start));
        continue;
      }
      ++recorder.errors;
      if (recorder.first_errno == 0) recorder.first_errno = errno;
      // A datagram socket does not learn that the other side is gone.
      if (outcome == EchoOutcome::timed_out && peer_.finished()) outcome = EchoOutcome::closed;
      if (outcome != EchoOutcome::timed_out) return outcome;
    }
  }

  Failure failure(EchoOutcome outcome) const {
    if (outcome == EchoOutcome::failed) return fail_errno(errno, "exchange messages");
    return fail(
        ErrorCode::io, "exchange messages", {},
        outcome == EchoOutcome::closed ? "the peer thread ended" : "the peer did not answer");
  }

  const BlockContext context_;
  const EchoOptions options_;
  EchoChannel channel_;
  std::vector<std::byte> out_, in_, far_buffer_;
  std::uint64_t sent_ = 0, answered_ = 0, unmarked_ = 0, checked_ = 0, wrong_ = 0;
  PeerThread peer_;  // last: its body uses everything above
};

template <typename Transport>
Expected<std::unique_ptr<Block>> make_transport(const BlockContext& context, EchoChannel channel,
                                                const EchoOptions& options) {
  auto block = std::make_unique<EchoBlock<Transport>>(context, std::move(channel), options);
  if (auto started = block->start(); !started) return std::unexpected(started.error());
  return block;
}

}  // namespace

Expected<std::unique_ptr<Block>> make_echo_block(const BlockContext& context, EchoChannel channel,
                                                 const EchoOptions& options) {
  auto fits = check_message_size(context.parameters->message, kPipeMessageMax);
  if (!fits) return std::unexpected(fits.error());
  if (channel.is_pipe()) return make_transport<PipeTransport>(context, std::move(channel), options);
  if (channel.is_stream)
    return make_transport<StreamTransport>(context, std::move(channel), options);
  return make_transport<SocketTransport>(context, std::move(channel), options);
}

}  // namespace assay::engine
