// One queue for each CPU, and operations routed to the queue of the CPU that the caller runs on.
//
// For programs whose threads are many, or wander: they share the queues, but seldom meet at one,
// since each takes that of the CPU it is on. A thread holds a queue through a Lease for as long as
// it prepares operations or looks for completions; that costs one uncontended lock. A lease is not
// kept across anything that blocks, wait() included, unless nobody else needs that queue.
// (A program with one pinned thread a core has no need of this: it gives each thread an IoQueue of
// its own, which may use the best task-run modes.)
//
// The queues' rings finish operations by interrupting the thread that handed them over, wherever it
// is, so that a completion shows to whichever thread polls, without waiting for a tick or for that
// thread's next system call. Whoever hands operations over and then leaves the CPU's queue alone
// must see to it that somebody polls: poll_all() looks at every queue.
//
// Thread-safe, but for add_file(), attach() and moving, which come before the threads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/cpuset.hpp"
#include "core/error.hpp"
#include "engine/io_queue.hpp"
#include "engine/spin_lock.hpp"

namespace assay::engine {

class CoreQueues {
 private:
  struct alignas(64) Entry {
    explicit Entry(IoQueue q) : queue(std::move(q)) {}
    SpinLock lock;
    IoQueue queue;
  };

 public:
  // A queue that is the holder's until it is destroyed. Move-only.
  class Lease {
   public:
    Lease(Lease&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (entry_ != nullptr) entry_->lock.unlock();
    }
    IoQueue& operator*() const { return entry_->queue; }
    IoQueue* operator->() const { return &entry_->queue; }

   private:
    friend class CoreQueues;
    explicit Lease(Entry* entry) : entry_(entry) {}
    Entry* entry_;
  };

  // A queue for each of these CPUs; empty: for each that this thread may run on. `options` are
  // those of every queue; `shared` is set. Errors: as IoQueue::create().
  static Expected<CoreQueues> create(const CpuSet& cpus, const IoOptions& options);

  // The queue of the CPU that the caller runs on; of a CPU that has none, one that it always gets.
  Lease here();
  // The i-th queue, in the order of cpus().
  Lease at(std::size_t i);
  const CpuSet& cpus() const { return cpus_; }
  std::size_t size() const { return entries_.size(); }

  // Adds the file to every queue; its number is the same in all. Each gets a descriptor of its own,
  // the caller keeps his. Errors: as IoQueue::add_file().
  Expected<FileId> add_file(const UniqueFd& file);
  // Attaches the pool to every queue.
  Expected<void> attach(const BufferPool& pool);

  // Calls handler(IoDone) for what is done on any queue; passes over a queue that somebody holds,
  // who will look himself. The handler runs with the queue held: it may prepare operations on the
  // IoQueue& that it is given second, and take no lease.
  template <typename Handler>
  Expected<unsigned> poll_all(Handler&& handler) {
    unsigned handled = 0;
    for (const auto& entry : entries_) {
      if (!entry->lock.try_lock()) continue;
      const Lease lease(entry.get());
      if (lease->in_flight() == 0) continue;
      const auto some = lease->poll([&](IoDone done) { handler(std::move(done), *lease); });
      if (!some) return some;
      handled += *some;
    }
    return handled;
  }

 private:
  CoreQueues() = default;
  CpuSet cpus_;
  std::vector<std::unique_ptr<Entry>> entries_;
  std::vector<std::uint16_t> by_cpu_;  // which entry serves a CPU
};

}  // namespace assay::engine
