#include "engine/breach_recorder.hpp"

#include <algorithm>

namespace assay::engine {

BreachRecorder::BreachRecorder(const BreachOptions& options)
    : options_(options),
      ring_(std::max<std::size_t>(1, options.before) + 1 +
            std::max<std::size_t>(1, options.behind)),
      kept_(options.kept_max) {
  options_.behind = std::max<std::size_t>(1, options.behind);
  for (Breach& breach : kept_) breach.records.reserve(ring_.size());
}

// Within the room that was reserved: nothing is allocated.
void BreachRecorder::set_aside() {
  if (kept_count_ == kept_.size()) return;
  Breach& breach = kept_[kept_count_++];
  breach.records.clear();
  const std::size_t oldest = filled_ < ring_.size() ? 0 : next_;
  for (std::size_t i = 0; i < filled_; ++i) {
    const std::size_t at = (oldest + i) % ring_.size();
    if (at == breach_at_) breach.breach = breach.records.size();
    breach.records.push_back(ring_[at]);
  }
}

void BreachRecorder::finish() {
  if (left_ > 0) set_aside();
  left_ = filled_ = next_ = latest_ = 0;
}

std::vector<Breach> BreachRecorder::take() {
  std::vector<Breach> taken;
  for (std::size_t i = 0; i < kept_count_; ++i) {
    taken.push_back(kept_[i]);
    kept_[i].records.clear();
  }
  kept_count_ = 0;
  return taken;
}

}  // namespace assay::engine
