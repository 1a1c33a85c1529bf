// os.timer, variant sync: how far apart the clocks of the CPUs are.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <limits>

#include "engine/os_blocks.hpp"
#include "engine/peer_thread.hpp"
#include "engine/scheduling.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

// What one pair gets at least: a hundred exchanges and more on any CPU, once its thread has
// started.
constexpr Nanoseconds kExchangeMin{std::chrono::microseconds(300)};

constexpr unsigned kSpinsMax = 1000;

struct CpuPair {
  CpuId a, b;
};

std::vector<CpuPair> pairs_of(const CpuSet& cpus) {
  std::vector<CpuPair> pairs;
  const std::vector<unsigned> all = cpus.to_vector();
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = i + 1; j < all.size(); ++j) pairs.push_back({{all[i]}, {all[j]}});
  }
  return pairs;
}

// A cache line that carries a question one way and a time stamp the other.
struct alignas(128) StampLine {
  std::atomic<std::uint64_t> question{0};
  std::atomic<std::uint64_t> answer{0};  // the question's number, once `stamp` is valid
  std::uint64_t stamp = 0;
};

class ClockSyncBlock final : public Block {
 public:
  ClockSyncBlock(const BlockContext& context, TimerFault fault)
      : context_(context), fault_(fault), pairs_(pairs_of(context.cpus)) {}

  Expected<void> warm_up() override { return {}; }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    const auto count = static_cast<std::int64_t>(pairs_.size());
    const Nanoseconds each = std::max(duration / count, kExchangeMin);
    const auto fitting = std::clamp<std::int64_t>(duration / each, 1, count);
    for (std::int64_t i = 0; i < fitting; ++i) {
      const std::int64_t turn = static_cast<std::int64_t>(context_.index) * fitting + i;
      const CpuPair& pair = pairs_[static_cast<std::size_t>(turn % count)];
      if (auto done = measure(pair, each, recorder); !done) return done;
    }
    return {};
  }

  Engagement engagement() override {
    return {
        !offsets_.empty() && misplaced_.empty(),
        fmt::format("{} of {} pairs of CPUs exchanged {} time stamps of {}{}", offsets_.size(),
                    pairs_.size(), exchanges_,
                    context_.clock->source() == ClockSource::tsc ? "the TSC" : "CLOCK_MONOTONIC",
                    misplaced_.empty() ? ", each side on its CPU" : "; " + misplaced_)};
  }

  std::vector<ClockOffset> clock_offsets() override { return offsets_; }

 private:
  Expected<void> measure(const CpuPair& pair, Nanoseconds duration, Recorder& recorder) {
    auto pin = ScopedAffinity::pin(CpuSet::of(pair.a));
    if (!pin) return Failure(pin.error());
    StampLine line;
    PeerThread peer;
    const auto where = fault_ == TimerFault::misplaced ? std::nullopt : std::optional(pair.b);
    auto started = with_ticks(*context_.clock, [&]<typename Ticks>(Ticks) {
      return peer.start(where,
                        [&line](const std::atomic<bool>& stop) { answer<Ticks>(line, stop); });
    });
    if (!started) return started;
    const auto here = current_affinity();
    if (here.value_or(CpuSet{}) != CpuSet::of(pair.a) || peer.affinity() != CpuSet::of(pair.b)) {
      misplaced_ = fmt::format("CPU {} was asked from {} instead of {}", pair.b.value,
                               peer.affinity().to_list(), pair.b.value);
    }
    const bool answered = with_ticks(*context_.clock, [&]<typename Ticks>(Ticks) {
      return exchange<Ticks>(pair, line, duration, recorder);
    });
    peer.stop();
    if (answered) return {};
    return fail(ErrorCode::io, "exchange time stamps", fmt::format("CPU {}", pair.b.value),
                "the thread there did not answer");
  }

  template <typename Ticks>
  static void answer(StampLine& line, const std::atomic<bool>& stop) {
    std::uint64_t seen = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      const std::uint64_t asked = line.question.load(std::memory_order_acquire);
      if (asked == seen) {
        spin_pause();
        continue;
      }
      line.stamp = Ticks::now();  // waits for the load before it
      line.answer.store(asked, std::memory_order_release);
      seen = asked;
    }
  }

  template <typename Ticks>
  bool exchange(const CpuPair& pair, StampLine& line, Nanoseconds duration, Recorder& recorder) {
    const TickScale scale = context_.clock->scale();
    const auto ticks_of = [&](Nanoseconds time) {
      return context_.clock->ns_to_ticks(static_cast<std::uint64_t>(time.count()));
    };
    const std::uint64_t deadline = Ticks::now() + ticks_of(duration);
    const std::uint64_t patience = ticks_of(kPeerTimeout);
    std::int64_t low = std::numeric_limits<std::int64_t>::min();
    std::int64_t high = std::numeric_limits<std::int64_t>::max();
    std::uint64_t number = 0, after = 0;
    do {
      const std::uint64_t before = Ticks::now();
      line.question.store(++number, std::memory_order_release);
      // Without a pause first: it would widen the bounds. Then the other side may lack a CPU.
      for (unsigned spins = 0; line.answer.load(std::memory_order_acquire) != number; ++spins) {
        if (Ticks::now() - before > patience) return false;
        if (spins > kSpinsMax) spin_pause();
      }
      after = Ticks::now();
      const std::uint64_t stamp = line.stamp;
      // before <= stamp - offset <= after
      low = std::max(low, static_cast<std::int64_t>(stamp - after));
      high = std::min(high, static_cast<std::int64_t>(stamp - before));
      ++recorder.operations;
      recorder.record_service(scale.to_ns(after), scale.to_ns(after - before));
    } while (after < deadline);
    exchanges_ += number;
    const auto ns = [&](std::int64_t ticks) {
      const std::uint64_t size = static_cast<std::uint64_t>(ticks < 0 ? -ticks : ticks);
      const double length = static_cast<double>(scale.to_ns(size));
      return ticks < 0 ? -length : length;
    };
    offsets_.push_back({pair.a, pair.b, ns(low), ns(high), number});
    return true;
  }

  const BlockContext context_;
  const TimerFault fault_;
  const std::vector<CpuPair> pairs_;
  std::vector<ClockOffset> offsets_;
  std::uint64_t exchanges_ = 0;
  std::string misplaced_;
};

}  // namespace

Expected<std::unique_ptr<Block>> make_clock_sync_block(const BlockContext& context,
                                                       TimerFault fault) {
  if (context.cpus.count() < 2) {
    return fail(ErrorCode::invalid, "compare clocks", context.cpus.to_list(),
                "two CPUs or more are needed", "name them with --cpus");
  }
  return std::make_unique<ClockSyncBlock>(context, fault);
}

}  // namespace assay::engine
