#include <fmt/format.h>
#include <sched.h>
#include <time.h>

#include <cerrno>
#include <utility>

#include "engine/os_blocks.hpp"
#include "engine/os_placement.hpp"
#include "engine/peer_thread.hpp"
#include "engine/scheduling.hpp"

namespace assay::engine {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
constexpr unsigned kWarmUpWakes = 2;
constexpr long kSlackWantedNs = 1;  // the kernel's smallest; real-time threads report 0

// The kernel's own clock, not the TSC: the sleep is asked for on it, so lateness is told on it.
std::uint64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kNsPerSecond +
         static_cast<std::uint64_t>(now.tv_nsec);
}

int sleep_until(std::uint64_t wake_ns) {
  timespec wake{};
  wake.tv_sec = static_cast<time_t>(wake_ns / kNsPerSecond);
  wake.tv_nsec = static_cast<long>(wake_ns % kNsPerSecond);
  int error = 0;
  do {
    error = ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, nullptr);
  } while (error == EINTR);  // an absolute time: sleeping on loses nothing
  return error;
}

class WakeupBlock final : public Block {
 public:
  WakeupBlock(const BlockContext& context, const WakeupPlan& plan, Sabotage sabotage)
      : context_(context),
        plan_(plan),
        sabotage_(std::move(sabotage)),
        placement_(plan.cpus, plan.policy) {}

  Expected<void> warm_up() override {
    // Short: a long interval must not make the warm-up longer than the block.
    const std::uint64_t step = static_cast<std::uint64_t>(kWakeIntervalMin.count());
    for (unsigned i = 0; i < kWarmUpWakes; ++i) {
      if (const int error = sleep_until(monotonic_ns() + step); error != 0) {
        return fail_errno(error, "clock_nanosleep");
      }
    }
    return {};
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    auto pin = ScopedAffinity::pin(plan_.cpus);
    if (!pin) return std::unexpected(pin.error());
    auto policy = ScopedPolicy::enter(plan_.policy);
    if (!policy) return std::unexpected(policy.error());
    const ScopedTimerSlack slack;
    if (sabotage_) sabotage_();
    placement_.read_back();
    slack_ns_ = ScopedTimerSlack::current_ns();
    loop(duration, recorder);
    placement_.read_back();
    wakes_ += recorder.operations - recorder.errors;
    return {};
  }

  Engagement engagement() override {
    const bool exact = slack_ns_ >= 0 && slack_ns_ <= kSlackWantedNs;
    return {wakes_ > 0 && exact && placement_.as_asked(),
            fmt::format("{}; timer slack {} ns; {} wake-ups, {} periods overrun{}",
                        placement_.words(), slack_ns_, wakes_, overruns_, moves())};
  }

 private:
  // Only a thread that may run in several places can move.
  std::string moves() const {
    if (plan_.cpus.count() < 2) return {};
    return fmt::format(", {} on another CPU than the one before", moves_);
  }

  void loop(Nanoseconds duration, Recorder& recorder) {
    const std::uint64_t interval = static_cast<std::uint64_t>(plan_.interval.count());
    int cpu = ::sched_getcpu();
    const std::uint64_t deadline = monotonic_ns() + static_cast<std::uint64_t>(duration.count());
    std::uint64_t wake = monotonic_ns() + interval;
    do {
      const int error = sleep_until(wake);
      const std::uint64_t now = monotonic_ns();
      const int woke_on = ::sched_getcpu();
      if (woke_on != std::exchange(cpu, woke_on)) ++moves_;
      ++recorder.operations;
      ++recorder.enters;
      if (error != 0) {
        ++recorder.errors;
        recorder.first_errno = error;
        return;
      }
      // Never early: POSIX forbids it, and a clock that says so is not to be hidden as 0.
      if (now < wake) {
        ++recorder.errors;
      } else {
        recorder.record_service(context_.clock->now_ns(), now - wake);
      }
      wake += interval;
      if (wake <= now) {
        const std::uint64_t missed = (now - wake) / interval + 1;
        overruns_ += missed;
        wake += missed * interval;
      }
    } while (wake <= deadline);
  }

  const BlockContext context_;
  const WakeupPlan plan_;
  const Sabotage sabotage_;
  OsPlacement placement_;
  long slack_ns_ = -1;
  std::uint64_t wakes_ = 0, overruns_ = 0, moves_ = 0;
};

}  // namespace

Expected<void> check_interval(Nanoseconds interval) {
  if (interval >= kWakeIntervalMin && interval <= kWakeIntervalMax) return {};
  return fail(ErrorCode::invalid, "interval", format_duration(interval),
              fmt::format("expected {} to {}", format_duration(kWakeIntervalMin),
                          format_duration(kWakeIntervalMax)));
}

WakeupPlan wakeup_plan(const BlockContext& context) {
  return {measuring_cpu(context.cpus), context.parameters->policy, context.parameters->interval};
}

Expected<std::unique_ptr<Block>> make_wakeup_block(const BlockContext& context, Sabotage sabotage) {
  return make_wakeup_block(context, wakeup_plan(context), std::move(sabotage));
}

Expected<std::unique_ptr<Block>> make_wakeup_block(const BlockContext& context,
                                                   const WakeupPlan& plan, Sabotage sabotage) {
  if (auto fits = check_interval(plan.interval); !fits) return std::unexpected(fits.error());
  return std::make_unique<WakeupBlock>(context, plan, std::move(sabotage));
}

}  // namespace assay::engine
