#include "engine/storage_adaptive.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>

#include "engine/adaptive_depth.hpp"
#include "engine/io_queue.hpp"
#include "engine/offsets.hpp"
#include "engine/storage_sync.hpp"
#include "engine/uring_loop.hpp"

namespace assay::engine {
namespace {

constexpr StorageNeeds kDepthNeeds{.direct_default = true};
constexpr unsigned kDepthMaxDefault = 256;
// What a cold controller is given to settle.
constexpr Nanoseconds kSettleMax = std::chrono::seconds(2);
// A fixed depth is tried for so long at least, and for so many operations, but no longer than that.
constexpr Nanoseconds kTryMin = std::chrono::milliseconds(50);
constexpr Nanoseconds kTryMax = std::chrono::milliseconds(500);
constexpr std::uint64_t kTryOperations = 1000;

// What blocks on one file have found out, kept for those that follow.
struct LearnedDepth {
  std::optional<AdaptiveDepth> controller;
  Nanoseconds settled_after{0};  // from cold; 0: it did not settle in time
  unsigned static_depth = 0;     // 0: not looked for yet
  std::string static_words;
};

class DepthMemory {
 public:
  LearnedDepth get(const std::string& key) {
    const std::scoped_lock held(lock_);
    return learned_[key];
  }
  void put(const std::string& key, const LearnedDepth& learned) {
    const std::scoped_lock held(lock_);
    learned_[key] = learned;
  }
  void clear() {
    const std::scoped_lock held(lock_);
    learned_.clear();
  }

 private:
  std::mutex lock_;
  std::map<std::string, LearnedDepth> learned_;
};

DepthMemory& depth_memory() {
  static DepthMemory one;
  return one;
}

void add_depth_proof(Engagement& proof, bool holds, const std::string& evidence) {
  proof.engaged = proof.engaged && holds;
  if (!proof.evidence.empty()) proof.evidence += ", ";
  proof.evidence += evidence;
}

std::string key_of(const StoragePlan& plan, const BlockContext& context) {
  return fmt::format("{} {} {} {} {} {} {}", context.file->description(), plan.write,
                     plan.unit_bytes, plan.sequential, plan.direct, plan.depth,
                     context.parameters->target_p99.count());
}

// Keeps operations in flight through an I/O queue, as many as somebody says each time.
class DepthLoop {
 public:
  DepthLoop(const BlockContext& context, const StoragePlan& plan)
      : context_(context), plan_(plan), slots_(plan.depth) {}

  Expected<void> set_up() {
    auto queue = IoQueue::create({.depth = plan_.depth, .batch_max = 1, .host = context_.host});
    if (!queue) return Failure(queue.error());
    queue_.emplace(std::move(*queue));
    auto fd = open_for(context_, plan_, plan_.direct);
    if (!fd) return Failure(fd.error());
    const auto file = queue_->add_file(std::move(*fd));
    if (!file) return Failure(file.error());
    file_ = *file;
    auto buffers = SlotBuffers::make(plan_, plan_.depth, context_.file->seed());
    if (!buffers) return Failure(buffers.error());
    buffers_ = std::move(*buffers);
    const auto registered = queue_->add_memory(buffers_.memory());
    if (!registered) return Failure(registered.error());
    memory_ = *registered;
    return {};
  }

  // `depth()` says how many, `completed(now_ns, latency_ns)` is told each, `enough()` ends it
  // early.
  template <typename Depth, typename Completed, typename Enough>
  Expected<void> run(Nanoseconds duration, Recorder& recorder, Depth depth, Completed completed,
                     Enough enough) {
    return with_ticks(*context_.clock, [&]<typename Ticks>(Ticks) -> Expected<void> {
      if (plan_.sequential) {
        SequentialBlocks offsets(plan_.units, plan_.seed);
        return loop<Ticks>(offsets, duration, recorder, depth, completed, enough);
      }
      RandomBlocks offsets(plan_.units, plan_.seed);
      return loop<Ticks>(offsets, duration, recorder, depth, completed, enough);
    });
  }

