#include "engine/io_calls.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace assay::engine {

int call_once(const IoOperation& operation, int descriptor) {
  iovec part{operation.data, operation.size};
  const auto offset = static_cast<off_t>(operation.offset);
  while (true) {
    ssize_t moved = 0;
    switch (operation.kind) {
      case IoKind::read:
        moved = ::preadv2(descriptor, &part, 1, offset, 0);
        break;
      case IoKind::write:
        moved = ::pwritev2(descriptor, &part, 1, offset, 0);
        break;
      case IoKind::sync:
        moved = ::fdatasync(descriptor);
        break;
    }
    if (moved >= 0) return static_cast<int>(moved);
    if (errno != EINTR) return -errno;
  }
}

void IoCalls::run() {
  bool chain_broken = false;
  while (prepared_.count > 0) {
    const Prepared next = prepared_.pop();
    int result = -ECANCELED;
    if (!chain_broken && !next.cancelled) result = call_once(next.operation, next.descriptor);
    const bool whole = result == static_cast<int>(next.operation.size) ||
                       (next.operation.kind == IoKind::sync && result == 0);
    chain_broken = next.operation.order.then_next && (chain_broken || !whole);
    results_[next.slot] = result;
    done_.push(next.slot);
  }
}

unsigned IoCalls::cancel(std::uint64_t tag) {
  unsigned asked = 0;
  for (std::size_t i = 0; i < prepared_.count; ++i) {
    Prepared& one = prepared_.at(i);
    if (one.operation.tag != tag || one.cancelled) continue;
    one.cancelled = true;
    ++asked;
  }
  return asked;
}

bool IoCalls::next(unsigned& slot, int& result) {
  if (done_.count == 0) return false;
  slot = done_.pop();
  result = results_[slot];
  return true;
}

}  // namespace assay::engine
