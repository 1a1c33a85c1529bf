// How many operations to keep in flight: as many as the device takes with its p99 under a target.
//
// A controller, told each completion's time and latency, that says the depth. It judges windows of
// completions. In each it counts the latencies above the target, and compares with what one in a
// hundred would give:
//   clearly more   the depth falls, at once, without waiting for the window's end: half way back to
//                  what last held; where nothing is known to hold any more, because the device has
//                  become slower, by a half when many are late, by a tenth when few are
//   no more        the depth rises: doubling until the first fall, then by half of what is left up
//                  to the depth that was too much
//   in between     it stays; the counts since the last change go on to be judged together
// Just below the depth that was too much it rests, and tries that one again only now and then, so
// that the tries do not themselves cost the p99. A try that holds is followed by longer steps, so
// that a device which has become faster is found out soon. (AIMD, with the p99 in place of loss.)
//
// A window ends after `window_ops` completions and at least one for each operation in flight, since
// what was submitted at the old depth says nothing of the new one. Pure: no clock, no allocation,
// no I/O; a few nanoseconds a completion. One user at a time.
#pragma once

#include <cstdint>

#include "core/units.hpp"

namespace assay::engine {

struct AdaptiveDepthOptions {
  Nanoseconds target_p99{std::chrono::microseconds(500)};
  unsigned depth_min = 1;
  unsigned depth_max = 256;
  unsigned depth_start = 1;
  // Completions that a judgement takes; fewer than 100 cannot tell a p99. Default: 256.
  unsigned window_ops = 256;
};

class AdaptiveDepth {
 public:
  // Values out of range are brought into it: 1 ≤ min ≤ start ≤ max, window ≥ 100.
  explicit AdaptiveDepth(const AdaptiveDepthOptions& options);

  unsigned depth() const { return depth_; }

  // A completion at `now`, on any clock that goes forward, that took `latency`. True: the depth has
  // changed.
  bool completed(Nanoseconds now, Nanoseconds latency) {
    if (to_skip_ > 0) {
      --to_skip_;
      return false;
    }
    ++seen_;
    if (latency > options_.target_p99) ++late_;
    if (seen_ < window_ && late_ <= late_max_) return false;
    return judge(now);
  }

  // It has found a depth and rests there: it fell, or reached the largest, and came to hold.
  bool settled() const { return settled_; }
  // When it first settled, since the first completion; 0 while it has not.
  Nanoseconds settled_after() const { return settled_after_; }
  // Even the smallest depth is over the target: the device cannot do it just now.
  bool target_missed() const { return depth_ == options_.depth_min && missed_in_row_ >= 3; }
  std::uint64_t changes() const { return changes_; }
  std::uint64_t windows() const { return windows_; }

 private:
  bool judge(Nanoseconds now);
  void fall();
  void rise();
  void move_to(unsigned depth);
  void new_window();

  AdaptiveDepthOptions options_;
  unsigned depth_;
  unsigned good_ = 0;     // the largest depth that held; 0: none known
  unsigned ceiling_;      // the lowest depth that was lately too much; above max: none known
  unsigned step_ = 1;     // of the next try of the ceiling
  bool doubling_ = true;  // nothing was too much yet
  bool settled_ = false;
  unsigned missed_in_row_ = 0;
  unsigned resting_ = 0;                         // windows that have passed just below the ceiling
  unsigned rest_ = 0;                            // windows before the ceiling is tried again
  std::uint64_t seen_here_ = 0, late_here_ = 0;  // since the depth last changed
  double recent_share_ = 0;                      // of late ones, lately, at whatever depth
  // The window: completions, those over the target, and how many of these end it early.
  unsigned window_ = 0, seen_ = 0, late_ = 0, late_max_ = 0;
  unsigned to_skip_ = 0;  // completions that belong to the old depth
  Nanoseconds began_{-1}, settled_after_{0};
  std::uint64_t changes_ = 0, windows_ = 0;
};

}  // namespace assay::engine
