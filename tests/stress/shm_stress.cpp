// Reads a seqlock and the rings many times while others write as fast as they can, and counts what
// was torn, lost or out of order. shm-stress [READS], a billion by default; exit 1 when anything
// was wrong.
//
// One mapping for all threads, so that ThreadSanitizer sees both sides of every access. The first
// step reads without the seqlock's protection: it must find torn values, or the check is blind.
#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "core/fd.hpp"
#include "core/units.hpp"
#include "engine/broadcast_ring.hpp"
#include "engine/scheduling.hpp"
#include "engine/seqlock.hpp"
#include "engine/spsc_ring.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

constexpr std::size_t kWords = 8;  // a line of payload over two lines of memory
constexpr unsigned kReadsPerLook = 1024;
constexpr unsigned kStaleReads = 64;  // then the writer may have been scheduled out: its turn
constexpr std::chrono::seconds kCanaryPatience{20};  // on a host that is busy with other things

struct Counts {
  std::uint64_t reads = 0, again = 0, wrong = 0, fresh = 0;
  Counts& operator+=(const Counts& other) {
    reads += other.reads;
    again += other.again;
    wrong += other.wrong;
    fresh += other.fresh;
    return *this;
  }
};

unsigned reader_count() {
  const auto cpus = current_affinity();
  return std::max(1U, (cpus ? static_cast<unsigned>(cpus->count()) : 2U) - 1U);
}

bool torn(const std::array<std::uint64_t, kWords>& value) {
  for (std::size_t i = 1; i < kWords; ++i) {
    if (value[i] != value[0] + i) return true;
  }
  return false;
}

// Publishes until told to stop. Mostly without a gap, so that reads collide with writes; now and
// then with one, so that some get through.
void publish_all(void* memory, const std::atomic<bool>& stop, std::atomic<std::uint64_t>& count) {
  Seqlock lock(memory, kWords);
  std::array<std::uint64_t, kWords> value{};
  std::uint64_t n = 0;
  while (!stop.load(std::memory_order_relaxed)) {
    ++n;
    for (std::size_t i = 0; i < kWords; ++i) value[i] = n + i;
    lock.publish(value);
    const unsigned gap = n % 8 == 0 ? 64 : 4;
    for (unsigned i = 0; i < gap; ++i) spin_pause();
  }
  count = n;
}

// Until `wanted` values were read; what was torn is counted whichever way it was read.
template <bool kGuarded>
Counts read_all(void* memory, std::uint64_t wanted) {
  const Seqlock lock(memory, kWords);
  std::array<std::uint64_t, kWords> value{};
  Counts counts;
  std::uint64_t last = 0;
  unsigned stale = 0;
  while (counts.reads < wanted) {
    if (stale >= kStaleReads) {
      stale = 0;
      std::this_thread::yield();
    }
    ++stale;
    if constexpr (kGuarded) {
      if (lock.published() == 0 || !lock.try_read(value)) {
        ++counts.again;
        continue;
      }
    } else {
      if (lock.published() == 0) continue;
      lock.read_unguarded(value);
    }
    ++counts.reads;
    counts.wrong += torn(value) ? 1 : 0;
    if (value[0] == last) continue;
    last = value[0];
    stale = 0;
    ++counts.fresh;
  }
  return counts;
}

template <bool kGuarded>
Counts seqlock(std::byte* memory, std::uint64_t reads, std::uint64_t& published) {
  const unsigned readers = reader_count();
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> count{0};
  std::thread writer([&] { publish_all(memory, stop, count); });
  std::vector<Counts> each(readers);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < readers; ++i) {
    threads.emplace_back(
        [&, i] { each[i] = read_all<kGuarded>(memory, (reads + readers - 1) / readers); });
  }
  for (std::thread& thread : threads) thread.join();
  stop = true;
  writer.join();
  published = count;
  Counts all;
  for (const Counts& one : each) all += one;
  return all;
}

