#include "engine/recorder.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>

namespace assay::engine {
namespace {

std::uint64_t clock_ns(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000ULL +
         static_cast<std::uint64_t>(time.tv_nsec);
}

// Slow enough to be worth a look whatever else was seen.
constexpr std::uint64_t kAlwaysSlow_ns = 100'000;

std::uint64_t grown(std::uint64_t now, std::uint64_t before) {
  return now > before ? now - before : 0;
}

std::uint32_t count_grown(std::uint64_t now, std::uint64_t before) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(grown(now, before), ~0U));
}

EventEvidence between(const ThreadLook& before, const ThreadLook& now) {
  EventEvidence evidence;
  evidence.known = before.thread == now.thread;
  evidence.window_ns = grown(now.wall_ns, before.wall_ns);
  evidence.off_cpu_ns = grown(evidence.window_ns, grown(now.cpu_ns, before.cpu_ns));
  evidence.voluntary = count_grown(now.voluntary, before.voluntary);
  evidence.involuntary = count_grown(now.involuntary, before.involuntary);
  evidence.major_faults = count_grown(now.major_faults, before.major_faults);
  evidence.minor_faults = count_grown(now.minor_faults, before.minor_faults);
  evidence.moved = now.cpu != before.cpu;
  return evidence;
}

}  // namespace

ThreadLook ThreadLook::now() {
  ThreadLook look;
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  look.voluntary = static_cast<std::uint64_t>(usage.ru_nvcsw);
  look.involuntary = static_cast<std::uint64_t>(usage.ru_nivcsw);
  look.major_faults = static_cast<std::uint64_t>(usage.ru_majflt);
  look.minor_faults = static_cast<std::uint64_t>(usage.ru_minflt);
  look.cpu = static_cast<unsigned>(std::max(0, ::sched_getcpu()));
  look.thread = static_cast<std::uint64_t>(::pthread_self());
  look.cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  look.wall_ns = clock_ns(CLOCK_MONOTONIC);
  return look;
}

void SlowEvents::watch(std::uint64_t floor_ns) {
  floor_ns_ = std::max(floor_ns_, floor_ns);
  watching_ = true;
  last_ = ThreadLook::now();
}

std::vector<SlowEvent> SlowEvents::sorted() const {
  std::vector<SlowEvent> events(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(size_));
  std::ranges::sort(events, std::ranges::greater{}, &SlowEvent::latency_ns);
  return events;
}

void SlowEvents::merge(const SlowEvents& other) {
  for (std::size_t i = 0; i < other.size_; ++i) keep(other.kept_[i]);
}

void SlowEvents::insert(std::uint64_t at_ns, std::uint64_t latency_ns, unsigned cpu) {
  SlowEvent event{at_ns, latency_ns, cpu, {}};
  // The first of a run are slow or not by chance: looking at each would slow what comes after them.
  if (watching_ && (size_ == kKept || latency_ns >= kAlwaysSlow_ns)) {
    const ThreadLook now = ThreadLook::now();
    event.evidence = between(last_, now);
    event.cpu = now.cpu;
    last_ = now;
  }
  keep(event);
}

void SlowEvents::keep(const SlowEvent& event) {
  if (size_ < kKept) {
    kept_[size_++] = event;
    if (size_ < kKept) return;
  } else {
    SlowEvent& least = *std::ranges::min_element(kept_, {}, &SlowEvent::latency_ns);
    if (event.latency_ns <= least.latency_ns) return;
    least = event;
  }
  // Once full, only what is slower than the fastest kept one is worth looking at.
  floor_ns_ =
      std::max(floor_ns_, std::ranges::min_element(kept_, {}, &SlowEvent::latency_ns)->latency_ns);
}

void Recorder::merge(const Recorder& other) {
  service.merge(other.service);
  response.merge(other.response);
  lag.merge(other.lag);
  slow.merge(other.slow);
  operations += other.operations;
  bytes += other.bytes;
  errors += other.errors;
  short_transfers += other.short_transfers;
  enters += other.enters;
  missed += other.missed;
  if (first_errno == 0) first_errno = other.first_errno;
}

}  // namespace assay::engine
