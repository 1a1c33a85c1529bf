#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "engine/os_blocks.hpp"
#include "engine/os_placement.hpp"
#include "engine/peer_thread.hpp"
#include "engine/scheduling.hpp"

namespace assay::engine {
namespace {

constexpr Nanoseconds kWarmUp{std::chrono::milliseconds(1)};

class JitterBlock final : public Block {
 public:
  JitterBlock(const BlockContext& context, Sabotage sabotage)
      : context_(context),
        sabotage_(std::move(sabotage)),
        placement_(measuring_cpu(context.cpus), context.parameters->policy) {}

  Expected<void> warm_up() override {
    // Into a recorder of its own: brings the loop, the histogram code and the clock into the
    // caches.
    return stint(kWarmUp, warm_up_recorder_);
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    const bool fifo = context_.parameters->policy == Policy::fifo;
    for (Nanoseconds left = duration; left > Nanoseconds(0);) {
      const Nanoseconds part = fifo ? std::min(left, kFifoStint) : left;
      if (auto spun = stint(part, recorder); !spun) return spun;
      left -= part;
      if (fifo && left > Nanoseconds(0)) std::this_thread::sleep_for(kFifoRest);
    }
    operations_ += recorder.operations;
    return {};
  }

  Engagement engagement() override {
    return {operations_ > 0 && placement_.as_asked(),
            fmt::format("{}; {} gaps recorded", placement_.words(), operations_)};
  }

 private:
  Expected<void> stint(Nanoseconds duration, Recorder& recorder) {
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return std::unexpected(pin.error());
    auto policy = ScopedPolicy::enter(context_.parameters->policy);
    if (!policy) return std::unexpected(policy.error());
    if (sabotage_) sabotage_();
    placement_.read_back();
    with_ticks(*context_.clock, [&]<typename Ticks>(Ticks) { spin<Ticks>(duration, recorder); });
    placement_.read_back();
    return {};
  }

  // Every iteration is an operation, and its recording is part of the next gap: the loop leaves no
  // moment unobserved.
  template <typename Ticks>
  void spin(Nanoseconds duration, Recorder& recorder) const {
    const TickScale scale = context_.clock->scale();
    const std::uint64_t length = static_cast<std::uint64_t>(duration.count());
    std::uint64_t last = Ticks::now();
    const std::uint64_t deadline = last + context_.clock->ns_to_ticks(length);
    while (last < deadline) {
      const std::uint64_t now = Ticks::now();
      recorder.record_service(scale.to_ns(now), scale.to_ns(now - last));
      ++recorder.operations;
      last = now;
    }
  }

  const BlockContext context_;
  const Sabotage sabotage_;
  OsPlacement placement_;
  Recorder warm_up_recorder_;
  std::uint64_t operations_ = 0;
};

}  // namespace

Expected<std::unique_ptr<Block>> make_jitter_block(const BlockContext& context, Sabotage sabotage) {
  return std::make_unique<JitterBlock>(context, std::move(sabotage));
}

}  // namespace assay::engine
