// The block of storage techniques that keep operations in flight without io_uring. A Queue policy
// (queue_loop.hpp) does the work; it also has
//   static Expected<std::unique_ptr<Queue>> open(context, plan, buffers, sabotage)
//   void before_run() / void after_run()     what its proof needs to see
//   Engagement engagement(submitted, completed) const
// Internal to engine/storage_*.cpp.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "engine/offsets.hpp"
#include "engine/queue_loop.hpp"
#include "engine/storage_plan.hpp"
#include "engine/storage_rows.hpp"

namespace assay::engine {

template <typename Queue>
class QueueBlock final : public Block {
 public:
  static Made make(const BlockContext& context, const StorageNeeds& needs,
                   const StorageSabotage& sabotage) {
    auto plan = plan_storage(context, needs);
    if (!plan) return Failure(plan.error());
    std::unique_ptr<QueueBlock> block(new QueueBlock(context, *plan, sabotage));
    auto buffers = SlotBuffers::make(*plan, plan->depth, context.file->seed());
    if (!buffers) return Failure(buffers.error());
    block->buffers_ = std::move(*buffers);
    auto queue = Queue::open(context, block->plan_, block->buffers_, sabotage);
    if (!queue) return Failure(queue.error());
    block->queue_ = std::move(*queue);
    return block;
  }

  Expected<void> warm_up() override { return regime_.prepare(); }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    // Here, not around the block: the runner reads the host's counters on this thread, too.
    queue_->before_run();
    const auto ran = with_ticks(*context_.clock, [&](auto ticks) -> Expected<void> {
      if (plan_.sequential) {
        return loop(ticks, SequentialBlocks(plan_.units, plan_.seed, plan_.first_unit), duration,
                    recorder);
      }
      return loop(ticks, RandomBlocks(plan_.units, plan_.seed, plan_.first_unit), duration,
                  recorder);
    });
    queue_->after_run();
    completed_ = recorder.operations;
    return ran;
  }

  Engagement engagement() override {
    Engagement regime = regime_.check(completed_);
    const Engagement own = queue_->engagement(submitted_, completed_);
    return {regime.engaged && own.engaged && submitted_ == completed_,
            own.evidence + "; " + regime.evidence};
  }

  Verification verification() override {
    auto checker = DataChecker::make(plan_, *context_.file);
    if (!checker) return {.verified = false, .applies = true, .detail = checker.error().message()};
    for (unsigned slot = 0; slot < slots_.depth(); ++slot) {
      if (slots_.offset(slot) == UringSlots::kUnused) continue;
      if (sabotage_.wrong_data) *buffers_.at(slot) ^= std::byte{1};
      checker->check(buffers_.span(slot), slots_.offset(slot));
    }
    RandomBlocks sample(plan_.units, plan_.seed + 1, plan_.first_unit);
    const bool idle = slots_.in_flight() == 0;
    for (unsigned i = 0; i < kVerifiedUnits && !plan_.write && idle; ++i) {
      const std::uint64_t offset = sample.next() * plan_.unit_bytes;
      if (read_once(offset)) checker->check(buffers_.span(0), offset);
    }
    return checker->result();
  }

 private:
  QueueBlock(const BlockContext& context, const StoragePlan& plan, const StorageSabotage& sabotage)
      : context_(context),
        plan_(plan),
        sabotage_(sabotage),
        regime_(plan_, *context.file),
        slots_(plan.depth) {}

  template <typename Ticks, typename Offsets>
  Expected<void> loop(Ticks, Offsets offsets, Nanoseconds duration, Recorder& recorder) {
    const Clock& clock = *context_.clock;
    QueueLoop<Ticks, Queue> loop(*queue_, slots_, plan_.batch, plan_.unit_bytes, clock, recorder);
    const std::uint64_t calls = queue_->calls();
    Expected<void> ran;
    if (plan_.rate_per_s > 0) {
      const auto per_second = static_cast<double>(clock.ns_to_ticks(1'000'000'000));
      ran = loop.open(offsets, duration,
                      Schedule(per_second / plan_.rate_per_s, plan_.arrival, plan_.seed));
    } else {
      ran = loop.closed(offsets, duration);
    }
    recorder.enters += queue_->calls() - calls;
    submitted_ = loop.submitted();
    return ran;
  }

  bool read_once(std::uint64_t offset) {
    queue_->prepare(0, offset);
    long moved = -1;
    bool done = queue_->submit() < 0;
    while (!done) {
      const int failed = queue_->reap(1, [&](unsigned, long result) {
        moved = result;
        done = true;
      });
      if (failed < 0 && failed != -EINTR) break;
    }
    return moved == static_cast<long>(plan_.unit_bytes);
  }

  BlockContext context_;
  StoragePlan plan_;
  StorageSabotage sabotage_;
  RegimeKeeper regime_;
  UringSlots slots_;
  SlotBuffers buffers_;
  std::unique_ptr<Queue> queue_;  // goes before the memory that it may still use
  std::uint64_t submitted_ = 0, completed_ = 0;
};

}  // namespace assay::engine