  const StoragePlan& plan() const { return plan_; }
  UringSlots& slots() { return slots_; }
  SlotBuffers& buffers() { return buffers_; }
  unsigned in_flight_max() const { return in_flight_max_; }
  const std::string& words() const { return queue_->description(); }

 private:
  template <typename Ticks, typename Offsets, typename Depth, typename Completed, typename Enough>
  Expected<void> loop(Offsets& offsets, Nanoseconds duration, Recorder& recorder, Depth depth,
                      Completed completed, Enough enough) {
    const Clock& clock = *context_.clock;
    const TickScale scale = clock.scale();
    in_flight_max_ = 0;
    const std::uint64_t enters_before = queue_->counters().enters;
    const auto done = [&](IoDone one) {
      const std::uint64_t now = Ticks::now();
      const auto slot = static_cast<unsigned>(one.tag);
      const std::uint64_t began = slots_.started(slot);
      const std::uint64_t latency_ns = scale.to_ns(now > began ? now - began : 0);
      slots_.give_back(slot);
      ++recorder.operations;
      if (one.result < 0) {
        recorder.count_error(-one.result);
      } else {
        recorder.bytes += static_cast<std::uint64_t>(one.result);
        if (static_cast<std::uint64_t>(one.result) != plan_.unit_bytes) ++recorder.short_transfers;
      }
      recorder.record_service(scale.to_ns(now), latency_ns);
      completed(scale.to_ns(now), latency_ns);
    };
    const std::uint64_t end =
        Ticks::now() + clock.ns_to_ticks(static_cast<std::uint64_t>(duration.count()));
    while (Ticks::now() < end && !enough()) {
      while (slots_.in_flight() < depth() && slots_.free() > 0) {
        start<Ticks>(offsets.next() * plan_.unit_bytes);
      }
      in_flight_max_ = std::max(in_flight_max_, slots_.in_flight());
      if (auto waited = queue_->wait(1, done); !waited) return Failure(waited.error());
    }
    const auto drained = queue_->drain(done);
    recorder.enters += queue_->counters().enters - enters_before;
    if (!drained) return Failure(drained.error());
    return {};
  }

  template <typename Ticks>
  void start(std::uint64_t offset) {
    const unsigned slot = slots_.take();
    const std::span<std::byte> data = buffers_.span(slot);
    slots_.offset(slot) = offset;
    if (plan_.write) stamp(data, offset, plan_.generation);
    slots_.started(slot) = Ticks::start();
    // There is a place for each slot: neither can be refused.
    if (plan_.write) {
      static_cast<void>(queue_->write(file_, data, offset, slot, memory_));
    } else {
      static_cast<void>(queue_->read(file_, data, offset, slot, memory_));
    }
  }

  BlockContext context_;
  StoragePlan plan_;
  UringSlots slots_;
  SlotBuffers buffers_;  // outlives the queue, which waits for what is in flight
  std::optional<IoQueue> queue_;
  FileId file_;
  MemoryId memory_;
  unsigned in_flight_max_ = 0;
};

// What both blocks share: the regime, and the data checked afterwards.
class DepthBlock : public Block {
 public:
  DepthBlock(const BlockContext& context, const StoragePlan& plan, DepthFault fault)
      : context_(context),
        fault_(fault),
        target_(context.parameters->target_p99),
        key_(key_of(plan, context)),
        learned_(depth_memory().get(key_)),
        loop_(context, plan),
        regime_(loop_.plan(), *context.file) {}

  Expected<void> set_up() { return loop_.set_up(); }

  Verification verification() override { return verification_; }

