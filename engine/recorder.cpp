#include "engine/recorder.hpp"

#include <algorithm>

namespace assay::engine {

std::vector<SlowEvent> SlowEvents::sorted() const {
  std::vector<SlowEvent> events(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(size_));
  std::ranges::sort(events, std::ranges::greater{}, &SlowEvent::latency_ns);
  return events;
}

void SlowEvents::merge(const SlowEvents& other) {
  for (std::size_t i = 0; i < other.size_; ++i) {
    offer(other.kept_[i].at_ns, other.kept_[i].latency_ns, other.kept_[i].cpu);
  }
}

void SlowEvents::insert(SlowEvent event) {
  if (size_ < kKept) {
    kept_[size_++] = event;
    if (size_ < kKept) return;
  } else {
    *std::ranges::min_element(kept_, {}, &SlowEvent::latency_ns) = event;
  }
  // Once full, only what is slower than the fastest kept one is worth looking at.
  floor_ns_ = std::ranges::min_element(kept_, {}, &SlowEvent::latency_ns)->latency_ns;
}

}  // namespace assay::engine
