#include "engine/threaded_block.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "engine/peer_thread.hpp"

namespace assay::engine {
namespace {

class ThreadedBlock final : public Block {
 public:
  static Expected<std::unique_ptr<Block>> make(const Technique& technique,
                                               const BlockContext& context) {
    std::unique_ptr<ThreadedBlock> block(new ThreadedBlock(technique, context));
    return block;
  }

  ~ThreadedBlock() override {
    for (auto& lane : lanes_) lane->thread.request_stop();
    release();
    for (auto& lane : lanes_) lane->thread.stop();
  }

  // Each lane builds its block on its own thread: a ring belongs to the thread that made it. One
  // after the other, since they share the file and its page cache.
  Expected<void> warm_up() override {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      Lane& lane = *lanes_[i];
      if (i == 0) {
        build(lane);
      } else {
        auto started = lane.thread.start(
            cpu_of(i), [this, &lane](const std::atomic<bool>& stop) { work(lane, stop); });
        if (!started) return started;
        lane.ready.wait(false, std::memory_order_acquire);
      }
      if (!lane.outcome) return lane.outcome;
    }
    return {};
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    duration_ = duration;
    lanes_[0]->recorder.cpu = recorder.cpu;
    lanes_[0]->recorder.slow = recorder.slow;  // with what it is watched for
    lanes_[0]->recorder.breaches = recorder.breaches;
    release();
    Lane& own = *lanes_[0];
    own.outcome = own.block->run(duration, own.recorder);
    for (auto& lane : lanes_) {
      if (lane.get() != &own) lane->done.wait(false, std::memory_order_acquire);
    }
    recorder.slow = {};
    for (auto& lane : lanes_) recorder.merge(lane->recorder);
    for (auto& lane : lanes_) {
      if (!lane->outcome) return lane->outcome;
    }
    return {};
  }

  Engagement engagement() override {
    ask(&Lane::asks_engagement);
    Engagement all{true, {}};
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      const Lane& lane = *lanes_[i];
      if (!lane.engagement.engaged && all.engaged) {
        all = {false, fmt::format("thread {}: {}", i + 1, lane.engagement.evidence)};
      }
      const auto cpu = cpu_of(i);
      if (i > 0 && cpu && lane.thread.affinity() != CpuSet::of(*cpu) && all.engaged) {
        all = {false,
               fmt::format("thread {} ran on CPUs {}", i + 1, lane.thread.affinity().to_list())};
      }
    }
    if (all.engaged) {
      const unsigned cpus = std::min(context_.cpus.count(), static_cast<unsigned>(lanes_.size()));
      all.evidence = fmt::format("{} threads on {} CPUs; the first: {}", lanes_.size(), cpus,
                                 lanes_[0]->engagement.evidence);
    }
    return all;
  }

  Verification verification() override {
    ask(&Lane::asks_verification);
    Verification all;
    for (const auto& lane : lanes_) {
      all.applies = all.applies || lane->verification.applies;
      all.checked += lane->verification.checked;
      if (!all.verified) continue;
      all.verified = lane->verification.verified;
      all.detail = lane->verification.detail;
    }
    return all;
  }

 private:
  // What one thread has. `ready`, `done` and `answered` are told by it, the asks_ by the block.
  struct Lane {
    BlockContext context;
    std::unique_ptr<Block> block;
    Recorder recorder;
    Expected<void> outcome;
    Engagement engagement;
    Verification verification;
    std::atomic<bool> ready{false}, done{false};
    std::atomic<bool> asks_engagement{false}, asks_verification{false};
    std::atomic<unsigned> asked{0}, answered{0};
    PeerThread thread;  // last: it ends before what it uses
  };

  ThreadedBlock(const Technique& technique, const BlockContext& context)
      : technique_(technique), context_(context), parameters_(*context.parameters) {
    const unsigned lanes = parameters_.threads;
    parameters_.threads = 1;
    parameters_.rate_per_s /= lanes;  // the threads start their shares of it
    for (unsigned i = 0; i < lanes; ++i) {
      auto lane = std::make_unique<Lane>();
      lane->context = context_;
      lane->context.parameters = &parameters_;
      lane->context.lane = i;
      lane->context.lanes = lanes;
      const auto cpu = cpu_of(i);
      lane->context.cpus = cpu ? CpuSet::of(*cpu) : CpuSet{};
      lane->recorder.cpu = cpu ? cpu->value : 0;
      lanes_.push_back(std::move(lane));
    }
  }

  std::optional<CpuId> cpu_of(std::size_t lane) const {
    const std::vector<unsigned> cpus = context_.cpus.to_vector();
    if (cpus.empty()) return std::nullopt;
    return CpuId{cpus[lane % cpus.size()]};
  }

  void build(Lane& lane) const {
    auto block = technique_.make(lane.context);
    if (!block) {
      lane.outcome = std::unexpected(block.error());
      return;
    }
    lane.block = std::move(*block);
    lane.outcome = lane.block->warm_up();
  }

  static void tell(std::atomic<bool>& flag) {
    flag.store(true, std::memory_order_release);
    flag.notify_all();
  }

  // The whole life of a lane's thread. The block is destroyed where it was made.
  void work(Lane& lane, const std::atomic<bool>& stop) {
    build(lane);
    const bool built = lane.outcome.has_value();
    tell(lane.ready);
    go_.wait(false, std::memory_order_acquire);
    if (built && !stop.load(std::memory_order_acquire)) {
      lane.recorder.slow.watch(0);
      lane.outcome = lane.block->run(duration_, lane.recorder);
      tell(lane.done);
      for (unsigned seen = 0; !stop.load(std::memory_order_acquire);) {
        lane.asked.wait(seen, std::memory_order_acquire);
        if (stop.load(std::memory_order_acquire)) break;
        seen = lane.asked.load(std::memory_order_acquire);
        answer(lane);
        lane.answered.store(seen, std::memory_order_release);
        lane.answered.notify_all();
      }
    }
    lane.block.reset();
    tell(lane.done);
  }

  static void answer(Lane& lane) {
    if (lane.asks_engagement.exchange(false)) lane.engagement = lane.block->engagement();
    if (lane.asks_verification.exchange(false)) lane.verification = lane.block->verification();
  }

  // Asks the lanes one after the other, each on its own thread.
  void ask(std::atomic<bool> Lane::* question) {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      Lane& lane = *lanes_[i];
      (lane.*question).store(true);
      if (i == 0) {
        answer(lane);
        continue;
      }
      const unsigned number = lane.asked.fetch_add(1, std::memory_order_release) + 1;
      lane.asked.notify_all();
      for (unsigned seen = lane.answered.load(); seen != number; seen = lane.answered.load()) {
        lane.answered.wait(seen, std::memory_order_acquire);
      }
    }
  }

  // Lets all threads go: to work, or to their end.
  void release() {
    tell(go_);
    for (auto& lane : lanes_) {
      if (!lane->thread.stopping()) continue;
      lane->asked.fetch_add(1, std::memory_order_release);
      lane->asked.notify_all();
    }
  }

  const Technique& technique_;
  BlockContext context_;
  Parameters parameters_;  // of one lane
  Nanoseconds duration_{0};
  std::atomic<bool> go_{false};
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace

Expected<std::unique_ptr<Block>> make_threaded_block(const Technique& technique,
                                                     const BlockContext& context) {
  return ThreadedBlock::make(technique, context);
}

}  // namespace assay::engine
