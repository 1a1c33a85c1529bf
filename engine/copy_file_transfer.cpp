#include "engine/copy_file_transfer.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <cstring>

#include "engine/copy_source_file.hpp"
#include "engine/copy_target.hpp"
#include "engine/file_transfer.hpp"
#include "engine/peer_thread.hpp"
#include "engine/scheduling.hpp"

namespace assay::engine {
namespace {

constexpr Bytes kChunkDefault{1ULL << 20};
constexpr unsigned kDepthDefault = 8;

// What one copy of the file did.
struct Copied {
  std::uint64_t bytes = 0, calls = 0;
};

// Copies the whole file again and again. `Method` has
//   Expected<void> prepare(const UniqueFd& target)      before each copy, not timed
//   Expected<Copied> copy(const UniqueFd& source, const UniqueFd& target)
//   Engagement judge(std::uint64_t copies) const
template <typename Method>
class WholeFileBlock final : public Block {
 public:
  WholeFileBlock(const BlockContext& context, CopySourceFile source, UniqueFd target, Method method)
      : context_(context),
        size_(context.file->size().count),
        source_(std::move(source)),
        target_(std::move(target)),
        method_(std::move(method)) {}

  Expected<void> warm_up() override {
    if (auto warm = source_.warm(); !warm) return warm;
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return std::unexpected(pin.error());
    if (auto ready = prepare(); !ready) return ready;
    auto copied = method_.copy(source_.file(), target_);
    if (!copied) return std::unexpected(copied.error());
    ++copies_;
    return {};
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return std::unexpected(pin.error());
    auto ran = with_ticks(*context_.clock,
                          [&]<typename Ticks>(Ticks) { return loop<Ticks>(duration, recorder); });
    if (!ran) return ran;
    compare();
    return {};
  }

  Engagement engagement() override { return method_.judge(copies_); }

  Verification verification() override {
    return {wrong_ == 0, true, checked_,
            wrong_ == 0 ? "the target equals the source"
                        : fmt::format("{} of {} parts of the target differ from the source", wrong_,
                                      checked_)};
  }

 private:
  // Every copy begins with an empty target, as a new file is.
  Expected<void> prepare() {
    if (::ftruncate(target_.get(), 0) != 0 ||
        ::ftruncate(target_.get(), static_cast<off_t>(size_)) != 0) {
      return fail_errno(errno, "empty the target");
    }
    return method_.prepare();
  }

  // At least one copy, however long it takes.
  template <typename Ticks>
  Expected<void> loop(Nanoseconds duration, Recorder& recorder) {
    const TickScale scale = context_.clock->scale();
    const std::uint64_t length = static_cast<std::uint64_t>(duration.count());
    const std::uint64_t deadline = Ticks::now() + context_.clock->ns_to_ticks(length);
    do {
      if (auto ready = prepare(); !ready) return ready;
      const std::uint64_t start = Ticks::now();
      auto copied = method_.copy(source_.file(), target_);
      const std::uint64_t end = Ticks::now();
      ++recorder.operations;
      if (!copied) {
        recorder.count_error(copied.error().sys_errno != 0 ? copied.error().sys_errno : EIO);
        return std::unexpected(copied.error());
      }
      ++copies_;
      recorder.bytes += copied->bytes;
      recorder.enters += copied->calls;
      recorder.record_service(scale.to_ns(end), scale.to_ns(end - start));
    } while (Ticks::now() < deadline);
    return {};
  }

  void compare() {
    std::vector<std::byte> part(kChunkDefault.count);
    for (std::uint64_t at = 0; at < size_; at += part.size()) {
      const std::size_t size = std::min<std::uint64_t>(part.size(), size_ - at);
      const ssize_t got = ::pread(target_.get(), part.data(), size, static_cast<off_t>(at));
      const bool whole = got >= 0 && static_cast<std::size_t>(got) == size;
      ++checked_;
      wrong_ += whole && source_.equals(at, std::span(part).first(size)) ? 0 : 1;
    }
  }

  const BlockContext context_;
  const std::uint64_t size_;
  CopySourceFile source_;
  UniqueFd target_;
  Method method_;
  std::uint64_t copies_ = 0, checked_ = 0, wrong_ = 0;
};

class PipelineMethod final {
 public:
  PipelineMethod(const Host& host, TransferState state, TransferOptions options)
      : host_(&host), state_(std::move(state)), options_(std::move(options)) {}

  Expected<void> prepare() { return state_.reset(); }

  Expected<Copied> copy(const UniqueFd& source, const UniqueFd& target) {
    auto report = transfer_chunks(*host_, source, target, state_, options_);
    if (!report) return std::unexpected(report.error());
    by_ring_ += report->by_ring ? 1 : 0;
    verified_ += report->verified;
    recorded_ += state_.recorded_count();
    chunks_ += report->chunks;
    how_ = report->how;
    return Copied{report->copied.count, report->calls};
  }

  Engagement judge(std::uint64_t copies) const {
    const bool engaged =
        copies > 0 && by_ring_ == copies && verified_ == chunks_ && recorded_ == chunks_;
    return {engaged,
            fmt::format("{} of {} chunks of {} read back and right, {} recorded; {} of {} "
                        "copies through {}",
                        verified_, chunks_, format_bytes(options_.chunk), recorded_, by_ring_,
                        copies, by_ring_ == copies ? how_ : "the ring; " + how_)};
  }

