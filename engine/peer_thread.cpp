#include "engine/peer_thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <system_error>

#include "engine/scheduling.hpp"

namespace assay::engine {

Expected<void> PeerThread::start(std::optional<CpuId> cpu, Body body) {
  stop();
  stop_.store(false);
  finished_.store(false);
  started_.store(false);
  pinned_ = {};
  // A new thread inherits the mask: set before, so that no signal finds it open.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  Expected<void> made;
  try {
    thread_ = std::thread([this, cpu, body = std::move(body)] { main(cpu, body); });
  } catch (const std::system_error& error) {
    made = fail_errno(error.code().value(), "start a thread", {}, "raise the process limit");
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!made) return made;
  started_.wait(false, std::memory_order_acquire);
  if (!pinned_) stop();
  return pinned_;
}

void PeerThread::main(std::optional<CpuId> cpu, const Body& body) {
  // Never undone: the affinity ends with the thread.
  auto guard = ScopedAffinity::pin(cpu ? CpuSet::of(*cpu) : CpuSet{});
  if (!guard) pinned_ = std::unexpected(guard.error());
  if (auto now = current_affinity()) affinity_ = std::move(*now);
  const bool go = pinned_.has_value();
  started_.store(true, std::memory_order_release);
  started_.notify_one();
  if (go) body(stop_);
  finished_.store(true, std::memory_order_release);
}

void PeerThread::stop() {
  request_stop();
  if (thread_.joinable()) thread_.join();
}

std::optional<CpuId> peer_cpu(const CpuSet& cpus) {
  const auto first = cpus.first();
  if (!first) return std::nullopt;
  return CpuId{cpus.next(*first).value_or(*first)};
}

CpuSet measuring_cpu(const CpuSet& cpus) {
  const auto first = cpus.first();
  return first ? CpuSet{*first} : CpuSet{};
}

}  // namespace assay::engine
