// Runs the expanded series through the engine, inside the time and write limits.
// Internal to certify/.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string_view>
#include <vector>

#include "certify/expand.hpp"
#include "certify/files.hpp"
#include "certify/size_plan.hpp"
#include "core/host.hpp"
#include "engine/runner.hpp"

namespace assay::certify {

struct MeterOptions {
  const std::atomic<bool>* stop = nullptr;
  std::function<void(std::string_view)> on_progress;
  std::chrono::steady_clock::time_point deadline;
  Bytes write_limit;
};

// All series of one certificate. Used by one thread; what it is given must outlive it.
class Meter {
 public:
  Meter(const Host& host, const probes::Inventory& inventory, const engine::Clock& clock,
        const Expansion& expansion, const TestFiles& files, MeterOptions options);

  // Two short blocks of each series, thrown away: they warm the machine up and tell the rates. A
  // series that the engine skips is marked so in `figures` by ran = false.
  Expected<std::vector<PilotFigure>> pilot();

  // Measures `rounds` more rounds with these block lengths. Ends early, and says so in notes(),
  // when the deadline comes first; a series that would exceed the write limit is voided by the
  // engine.
  Expected<void> measure(unsigned rounds, const std::vector<Nanoseconds>& blocks);

  // One per expanded series, in their order, those known to be skipped included.
  std::vector<engine::Measurement> measurements() const;
  const engine::ClockReport& clock_report() const { return result_.clock; }
  bool interrupted() const { return interrupted_; }
  bool ended_early() const { return ended_early_; }
  const std::vector<std::string>& notes() const { return notes_; }
  Bytes written() const;  // by test files and by measuring

 private:
  engine::RunPlan plan_for(unsigned rounds) const;
  engine::RunControl control(bool may_end_early);
  bool stopped() const;

  const Host& host_;
  const probes::Inventory& inventory_;
  const engine::Clock& clock_;
  const Expansion& expansion_;
  const TestFiles& files_;
  MeterOptions options_;
  std::vector<std::size_t> running_;  // indices into the expansion, in the order of series_
  std::vector<engine::Series> series_;
  engine::RunResult result_;
  std::atomic<bool> halt_{false};  // what the engine looks at: Ctrl-C or the deadline
  unsigned rounds_done_ = 0, rounds_planned_ = 0;
  Bytes pilot_written_;
  bool interrupted_ = false, ended_early_ = false;
  std::vector<std::string> notes_;
};

}  // namespace assay::certify
