#include "engine/ipc_shm_ring.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "core/fd.hpp"
#include "engine/broadcast_ring.hpp"
#include "engine/peer_thread.hpp"
#include "engine/ring_subscriber.hpp"
#include "engine/scheduling.hpp"
#include "engine/spsc_ring.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

constexpr std::uint64_t kSlots = 256;
constexpr std::uint64_t kStreamMessages = 20'000, kStreamMessagesMin = 4 * kSlots;
constexpr std::uint64_t kStreamLimitNs = 20'000'000;
constexpr std::uint64_t kPatienceNs = 2'000'000'000;
constexpr unsigned kRingWarmUp = 64;
constexpr unsigned kRingSpinsPerLook = 1024;  // between two looks at the clock while waiting
constexpr std::size_t kManySubscribers = 2;

enum class RingOutcome : std::uint8_t { ok, timed_out, gone };

std::size_t round_to_page(std::size_t bytes) { return (bytes + 4095) / 4096 * 4096; }

// Where the rings lie in the memfd: the way there, then one way back for each subscriber.
struct RingPlaces {
  std::size_t there = 0, back = 0, subscribers = 1;
  std::size_t total() const { return there + subscribers * back; }
  std::span<std::byte> there_in(const Mapping& view) const { return {view.as<std::byte>(), there}; }
  std::span<std::byte> back_in(const Mapping& view, std::size_t i) const {
    return {view.as<std::byte>() + there + i * back, back};
  }
};

// One mapping for the publisher, one for each subscriber.
Expected<std::vector<Mapping>> map_views(const RingPlaces& places) {
  const UniqueFd memory(::memfd_create("assay-ring", MFD_CLOEXEC));
  if (!memory) return fail_errno(errno, "memfd_create");
  if (::ftruncate(memory.get(), static_cast<off_t>(places.total())) != 0) {
    return fail_errno(errno, "size shared memory");
  }
  std::vector<Mapping> views;
  for (std::size_t i = 0; i <= places.subscribers; ++i) {
    auto mapped =
        Mapping::file(memory, {places.total()}, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE);
    if (!mapped) return std::unexpected(mapped.error());
    views.push_back(std::move(*mapped));
  }
  return views;
}

// The CPU of the i-th subscriber: those behind the first take turns.
std::optional<CpuId> subscriber_cpu(const CpuSet& cpus, std::size_t i) {
  std::vector<unsigned> all = cpus.to_vector();
  if (all.empty()) return std::nullopt;
  if (all.size() == 1) return CpuId{all.front()};
  return CpuId{all[1 + i % (all.size() - 1)]};
}

SpscRing::Consumer consumer_of(const SpscRing& ring) { return SpscRing::Consumer(ring); }
BroadcastRing::Consumer consumer_of(const BroadcastRing& ring) {
  return BroadcastRing::Consumer::join(ring).value();  // there is room: this block is alone
}

template <typename There>
class RingBlock final : public Block {
 public:
  using Peer = RingSubscriber<decltype(consumer_of(std::declval<const There&>()))>;

  RingBlock(const BlockContext& context, const RingPlaces& places, std::vector<Mapping> views,
            const There& there, RingFault fault)
      : context_(context),
        fault_(fault),
        spin_(context.cpus.count() > places.subscribers),
        places_(places),
        views_(std::move(views)),
        publisher_(there),
        out_(context.parameters->message.count / sizeof(std::uint64_t)) {}

  ~RingBlock() override { stop_peers(); }

  Expected<void> start() {
    for (std::size_t i = 0; i < places_.subscribers; ++i) {
      const Mapping& view = views_[i + 1];
      auto there = There::attach(places_.there_in(view));
      if (!there) return std::unexpected(there.error());
      auto back = SpscRing::attach(places_.back_in(view, i));
      auto near_back = SpscRing::attach(places_.back_in(views_[0], i));
      if (!back || !near_back) return std::unexpected((back ? near_back : back).error());
      replies_.emplace_back(*near_back);
      const SubscriberOptions options{.spin = spin_,
                                      .late = fault_ == RingFault::overruns ? 2 * kSlots : 0,
                                      .corrupt = fault_ == RingFault::corrupts};
      peers_.push_back(std::make_unique<Peer>(consumer_of(*there), *back, options, out_.size()));
      if (auto up = peers_.back()->start(subscriber_cpu(context_.cpus, i)); !up) return up;
    }
    return {};
  }

