// Copies into another file: the file beside the source, the loop, and whether blocks are shared.
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <array>
#include <cstring>

#include "engine/copy_source_file.hpp"
#include "engine/copy_target.hpp"
#include "engine/copy_transfer.hpp"
#include "engine/mixing.hpp"
#include "engine/peer_thread.hpp"
#include "engine/scheduling.hpp"
#include "engine/shared_extents.hpp"

namespace assay::engine {
namespace {

constexpr std::uint64_t kCheckedChunks = 8;

// Whether the filesystem shares blocks between files at all.
Expected<void> try_reflink(int in, int out, std::uint64_t size) {
  file_clone_range range{};
  range.src_fd = in;
  range.src_length = size;
  if (::ioctl(out, FICLONERANGE, &range) == 0) return {};
  return fail_errno(errno, "share blocks between files (FICLONERANGE)", {},
                    "put the file on btrfs, or on XFS made with reflink=1, and choose a block of "
                    "whole filesystem blocks");
}

template <typename Mover>
class CopyToFileBlock final : public Block {
 public:
  CopyToFileBlock(const BlockContext& context, const CopyOptions& options, CopySourceFile source,
                  UniqueFd target, std::uint64_t window, Mover mover)
      : context_(context),
        options_(options),
        block_(context.parameters->block.count),
        chunks_(window / block_),
        source_(std::move(source)),
        target_(std::move(target)),
        mover_(std::move(mover)),
        numbers_(context.index),
        copied_(chunks_),
        arrived_(block_) {}

  // Copies everything once: the timed part writes over pages that are there.
  Expected<void> warm_up() override {
    if (auto warm = source_.warm(); !warm) return warm;
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return std::unexpected(pin.error());
    for (std::uint64_t chunk = 0; chunk < chunks_; ++chunk) {
      const Moved moved = mover_.move(chunk * block_, block_);
      total_ += moved.bytes;
      if (moved.error != 0) return failure(moved.error);
    }
    const std::uint64_t step = std::max<std::uint64_t>(1, chunks_ / kCheckedChunks);
    for (std::uint64_t chunk = 0; chunk < chunks_; chunk += step) compare(chunk);
    return {};
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return std::unexpected(pin.error());
    const int error = with_ticks(
        *context_.clock, [&]<typename Ticks>(Ticks) { return loop<Ticks>(duration, recorder); });
    if (error != 0) return failure(error);
    if (options_.corrupt) spoil();
    for (std::uint64_t chunk = 0; chunk < chunks_; ++chunk) {
      if (copied_[chunk]) compare(chunk);
    }
    return {};
  }

  Engagement engagement() override { return judge(mover_); }

  Verification verification() override {
    return {wrong_ == 0, true, checked_,
            wrong_ == 0 ? "chunks in the target equal the source"
                        : fmt::format("{} of {} chunks in the target differ from the source",
                                      wrong_, checked_)};
  }

 private:
  std::uint64_t next_chunk() {
    if (context_.parameters->pattern == Pattern::random) return numbers_.below(chunks_);
    return sequence_++ % chunks_;
  }

  template <typename Ticks>
  int loop(Nanoseconds duration, Recorder& recorder) {
    const TickScale scale = context_.clock->scale();
    const std::uint64_t length = static_cast<std::uint64_t>(duration.count());
    const std::uint64_t deadline = Ticks::now() + context_.clock->ns_to_ticks(length);
    while (true) {
      const std::uint64_t chunk = next_chunk();
      const std::uint64_t start = Ticks::now();
      if (start >= deadline) return 0;
      const Moved moved = mover_.move(chunk * block_, block_);
      const std::uint64_t end = Ticks::now();
      ++recorder.operations;
      recorder.bytes += moved.bytes;
      recorder.enters += moved.calls;
      recorder.short_transfers += moved.shorts;
      total_ += moved.bytes;
      if (moved.error != 0) {
        recorder.count_error(moved.error);
        return moved.error;
      }
      copied_[chunk] = true;
      last_ = chunk;
      recorder.record_service(scale.to_ns(end), scale.to_ns(end - start));
    }
  }

  // For the tests of the check.
  void spoil() const {
    const std::byte wrong{0x5a};
    static_cast<void>(::pwrite(target_.get(), &wrong, 1, static_cast<off_t>(last_ * block_)));
  }

  void compare(std::uint64_t chunk) {
    const auto offset = static_cast<off_t>(chunk * block_);
    const ssize_t got = ::pread(target_.get(), arrived_.data(), block_, offset);
    const bool whole = got >= 0 && static_cast<std::size_t>(got) == block_;
    ++checked_;
    wrong_ += whole && source_.equals(chunk * block_, arrived_) ? 0 : 1;
  }

  Engagement judge(const ReadWriteMover& mover) const {
    return {mover.bytes() > 0 && mover.bytes() == total_,
            fmt::format("{} bytes read and written through a buffer of {}", mover.bytes(),
                        format_bytes({mover.buffer_size()}))};
  }

  template <typename Call>
  Engagement judge(const KernelMover<Call>& mover) const {
    const bool all = mover.bytes() > 0 && mover.fallback_bytes() == 0 && mover.bytes() == total_;
    std::string words = fmt::format("{} of {} bytes were moved by {}, {} by a fallback",
                                    mover.bytes(), total_, Call::kName, mover.fallback_bytes());
    const SharedExtents shared = options_.pretend_shared_bytes
                                     ? SharedExtents{true, *options_.pretend_shared_bytes}
                                     : shared_extents(target_, chunks_ * block_);
    const std::uint64_t window = chunks_ * block_;
    bool as_asked = true;
    if (context_.parameters->variant == "reflink") as_asked = shared.bytes == window;
    if (context_.parameters->variant == "copy") as_asked = shared.known && shared.bytes == 0;
    return {all && as_asked, fmt::format("{}; {}", words, shared.words(window))};
  }

  static Failure failure(int error) { return fail_errno(error, "copy to a file"); }

  const BlockContext context_;
  const CopyOptions options_;
  const std::size_t block_;
  const std::uint64_t chunks_;
  CopySourceFile source_;
  UniqueFd target_;
  Mover mover_;
  MixedNumbers numbers_;
  std::vector<bool> copied_;
  std::vector<std::byte> arrived_;
  std::uint64_t sequence_ = 0, total_ = 0, last_ = 0, checked_ = 0, wrong_ = 0;
};

}  // namespace

Expected<std::unique_ptr<Block>> make_copy_to_file_block(const BlockContext& context,
                                                         const CopyOptions& options) {
  const TestFile& file = *context.file;
  const Bytes block = context.parameters->block;
  auto target = open_copy_target(&file);
  if (!target) return std::unexpected(target.error());
  auto source = CopySourceFile::open(file);
  if (!source) return std::unexpected(source.error());
  const std::uint64_t window = std::min(file.size(), std::max(block, kCopyWindow)).count;
  if (context.parameters->variant == "reflink") {
    auto shares = try_reflink(source->fd(), target->get(), block.count);
    if (!shares) return std::unexpected(shares.error());
  }
  const CopyEnds ends{.in = source->fd(), .out = target->get(), .to_file = true};
  return with_mover(options, ends, block, [&](auto mover) -> Expected<std::unique_ptr<Block>> {
    return std::make_unique<CopyToFileBlock<decltype(mover)>>(
        context, options, std::move(*source), std::move(*target), window, std::move(mover));
  });
}

}  // namespace assay::engine
