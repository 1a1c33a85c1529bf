#include "engine/copy_transfer.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "engine/copy_sockets.hpp"
#include "engine/mixing.hpp"
#include "engine/peer_thread.hpp"
#include "engine/scheduling.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

constexpr unsigned kCheckedChunks = 8;    // compared in the warm-up, spread over the file
constexpr unsigned kSpinsPerLook = 1024;  // between two looks at the clock while waiting

constexpr std::uint64_t kNoCheck = ~0ULL;

// What one move of a chunk did.
struct Moved {
  std::uint64_t bytes = 0;
  unsigned calls = 0, shorts = 0;
  int error = 0;  // 0: all of it was handed over
};

// pread into a buffer and send from it, as often as it takes.
class ReadWriteMover final {
 public:
  ReadWriteMover(int file, int socket, std::size_t block)
      : file_(file), socket_(socket), buffer_(std::min<std::size_t>(block, kCopyBufferMax.count)) {}

  Moved move(std::uint64_t offset, std::size_t size) {
    Moved moved;
    while (moved.bytes < size) {
      const std::size_t part = std::min(buffer_.size(), size - moved.bytes);
      const ssize_t got =
          ::pread(file_, buffer_.data(), part, static_cast<off_t>(offset + moved.bytes));
      ++moved.calls;
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return stopped(moved, got == 0 ? EIO : errno);
      if (static_cast<std::size_t>(got) < part) ++moved.shorts;
      if (!send_all(static_cast<std::size_t>(got), moved)) return stopped(moved, errno);
      moved.bytes += static_cast<std::size_t>(got);
    }
    bytes_ += moved.bytes;
    return moved;
  }

  std::uint64_t bytes() const { return bytes_; }
  std::size_t buffer_size() const { return buffer_.size(); }

 private:
  static Moved stopped(Moved moved, int error) {
    moved.error = error;
    return moved;
  }
  bool send_all(std::size_t size, Moved& moved) {
    for (std::size_t done = 0; done < size;) {
      const ssize_t gone = ::send(socket_, buffer_.data() + done, size - done, MSG_NOSIGNAL);
      ++moved.calls;
      if (gone < 0 && errno == EINTR) continue;
      if (gone <= 0) return false;
      done += static_cast<std::size_t>(gone);
      if (done < size) ++moved.shorts;
    }
    return true;
  }

  int file_, socket_;
  std::vector<std::byte> buffer_;
  std::uint64_t bytes_ = 0;
};

// sendfile, and the loop in its place when the kernel refuses: counted apart, because a program
// that falls back without a word looks just the same from outside.
class SendfileMover final {
 public:
  SendfileMover(int file, int socket, std::size_t block, bool refuse)
      : file_(file), socket_(socket), refuse_(refuse), fallback_(file, socket, block) {}

  Moved move(std::uint64_t offset, std::size_t size) {
    Moved moved;
    off_t at = static_cast<off_t>(offset);
    while (moved.bytes < size) {
      const ssize_t gone = send_some(at, size - moved.bytes);
      ++moved.calls;
      if (gone < 0 && errno == EINTR) continue;
      if (gone < 0 && (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
        bytes_ += moved.bytes;
        Moved rest = fallback_.move(offset + moved.bytes, size - moved.bytes);
        rest.bytes += moved.bytes;
        rest.calls += moved.calls;
        return rest;
      }
      if (gone <= 0) {
        moved.error = gone == 0 ? EIO : errno;
        break;
      }
      moved.bytes += static_cast<std::size_t>(gone);
      if (moved.bytes < size) ++moved.shorts;
    }
    bytes_ += moved.bytes;
    return moved;
  }

  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t fallback_bytes() const { return fallback_.bytes(); }

 private:
  ssize_t send_some(off_t& at, std::size_t size) const {
    if (refuse_) {
      errno = EINVAL;
      return -1;
    }
    return ::sendfile(socket_, file_, &at, size);
  }

  int file_, socket_;
  bool refuse_;
  ReadWriteMover fallback_;
  std::uint64_t bytes_ = 0;
};

template <typename Mover>
class CopyBlock final : public Block {
 public:
  CopyBlock(const BlockContext& context, const CopyOptions& options, UniqueFd file,
            StreamPair sockets, Mover mover)
      : context_(context),
        options_(options),
        block_(context.parameters->block.count),
        chunks_(context.file->size().count / block_),
        spin_(may_spin(context.cpus)),
        file_(std::move(file)),
        sockets_(std::move(sockets)),
        mover_(std::move(mover)),
        numbers_(context.index),
        arrived_(block_),
        expected_(block_) {}
  ~CopyBlock() override { hang_up(); }

