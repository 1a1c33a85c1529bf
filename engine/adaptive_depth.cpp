#include "engine/adaptive_depth.hpp"

#include <algorithm>
#include <cmath>

namespace assay::engine {
namespace {

// The p99 is at the target when one in a hundred is late. The controller aims lower, so that its
// tries of larger depths, which are late more often, fit in.
constexpr double kLateShareMax = 0.01;
constexpr double kLateShareAimed = 0.005;
// Standard deviations above the share before a window, and before all windows at one depth, count
// as too much: one false fall in about a thousand windows.
constexpr double kEvidence = 3.0;
constexpr double kEvidenceHere = 2.0;
// The late share of the last windows at whatever depth, each weighing a 16th: above this no larger
// depth is tried. A try that overshot counts nearly in full, or tries alone would break the target;
// what a window adds is bounded, so that one stall of the device is not paid for long.
constexpr double kRecentShareMax = 0.006;
constexpr double kRecentWeight = 1.0 / 16, kRecentWindowMax = 0.08;
constexpr double kManyLate = 0.10;  // so many are late that a small step back will not do
constexpr unsigned kWindowMin = 100;
constexpr unsigned kRestMin = 8, kRestMax = 64;

// More late ones among so many are too many.
double late_limit(double seen, double share, double evidence) {
  const double expected = share * seen;
  return expected + evidence * std::sqrt(expected);
}

}  // namespace

AdaptiveDepth::AdaptiveDepth(const AdaptiveDepthOptions& options) : options_(options) {
  options_.depth_min = std::max(1U, options_.depth_min);
  options_.depth_max = std::max(options_.depth_min, options_.depth_max);
  options_.window_ops = std::max(kWindowMin, options_.window_ops);
  depth_ = std::clamp(options_.depth_start, options_.depth_min, options_.depth_max);
  ceiling_ = options_.depth_max + 1;
  rest_ = kRestMin;
  new_window();
}

void AdaptiveDepth::new_window() {
  window_ = std::max(options_.window_ops, depth_);
  late_max_ = static_cast<unsigned>(late_limit(window_, kLateShareMax, kEvidence));
  seen_ = late_ = 0;
}

void AdaptiveDepth::move_to(unsigned depth) {
  depth = std::clamp(depth, options_.depth_min, options_.depth_max);
  if (depth == depth_) return;
  // What is in flight was submitted at the old depth.
  to_skip_ = std::max(depth_, depth);
  depth_ = depth;
  seen_here_ = late_here_ = 0;
  ++changes_;
}

bool AdaptiveDepth::judge(Nanoseconds now) {
  ++windows_;
  seen_here_ += seen_;
  late_here_ += late_;
  const double share = static_cast<double>(late_) / seen_;
  recent_share_ += (std::min(share, kRecentWindowMax) - recent_share_) * kRecentWeight;
  const unsigned before = depth_;
  const double limit_here =
      late_limit(static_cast<double>(seen_here_), kLateShareAimed, kEvidenceHere);
  const bool too_many = late_ > late_max_ || static_cast<double>(late_here_) > limit_here;
  if (too_many) {
    fall();
  } else {
    // Whatever was late at the smallest depth tells of a device that was slower then.
    if (missed_in_row_ > 0) recent_share_ = 0;
    missed_in_row_ = 0;
    if (share <= kLateShareAimed && recent_share_ <= kRecentShareMax) rise();
  }
  if (settled_ && settled_after_.count() == 0) {
    settled_after_ = std::max(Nanoseconds(1), now - began_);
  }
  new_window();
  return depth_ != before;
}

// A window that was ended early had seen few: the share of late ones among them tells how far off
// the depth is.
void AdaptiveDepth::fall() {
  doubling_ = false;
  step_ = 1;
  if (good_ >= depth_) good_ = 0;  // it held here once; the device has become slower
  const bool was_try = settled_ && good_ > 0;
  rest_ = was_try ? std::min(kRestMax, 2 * rest_) : kRestMin;
  resting_ = 0;
  ceiling_ = depth_;
  if (depth_ == options_.depth_min) {
    // Nothing below it: this is the depth, whether the device meets the target or not.
    ++missed_in_row_;
    settled_ = true;
    seen_here_ = late_here_ = 0;
    return;
  }
  if (good_ > 0) return move_to(good_ + (depth_ - good_) / 2);  // never depth_ itself
  settled_ = false;
  const bool far = late_ > kManyLate * seen_;
  move_to(far ? depth_ / 2 : depth_ - std::max(1U, depth_ / 10));
}

void AdaptiveDepth::rise() {
  good_ = std::max(good_, depth_);
  if (depth_ == options_.depth_max) {
    settled_ = true;
    return;
  }
  if (doubling_) return move_to(2 * depth_);
  // Halves the gap between what held and what was too much.
  if (depth_ + 1 < ceiling_) return move_to(depth_ + (ceiling_ - depth_) / 2);
  if (depth_ + 1 == ceiling_) {
    settled_ = true;
    if (++resting_ < rest_) return;
  } else {
    // The try holds: the next one reaches farther.
    rest_ = kRestMin;
    step_ = std::min(2 * step_, std::max(1U, depth_ / 4));
  }
  resting_ = 0;
  ceiling_ = depth_ + step_;
  move_to(ceiling_);
}

}  // namespace assay::engine