 protected:
  // What the timed part left in the buffers.
  void verify() {
    auto checker = DataChecker::make(loop_.plan(), *context_.file);
    if (!checker) {
      verification_ = {.verified = false, .applies = true, .detail = checker.error().message()};
      return;
    }
    UringSlots& slots = loop_.slots();
    for (unsigned slot = 0; slot < slots.depth(); ++slot) {
      if (slots.offset(slot) == UringSlots::kUnused) continue;
      if (fault_ == DepthFault::wrong_data) *loop_.buffers().at(slot) ^= std::byte{1};
      checker->check(loop_.buffers().span(slot), slots.offset(slot));
    }
    verification_ = checker->result();
  }

  BlockContext context_;
  DepthFault fault_;
  Nanoseconds target_;
  std::string key_;
  LearnedDepth learned_;
  DepthLoop loop_;
  RegimeKeeper regime_;
  std::uint64_t operations_ = 0, late_ = 0;
  Verification verification_;
};

class AdaptiveBlock final : public DepthBlock {
 public:
  using DepthBlock::DepthBlock;

  Expected<void> warm_up() override {
    if (auto ready = regime_.prepare(); !ready || learned_.controller) return ready;
    learned_.controller.emplace(
        AdaptiveDepthOptions{.target_p99 = target_, .depth_max = loop_.plan().depth});
    Recorder unused;
    auto ran = steer(kSettleMax, unused, [this] { return learned_.controller->settled(); });
    learned_.settled_after = learned_.controller->settled_after();
    depth_memory().put(key_, learned_);
    // What was read while it settled is in the page cache, unless it went past that.
    if (ran) ran = regime_.prepare();
    return ran;
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    lowest_ = highest_ = learned_.controller->depth();
    const std::uint64_t before = learned_.controller->changes();
    auto ran = steer(duration, recorder, [] { return false; });
    changes_ = learned_.controller->changes() - before;
    operations_ = recorder.operations;
    late_ = recorder.service.count_above(static_cast<std::uint64_t>(target_.count()));
    depth_memory().put(key_, learned_);
    return ran;
  }

  Engagement engagement() override {
    Engagement proof = regime_.check(operations_);
    verify();
    const bool settled = learned_.settled_after.count() > 0 && learned_.settled_after <= kSettleMax;
    add_depth_proof(
        proof, settled,
        settled ? fmt::format("settled after {}", format_duration_short(learned_.settled_after))
                : fmt::format("not settled within {}", format_duration(kSettleMax)));
    // As many in flight as the controller said, at its largest.
    const bool followed = loop_.in_flight_max() == highest_;
    add_depth_proof(proof, followed,
                    followed ? fmt::format("depth {}-{}, {} changes", lowest_, highest_, changes_)
                             : fmt::format("{} in flight although the controller said {}",
                                           loop_.in_flight_max(), highest_));
    const double share =
        operations_ == 0 ? 0
                         : 100.0 * static_cast<double>(late_) / static_cast<double>(operations_);
    proof.evidence += fmt::format(
        ", {:.2f} % over {}{}", share, format_duration(target_),
        learned_.controller->target_missed() ? "; this drive misses the target at any depth" : "");
    return proof;
  }

 private:
  template <typename Enough>
  Expected<void> steer(Nanoseconds duration, Recorder& recorder, Enough enough) {
    AdaptiveDepth& controller = *learned_.controller;
    const auto depth = [&] {
      const unsigned wanted = controller.depth();
      lowest_ = std::min(lowest_, wanted);
      highest_ = std::max(highest_, wanted);
      return fault_ == DepthFault::not_followed ? 1U : wanted;
    };
    const auto completed = [&](std::uint64_t now_ns, std::uint64_t latency_ns) {
      controller.completed(Nanoseconds(static_cast<std::int64_t>(now_ns)),
                           Nanoseconds(static_cast<std::int64_t>(latency_ns)));
    };
    return loop_.run(duration, recorder, depth, completed, enough);
  }

  unsigned lowest_ = 0, highest_ = 0;
  std::uint64_t changes_ = 0;
};

class StaticBlock final : public DepthBlock {
 public:
  using DepthBlock::DepthBlock;

