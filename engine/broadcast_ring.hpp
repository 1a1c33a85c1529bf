// A ring in shared memory from one producer to several consumers: each sees every message.
//
// The producer waits for the slowest consumer: nothing is overwritten that anybody has not read.
// Consumers come and go while it runs; one that joins sees what is published from then on. Each
// consumer writes one counter of its own, the producer one; no side locks. A consumer that died
// holds the producer up until somebody evicts it: slowest() names it. Producer and consumers may
// be threads or processes. No system call, no allocation. (The idea of gating on the slowest
// reader is the LMAX Disruptor's, Thompson et al. 2011.)
#pragma once

#include <optional>

#include "engine/shared_ring.hpp"

namespace assay::engine {

class BroadcastRing final {
 public:
  static constexpr std::size_t kConsumersMax = 64;

  static std::size_t bytes_for(const RingShape& shape) {
    return RingLayout::bytes_for(shape, kCounters);
  }
  // As SpscRing's.
  static Expected<BroadcastRing> create(std::span<std::byte> memory, const RingShape& shape) {
    return wrap(RingLayout::create(memory, kKind, kCounters, shape));
  }
  static Expected<BroadcastRing> attach(std::span<std::byte> memory) {
    return wrap(RingLayout::attach(memory, kKind, kCounters));
  }

  // The writing side. At most one in use at a time, over all processes.
  class Producer final {
   public:
    explicit Producer(const BroadcastRing& ring)
        : layout_(ring.layout_), head_(head().load(std::memory_order_acquire)), limit_(head_) {}

    // Where the next message may be written; empty: a consumer is a whole ring behind.
    std::span<std::byte> claim() {
      if (head_ == limit_) {
        limit_ = slowest_cursor() + layout_.shape().slots;
        if (head_ == limit_) return {};
      }
      return claim_unguarded();
    }
    void publish(std::size_t length) {
      set_ring_length(layout_, head_, length);
      head().store(++head_, std::memory_order_release);
    }
    bool push(std::span<const std::byte> message) {
      const std::span<std::byte> place = claim();
      if (place.empty()) return false;
      std::memcpy(place.data(), message.data(), message.size());
      publish(message.size());
      return true;
    }
    // For the proof that a lost message is found: overwrites what has not been read.
    std::span<std::byte> claim_unguarded() {
      return {layout_.slot(head_) + RingLayout::kLengthBytes,
              static_cast<std::size_t>(layout_.shape().slot_bytes)};
    }
    std::uint64_t published() const { return head_; }

    struct Lagging {
      std::size_t consumer = 0;
      std::uint64_t behind = 0;  // messages
    };
    // The consumer that is furthest behind; nothing when there is none.
    std::optional<Lagging> slowest() const {
      std::optional<Lagging> worst;
      for (std::size_t i = 0; i < kConsumersMax; ++i) {
        if (state_of(layout_, i).load(std::memory_order_acquire) != kJoined) continue;
        const std::uint64_t behind = head_ - cursor_of(layout_, i).load(std::memory_order_acquire);
        if (!worst || behind > worst->behind) worst = Lagging{i, behind};
      }
      return worst;
    }
    // Stops waiting for a consumer. It must be dead, or known not to read any more: what it still
    // reads may be overwritten under it. Its place is free again.
    void evict(std::size_t consumer) {
      state_of(layout_, consumer).store(kFree, std::memory_order_release);
    }

   private:
    std::atomic_ref<std::uint64_t> head() const { return ring_word(layout_.counter(kHead)); }
    // A consumer that joins announces itself, then looks at the head; here the head is written,
    // then consumers are looked for. All four are in one total order, so that one of the two sees
    // the other: either the newcomer holds the producer up, or it starts behind what this lap may
    // overwrite.
    std::uint64_t slowest_cursor() {
      head().exchange(head_, std::memory_order_seq_cst);
      std::uint64_t least = head_;
      for (std::size_t i = 0; i < kConsumersMax; ++i) {
        if (state_of(layout_, i).load(std::memory_order_seq_cst) != kJoined) continue;
        const std::uint64_t at = cursor_of(layout_, i).load(std::memory_order_acquire);
        if (at < least) least = at;
      }
      return least;
    }
    RingLayout layout_;
    std::uint64_t head_, limit_;  // may be published up to here without looking again
  };

  // A reading side. Move-only; leaves when it is destroyed.
  class Consumer final {
   public:
    // Nothing: kConsumersMax consumers are there already.
    static std::optional<Consumer> join(const BroadcastRing& ring) {
      for (std::size_t i = 0; i < kConsumersMax; ++i) {
        std::uint64_t expected = kFree;
        if (state_of(ring.layout_, i).compare_exchange_strong(expected, kJoining)) {
          return Consumer(ring.layout_, i);
        }
      }
      return std::nullopt;
    }
    Consumer(Consumer&& other) noexcept
        : layout_(other.layout_), number_(other.number_), next_(other.next_), head_(other.head_) {
      other.number_ = kNone;
    }
    Consumer& operator=(Consumer&&) = delete;
    ~Consumer() {
      if (number_ != kNone) state_of(layout_, number_).store(kFree, std::memory_order_release);
    }

    // The oldest message that has not been released; nothing: there is none.
    std::span<const std::byte> peek() {
      if (next_ == head_) {
        head_ = ring_word(layout_.counter(kHead)).load(std::memory_order_acquire);
        if (next_ == head_) return {};
      }
      return ring_message(layout_, next_);
    }
    void release() { cursor_of(layout_, number_).store(++next_, std::memory_order_release); }
    // Its place in the ring, as slowest() and evict() count.
    std::size_t number() const { return number_; }
    // The number of the message that comes next, counted since the ring was made.
    std::uint64_t next() const { return next_; }

   private:
    static constexpr std::size_t kNone = ~std::size_t{0};
    Consumer(const RingLayout& layout, std::size_t number) : layout_(layout), number_(number) {
      const auto head = ring_word(layout_.counter(kHead));
      cursor_of(layout_, number_).store(head.load(std::memory_order_seq_cst));
      state_of(layout_, number_).store(kJoined, std::memory_order_seq_cst);
      next_ = head_ = head.load(std::memory_order_seq_cst);
      cursor_of(layout_, number_).store(next_, std::memory_order_release);
    }
    RingLayout layout_;
    std::size_t number_;
    std::uint64_t next_ = 0, head_ = 0;
  };

  const RingShape& shape() const { return layout_.shape(); }

 private:
  static constexpr std::uint64_t kKind = 0x3154'5342'5359'5341ULL;  // "ASYSBST1"
  static constexpr std::size_t kHead = 0, kCounters = 1 + kConsumersMax;
  static constexpr std::uint64_t kFree = 0, kJoining = 1, kJoined = 2;

  // A consumer's line: its cursor, behind it its state.
  static std::atomic_ref<std::uint64_t> cursor_of(const RingLayout& layout, std::size_t consumer) {
    return ring_word(layout.counter(1 + consumer));
  }
  static std::atomic_ref<std::uint64_t> state_of(const RingLayout& layout, std::size_t consumer) {
    return ring_word(layout.counter(1 + consumer) + sizeof(std::uint64_t));
  }

  explicit BroadcastRing(const RingLayout& layout) : layout_(layout) {}
  static Expected<BroadcastRing> wrap(Expected<RingLayout> layout) {
    if (!layout) return std::unexpected(layout.error());
    return BroadcastRing(*layout);
  }
  RingLayout layout_;
};

}  // namespace assay::engine
