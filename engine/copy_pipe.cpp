#include "engine/copy_pipe.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "engine/copy_stream_block.hpp"
#include "engine/copy_transfer.hpp"

namespace assay::engine {
namespace {

constexpr std::uint64_t kMemoryBytes = 16ULL << 20;  // blocks go round in it
constexpr int kPipeBytes = 1 << 20;                  // what an ordinary user may have
constexpr std::size_t kProbePages = 8;               // few enough for the smallest pipe

std::size_t pipe_page_bytes() {
  static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

struct Pipe {
  UniqueFd read_end, write_end;
};

// Its writer never blocks without a limit of time: see PipeMover.
Expected<Pipe> open_pipe(int size) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "make a pipe");
  Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  static_cast<void>(::fcntl(pipe.write_end.get(), F_SETPIPE_SZ, size));
  if (::fcntl(pipe.write_end.get(), F_SETFL, O_NONBLOCK) != 0) {
    return fail_errno(errno, "make a pipe non-blocking");
  }
  return pipe;
}

class PipeChannel final {
 public:
  PipeChannel(Pipe pipe, bool spin) : pipe_(std::move(pipe)) {
    if (spin) static_cast<void>(::fcntl(pipe_.read_end.get(), F_SETFL, O_NONBLOCK));
  }
  int in() const { return pipe_.write_end.get(); }
  ssize_t receive(std::byte* into, std::size_t size, bool) const {
    return ::read(pipe_.read_end.get(), into, size);
  }
  // The reader sees the end of the stream; the write end is the measuring thread's own.
  void hang_up() { pipe_.write_end.reset(); }

 private:
  Pipe pipe_;
};

// From memory into a pipe, by either call.
class PipeMover final {
 public:
  PipeMover(int pipe, std::byte* memory, const PipeCopyOptions& options)
      : pipe_(pipe), memory_(memory), options_(options) {}

  Moved move(std::uint64_t offset, std::size_t size) { return move_to(pipe_, offset, size); }

  Moved move_to(int pipe, std::uint64_t offset, std::size_t size) {
    Moved moved;
    while (moved.bytes < size) {
      std::byte* from = memory_ + offset + moved.bytes;
      const ssize_t gone = hand_over(pipe, from, size - moved.bytes);
      ++moved.calls;
      if (gone < 0 && errno == EINTR) continue;
      if (gone < 0 && errno == EAGAIN && wait_for_room(pipe, moved)) continue;
      if (gone <= 0) {
        moved.error = gone == 0 ? EIO : errno;
        break;
      }
      moved.bytes += static_cast<std::size_t>(gone);
      if (moved.bytes < size) ++moved.shorts;
    }
    return moved;
  }

  std::byte* memory() const { return memory_; }
  bool vmsplice() const { return options_.vmsplice; }
  std::uint64_t gifted() const { return gifted_; }
  std::uint64_t written() const { return written_; }

 private:
  ssize_t hand_over(int pipe, std::byte* from, std::size_t size) {
    if (options_.vmsplice && !options_.pretend) {
      const iovec part{from, size};
      ssize_t gone = -1;
      errno = EINVAL;
      if (!options_.refuse) {
        gone = ::vmsplice(pipe, &part, 1, SPLICE_F_GIFT | SPLICE_F_NONBLOCK);
      }
      if (gone > 0) gifted_ += static_cast<std::uint64_t>(gone);
      if (gone >= 0 || (errno != EINVAL && errno != ENOSYS)) return gone;
    }
    const ssize_t gone = ::write(pipe, from, size);
    if (gone > 0) (options_.pretend ? gifted_ : written_) += static_cast<std::uint64_t>(gone);
    return gone;
  }

  // Sleeps until the reader has made room; false when it does not within the limit.
  static bool wait_for_room(int pipe, Moved& moved) {
    pollfd waiting{pipe, POLLOUT, 0};
    ++moved.calls;
    constexpr auto kLimit = std::chrono::duration_cast<std::chrono::milliseconds>(kPeerTimeout);
    const int ready = ::poll(&waiting, 1, static_cast<int>(kLimit.count()));
    errno = ready == 0 ? ETIMEDOUT : EPIPE;
    return ready > 0 && (waiting.revents & POLLOUT) != 0 && (waiting.revents & POLLERR) == 0;
  }