// What a ring's consumer gets, against the numbers that must come.
template <typename Consumer>
Counts consume(Consumer consumer, std::uint64_t messages) {
  Counts counts;
  for (std::uint64_t next = 0; next < messages;) {
    const auto message = consumer.peek();
    if (message.empty()) {
      if (++counts.again % kReadsPerLook == 0) std::this_thread::yield();
      continue;
    }
    std::array<std::uint64_t, kWords> value{};
    std::memcpy(value.data(), message.data(), std::min(message.size(), sizeof value));
    counts.wrong += value[0] != next || torn(value) ? 1 : 0;
    consumer.release();
    ++next;
    ++counts.reads;
  }
  return counts;
}

template <typename Producer>
void produce(Producer producer, std::uint64_t messages) {
  std::array<std::uint64_t, kWords> value{};
  std::uint64_t full = 0;
  for (std::uint64_t n = 0; n < messages;) {
    for (std::size_t i = 0; i < kWords; ++i) value[i] = n + i;
    if (producer.push(std::as_bytes(std::span(value)))) {
      ++n;
    } else if (++full % kReadsPerLook == 0) {
      std::this_thread::yield();
    }
  }
}

Counts spsc(std::span<std::byte> memory, std::uint64_t messages) {
  const SpscRing ring = SpscRing::create(memory, {.slots = 256, .slot_bytes = 64}).value();
  std::thread producer([&] { produce(SpscRing::Producer(ring), messages); });
  const Counts counts = consume(SpscRing::Consumer(ring), messages);
  producer.join();
  return counts;
}

Counts one_to_many(std::span<std::byte> memory, std::uint64_t messages) {
  const BroadcastRing ring =
      BroadcastRing::create(memory, {.slots = 256, .slot_bytes = 64}).value();
  std::array<Counts, 2> each;
  std::vector<std::thread> threads;
  for (Counts& mine : each) {
    auto consumer = BroadcastRing::Consumer::join(ring).value();
    threads.emplace_back([&mine, messages, own = std::move(consumer)]() mutable {
      mine = consume(std::move(own), messages);
    });
  }
  produce(BroadcastRing::Producer(ring), messages);
  for (std::thread& thread : threads) thread.join();
  each[0] += each[1];
  return each[0];
}

Mapping fresh() { return Mapping::anonymous(1_MiB, MAP_SHARED).value(); }

std::span<std::byte> bytes_of(const Mapping& memory) {
  return {memory.as<std::byte>(), memory.size().count};
}

int stress(std::uint64_t reads) {
  std::uint64_t published = 0;
  const Mapping unguarded = fresh(), guarded = fresh(), single = fresh(), many = fresh();
  const auto start = std::chrono::steady_clock::now();
  const Counts canary = seqlock<false>(unguarded.as<std::byte>(),
                                       std::max(reads / 100, std::uint64_t{50'000}), published);
  fmt::print("canary:  {} torn of {} reads without protection\n", canary.wrong, canary.reads);
  const Counts lock = seqlock<true>(guarded.as<std::byte>(), reads, published);
  fmt::print(
      "seqlock: {} torn of {} reads by {} readers, {} of them of a value not "
      "seen before, {} read again, {} publications\n",
      lock.wrong, lock.reads, reader_count(), lock.fresh, lock.again, published);
  const Counts one = spsc(bytes_of(single), reads / 10);
  fmt::print("spsc:    {} wrong or lost of {} messages\n", one.wrong, one.reads);
  const Counts two = one_to_many(bytes_of(many), reads / 20);
  fmt::print("one-to-many: {} wrong or lost of {} messages at 2 subscribers\n", two.wrong,
             two.reads);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  fmt::print("{:.0f} s\n", took.count());
  const auto cpus = current_affinity();
  const bool blind = canary.wrong == 0 && cpus && cpus->count() > 1;
  if (blind) fmt::print(stderr, "the check found nothing where it had to: it is blind\n");
  return lock.wrong + one.wrong + two.wrong > 0 || blind ? 1 : 0;
}

}  // namespace
}  // namespace assay::engine

int main(int argc, char** argv) {
  const auto reads = argc > 1 ? assay::parse_uint(argv[1]) : 1'000'000'000ULL;
  if (!reads || *reads == 0 || argc > 2) {
    fmt::print(stderr, "usage: shm-stress [READS]\n");
    return 64;
  }
  return assay::engine::stress(*reads);
}
