#include "engine/ipc_shm_seqlock.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "core/fd.hpp"
#include "engine/peer_thread.hpp"
#include "engine/scheduling.hpp"
#include "engine/seqlock.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

constexpr std::uint64_t kSeqlockMark = 0x5ca1'ab1e'0ddb'a115ULL;  // any number but 0
constexpr std::uint64_t kLoadReads = 10'000, kLoadPublications = 10'000, kLoadReadsMin = 100;
constexpr std::uint64_t kLoadLimitNs = 20'000'000, kLoadPatienceNs = 2'000'000'000;
constexpr std::uint64_t kLongGapEvery = 16, kLongGap = 64;
constexpr unsigned kWarmUpValues = 64;
constexpr unsigned kSeqlockSpinsPerLook = 1024;  // between two looks at the clock while waiting
constexpr std::size_t kPage = 4096;              // apart, so that no prefetcher couples the two

// The peer first publishes at full speed, then answers; 0 is before either.
constexpr unsigned kLoadPhase = 1, kEchoPhase = 2;

enum class SeqlockOutcome : std::uint8_t { ok, timed_out, gone };

// Two seqlocks in one memfd, and two views of it at different addresses.
struct SharedPair {
  Mapping near, far;
  std::size_t words = 0;

  Seqlock there(const Mapping& view) const { return {view.data(), words}; }
  Seqlock back(const Mapping& view) const {
    return {view.as<std::byte>() + view.size().count / 2, words};
  }
};

Expected<SharedPair> map_pair(std::size_t words) {
  const UniqueFd memory(::memfd_create("assay-seqlock", MFD_CLOEXEC));
  if (!memory) return fail_errno(errno, "memfd_create");
  const std::size_t half = (Seqlock::bytes_for(words) + kPage - 1) / kPage * kPage;
  if (::ftruncate(memory.get(), static_cast<off_t>(2 * half)) != 0) {
    return fail_errno(errno, "size shared memory");
  }
  SharedPair pair;
  pair.words = words;
  for (Mapping* view : {&pair.near, &pair.far}) {
    auto mapped =
        Mapping::file(memory, {2 * half}, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE);
    if (!mapped) return std::unexpected(mapped.error());
    *view = std::move(*mapped);
  }
  return pair;
}

class SeqlockBlock final : public Block {
 public:
  SeqlockBlock(const BlockContext& context, SharedPair pair, SeqlockFault fault)
      : context_(context),
        fault_(fault),
        spin_(may_spin(context.cpus)),
        pair_(std::move(pair)),
        there_(pair_.there(pair_.near)),
        back_(pair_.back(pair_.near)),
        out_(pair_.words),
        in_(pair_.words) {
    for (std::size_t i = 0; i < out_.size(); ++i) out_[i] = i * 0x9e37'79b9U + context.index;
  }

  Expected<void> start() {
    return peer_.start(peer_cpu(context_.cpus),
                       [this](const std::atomic<bool>& stop) { peer_main(stop); });
  }

  Expected<void> warm_up() override {
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return std::unexpected(pin.error());
    if (auto loaded = read_under_load(); !loaded) return loaded;
    if (fault_ == SeqlockFault::dies) peer_.request_stop();
    return with_ticks(*context_.clock, [&]<typename Ticks>(Ticks) -> Expected<void> {
      for (unsigned i = 0; i < kWarmUpValues; ++i) {
        const SeqlockOutcome outcome = exchange<Ticks>(Ticks::now());
        if (outcome != SeqlockOutcome::ok) return failure(outcome);
        check_payload();
      }
      return {};
    });
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return std::unexpected(pin.error());
    const std::uint64_t yields_before = yields_;
    const SeqlockOutcome outcome = with_ticks(
        *context_.clock, [&]<typename Ticks>(Ticks) { return loop<Ticks>(duration, recorder); });
    recorder.enters += yields_ - yields_before;
    if (outcome == SeqlockOutcome::gone) return failure(outcome);
    check_payload();
    return {};
  }

  Engagement engagement() override {
    const bool engaged = answered_ > 0 && torn_ == 0 && load_reads_ > 0 && load_published_ > 0;
    return {engaged,
            fmt::format("{} of {} values seen by the peer on CPU {} through a mapping of its own; "
                        "under load {} torn of {} reads during {} publications ({} read again)",
                        answered_, sent_, peer_.affinity().to_list(), torn_, load_reads_,
                        load_published_, retries_)};
  }

