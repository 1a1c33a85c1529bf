// The reading side of a ring under measurement: a thread that counts every sequence number and
// answers where it is asked to. Internal to the engine.
#pragma once

#include <sched.h>

#include <algorithm>
#include <span>
#include <vector>

#include "engine/peer_thread.hpp"
#include "engine/spsc_ring.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {

// A message is whole words: its number, with this bit when an answer is wanted, then words that
// follow from the number.
inline constexpr std::uint64_t kReplyWanted = 1ULL << 63;
// Stands in the first word of every answer: what the subscriber did to it.
inline constexpr std::uint64_t kSubscriberMark = 0x0fee'1dea'd5ea'f00dULL;

// Writes the message `word` (its number and bit). Where an answer is wanted only the first and the
// last word change: that is the timed path, and other channels pay for no more.
inline void fill_ring_message(std::vector<std::uint64_t>& message, std::uint64_t word) {
  if ((word & kReplyWanted) == 0) {
    for (std::size_t i = 1; i < message.size(); ++i) message[i] = word + i;
  }
  message.back() = (word & ~kReplyWanted) + message.size() - 1;
  message.front() = word;
}

struct SubscriberOptions {
  bool spin = true;        // else it yields while it waits
  std::uint64_t late = 0;  // for the tests: begins when it is this many messages behind
  bool corrupt = false;    // for the tests: changes a byte of what it sends back
};

// `Consumer` is the ring's reading side. Counters belong to its thread until stop().
template <typename Consumer>
class RingSubscriber final {
 public:
  RingSubscriber(Consumer consumer, const SpscRing& back, const SubscriberOptions& options,
                 std::size_t words)
      : consumer_(std::move(consumer)), back_(back), options_(options), message_(words) {}

  Expected<void> start(std::optional<CpuId> cpu) {
    return thread_.start(cpu, [this](const std::atomic<bool>& stop) { read_all(stop); });
  }
  void request_stop() { thread_.request_stop(); }
  void stop() { thread_.stop(); }
  bool finished() const { return thread_.finished(); }
  const CpuSet& affinity() const { return thread_.affinity(); }

  std::uint64_t seen() const { return seen_; }    // messages that came when they should
  std::uint64_t wrong() const { return wrong_; }  // whose words were not those of their number
  // Numbers below `sent` that it did not see in their turn.
  std::uint64_t lost(std::uint64_t sent) const { return sent - std::min(seen_, sent); }

 private:
  void relax() const {
    if (options_.spin) return spin_pause();
    ::sched_yield();
  }

  void read_all(const std::atomic<bool>& stop) {
    bool late = options_.late > 0;
    while (!stop.load(std::memory_order_relaxed)) {
      const std::span<const std::byte> message = consumer_.peek();
      if (message.empty()) {
        relax();
        continue;
      }
      if (late) {
        // The test wants a message overwritten for certain: nothing is read until the publisher
        // has gone round the ring.
        late = first_word(message) < options_.late;
        ::sched_yield();
        continue;
      }
      take(message);
      consumer_.release();
    }
  }

  static std::uint64_t first_word(std::span<const std::byte> message) {
    std::uint64_t word = 0;
    std::memcpy(&word, message.data(), std::min(sizeof word, message.size()));
    return word & ~kReplyWanted;
  }

  void take(std::span<const std::byte> message) {
    std::memcpy(message_.data(), message.data(),
                std::min(message.size(), message_.size() * sizeof message_[0]));
    const std::uint64_t word = message_.front();
    if ((word & ~kReplyWanted) == expected_) ++seen_;
    ++expected_;
    wrong_ += right(word) ? 0 : 1;
    if ((word & kReplyWanted) == 0) return;
    message_.front() = word ^ kSubscriberMark;
    if (options_.corrupt) message_.back() ^= 1;
    // Full only when nobody has taken answers for a whole ring: then nobody misses this one.
    static_cast<void>(back_.push(std::as_bytes(std::span(message_))));
  }

  bool right(std::uint64_t word) const {
    const std::uint64_t number = word & ~kReplyWanted;
    if (message_.size() > 1 && message_.back() != number + message_.size() - 1) return false;
    if ((word & kReplyWanted) != 0) return true;
    for (std::size_t i = 1; i < message_.size(); ++i) {
      if (message_[i] != number + i) return false;
    }
    return true;
  }

  Consumer consumer_;
  SpscRing::Producer back_;
  const SubscriberOptions options_;
  std::vector<std::uint64_t> message_;
  std::uint64_t expected_ = 0, seen_ = 0, wrong_ = 0;
  PeerThread thread_;  // last: its body uses everything above
};

}  // namespace assay::engine