 private:
  const Host* host_;
  TransferState state_;
  TransferOptions options_;
  std::uint64_t by_ring_ = 0, verified_ = 0, recorded_ = 0, chunks_ = 0;
  std::string how_;
};

// A copy, then a checksum of either file, each read through a buffer as the tools do.
class CheckMethod final {
 public:
  CheckMethod(std::uint64_t size, bool spoil)
      : size_(size), spoil_(spoil), buffer_(kCopyBufferMax.count) {}

  static Expected<void> prepare() { return {}; }

  Expected<Copied> copy(const UniqueFd& source, const UniqueFd& target) {
    ReadWriteMover mover({.in = source.get(), .out = target.get(), .to_file = true},
                         buffer_.size());
    const Moved moved = mover.move(0, size_);
    if (moved.error != 0) return fail_errno(moved.error, "copy a file");
    if (spoil_) static_cast<void>(::pwrite(target.get(), "x", 1, 0));
    Copied copied{moved.bytes, moved.calls};
    const auto there = checksum(target, copied);
    const auto here = checksum(source, copied);
    if (!here || !there) return std::unexpected((here ? there : here).error());
    ++compared_;
    agreed_ += *here == *there ? 1 : 0;
    if (*here != *there) {
      return fail(ErrorCode::io, "check a copy", {}, "the checksums of both files differ");
    }
    return copied;
  }

  Engagement judge(std::uint64_t copies) const {
    return {copies > 0 && agreed_ == compared_,
            fmt::format("{} files copied through a buffer of {}, the checksums of {} agree", copies,
                        format_bytes({buffer_.size()}), agreed_)};
  }

 private:
  Expected<std::uint64_t> checksum(const UniqueFd& file, Copied& copied) {
    XXH3_64bits_reset(sum_.get());
    for (std::uint64_t at = 0; at < size_;) {
      const std::size_t size = std::min<std::uint64_t>(buffer_.size(), size_ - at);
      const ssize_t got = ::pread(file.get(), buffer_.data(), size, static_cast<off_t>(at));
      ++copied.calls;
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return fail_errno(got == 0 ? EIO : errno, "read for the checksum");
      XXH3_64bits_update(sum_.get(), buffer_.data(), static_cast<std::size_t>(got));
      at += static_cast<std::uint64_t>(got);
    }
    return XXH3_64bits_digest(sum_.get());
  }

  std::uint64_t size_;
  bool spoil_;
  std::vector<std::byte> buffer_;
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> sum_{XXH3_createState()};
  std::uint64_t compared_ = 0, agreed_ = 0;
};

TransferOptions options_from(const Parameters& parameters, const FileTransferFault& fault) {
  TransferOptions options;
  options.chunk = parameters.block;
  options.depth = parameters.depth;
  options.use_ring = !fault.without_ring;
  if (fault.spoil) options.spoil_chunk = 0;
  return options;
}

template <typename Method>
std::unique_ptr<Block> whole_file(const BlockContext& context, CopySourceFile source,
                                  UniqueFd target, Method method) {
  return std::make_unique<WholeFileBlock<Method>>(context, std::move(source), std::move(target),
                                                  std::move(method));
}

}  // namespace

Expected<void> check_file_transfer_parameters(const Parameters& parameters) {
  return check_transfer_options(options_from(parameters, {}));
}

Parameters resolve_file_transfer(const Parameters& given) {
  Parameters parameters = given;
  if (!parameters.block_given) parameters.block = kChunkDefault;
  if (!parameters.depth_given) parameters.depth = kDepthDefault;
  return parameters;
}

Expected<std::unique_ptr<Block>> make_file_transfer_block(const BlockContext& context,
                                                          const FileTransferFault& fault) {
  const Parameters& parameters = *context.parameters;
  if (auto good = check_file_transfer_parameters(parameters); !good) {
    return std::unexpected(good.error());
  }
  auto target = open_copy_target(context.file);
  if (!target) return std::unexpected(target.error());
  auto state_file = open_copy_target(context.file);
  if (!state_file) return std::unexpected(state_file.error());
  auto source = CopySourceFile::open(*context.file);
  if (!source) return std::unexpected(source.error());
  auto identity = TransferSource::of(source->file(), parameters.block);
  if (!identity) return std::unexpected(identity.error());
  identity->size = std::min(identity->size, context.file->size().count);
  auto state = TransferState::open(std::move(*state_file), *identity);
  if (!state) return std::unexpected(state.error());
  PipelineMethod method(*context.host, std::move(*state), options_from(parameters, fault));
  return whole_file(context, std::move(*source), std::move(*target), std::move(method));
}

Expected<std::unique_ptr<Block>> make_copy_and_check_block(const BlockContext& context,
                                                           const FileTransferFault& fault) {
  auto target = open_copy_target(context.file);
  if (!target) return std::unexpected(target.error());
  auto source = CopySourceFile::open(*context.file);
  if (!source) return std::unexpected(source.error());
  return whole_file(context, std::move(*source), std::move(*target),
                    CheckMethod(context.file->size().count, fault.spoil));
}

}  // namespace assay::engine