  int pipe_;
  std::byte* memory_;
  PipeCopyOptions options_;
  std::uint64_t gifted_ = 0, written_ = 0;
};

struct PagesMoved {
  std::size_t moved = 0, asked = 0;
};

// Hands pages over, changes them on their way, and looks what the reader gets.
PagesMoved probe_pages(PipeMover mover) {
  PagesMoved pages;
  auto pipe = open_pipe(kPipeBytes);
  if (!pipe) return pages;
  std::vector<std::byte> seen(pipe_page_bytes());
  for (; pages.asked < kProbePages; ++pages.asked) {
    const std::uint64_t offset = pages.asked * pipe_page_bytes();
    std::byte* page = mover.memory() + offset;
    std::memset(page, 0x11, pipe_page_bytes());
    if (mover.move_to(pipe->write_end.get(), offset, pipe_page_bytes()).error != 0) return pages;
    std::memset(page, 0x22, pipe_page_bytes());
    const ssize_t got = ::read(pipe->read_end.get(), seen.data(), seen.size());
    if (got != static_cast<ssize_t>(seen.size())) return pages;
    const bool changed =
        std::ranges::all_of(seen, [](std::byte byte) { return byte == std::byte{0x22}; });
    pages.moved += changed ? 1 : 0;
  }
  return pages;
}

// Blocks of pseudo-random words that say where they belong.
class MemorySource final {
 public:
  MemorySource(Mapping memory, std::uint64_t seed) : memory_(std::move(memory)), seed_(seed) {}

  Expected<void> warm() {
    fill_sectors({memory_.as<std::byte>(), memory_.size().count}, 0, seed_, 0);
    return {};
  }
  std::byte* data() const { return memory_.as<std::byte>(); }
  bool equals(std::uint64_t offset, std::span<const std::byte> arrived) const {
    return std::memcmp(arrived.data(), data() + offset, arrived.size()) == 0;
  }

  static Engagement judge(const PipeMover& mover, std::uint64_t received) {
    if (!mover.vmsplice()) {
      return {mover.written() > 0 && mover.written() == received,
              fmt::format("{} of {} bytes received were written", mover.written(), received)};
    }
    // Counted before the probe adds its own.
    const std::uint64_t gifted = mover.gifted(), written = mover.written();
    const PagesMoved pages = probe_pages(mover);
    const bool engaged = gifted > 0 && gifted == received && written == 0 &&
                         pages.asked == kProbePages && pages.moved == pages.asked;
    return {engaged, fmt::format("{} of {} bytes received were handed over by vmsplice, {} "
                                 "written; {} of {} pages probed moved, not copied",
                                 gifted, received, written, pages.moved, pages.asked)};
  }

 private:
  Mapping memory_;
  std::uint64_t seed_;
};

}  // namespace

Expected<void> check_pipe_copy_block(Bytes block, bool vmsplice) {
  if (block < kCopyBlockMin || block > kCopyBlockMax) {
    return fail(
        ErrorCode::invalid, "block size", format_bytes(block),
        fmt::format("expected {} to {}", format_bytes(kCopyBlockMin), format_bytes(kCopyBlockMax)));
  }
  if (!vmsplice || block.count % pipe_page_bytes() == 0) return {};
  return fail(ErrorCode::invalid, "block size", format_bytes(block),
              fmt::format("expected a multiple of {}: pages are handed over whole",
                          format_bytes({pipe_page_bytes()})));
}

Expected<std::unique_ptr<Block>> make_pipe_copy_block(const BlockContext& context,
                                                      const PipeCopyOptions& options) {
  const Bytes block = context.parameters->block;
  if (auto good = check_pipe_copy_block(block, options.vmsplice); !good) {
    return std::unexpected(good.error());
  }
  auto memory = Mapping::anonymous({kMemoryBytes});
  if (!memory) return std::unexpected(memory.error());
  auto pipe = open_pipe(kPipeBytes);
  if (!pipe) return std::unexpected(pipe.error());
  PipeChannel channel(std::move(*pipe), may_spin(context.cpus));
  MemorySource source(std::move(*memory), context.index);
  PipeMover mover(channel.in(), source.data(), options);
  return start_copy_stream(context, kMemoryBytes, {options.corrupt, options.peer_dies_after_bytes},
                           std::move(channel), std::move(source), mover);
}

}  // namespace assay::engine