  Expected<void> warm_up() override {
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return std::unexpected(pin.error());
    if (const RingOutcome streamed = stream(); streamed != RingOutcome::ok)
      return failure(streamed);
    if (fault_ == RingFault::dies) stop_peers();
    // The subscribers still have a ring full of the stream to read.
    patience_ns_ = kPatienceNs;
    return with_ticks(*context_.clock, [&]<typename Ticks>(Ticks) -> Expected<void> {
      for (unsigned i = 0; i < kRingWarmUp; ++i) {
        const RingOutcome outcome = exchange<Ticks>(Ticks::now());
        if (outcome != RingOutcome::ok) return failure(outcome);
      }
      return {};
    });
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return std::unexpected(pin.error());
    const std::uint64_t yields_before = yields_;
    patience_ns_ = static_cast<std::uint64_t>(kPeerTimeout.count());
    const RingOutcome outcome = with_ticks(
        *context_.clock, [&]<typename Ticks>(Ticks) { return loop<Ticks>(duration, recorder); });
    recorder.enters += yields_ - yields_before;
    // What the subscribers counted is theirs until they have been joined. A block runs once.
    stop_peers();
    if (outcome == RingOutcome::gone) return failure(outcome);
    return {};
  }

  Engagement engagement() override {
    stop_peers();
    std::uint64_t lost = 0, least = ~0ULL;
    std::string cpus;
    for (const auto& peer : peers_) {
      lost += peer->lost(sent_);
      least = std::min(least, peer->seen());
      cpus += fmt::format("{}{}", cpus.empty() ? "" : " and ", peer->affinity().to_list());
    }
    return {answered_ > 0 && lost == 0 && least == sent_,
            fmt::format("{} of {} sequence numbers seen by {} on CPU {}, {} lost; {} streamed "
                        "({} waits for a full ring), {} answered; waiting {}",
                        least, sent_, peers_.size() == 1 ? "the subscriber" : "each subscriber",
                        cpus, lost, streamed_, full_, answered_, spin_ ? "spins" : "yields")};
  }

  Verification verification() override {
    stop_peers();
    std::uint64_t wrong = wrong_, checked = answered_ * peers_.size();
    for (const auto& peer : peers_) {
      wrong += peer->wrong();
      checked += peer->seen();
    }
    return {wrong == 0, true, checked,
            wrong == 0 ? "messages and replies equal what was published"
                       : fmt::format("{} of {} messages and replies differ from what was published",
                                     wrong, checked)};
  }

 private:
  void stop_peers() {
    for (const auto& peer : peers_) peer->request_stop();
    for (const auto& peer : peers_) peer->stop();
  }

  void relax() {
    if (spin_) return spin_pause();
    ++yields_;
    ::sched_yield();
  }

  bool a_peer_ended() const {
    return std::ranges::any_of(peers_, [](const auto& peer) { return peer->finished(); });
  }

  // Hands one message over, waiting while the ring is full.
  template <typename Clock>
  RingOutcome publish(std::uint64_t word, std::uint64_t start, Clock now_ns) {
    fill_ring_message(out_, word);
    const auto bytes = std::as_bytes(std::span(out_));
    std::span<std::byte> place;
    for (unsigned spins = 1; (place = publisher_.claim()).empty(); ++spins) {
      if (fault_ == RingFault::overruns) {
        place = publisher_.claim_unguarded();
        break;
      }
      ++full_;
      relax();
      if (spin_ && spins % kRingSpinsPerLook != 0) continue;
      if (a_peer_ended()) return RingOutcome::gone;
      if (now_ns() - start > kPatienceNs) return RingOutcome::timed_out;
    }
    std::memcpy(place.data(), bytes.data(), bytes.size());
    publisher_.publish(bytes.size());
    ++sent_;
    return RingOutcome::ok;
  }

  // As many messages as the rings take in a while, none of which asks for an answer.
  RingOutcome stream() {
    const auto now_ns = [this] { return context_.clock->now_ns(); };
    const std::uint64_t start = now_ns();
    // A subscriber that was overrun reads every place all the same: few laps keep the test short.
    const std::uint64_t wanted =
        fault_ == RingFault::overruns ? kStreamMessagesMin : kStreamMessages;
    while (streamed_ < wanted) {
      const std::uint64_t now = now_ns();
      if (streamed_ >= kStreamMessagesMin && now - start > kStreamLimitNs) break;
      if (const RingOutcome gone = publish(sent_, now, now_ns); gone != RingOutcome::ok)
        return gone;
      ++streamed_;
    }
    return RingOutcome::ok;
  }

  // One message to all subscribers, and an answer from each.
  template <typename Ticks>
  RingOutcome exchange(std::uint64_t start) {
    const std::uint64_t number = sent_;
    const auto waited_ns = [this, start] {
      return context_.clock->scale().to_ns(Ticks::now() - start);
    };
    const RingOutcome out = publish(number | kReplyWanted, 0, waited_ns);
    if (out != RingOutcome::ok) return out;
    for (SpscRing::Consumer& reply : replies_) {
      for (unsigned spins = 1; !take_reply(reply, number); ++spins) {
        relax();
        if (spin_ && spins % kRingSpinsPerLook != 0) continue;
        if (a_peer_ended()) return RingOutcome::gone;
        if (waited_ns() > patience_ns_) return RingOutcome::timed_out;
      }
    }
    ++answered_;
    return RingOutcome::ok;
  }