  Expected<void> start() {
    return peer_.start(peer_cpu(context_.cpus),
                       [this](const std::atomic<bool>& stop) { drain(stop); });
  }

  Expected<void> warm_up() override {
    if (auto warm = warm_cache(); !warm) return warm;
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

  Engagement engagement() override;

  Verification verification() override {
    hang_up();
    return {wrong_ == 0, true, checked_,
            wrong_ == 0
                ? "chunks received equal the file"
                : fmt::format("{} of {} chunks received differ from the file", wrong_, checked_)};
  }

 private:
  // Both sides of the comparison read from the page cache; what is not in it is brought in.
  Expected<void> warm_cache() {
    const auto cached = context_.file->cached_pages();
    if (cached && *cached >= context_.file->total_pages()) return {};
    return context_.file->warm();
  }

  // Wakes the peer out of recv(2), which closing under its feet would not, and waits for its end.
  void hang_up() {
    ::shutdown(sockets_.near.get(), SHUT_RDWR);
    peer_.stop();
  }

  // The peer: receives into the place of the chunk where the bytes belong. In the warm-up it also
  // compares every chunk, before it says that it has it.
  void drain(const std::atomic<bool>& stop) {
    // With a CPU of its own it never sleeps, as the receiver of a steady stream would not: waking
    // it up costs more than moving a small chunk, on both sides of the comparison.
    const int flags = spin_ ? MSG_DONTWAIT : 0;
    std::uint64_t total = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      const std::size_t at = total % block_;
      const ssize_t got = ::recv(sockets_.far.get(), arrived_.data() + at, block_ - at, flags);
      if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) {
        spin_pause();
        continue;
      }
      if (got <= 0) return;
      if (options_.corrupt) arrived_[at] ^= std::byte{1};
      total += static_cast<std::uint64_t>(got);
      if (total % block_ == 0) {
        const std::uint64_t check = check_offset_.load(std::memory_order_acquire);
        if (check != kNoCheck) compare(check);
      }
      received_.store(total, std::memory_order_release);
      if (options_.peer_dies_after_bytes != 0 && total >= options_.peer_dies_after_bytes) return;
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
        ++recorder.errors;
        recorder.first_errno = moved.error;
        return moved.error;
      }
      recorder.record_service(scale.to_ns(end), scale.to_ns(end - start));
    }
  }

  // What arrived against the file. A file that cannot be read back counts as different.
  void compare(std::uint64_t offset) {
    const ssize_t got = ::pread(file_.get(), expected_.data(), block_, static_cast<off_t>(offset));
    bool right = got >= 0 && static_cast<std::size_t>(got) == block_ && arrived_ == expected_;
    // The file itself may be wrong: one that assay made knows what it should hold. Its checksums
    // stand in whole sectors.
    if (right && context_.file->checksummed() && offset % kSectorBytes == 0 &&
        block_ % kSectorBytes == 0) {
      right = TestFile::verify(arrived_, offset, context_.file->seed()).has_value();
    }
    ++checked_;
    wrong_ += right ? 0 : 1;
  }

  static Failure failure(int error) {
    return fail_errno(error, "copy to a socket", {},
                      error == EPIPE ? "the draining thread ended" : "");
  }

  const BlockContext context_;
  const CopyOptions options_;
  const std::size_t block_;
  const std::uint64_t chunks_;
  const bool spin_;
  UniqueFd file_;
  StreamPair sockets_;
  Mover mover_;
  MixedNumbers numbers_;
  std::uint64_t sequence_ = 0, sent_ = 0, last_offset_ = 0;
  // The peer's, until it has been joined.
  std::vector<std::byte> arrived_, expected_;
  std::uint64_t checked_ = 0, wrong_ = 0;
  std::atomic<std::uint64_t> check_offset_{kNoCheck};   // of the chunk on its way, in the warm-up
  alignas(64) std::atomic<std::uint64_t> received_{0};  // the peer's, polled by the sender
  PeerThread peer_;                                     // last: its body uses everything above
};

