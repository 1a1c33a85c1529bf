// What an IoQueue holds and how it speaks to its back end. Internal to the engine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/io_batch.hpp"
#include "engine/io_calls.hpp"
#include "engine/io_queue.hpp"

namespace assay::engine {

// What a cancellation itself comes back with; no slot has this number.
inline constexpr std::uint64_t kOwnRequest = ~0ULL;
inline constexpr std::string_view kCallsInstead = "preadv2 and pwritev2, one call an operation";

// An operation that is prepared or in flight.
struct IoSlot {
  std::uint64_t tag = 0;
  Buffer buffer;
  FileId file;
  MemoryId memory;
  bool active = false;
  bool ordered = false;  // another operation waits for this one, or it for others
};
// What was registered, and how many operations use it.
struct FileSlot {
  UniqueFd fd;
  unsigned in_flight = 0;
};
struct MemorySlot {
  std::span<std::byte> memory;
  unsigned in_flight = 0;
};

struct IoQueue::State {
  explicit State(const IoOptions& wanted)
      : options(wanted),
        slots(wanted.depth),
        free(wanted.depth),
        files(wanted.files),
        memories(wanted.memories),
        batch(std::min(wanted.batch_max, wanted.depth)),
        calls(wanted.depth) {
    for (unsigned i = 0; i < wanted.depth; ++i) free[i] = wanted.depth - 1 - i;
  }

  // Sets up the ring, or what may take its place; see IoOptions::announce.
  Expected<void> open_ring(const Host& host);
  // Goes on with the next best, when somebody wants to be told; else it is an error.
  Expected<void> settle(const Error& why, std::string_view instead) const;
  // Takes the buffer over, if there is one. False: full, nothing has changed.
  bool prepare(const IoOperation& operation, Buffer* buffer);
  void fill(io_uring_sqe& sqe, const IoOperation& operation, unsigned slot);
  // What the kernel does not take now stays prepared, and goes with the next call; that one tells.
  void hand_over();
  // Null: the kernel takes nothing just now.
  io_uring_sqe* entry();
  // The next completion; kOwnRequest is none of the caller's. False: there is none.
  bool next_answer(std::uint64_t& slot, int& result);
  // Asks for what is in flight with this tag, or for all, to be given up. How many were asked.
  unsigned cancel_in_ring(std::uint64_t tag, bool all);
  unsigned in_flight() const { return options.depth - static_cast<unsigned>(free.size()); }
  bool known(FileId id) const { return id.slot < files.size(); }
  bool known(MemoryId id) const { return id.slot < memories.size(); }

  IoOptions options;
  std::optional<Ring> ring;  // none: the calls do the work
  std::string description;
  std::vector<IoSlot> slots;
  std::vector<unsigned> free;  // a stack; its capacity is the depth
  std::vector<FileSlot> files;
  std::vector<MemorySlot> memories;
  bool memory_table = false;
  const void* pool = nullptr;
  std::vector<MemoryId> pool_slabs;
  BatchPolicy batch;
  IoCalls calls;
  IoCounters counters;
  unsigned refusals = 0;
  unsigned ordered = 0;     // of those in flight
  bool chain_open = false;  // the last that was prepared links to the next
};

}  // namespace assay::engine