  // Whether the answer to message `number` is there; one to an earlier message, whose wait had
  // timed out, is passed over.
  bool take_reply(SpscRing::Consumer& reply, std::uint64_t number) {
    const auto message = reply.peek();
    if (message.empty()) return false;
    std::uint64_t word = 0;
    std::memcpy(&word, message.data(), sizeof word);
    const std::uint64_t answers = (word ^ kSubscriberMark) & ~kReplyWanted;
    if (answers == number && !stamped(message)) ++wrong_;
    reply.release();
    return answers >= number;
  }

  // The last word of a longer message is what was sent; those between stay with the subscriber.
  bool stamped(std::span<const std::byte> message) const {
    if (message.size() != out_.size() * sizeof out_[0]) return false;
    if (out_.size() == 1) return true;
    std::uint64_t last = 0;
    std::memcpy(&last, message.data() + message.size() - sizeof last, sizeof last);
    return last == out_.back();
  }

  template <typename Ticks>
  RingOutcome loop(Nanoseconds duration, Recorder& recorder) {
    const TickScale scale = context_.clock->scale();
    const std::uint64_t length = static_cast<std::uint64_t>(duration.count());
    const std::uint64_t deadline = Ticks::now() + context_.clock->ns_to_ticks(length);
    const std::uint64_t moved = (1 + peers_.size()) * sizeof(std::uint64_t) * out_.size();
    while (true) {
      const std::uint64_t start = Ticks::now();
      if (start >= deadline) return RingOutcome::ok;
      const RingOutcome outcome = exchange<Ticks>(start);
      const std::uint64_t end = Ticks::now();
      ++recorder.operations;
      if (outcome == RingOutcome::ok) {
        recorder.bytes += moved;
        recorder.record_service(scale.to_ns(end), scale.to_ns(end - start));
        continue;
      }
      recorder.count_error(ETIMEDOUT);
      if (outcome == RingOutcome::gone) return outcome;
    }
  }

  static Failure failure(RingOutcome outcome) {
    return fail(
        ErrorCode::io, "exchange messages through a ring", {},
        outcome == RingOutcome::gone ? "a subscriber ended" : "a subscriber did not answer");
  }

  const BlockContext context_;
  const RingFault fault_;
  const bool spin_;
  const RingPlaces places_;
  std::vector<Mapping> views_;
  typename There::Producer publisher_;
  std::vector<std::uint64_t> out_;
  std::vector<SpscRing::Consumer> replies_;
  std::uint64_t sent_ = 0, streamed_ = 0, answered_ = 0, full_ = 0, yields_ = 0, wrong_ = 0;
  std::uint64_t patience_ns_ = kPatienceNs;
  std::vector<std::unique_ptr<Peer>> peers_;  // last: they use the mappings
};

template <typename There>
Expected<std::unique_ptr<Block>> make_ring_block(const BlockContext& context,
                                                 std::size_t subscribers, RingFault fault) {
  const RingShape shape{kSlots, context.parameters->message.count};
  RingPlaces places;
  places.there = round_to_page(There::bytes_for(shape));
  places.back = round_to_page(SpscRing::bytes_for(shape));
  places.subscribers = subscribers;
  auto views = map_views(places);
  if (!views) return std::unexpected(views.error());
  auto there = There::create(places.there_in(views->front()), shape);
  if (!there) return std::unexpected(there.error());
  for (std::size_t i = 0; i < subscribers; ++i) {
    auto back = SpscRing::create(places.back_in(views->front(), i), shape);
    if (!back) return std::unexpected(back.error());
  }
  auto block =
      std::make_unique<RingBlock<There>>(context, places, std::move(*views), *there, fault);
  if (auto started = block->start(); !started) return std::unexpected(started.error());
  return block;
}

}  // namespace

Expected<void> check_ring_parameters(const Parameters& parameters) {
  const Bytes message = parameters.message;
  const bool whole = message.count % sizeof(std::uint64_t) == 0;
  if (!whole || message < kRingMessageMin || message > kRingMessageMax) {
    return fail(ErrorCode::invalid, "message size", format_bytes(message),
                fmt::format("expected a multiple of 8 from {} to {}", format_bytes(kRingMessageMin),
                            format_bytes(kRingMessageMax)));
  }
  const std::string& variant = parameters.variant;
  if (variant.empty() || variant == "spsc" || variant == "one-to-many") return {};
  return fail(ErrorCode::invalid, "parameter variant", variant, "expected spsc or one-to-many");
}

Expected<std::unique_ptr<Block>> make_shm_ring_block(const BlockContext& context, RingFault fault) {
  if (auto good = check_ring_parameters(*context.parameters); !good) {
    return std::unexpected(good.error());
  }
  if (context.parameters->variant == "one-to-many") {
    return make_ring_block<BroadcastRing>(context, kManySubscribers, fault);
  }
  return make_ring_block<SpscRing>(context, 1, fault);
}

}  // namespace assay::engine
