// A ring in shared memory from one producer to one consumer: every message, in order, none lost.
//
// Lock-free and wait-free: each side writes one counter of its own, and looks at the other's only
// when what it remembers of it does not suffice. A full ring makes the producer wait or do
// something else; nothing is ever overwritten. Producer and consumer may be threads or processes;
// either may end and a new one take its place, which goes on where the counters stand. One thread
// at a time on each side. No system call, no allocation. (Lamport, "Proving the correctness of
// multiprocess programs", 1977; remembering the other side's counter: Giacomoni et al.,
// "FastForward for efficient pipeline parallelism", 2008.)
#pragma once

#include "engine/shared_ring.hpp"

namespace assay::engine {

class SpscRing final {
 public:
  static std::size_t bytes_for(const RingShape& shape) {
    return RingLayout::bytes_for(shape, kCounters);
  }
  // `memory`: zeroed, aligned to kRingLine, bytes_for(shape) or more; it outlives every view of it.
  // Errors: as RingLayout::create() and attach().
  static Expected<SpscRing> create(std::span<std::byte> memory, const RingShape& shape) {
    return wrap(RingLayout::create(memory, kKind, kCounters, shape));
  }
  static Expected<SpscRing> attach(std::span<std::byte> memory) {
    return wrap(RingLayout::attach(memory, kKind, kCounters));
  }

  // The writing side. At most one in use at a time, over all processes.
  class Producer final {
   public:
    explicit Producer(const SpscRing& ring)
        : layout_(ring.layout_),
          head_(ring_word(layout_.counter(kHead)).load(std::memory_order_acquire)),
          tail_(ring_word(layout_.counter(kTail)).load(std::memory_order_acquire)) {}

    // Where the next message may be written, slot_bytes long; empty: the ring is full.
    std::span<std::byte> claim() {
      if (head_ - tail_ == layout_.shape().slots) {
        tail_ = ring_word(layout_.counter(kTail)).load(std::memory_order_acquire);
        if (head_ - tail_ == layout_.shape().slots) return {};
      }
      return claim_unguarded();
    }
    // Hands over the first `length` bytes of what was claimed, from 1 to slot_bytes.
    void publish(std::size_t length) {
      set_ring_length(layout_, head_, length);
      ring_word(layout_.counter(kHead)).store(++head_, std::memory_order_release);
    }
    // Copies a message of 1 to slot_bytes bytes in. False: the ring is full.
    bool push(std::span<const std::byte> message) {
      const std::span<std::byte> place = claim();
      if (place.empty()) return false;
      std::memcpy(place.data(), message.data(), message.size());
      publish(message.size());
      return true;
    }
    // The place of the next message even if the consumer has not read what stands there: for the
    // proof that a lost message is found.
    std::span<std::byte> claim_unguarded() {
      return {layout_.slot(head_) + RingLayout::kLengthBytes,
              static_cast<std::size_t>(layout_.shape().slot_bytes)};
    }
    // Messages published since the ring was made.
    std::uint64_t published() const { return head_; }

   private:
    RingLayout layout_;
    std::uint64_t head_, tail_;  // the tail as last seen: never ahead of the real one
  };

  // The reading side. At most one in use at a time, over all processes.
  class Consumer final {
   public:
    explicit Consumer(const SpscRing& ring)
        : layout_(ring.layout_),
          tail_(ring_word(layout_.counter(kTail)).load(std::memory_order_acquire)),
          head_(tail_) {}

    // The oldest message that has not been released; nothing: there is none. Stays valid until
    // release().
    std::span<const std::byte> peek() {
      if (tail_ == head_) {
        head_ = ring_word(layout_.counter(kHead)).load(std::memory_order_acquire);
        if (tail_ == head_) return {};
      }
      return ring_message(layout_, tail_);
    }
    // Gives the place of the message that peek() returned back to the producer.
    void release() { ring_word(layout_.counter(kTail)).store(++tail_, std::memory_order_release); }
    // Messages released since the ring was made.
    std::uint64_t consumed() const { return tail_; }

   private:
    RingLayout layout_;
    std::uint64_t tail_, head_;  // the head as last seen: never ahead of the real one
  };

  const RingShape& shape() const { return layout_.shape(); }

 private:
  static constexpr std::uint64_t kKind = 0x3143'5350'5359'5341ULL;  // "ASYSPSC1"
  static constexpr std::size_t kHead = 0, kTail = 1, kCounters = 2;
  explicit SpscRing(const RingLayout& layout) : layout_(layout) {}
  static Expected<SpscRing> wrap(Expected<RingLayout> layout) {
    if (!layout) return std::unexpected(layout.error());
    return SpscRing(*layout);
  }
  RingLayout layout_;
};

}  // namespace assay::engine