  Verification verification() override {
    const bool right = wrong_ == 0 && torn_ == 0;
    return {right, true, checked_ + load_reads_,
            right ? "no torn value, replies equal what was published"
                  : fmt::format("{} torn values, {} wrong replies", torn_, wrong_)};
  }

 private:
  void relax(std::uint64_t& yields) const {
    if (spin_) return spin_pause();
    ++yields;
    ::sched_yield();
  }

  // The peer: copies what it sees from `there` to `back`, or publishes at full speed.
  void peer_main(const std::atomic<bool>& stop) {
    const Seqlock there = pair_.there(pair_.far);
    Seqlock back = pair_.back(pair_.far);
    std::vector<std::uint64_t> value(pair_.words);
    std::uint64_t seen = there.published(), yields = 0, load = 0;
    unsigned phase = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      if (const unsigned asked = phase_asked_.load(std::memory_order_acquire); asked != phase) {
        phase = asked;
        phase_taken_.store(phase, std::memory_order_release);
      }
      if (phase == kLoadPhase) {
        publish_load(back, value, ++load);
        continue;
      }
      const std::uint64_t newest = there.published();
      if (newest == seen) {
        relax(yields);
        continue;
      }
      if (!there.try_read(value)) continue;
      seen = newest;
      value[0] ^= kSeqlockMark;
      back.publish(value);
    }
  }

  // The n-th value under load: every word tells the same n, so that a mixture shows.
  void publish_load(Seqlock& back, std::vector<std::uint64_t>& value, std::uint64_t n) {
    for (std::size_t i = 0; i < value.size(); ++i) value[i] = n + i;
    if (fault_ != SeqlockFault::unguarded_reader) {
      back.publish(value);
      // Writes without a gap would starve the reader of a large value: short gaps mostly, so that
      // reads collide with writes, and now and then a long one, so that some get through.
      const std::size_t gap = (value.size() / 2 + 4) * (n % kLongGapEvery == 0 ? kLongGap : 1);
      for (std::size_t i = 0; i < gap; ++i) spin_pause();
      return;
    }
    // The test wants torn values for certain, on one CPU too: let the reader in half-way.
    back.publish(value, [half = value.size() / 2](std::size_t i) {
      if (i + 1 == half) ::sched_yield();
    });
  }

  static bool torn(const std::vector<std::uint64_t>& value) {
    for (std::size_t i = 1; i < value.size(); ++i) {
      if (value[i] != value[0] + i) return true;
    }
    return false;
  }

  // Reads while the peer publishes without asking whether anybody keeps up, and checks every value.
  // A slow or crowded machine gets more time for the least number of reads, not for all.
  Expected<void> read_under_load() {
    const std::uint64_t before = back_.published();
    phase_asked_.store(kLoadPhase, std::memory_order_release);
    const std::uint64_t start = context_.clock->now_ns();
    while (back_.published() == before) {
      if (context_.clock->now_ns() - start > kLoadPatienceNs)
        return failure(SeqlockOutcome::timed_out);
      ::sched_yield();
    }
    const std::uint64_t began = context_.clock->now_ns();
    while (load_reads_ < kLoadReads || back_.published() - before < kLoadPublications) {
      const std::uint64_t elapsed = context_.clock->now_ns() - began;
      if (elapsed > (load_reads_ < kLoadReadsMin ? kLoadPatienceNs : kLoadLimitNs)) break;
      read_once();
    }
    phase_asked_.store(kEchoPhase, std::memory_order_release);
    while (phase_taken_.load(std::memory_order_acquire) != kEchoPhase && !peer_.finished()) {
      ::sched_yield();
    }
    load_published_ = back_.published() - before;
    last_back_ = back_.published();
    return {};
  }

  void read_once() {
    if (fault_ == SeqlockFault::unguarded_reader) {
      back_.read_unguarded(in_);
      relax(yields_);
    } else if (!back_.try_read(in_)) {
      ++retries_;
      return relax(yields_);
    }
    ++load_reads_;
    if (torn(in_)) ++torn_;
    if (!spin_) relax(yields_);
  }

  // One value there and back. The middle words stay: as with the other channels, only the stamp of
  // a message changes, at its start and at its end.
  template <typename Ticks>
  SeqlockOutcome exchange(std::uint64_t start) {
    ++sent_;
    out_.back() = sent_;
    out_.front() = sent_;
    there_.publish(out_);
    for (unsigned spins = 1; !take_reply(); ++spins) {
      relax(yields_);
      if (spin_ && spins % kSeqlockSpinsPerLook != 0) continue;
      if (peer_.finished()) return SeqlockOutcome::gone;
      const std::uint64_t waited = context_.clock->scale().to_ns(Ticks::now() - start);
      if (waited > static_cast<std::uint64_t>(kPeerTimeout.count()))
        return SeqlockOutcome::timed_out;
    }
    ++answered_;
    const bool stamped =
        in_.front() == (sent_ ^ kSeqlockMark) && (in_.size() == 1 || in_.back() == sent_);
    wrong_ += stamped ? 0 : 1;
    return SeqlockOutcome::ok;
  }

  // Whether there is a new value on the way back that answers this one: a reply to an earlier value
  // (its wait had timed out) is passed over.
  bool take_reply() {
    const std::uint64_t newest = back_.published();
    if (newest == last_back_ || !back_.try_read(in_)) return false;
    last_back_ = newest;
    return (in_.front() ^ kSeqlockMark) >= sent_;
  }

  void check_payload() {
    ++checked_;
    for (std::size_t i = 1; i + 1 < in_.size(); ++i) {
      if (in_[i] != out_[i]) {
        ++wrong_;
        return;
      }
    }
  }

  template <typename Ticks>
  SeqlockOutcome loop(Nanoseconds duration, Recorder& recorder) {
    const TickScale scale = context_.clock->scale();
    const std::uint64_t length = static_cast<std::uint64_t>(duration.count());
    const std::uint64_t deadline = Ticks::now() + context_.clock->ns_to_ticks(length);
    while (true) {
      const std::uint64_t start = Ticks::now();
      if (start >= deadline) return SeqlockOutcome::ok;
      const SeqlockOutcome outcome = exchange<Ticks>(start);
      const std::uint64_t end = Ticks::now();
      ++recorder.operations;
      if (outcome == SeqlockOutcome::ok) {
        recorder.bytes += 2 * sizeof(std::uint64_t) * out_.size();
        recorder.record_service(scale.to_ns(end), scale.to_ns(end - start));
        continue;
      }
      ++recorder.errors;
      if (recorder.first_errno == 0) recorder.first_errno = ETIMEDOUT;
      if (outcome == SeqlockOutcome::gone) return outcome;
    }
  }

  static Failure failure(SeqlockOutcome outcome) {
    return fail(
        ErrorCode::io, "exchange values through shared memory", {},
        outcome == SeqlockOutcome::gone ? "the peer thread ended" : "the peer did not answer");
  }

  const BlockContext context_;
  const SeqlockFault fault_;
  const bool spin_;
  SharedPair pair_;
  Seqlock there_, back_;
  std::vector<std::uint64_t> out_, in_;
  // On a line of their own: the peer polls its phase while this thread counts what it sent.
  alignas(Seqlock::kLine) std::atomic<unsigned> phase_asked_{0}, phase_taken_{0};
  alignas(Seqlock::kLine) std::uint64_t sent_ = 0, answered_ = 0, last_back_ = 0, yields_ = 0;
  std::uint64_t load_reads_ = 0, load_published_ = 0, torn_ = 0, retries_ = 0;
  std::uint64_t checked_ = 0, wrong_ = 0;
  PeerThread peer_;  // last: its body uses everything above
};

}  // namespace

Expected<void> check_seqlock_message(Bytes message) {
  const bool whole = message.count % sizeof(std::uint64_t) == 0;
  if (whole && message >= kSeqlockMessageMin && message <= kSeqlockMessageMax) return {};
  return fail(ErrorCode::invalid, "message size", format_bytes(message),
              fmt::format("expected a multiple of 8 from {} to {}",
                          format_bytes(kSeqlockMessageMin), format_bytes(kSeqlockMessageMax)));
}

Expected<std::unique_ptr<Block>> make_seqlock_block(const BlockContext& context,
                                                    SeqlockFault fault) {
  const Bytes message = context.parameters->message;
  if (auto fits = check_seqlock_message(message); !fits) return std::unexpected(fits.error());
  auto pair = map_pair(message.count / sizeof(std::uint64_t));
  if (!pair) return std::unexpected(pair.error());
  auto block = std::make_unique<SeqlockBlock>(context, std::move(*pair), fault);
  if (auto started = block->start(); !started) return std::unexpected(started.error());
  return block;
}

}  // namespace assay::engine
