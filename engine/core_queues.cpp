#include "engine/core_queues.hpp"

#include <fcntl.h>
#include <sched.h>

#include <cerrno>

#include "engine/scheduling.hpp"
#include "engine/slab.hpp"

namespace assay::engine {

Expected<CoreQueues> CoreQueues::create(const CpuSet& cpus, const IoOptions& options) {
  CoreQueues all;
  all.cpus_ = cpus;
  if (cpus.empty()) {
    auto allowed = current_affinity();
    if (!allowed) return Failure(allowed.error());
    all.cpus_ = std::move(*allowed);
  }
  IoOptions each = options;
  each.shared = true;
  const unsigned last = all.cpus_.last().value_or(0);
  // A CPU without a queue of its own is always sent to the same one.
  for (unsigned cpu = 0; cpu <= last; ++cpu) {
    all.by_cpu_.push_back(static_cast<std::uint16_t>(cpu % all.cpus_.count()));
  }
  for (const unsigned cpu : all.cpus_.to_vector()) {
    auto queue = IoQueue::create(each);
    if (!queue) return Failure(queue.error());
    all.by_cpu_[cpu] = static_cast<std::uint16_t>(all.entries_.size());
    all.entries_.push_back(std::make_unique<Entry>(std::move(*queue)));
  }
  return all;
}

CoreQueues::Lease CoreQueues::here() {
  const unsigned cpu = current_place().cpu;
  // It may be moved to another CPU from here on: the lock makes that a matter of speed alone.
  return at(cpu < by_cpu_.size() ? by_cpu_[cpu] : cpu % entries_.size());
}

CoreQueues::Lease CoreQueues::at(std::size_t i) {
  Entry* entry = entries_[i].get();
  entry->lock.lock();
  return Lease(entry);
}

Expected<FileId> CoreQueues::add_file(const UniqueFd& file) {
  FileId id;
  for (const auto& entry : entries_) {
    UniqueFd copy(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy) return fail_errno(errno, "duplicate a descriptor");
    const auto added = entry->queue.add_file(std::move(copy));
    if (!added) return Failure(added.error());
    id = *added;
  }
  return id;
}

Expected<void> CoreQueues::attach(const BufferPool& pool) {
  for (const auto& entry : entries_) {
    if (auto attached = entry->queue.attach(pool); !attached) return attached;
  }
  return {};
}

}  // namespace assay::engine
