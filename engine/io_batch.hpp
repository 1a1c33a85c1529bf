// How many operations are put together before they are handed to the kernel in one call.
//
// It adapts to how the caller works. A program that prepares eight operations and then polls wants
// one call for the eight, made by the poll; one that prepares a thousand before it polls wants the
// device to start early, but not a call for each. So the target follows the number of operations
// that lately came between two polls, plus one, up to a limit. Pure; no clock, no allocation.
#pragma once

#include <algorithm>

namespace assay::engine {

class BatchPolicy {
 public:
  explicit BatchPolicy(unsigned max) : max_(std::max(1U, max)) {}

  // Hand over as soon as this many are prepared.
  unsigned target() const { return target_; }
  unsigned max() const { return max_; }

  // An operation was prepared.
  void prepared() {
    ++since_poll_;
    // So many without a poll: fewer calls from here on.
    if (since_poll_ > target_) target_ = std::min(max_, 2 * target_);
  }
  // The caller polls or waits: what is prepared goes with that call in any case.
  void polled() {
    if (since_poll_ == 0) return;
    // Moves a quarter of the way, at least one.
    const unsigned wanted = std::min(max_, since_poll_ + 1);
    if (wanted > target_) target_ += std::max(1U, (wanted - target_) / 4);
    if (wanted < target_) target_ -= std::max(1U, (target_ - wanted) / 4);
    since_poll_ = 0;
  }

 private:
  unsigned max_;
  unsigned target_ = 1;  // eager until it is known how the caller works
  unsigned since_poll_ = 0;
};

}  // namespace assay::engine