  Expected<void> warm_up() override {
    if (auto ready = regime_.prepare(); !ready || learned_.static_depth > 0) return ready;
    auto found = find_best();
    depth_memory().put(key_, learned_);
    if (found) found = regime_.prepare();
    return found;
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    const unsigned depth = fault_ == DepthFault::not_followed ? 1U : learned_.static_depth;
    auto ran = at_depth(depth, duration, recorder, [] { return false; });
    operations_ = recorder.operations;
    return ran;
  }

  Engagement engagement() override {
    Engagement proof = regime_.check(operations_);
    verify();
    const bool kept = loop_.in_flight_max() == learned_.static_depth;
    add_depth_proof(proof, kept,
                    fmt::format("{} in flight; p99 under {} at depth {}", loop_.in_flight_max(),
                                format_duration(target_), learned_.static_words));
    return proof;
  }

 private:
  template <typename Enough>
  Expected<void> at_depth(unsigned depth, Nanoseconds duration, Recorder& recorder, Enough enough) {
    return loop_.run(duration, recorder, [depth] { return depth; }, [](auto, auto) {}, enough);
  }

  // Operations a second at a depth; 0 when its p99 is over the target.
  Expected<double> rate_at(unsigned depth) {
    const std::uint64_t begun = context_.clock->now_ns();
    Recorder recorder;
    const auto enough = [&] {
      const auto since = Nanoseconds(static_cast<std::int64_t>(context_.clock->now_ns() - begun));
      return since >= kTryMin && recorder.operations >= kTryOperations;
    };
    if (auto ran = at_depth(depth, kTryMax, recorder, enough); !ran) return Failure(ran.error());
    const auto elapsed = static_cast<double>(context_.clock->now_ns() - begun);
    const bool fits =
        recorder.service.quantile_ns(0.99) <= static_cast<std::uint64_t>(target_.count());
    return fits ? static_cast<double>(recorder.operations) * 1e9 / elapsed : 0.0;
  }

  // Depths a quarter apart, up to the largest or to the second that does not fit.
  Expected<void> find_best() {
    double best = 0;
    unsigned misses = 0;
    learned_.static_depth = 1;
    for (unsigned depth = 1; depth <= loop_.plan().depth && misses < 2;
         depth += std::max(1U, depth / 4)) {
      const auto rate = rate_at(depth);
      if (!rate) return Failure(rate.error());
      if (*rate == 0) ++misses;
      if (*rate > 0) learned_.static_words += fmt::format("{}{}", best > 0 ? " " : "", depth);
      if (*rate > best) learned_.static_depth = depth;
      best = std::max(best, *rate);
    }
    if (best == 0) learned_.static_words = "none";
    return {};
  }
};

template <typename Kind>
Expected<std::unique_ptr<Block>> make_block(const BlockContext& context, DepthFault fault) {
  auto plan = plan_storage(context, kDepthNeeds);
  if (!plan) return Failure(plan.error());
  auto block = std::make_unique<Kind>(context, *plan, fault);
  if (auto ready = block->set_up(); !ready) return Failure(ready.error());
  return std::unique_ptr<Block>(std::move(block));
}

}  // namespace

Expected<std::unique_ptr<Block>> make_adaptive_depth(const BlockContext& context,
                                                     DepthFault fault) {
  return make_block<AdaptiveBlock>(context, fault);
}

Expected<std::unique_ptr<Block>> make_static_depth(const BlockContext& context, DepthFault fault) {
  return make_block<StaticBlock>(context, fault);
}

Parameters resolve_adaptive_depth(const Parameters& parameters) {
  Parameters resolved = resolve_storage(parameters, kDepthNeeds);
  if (!resolved.depth_given) resolved.depth = kDepthMaxDefault;
  resolved.depth_given = true;
  return resolved;
}

void forget_depths() { depth_memory().clear(); }

}  // namespace assay::engine