template <>
Engagement CopyBlock<SendfileMover>::engagement() {
  const std::uint64_t received = received_.load(std::memory_order_acquire);
  const bool engaged =
      mover_.bytes() > 0 && mover_.fallback_bytes() == 0 && mover_.bytes() == received;
  return {engaged, fmt::format("{} of {} bytes received were moved by sendfile, {} by a fallback",
                               mover_.bytes(), received, mover_.fallback_bytes())};
}

template <>
Engagement CopyBlock<ReadWriteMover>::engagement() {
  const std::uint64_t received = received_.load(std::memory_order_acquire);
  return {mover_.bytes() > 0 && mover_.bytes() == received,
          fmt::format("{} bytes read and written through a buffer of {}", received,
                      format_bytes({mover_.buffer_size()}))};
}

template <typename Mover>
Expected<std::unique_ptr<Block>> start(const BlockContext& context, const CopyOptions& options,
                                       UniqueFd file, StreamPair sockets, Mover mover) {
  auto block = std::make_unique<CopyBlock<Mover>>(context, options, std::move(file),
                                                  std::move(sockets), std::move(mover));
  if (auto started = block->start(); !started) return std::unexpected(started.error());
  return block;
}

}  // namespace

Expected<void> check_copy_parameters(const Parameters& parameters) {
  if (parameters.block < kCopyBlockMin || parameters.block > kCopyBlockMax) {
    return fail(
        ErrorCode::invalid, "block size", format_bytes(parameters.block),
        fmt::format("expected {} to {}", format_bytes(kCopyBlockMin), format_bytes(kCopyBlockMax)));
  }
  const std::string& variant = parameters.variant;
  if (!variant.empty() && variant != "unix" && variant != "tcp") {
    return fail(ErrorCode::invalid, "parameter variant", variant, "expected unix or tcp");
  }
  return {};
}

Expected<std::unique_ptr<Block>> make_copy_block(const BlockContext& context,
                                                 const CopyOptions& options) {
  if (auto checked = check_copy_parameters(*context.parameters); !checked) {
    return std::unexpected(checked.error());
  }
  if (context.file == nullptr || context.file->size() < context.parameters->block) {
    return fail(ErrorCode::invalid, "copy to a socket", {}, "the file is smaller than one block",
                "choose a larger size or a smaller block");
  }
  auto file = context.file->open(false, false);
  if (!file) return std::unexpected(file.error());
  auto sockets = open_stream_pair(context.parameters->variant);
  if (!sockets) return std::unexpected(sockets.error());
  const int in = file->get(), out = sockets->near.get();
  const std::size_t block = context.parameters->block.count;
  if (options.method == CopyMethod::sendfile) {
    return start(context, options, std::move(*file), std::move(*sockets),
                 SendfileMover(in, out, block, options.refuse_sendfile));
  }
  return start(context, options, std::move(*file), std::move(*sockets),
               ReadWriteMover(in, out, block));
}

}  // namespace assay::engine
