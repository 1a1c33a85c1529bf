// os.timer: what a reading of a clock costs.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/os_blocks.hpp"
#include "engine/peer_thread.hpp"
#include "engine/scheduling.hpp"

namespace assay::engine {
namespace {

// CLOCK_REALTIME may be slewed by NTP, by 500 ppm at most; the frequency of any by less.
constexpr double kApartMax = 1e-3;
// Below that much time two clocks cannot be told apart by a thousandth.
constexpr std::uint64_t kComparedMin = 1'000'000;

struct Reader {
  std::string_view variant;
  clockid_t clock;  // no matter for the TSC
};
constexpr std::array kReaders{Reader{"tsc", CLOCK_MONOTONIC}, Reader{"monotonic", CLOCK_MONOTONIC},
                              Reader{"monotonic-raw", CLOCK_MONOTONIC_RAW},
                              Reader{"realtime", CLOCK_REALTIME}};

const Reader* find_reader(std::string_view variant) {
  const auto found = std::ranges::find(kReaders, variant, &Reader::variant);
  return found == kReaders.end() ? nullptr : &*found;
}

struct ReadTsc {
  static constexpr bool kTicks = true;
  std::uint64_t operator()() const { return TscTicks::now(); }
};
struct ReadClock {
  static constexpr bool kTicks = false;
  clockid_t clock;
  std::uint64_t operator()() const {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec);
  }
};
struct ReadFrozen {
  static constexpr bool kTicks = false;
  std::uint64_t operator()() const { return 1; }
};

template <typename Read>
class ClockCostBlock final : public Block {
 public:
  ClockCostBlock(const BlockContext& context, std::string_view name, Read read)
      : context_(context), name_(name), read_(read) {}

  Expected<void> warm_up() override {
    for (unsigned i = 0; i < kReadingsPerSample; ++i) sample();
    return {};
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return Failure(pin.error());
    with_ticks(*context_.clock, [&]<typename Ticks>(Ticks) { loop<Ticks>(duration, recorder); });
    return {};
  }

  Engagement engagement() override {
    const double apart =
        meter_ns_ == 0 ? 0 : (static_cast<double>(clock_ns_) / static_cast<double>(meter_ns_) - 1);
    const bool goes = clock_ns_ > 0 && (meter_ns_ < kComparedMin || std::abs(apart) <= kApartMax);
    return {samples_ > 0 && backwards_ == 0 && goes,
            fmt::format("{} readings of {}; it went back {} times, and went on by {} ns while the "
                        "meter's clock did by {} ns",
                        samples_ * kReadingsPerSample, name_, backwards_, clock_ns_, meter_ns_)};
  }

 private:
  // The readings are compared with each other, so that none can be left out by the compiler.
  std::uint64_t sample() {
    std::uint64_t last = 0;
    for (unsigned i = 0; i < kReadingsPerSample; ++i) {
      const std::uint64_t now = read_();
      if (now < last) ++backwards_;
      last = now;
    }
    return last;
  }

  template <typename Ticks>
  void loop(Nanoseconds duration, Recorder& recorder) {
    const TickScale scale = context_.clock->scale();
    const std::uint64_t length = static_cast<std::uint64_t>(duration.count());
    const std::uint64_t begin = Ticks::now();
    const std::uint64_t first = read_();
    const std::uint64_t deadline = begin + context_.clock->ns_to_ticks(length);
    std::uint64_t last = first, end = begin;
    while (true) {
      const std::uint64_t start = Ticks::now();
      if (start >= deadline) break;
      last = sample();
      end = Ticks::now();
      ++samples_;
      recorder.operations += kReadingsPerSample;
      recorder.record_service(scale.to_ns(end), scale.to_ns(end - start));
    }
    meter_ns_ = scale.to_ns(end - begin);
    clock_ns_ = Read::kTicks ? scale.to_ns(last - first) : last - first;
  }

  const BlockContext context_;
  const std::string_view name_;
  const Read read_;
  std::uint64_t samples_ = 0, backwards_ = 0, meter_ns_ = 0, clock_ns_ = 0;
};

bool has_tsc() {
#if defined(__x86_64__)
  return true;
#else
  return false;
#endif
}

}  // namespace

std::vector<std::string_view> timer_variants() {
  std::vector<std::string_view> names;
  for (const Reader& reader : kReaders) names.push_back(reader.variant);
  names.push_back(kSyncVariant);
  return names;
}

Expected<void> check_timer_variant(std::string_view variant) {
  if (variant == "tsc" && !has_tsc()) {
    return fail(ErrorCode::unsupported, "read the clock", variant, "this CPU has no such counter");
  }
  if (variant.empty() || variant == kSyncVariant || find_reader(variant) != nullptr) return {};
  return fail(ErrorCode::invalid, "parameter variant", variant,
              "expected tsc, monotonic, monotonic-raw, realtime or sync");
}

Expected<std::unique_ptr<Block>> make_clock_cost_block(const BlockContext& context,
                                                       TimerFault fault) {
  const std::string& variant = context.parameters->variant;
  if (auto fine = check_timer_variant(variant); !fine) return Failure(fine.error());
  const Reader* const reader = find_reader(variant.empty() ? "monotonic" : variant);
  if (reader == nullptr) {
    return fail(ErrorCode::invalid, "read a clock", variant, "this is no single clock");
  }
  if (fault == TimerFault::frozen) {
    return std::make_unique<ClockCostBlock<ReadFrozen>>(context, reader->variant, ReadFrozen{});
  }
  // The meter's scale is of the TSC only where the meter uses it.
  if (variant == "tsc" && context.clock->source() == ClockSource::tsc) {
    return std::make_unique<ClockCostBlock<ReadTsc>>(context, reader->variant, ReadTsc{});
  }
  if (variant == "tsc") {
    return fail(ErrorCode::unsupported, "read the clock", variant,
                "the meter does not trust it here", "see time.clocksource and time.tsc-flags");
  }
  return std::make_unique<ClockCostBlock<ReadClock>>(context, reader->variant,
                                                     ReadClock{reader->clock});
}

}  // namespace assay::engine
