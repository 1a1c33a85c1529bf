// The other side of a block: a second thread that answers, drains or publishes.
//
// It is pinned before start() returns, blocks every signal (Ctrl-C stays with the main thread; a
// write to a closed pipe is EPIPE, not a death), and is always joined: the destructor asks it to
// stop and waits. A body must therefore return soon after `stop` is set; a body that sleeps in the
// kernel is woken by its owner, who shuts the channel down before stop().
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <thread>

#include "core/cpuset.hpp"
#include "core/error.hpp"

namespace assay::engine {

class PeerThread final {
 public:
  // Runs until `stop` is set or nothing is left to do. Must not throw.
  using Body = std::function<void(const std::atomic<bool>& stop)>;

  PeerThread() = default;
  PeerThread(const PeerThread&) = delete;
  PeerThread& operator=(const PeerThread&) = delete;
  ~PeerThread() { stop(); }

  // Starts and pins it. No CPU: it runs where the starting thread may run. Errors: exhausted (no
  // thread to be had), invalid (that CPU is not allowed); then nothing runs.
  Expected<void> start(std::optional<CpuId> cpu, Body body);

  // Sets the flag and joins. Harmless when nothing runs.
  void stop();
  // Sets the flag only, so that several can be told before one is waited for.
  void request_stop() { stop_.store(true, std::memory_order_release); }

  bool stopping() const { return stop_.load(std::memory_order_acquire); }

  // The body has returned by itself or was stopped.
  bool finished() const { return finished_.load(std::memory_order_acquire); }
  // Where it may run, read back from the kernel by the thread itself.
  const CpuSet& affinity() const { return affinity_; }

 private:
  void main(std::optional<CpuId> cpu, const Body& body);

  std::thread thread_;
  std::atomic<bool> stop_{false}, finished_{false}, started_{false};
  Expected<void> pinned_;
  CpuSet affinity_;
};

// Where the peer of a block belongs: the second of the block's CPUs, or the only one.
std::optional<CpuId> peer_cpu(const CpuSet& cpus);
// The CPU of the measuring thread, as a set; empty when the block names none.
CpuSet measuring_cpu(const CpuSet& cpus);
// Both threads can run at the same time: a side may spin while it waits for the other.
inline bool may_spin(const CpuSet& cpus) { return cpus.count() >= 2; }

}  // namespace assay::engine
