// The two hot loops of every technique that moves one operation at a time: closed, where the next
// operation starts when the one before is done, and open, where a schedule fixed beforehand says
// when. Compiled for a clock (Ticks), an Access policy (storage_sync.hpp) and an order of offsets;
// tests drive them with a simulated clock and device.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <cstdint>

#include "engine/clock.hpp"
#include "engine/recorder.hpp"
#include "engine/schedule.hpp"

namespace assay::engine {

// Counts of one loop, kept in registers and handed to the recorder at the end.
struct SyncCounts {
  std::uint64_t operations = 0, bytes = 0, short_transfers = 0;
  void add(ssize_t moved, std::uint64_t unit_bytes, Recorder& recorder) {
    ++operations;
    if (moved < 0) return recorder.count_error(static_cast<int>(-moved));
    bytes += static_cast<std::uint64_t>(moved);
    if (static_cast<std::uint64_t>(moved) != unit_bytes) ++short_transfers;
  }
  void hand_over(Recorder& recorder, std::uint64_t calls_per_unit) const {
    recorder.operations += operations;
    recorder.bytes += bytes;
    recorder.short_transfers += short_transfers;
    recorder.enters += operations * calls_per_unit;
  }
};

template <typename Ticks, typename Access>
class SyncLoop {
 public:
  SyncLoop(Access& access, std::uint64_t unit_bytes, const TickScale& scale, Recorder& recorder)
      : access_(access), unit_(unit_bytes), scale_(scale), recorder_(recorder) {}

  template <typename Offsets>
  void closed(Offsets& offsets, std::uint64_t length_ticks) {
    SyncCounts counts;
    std::uint64_t offset = 0;
    std::uint64_t stop = Ticks::now();
    const std::uint64_t end = stop + length_ticks;
    while (stop < end) {
      offset = offsets.next() * unit_;
      access_.prepare(offset);
      const std::uint64_t start = Ticks::start();
      const ssize_t moved = access_.move(offset);
      stop = Ticks::now();
      recorder_.record_service(scale_.to_ns(stop), scale_.to_ns(stop - start));
      counts.add(moved, unit_, recorder_);
    }
    last_offset_ = offset;
    counts.hand_over(recorder_, access_.calls_per_unit());
  }

  // Operations start when the schedule says, or as soon after as the one before is done; the wait
  // for their turn is part of the response. Spins while nothing is due.
  template <typename Offsets>
  void open(Offsets& offsets, std::uint64_t length_ticks, Schedule schedule) {
    SyncCounts counts;
    const std::uint64_t begin = Ticks::now();
    std::uint64_t stop = begin;
    // Twice the time is given to work off a queue; what is left then was beyond the technique.
    while (schedule.due() < length_ticks && stop < begin + 2 * length_ticks) {
      const std::uint64_t intended = begin + schedule.due();
      last_offset_ = offsets.next() * unit_;
      access_.prepare(last_offset_);
      std::uint64_t start = Ticks::now();
      while (start < intended) start = Ticks::now();
      const ssize_t moved = access_.move(last_offset_);
      const std::uint64_t could_start = std::max(intended, stop);
      stop = Ticks::now();
      recorder_.record_service(scale_.to_ns(stop), scale_.to_ns(stop - start));
      recorder_.record_response(scale_.to_ns(stop - intended), scale_.to_ns(start - could_start));
      counts.add(moved, unit_, recorder_);
      schedule.advance();
    }
    for (; schedule.due() < length_ticks; schedule.advance()) ++recorder_.missed;
    counts.hand_over(recorder_, access_.calls_per_unit());
  }

  std::uint64_t last_offset() const { return last_offset_; }

 private:
  Access& access_;
  const std::uint64_t unit_;
  const TickScale scale_;
  Recorder& recorder_;
  std::uint64_t last_offset_ = 0;
};

}  // namespace assay::engine
