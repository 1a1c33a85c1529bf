// The steps of each chunk, and several chunks on their way at once.
#include <fmt/format.h>
#include <sys/uio.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "engine/file_transfer.hpp"
#include "engine/transfer_queue.hpp"

namespace assay::engine {
namespace {

enum class Step : std::uint8_t {
  idle,
  recheck,    // recorded earlier: read from the target
  read,       // from the source
  write,      // to the target
  read_back,  // from the target
};

struct Slot {
  Step step = Step::idle;
  std::uint64_t chunk = 0, checksum = 0;
  std::size_t size = 0, done = 0;
  std::byte* data = nullptr;
};

class Pipeline final {
 public:
  Pipeline(int from, int to, TransferState& state, const TransferOptions& options,
           TransferReport& report, TransferQueue& queue, const Mapping& memory)
      : from_(from),
        to_(to),
        state_(state),
        options_(options),
        report_(report),
        queue_(queue),
        slots_(options.depth) {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      slots_[i].data = memory.as<std::byte>() + i * options.chunk.count;
    }
    sums_.resize(state.source().chunks());
  }

  // Until every chunk is verified, or the first error; then what is under way is waited for.
  Expected<void> run() {
    Expected<void> outcome;
    std::vector<FinishedIo> finished;
    while (true) {
      if (outcome && options_.stop != nullptr && options_.stop->load()) {
        outcome = fail(ErrorCode::interrupted, "transfer a file", {}, "stopped on request",
                       "run it again to go on where it stopped");
      }
      for (unsigned i = 0; outcome && i < slots_.size(); ++i) {
        if (slots_[i].step == Step::idle && next_ < sums_.size()) begin(i);
      }
      if (under_way_ == 0) break;
      finished.clear();
      // Without the ring nobody knows what is still written to: the caller's memory must not go.
      if (auto waited = queue_.wait(finished); !waited) return waited;
      for (const FinishedIo& io : finished) {
        --under_way_;
        auto moved_on = advance(io, outcome.has_value());
        if (outcome && !moved_on) outcome = std::move(moved_on);
      }
    }
    report_.checksum = XXH3_64bits(sums_.data(), sums_.size() * sizeof sums_[0]);
    report_.calls = queue_.calls();
    return outcome;
  }

 private:
  void begin(unsigned i) {
    Slot& slot = slots_[i];
    slot.chunk = next_++;
    const std::uint64_t at = slot.chunk * options_.chunk.count;
    slot.size = std::min(options_.chunk.count, state_.source().size - at);
    enter(i, state_.recorded(slot.chunk) ? Step::recheck : Step::read);
  }

  void enter(unsigned i, Step step) {
    slots_[i].step = step;
    slots_[i].done = 0;
    submit(i);
  }

  void submit(unsigned i) {
    const Slot& slot = slots_[i];
    queue_.add({.slot = i,
                .write = slot.step == Step::write,
                .fd = slot.step == Step::read ? from_ : to_,
                .data = slot.data + slot.done,
                .size = slot.size - slot.done,
                .offset = slot.chunk * options_.chunk.count + slot.done});
    ++under_way_;
  }

  std::uint64_t checksum(const Slot& slot) const { return XXH3_64bits(slot.data, slot.size); }

  Failure failed(const Slot& slot, int error, std::string_view cause = {}) const {
    const std::string what = fmt::format("chunk {} of {}", slot.chunk + 1, sums_.size());
    const std::string_view operation = slot.step == Step::read    ? "read the source"
                                       : slot.step == Step::write ? "write the target"
                                                                  : "read the target back";
    if (!cause.empty()) return fail(ErrorCode::io, operation, what, cause);
    return fail_errno(error, operation, what,
                      error == ENOSPC ? "free some room and run it again: it goes on" : "");
  }

  // What one finished transfer leads to. `go_on` false: an error has been seen, nothing new begins.
  Expected<void> advance(const FinishedIo& io, bool go_on) {
    Slot& slot = slots_[io.slot];
    if (io.result < 0) {
      const int error = static_cast<int>(-io.result);
      if ((error == EINTR || error == EAGAIN) && go_on) {
        submit(io.slot);
        return {};
      }
      return failed(slot, error);
    }
    if (!go_on) return {};
    if (io.result == 0) {
      // A target that is shorter than its state says: the chunk is copied again.
      if (slot.step == Step::recheck) return again(io.slot);
      return failed(slot, 0, "the file ended before its size: it changed meanwhile");
    }
    slot.done += static_cast<std::size_t>(io.result);
    if (slot.done < slot.size) {
      submit(io.slot);
      return {};
    }
    return step_done(io.slot);
  }

