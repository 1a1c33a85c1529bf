// The loop of every storage technique that moves one operation at a time, and its block.
//
// An Access policy says how one unit is moved; the loops below are compiled for each policy, clock
// and order of offsets, so that nothing is decided per operation. Internal to engine/storage_*.cpp.
//
// An Access has: Expected<Access> open(const BlockContext&, const StoragePlan&) (called in make()),
// Expected<void> ready() (after the regime was brought about), ssize_t move(offset) (bytes moved or
// -errno; never allocates), std::span<const std::byte> moved() (where the unit is),
// calls_per_unit(), and Engagement engagement(operations, enters, bytes). One whose calls do not
// follow from its operations has calls(), the system calls of the run.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "engine/offsets.hpp"
#include "engine/storage_plan.hpp"
#include "engine/sync_loop.hpp"

namespace assay::engine {

template <typename Access>
class SyncBlock final : public Block {
 public:
  static Expected<std::unique_ptr<Block>> make(const BlockContext& context,
                                               const StorageNeeds& needs,
                                               const typename Access::Options& options = {}) {
    auto plan = plan_storage(context, needs);
    if (!plan) return Failure(plan.error());
    std::unique_ptr<SyncBlock> block(new SyncBlock(context, *plan));
    auto access = Access::open(context, block->plan_, options);
    if (!access) return Failure(access.error());
    block->access_ = std::make_unique<Access>(std::move(*access));
    return block;
  }

  Expected<void> warm_up() override {
    if (auto prepared = regime_.prepare(); !prepared) return prepared;
    return access_->ready();
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    access_->before_run();
    with_ticks(*context_.clock, [&](auto ticks) {
      if (plan_.sequential) {
        loop(ticks, SequentialBlocks(plan_.units, plan_.seed, plan_.first_unit), duration,
             recorder);
      } else {
        loop(ticks, RandomBlocks(plan_.units, plan_.seed, plan_.first_unit), duration, recorder);
      }
    });
    operations_ = recorder.operations;
    enters_ = recorder.enters;
    bytes_ = recorder.bytes;
    access_->after_run();
    if constexpr (requires { access_->calls(); }) enters_ = recorder.enters = access_->calls();
    return {};
  }

  Engagement engagement() override {
    Engagement regime = regime_.check(operations_);
    const Engagement access = access_->engagement(operations_, enters_, bytes_);
    return {regime.engaged && access.engaged,
            access.evidence.empty() ? regime.evidence : access.evidence + "; " + regime.evidence};
  }

  Verification verification() override {
    auto checker = DataChecker::make(plan_, *context_.file);
    if (!checker) return {.verified = false, .applies = true, .detail = checker.error().message()};
    if (operations_ > 0) checker->check(access_->moved(), last_offset_);
    // Reading again what was read costs nothing that is timed. Writing more would prove no more.
    RandomBlocks sample(plan_.units, plan_.seed + 1, plan_.first_unit);
    for (unsigned i = 0; i < kVerifiedUnits && (!plan_.write || plan_.mixed); ++i) {
      const std::uint64_t offset = sample.next() * plan_.unit_bytes;
      if (access_->move(offset) == static_cast<ssize_t>(plan_.unit_bytes)) {
        checker->check(access_->moved(), offset);
      }
    }
    return checker->result();
  }

 private:
  SyncBlock(const BlockContext& context, const StoragePlan& plan)
      : context_(context), plan_(plan), regime_(plan_, *context.file) {}

  template <typename Ticks, typename Offsets>
  void loop(Ticks, Offsets offsets, Nanoseconds duration, Recorder& recorder) {
    SyncLoop<Ticks, Access> loop(*access_, plan_.unit_bytes, context_.clock->scale(), recorder);
    if (plan_.rate_per_s > 0) {
      const double per_second = static_cast<double>(context_.clock->ns_to_ticks(1'000'000'000));
      loop.open(offsets, length(duration),
                Schedule(per_second / plan_.rate_per_s, plan_.arrival, plan_.seed));
    } else {
      loop.closed(offsets, length(duration));
    }
    last_offset_ = loop.last_offset();
  }

  std::uint64_t length(Nanoseconds duration) const {
    return context_.clock->ns_to_ticks(static_cast<std::uint64_t>(duration.count()));
  }

  BlockContext context_;
  StoragePlan plan_;
  RegimeKeeper regime_;
  std::unique_ptr<Access> access_;
  std::uint64_t operations_ = 0, enters_ = 0, bytes_ = 0, last_offset_ = 0;
};

// Opens the block's descriptor and tells the kernel the order, so that readahead is what a program
// would get that knows its own pattern.
Expected<UniqueFd> open_for(const BlockContext& context, const StoragePlan& plan, bool direct);

}  // namespace assay::engine
