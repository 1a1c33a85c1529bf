// A seqlock: the latest value of something, published by one writer to any number of readers.
//
// The writer never waits. A reader that overlaps a write notices and tries again, so it never sees
// half of one value and half of another. Works between processes: put it in shared memory. The
// payload is 64-bit words, each an atomic of its own, because a reader may read while the writer
// writes; release stores and acquire loads of the words take the place of fences (on x86 both are
// plain moves, and thread checkers understand them). One writer; readers need no privilege but
// to map the memory. (The idea is that of Linux's seqlock.h; Boehm, "Can seqlocks get along with
// programming language memory models?", 2012.)
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

namespace assay::engine {

// Stands at the start of a mapping, the payload words behind it. Zeroed memory is a valid, empty
// seqlock (sequence 0: nothing published yet).
class Seqlock final {
 public:
  static constexpr std::size_t kLine = 64;
  // Bytes that a seqlock with this many payload words takes, to a whole cache line.
  static constexpr std::size_t bytes_for(std::size_t words) {
    return (sizeof(std::uint64_t) * (words + 1) + kLine - 1) / kLine * kLine;
  }
  // A view of `memory`, which must be aligned to a cache line, hold bytes_for(words) and outlive
  // it.
  Seqlock(void* memory, std::size_t words)
      : sequence_(static_cast<std::uint64_t*>(memory)), words_{sequence_ + 1, words} {}

  // Publishes one value. `values` must have words() entries.
  void publish(std::span<const std::uint64_t> values) {
    publish(values, [](std::size_t) {});
  }
  // The same, calling `between(i)` after the i-th word: tests widen the window with it.
  template <typename Between>
  void publish(std::span<const std::uint64_t> values, Between between) {
    const std::uint64_t before = sequence().load(std::memory_order_relaxed);
    sequence().store(before + 1, std::memory_order_relaxed);  // odd: a write is under way
    for (std::size_t i = 0; i < words_.size(); ++i) {
      std::atomic_ref(words_[i]).store(values[i], std::memory_order_release);
      between(i);
    }
    sequence().store(before + 2, std::memory_order_release);
  }

  // The number of values published so far; changes when there is something new. Any reader.
  std::uint64_t published() const { return sequence().load(std::memory_order_acquire) / 2; }

  // Reads the latest value once. False: a write was under way, `into` holds nothing of use.
  bool try_read(std::span<std::uint64_t> into) const {
    const std::uint64_t before = sequence().load(std::memory_order_acquire);
    if ((before & 1) != 0) return false;
    read_unguarded(into);
    return sequence().load(std::memory_order_relaxed) == before;
  }

  // Reads the words without looking at the sequence: may be torn. For the proof that the check
  // for torn values can find one.
  void read_unguarded(std::span<std::uint64_t> into) const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      into[i] = std::atomic_ref(words_[i]).load(std::memory_order_acquire);
    }
  }

  std::size_t words() const { return words_.size(); }

 private:
  std::atomic_ref<std::uint64_t> sequence() const { return std::atomic_ref(*sequence_); }
  std::uint64_t* sequence_;
  std::span<std::uint64_t> words_;
};

}  // namespace assay::engine