  Expected<void> again(unsigned i) {
    ++report_.redone;
    enter(i, Step::read);
    return {};
  }

  Expected<void> step_done(unsigned i) {
    Slot& slot = slots_[i];
    switch (slot.step) {
      case Step::recheck:
        if (checksum(slot) != *state_.recorded(slot.chunk)) return again(i);
        slot.checksum = *state_.recorded(slot.chunk);
        ++report_.resumed;
        return finish(slot);
      case Step::read:
        slot.checksum = checksum(slot);
        if (slot.chunk == options_.spoil_chunk) slot.data[0] ^= std::byte{1};
        enter(i, Step::write);
        return {};
      case Step::write:
        enter(i, Step::read_back);
        return {};
      case Step::read_back:
        if (checksum(slot) != slot.checksum) {
          return failed(slot, 0, "what stands there is not what was written");
        }
        report_.copied.count += slot.size;
        if (auto kept = state_.record(slot.chunk, slot.checksum); !kept) return kept;
        return finish(slot);
      case Step::idle:
        break;
    }
    return {};
  }

  Expected<void> finish(Slot& slot) {
    slot.step = Step::idle;
    sums_[slot.chunk] = slot.checksum;
    done_bytes_ += slot.size;
    ++report_.verified;
    if (options_.tell) options_.tell({done_bytes_}, {state_.source().size});
    return {};
  }

  const int from_, to_;
  TransferState& state_;
  const TransferOptions& options_;
  TransferReport& report_;
  TransferQueue& queue_;
  std::vector<Slot> slots_;
  std::vector<std::uint64_t> sums_;  // of the chunks, in order
  std::uint64_t next_ = 0, done_bytes_ = 0;
  unsigned under_way_ = 0;
};

// The ring, or the plain calls in its place; the report says which and why.
std::unique_ptr<TransferQueue> choose_queue(const Host& host, const TransferOptions& options,
                                            const Mapping& memory, TransferReport& report) {
  std::string why = "asked for";
  if (options.use_ring) {
    std::vector<iovec> buffers;
    for (unsigned i = 0; i < options.depth; ++i) {
      buffers.push_back({memory.as<std::byte>() + i * options.chunk.count, options.chunk.count});
    }
    auto ring = make_ring_queue(host, options.depth, buffers);
    if (ring) {
      report.by_ring = true;
      report.how = fmt::format("io_uring, {} chunks in flight", options.depth);
      return std::move(*ring);
    }
    why = ring.error().message();
  }
  report.how = fmt::format("pread and pwrite: {}", why);
  return make_plain_queue();
}

}  // namespace

Expected<void> check_transfer_options(const TransferOptions& options) {
  const Bytes chunk = options.chunk;
  if (chunk < kTransferChunkMin || chunk > kTransferChunkMax || chunk.count % 4096 != 0) {
    return fail(ErrorCode::invalid, "block size", format_bytes(chunk),
                fmt::format("expected a multiple of 4KiB from {} to {}",
                            format_bytes(kTransferChunkMin), format_bytes(kTransferChunkMax)));
  }
  if (options.depth == 0 || options.depth > kTransferDepthMax) {
    return fail(ErrorCode::invalid, "depth", fmt::format("{}", options.depth),
                fmt::format("expected 1 to {} chunks in flight", kTransferDepthMax));
  }
  return {};
}

Expected<TransferReport> transfer_chunks(const Host& host, const UniqueFd& from, const UniqueFd& to,
                                         TransferState& state, const TransferOptions& options) {
  if (auto good = check_transfer_options(options); !good) return std::unexpected(good.error());
  TransferReport report;
  report.size = {state.source().size};
  report.chunks = state.source().chunks();
  auto memory = Mapping::anonymous({options.depth * options.chunk.count});
  if (!memory) return std::unexpected(memory.error());
  {
    const auto queue = choose_queue(host, options, *memory, report);
    Pipeline pipeline(from.get(), to.get(), state, options, report, *queue, *memory);
    if (auto ran = pipeline.run(); !ran) return std::unexpected(ran.error());
  }
  // A source that was written to meanwhile is a mixture of before and after.
  const auto now = TransferSource::of(from, options.chunk);
  if (!now) return std::unexpected(now.error());
  if (*now != state.source()) {
    return fail(ErrorCode::busy, "transfer a file", {}, "the source changed while it was copied",
                "run it again when nobody writes to it");
  }
  return report;
}

}  // namespace assay::engine
